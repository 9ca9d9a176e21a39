"""ROC or DET curves of the chosen cells and of their models by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from canon_core.figures.curve import Curve
from canon_core.figures.numbers import ORDER_FAR, tar_text
from canon_core.study.results import DEFAULT_FAR, far_text
from canon_core.verification.roc import FarRule

from .bar_buttons import button_row, tool_button
from .curve_legend import CurveLegend
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .labels import SettingsLabel
from .roc_plot import RocPlot
from .shown_matrix import number_text, rate_text
from .table_twin import Entry, TableTwin

_COLUMNS = ("curve", "FAR", "TAR", "achieved FAR", "threshold", "false accepts", "impostor", "true accepts", "genuine")


class RocView(QWidget):
    """Curves with legend, table and settings.

    Signals
    -------
    detChanged(det) : bool
    exportRequested(), actionRequested() :
        The export button, and the button of the empty state.
    """

    detChanged = Signal(bool)
    exportRequested = Signal()
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: tuple[Curve, ...] = ()
        self._far, self._rule = ORDER_FAR, FarRule.CONSERVATIVE
        self._command = ""
        self.plot = RocPlot()
        self.legend = CurveLegend()
        self.table = TableTwin("ROC curves as a table")
        self._empty = EmptyState("Choose a cell of the matrix: its curve and those of its two models appear here.")
        self._settings = SettingsLabel()
        self._stack = QStackedWidget()
        drawing = QWidget()
        column = QVBoxLayout(drawing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.legend)
        column.addWidget(self.plot, 1)
        for page in (self._empty, drawing, self.table):
            self._stack.addWidget(page)
        self._drawing = drawing
        self._bar = self._make_bar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self._bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._settings)
        self._empty.actionRequested.connect(self.actionRequested)
        self._show()

    def _make_bar(self) -> QWidget:
        self.det_button = tool_button("DET", "FNMR against FMR, both logarithmic, instead of TAR over FAR")
        self.det_button.setCheckable(True)
        self.det_button.toggled.connect(self._switch_det)
        self.whole_button = tool_button("Whole curve", "Back from zooming in (wheel or drag)")
        self.whole_button.clicked.connect(self.plot.show_all)
        self.table_button = tool_button("Table", "The same as a table, for the keyboard and the screen reader")
        self.table_button.setCheckable(True)
        self.table_button.toggled.connect(self._show_page)
        self.copy_button = tool_button("Copy", "Copy what the curves read at each FAR, or the command behind them")
        self.copy_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.copy_button)
        self.copy_values_action = QAction("Copy as table (tab-separated)", menu, triggered=self.copy_values)
        self.copy_command_action = QAction("Copy as canon command", menu, triggered=self.copy_command)
        self.copy_command_action.setVisible(False)
        menu.addActions([self.copy_values_action, self.copy_command_action])
        self.copy_button.setMenu(menu)
        self.export_button = tool_button("Export…", "Save as figure (PDF, SVG, PNG)")
        self.export_button.clicked.connect(self.exportRequested)
        bar = QWidget()
        row = FlowLayout(bar, spacing=14)
        row.addWidget(button_row(self.det_button, self.whole_button))
        row.addWidget(button_row(self.table_button, self.copy_button, self.export_button))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_curves(self, curves: Sequence[Curve], settings_line: str = "") -> None:
        """Draw these curves; none shows the empty state."""
        self._curves = tuple(curves)
        self._settings.setText(settings_line)
        self._show()

    def set_settings_line(self, text: str) -> None:
        """The settings behind the curves."""
        self._settings.setText(text)
        self._settings.setVisible(bool(self._curves and text))

    def set_reading(self, far: float, rule: FarRule) -> None:
        """Mark where the matrix is read."""
        self._far, self._rule = far, FarRule(rule)
        self.plot.set_reading(far, self._rule)
        self._show_page()

    def set_det(self, det: bool) -> None:
        """Switch between ROC and DET."""
        self.det_button.setChecked(det)

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no curve, and on the button below it."""
        self._empty.set_message(text, action_text)

    def set_command(self, command: str) -> None:
        """The command that makes these curves, to be copied."""
        self._command = command
        self.copy_command_action.setVisible(bool(command))

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The curves drawn."""
        return self._curves

    @property
    def det(self) -> bool:
        """Whether DET curves are shown."""
        return self.det_button.isChecked()

    def copy_values(self) -> None:
        """The table, tab-separated, with the settings in the last line, to the clipboard."""
        self._fill_table()
        QGuiApplication.clipboard().setText(self.table.text() + self._settings.text() + "\n")

    def copy_command(self) -> None:
        """The command to the clipboard."""
        QGuiApplication.clipboard().setText(self._command)

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        self.legend.set_curves(self._curves)
        self.plot.set_curves(self._curves)
        self.plot.set_reading(self._far, self._rule)
        self._bar.setVisible(bool(self._curves))
        self._settings.setVisible(bool(self._curves and self._settings.text()))
        self._show_page()

    def _show_page(self) -> None:
        if not self._curves:
            self._stack.setCurrentWidget(self._empty)
        elif self.table_button.isChecked():
            self._fill_table()
            self._stack.setCurrentWidget(self.table)
        else:
            self._stack.setCurrentWidget(self._drawing)

    def _switch_det(self, det: bool) -> None:
        self.plot.set_det(det)
        self.plot.set_reading(self._far, self._rule)
        self.detChanged.emit(det)

    def _fill_table(self) -> None:
        targets = sorted({*DEFAULT_FAR, self._far}, reverse=True)
        rows = []
        for curve in self._curves:
            for target in targets:
                point = curve.roc.at(target, self._rule)
                rows.append(
                    [
                        Entry(curve.label),
                        Entry(far_text(target), target),
                        Entry(tar_text(point.tar), point.tar),
                        Entry(rate_text(point.far), point.far),
                        Entry(number_text(point.threshold), point.threshold),
                        Entry(f"{point.false_accepts:,}", point.false_accepts),
                        Entry(f"{point.impostors:,}", point.impostors),
                        Entry(f"{point.true_accepts:,}", point.true_accepts),
                        Entry(f"{point.genuine:,}", point.genuine),
                    ]
                )
        self.table.set_table(_COLUMNS, rows)
