"""ROC or DET curves of the chosen cells and of their models by themselves, or how a cell's scores are spread."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from canon_core.figures.curve import Curve
from canon_core.figures.histogram_figure import CountAxis
from canon_core.figures.numbers import ORDER_FAR, tar_text
from canon_core.study.results import DEFAULT_FAR, far_text
from canon_core.verification.roc import FarRule

from .bar_buttons import button_row, copy_button, table_button, tool_button
from .choosers import labelled
from .curve_legend import CurveLegend
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .labels import SettingsLabel
from .roc_plot import RocPlot
from .score_histogram import COLUMNS as SCORE_COLUMNS
from .score_histogram import CellScores, ScoreHistogramPlot, ScoreLegend, histogram_rows
from .shown_matrix import number_text, rate_text
from .table_twin import Entry, TableTwin

_COLUMNS = ("curve", "FAR", "TAR", "achieved FAR", "threshold", "false accepts", "impostor", "true accepts", "genuine")


class Kind(StrEnum):
    """What is drawn."""

    ROC = "roc"
    DET = "det"
    SCORES = "scores"


_BUTTONS = {
    Kind.ROC: ("ROC", "TAR over FAR, the FAR logarithmic"),
    Kind.DET: ("DET", "FNMR against FMR, both logarithmic, instead of TAR over FAR"),
    Kind.SCORES: ("Scores", "How the scores of the chosen cell's genuine and impostor pairs are spread"),
}
_AXES = {
    CountAxis.LOG: "Pairs in a bin, the axis logarithmic",
    CountAxis.LINEAR: "Pairs in a bin",
    CountAxis.SHARE: "Each kind in percent of its own pairs: both are seen, though impostor pairs are many more",
}


class RocView(QWidget):
    """Curves with legend, table and settings; or a histogram with the same.

    Signals
    -------
    detChanged(det) : bool
    kindChanged(kind) : Kind
    exportRequested(), actionRequested() :
        The export button while curves are drawn, and the button of their empty state.
    scoresExportRequested(), scoresRequested() :
        The export button while a histogram is drawn, and the button of its empty state.
    intervalBrushed(low, high) : float, float
        Pairs whose score lies in an interval of the histogram are wanted.
    """

    detChanged = Signal(bool)
    kindChanged = Signal(object)
    exportRequested = Signal()
    actionRequested = Signal()
    scoresExportRequested = Signal()
    scoresRequested = Signal()
    intervalBrushed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: tuple[Curve, ...] = ()
        self._far, self._rule = ORDER_FAR, FarRule.CONSERVATIVE
        self._command = self._scores_command = ""
        self.plot = RocPlot()
        self.legend = CurveLegend()
        self.table = TableTwin("ROC curves as a table")
        self.scores_plot, self._scores_legend = ScoreHistogramPlot(), ScoreLegend()
        self.scores_table = TableTwin("Score histograms as a table")
        self._no_scores = EmptyState()
        self._scores: CellScores | None = None
        self._scores_settings = self._curves_settings = ""
        self._empty = EmptyState("Choose a cell of the matrix: its curve and those of its two models appear here.")
        self._settings = SettingsLabel()
        self._stack = QStackedWidget()
        drawing = QWidget()
        column = QVBoxLayout(drawing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.legend)
        column.addWidget(self.plot, 1)
        histogram = QWidget()
        column = QVBoxLayout(histogram)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._scores_legend)
        column.addWidget(self.scores_plot, 1)
        for page in (self._empty, drawing, self.table, self._no_scores, histogram, self.scores_table):
            self._stack.addWidget(page)
        self._drawing, self._histogram = drawing, histogram
        self._bar = self._make_bar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self._bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._settings)
        self._empty.actionRequested.connect(self.actionRequested)
        self._no_scores.actionRequested.connect(self.scoresRequested)
        self.scores_plot.intervalBrushed.connect(self.intervalBrushed)
        self._show()

    def _make_bar(self) -> QWidget:
        self._kinds = QButtonGroup(self)
        self.kind_buttons = {}
        for kind, (text, tip) in _BUTTONS.items():
            button = tool_button(text, tip)
            button.setCheckable(True)
            button.setChecked(kind is Kind.ROC)
            self._kinds.addButton(button)
            self.kind_buttons[kind] = button
        self._kinds.buttonToggled.connect(self._switch_kind)
        self.det_button = self.kind_buttons[Kind.DET]
        self.axis = QComboBox()
        for axis, tip in _AXES.items():
            self.axis.addItem(axis.value, axis)
            self.axis.setItemData(self.axis.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.axis.activated.connect(self._choose_axis)
        self._axis_chooser = labelled("height", self.axis, "What the height of a bin stands for")
        self.whole_button = tool_button("Whole curve", "Back from zooming in (wheel or drag)")
        self.whole_button.clicked.connect(self._show_all)
        self.table_button = table_button("The same as a table, for the keyboard and the screen reader", self._show_page)
        self.copy_values_action = QAction("Copy as table (tab-separated)", self, triggered=self.copy_values)
        self.copy_command_action = QAction("Copy as canon command", self, triggered=self.copy_command)
        self.copy_command_action.setVisible(False)
        copied = (self.copy_values_action, self.copy_command_action)
        self.copy_button = copy_button("Copy what the curves read at each FAR, or the command behind them", copied)
        self.export_button = tool_button("Export…", "Save as figure (PDF, SVG, PNG) or as table")
        self.export_button.clicked.connect(self._export)
        bar = QWidget()
        row = FlowLayout(bar, spacing=14)
        row.addWidget(button_row(*self.kind_buttons.values()))
        row.addWidget(self._axis_chooser)
        row.addWidget(button_row(self.whole_button))
        row.addWidget(button_row(self.table_button, self.copy_button, self.export_button))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_curves(self, curves: Sequence[Curve], settings_line: str = "") -> None:
        """Draw these curves; none shows the empty state."""
        self._curves = tuple(curves)
        self._curves_settings = settings_line
        self._show()

    def set_scores(self, scores: CellScores | None, settings_line: str = "", command: str = "") -> None:
        """The histogram of the chosen cell, and the command that gives its scores; None shows what
        :meth:`set_no_scores` says."""
        self._scores, self._scores_settings, self._scores_command = scores, settings_line, command
        self.scores_plot.set_scores(scores)
        self._scores_legend.set_scores(scores)
        self._show_page()

    def set_no_scores(self, text: str, action_text: str = "") -> None:
        """What to say while there is no histogram, and on the button below it."""
        self._no_scores.set_message(text, action_text)

    def set_reading(self, far: float, rule: FarRule) -> None:
        """Mark where the matrix is read."""
        self._far, self._rule = far, FarRule(rule)
        self.plot.set_reading(far, self._rule)
        self._show_page()

    def set_det(self, det: bool) -> None:
        """Switch between ROC and DET."""
        self.kind_buttons[Kind.DET if det else Kind.ROC].setChecked(True)

    @property
    def kind(self) -> Kind:
        """What is drawn."""
        return next(kind for kind, button in self.kind_buttons.items() if button.isChecked())

    @property
    def settings_line(self) -> str:
        """Every setting behind what is drawn."""
        return self._scores_settings if self.kind is Kind.SCORES else self._curves_settings

    @property
    def scores(self) -> CellScores | None:
        """The histogram drawn."""
        return self._scores

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no curve, and on the button below it."""
        self._empty.set_message(text, action_text)

    def set_command(self, command: str) -> None:
        """The command that makes these curves, to be copied."""
        self._command = command
        self.copy_command_action.setVisible(bool(self.command))

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
        if self.kind is Kind.SCORES:
            self._fill_scores_table()
            QGuiApplication.clipboard().setText(self.scores_table.text() + self._settings.text() + "\n")
            return
        self._fill_table()
        QGuiApplication.clipboard().setText(self.table.text() + self._settings.text() + "\n")

    @property
    def command(self) -> str:
        """The command that gives what is shown; empty without one."""
        return self._scores_command if self.kind is Kind.SCORES else self._command

    def copy_command(self) -> None:
        """The command to the clipboard."""
        QGuiApplication.clipboard().setText(self.command)

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        self.legend.set_curves(self._curves)
        self.plot.set_curves(self._curves)
        self.plot.set_reading(self._far, self._rule)
        self._show_page()

    def _show_page(self) -> None:
        scores = self.kind is Kind.SCORES
        there = self._scores is not None if scores else bool(self._curves)
        self._settings.setText(self._scores_settings if scores else self._curves_settings)
        self._settings.setVisible(there and bool(self._settings.text()))
        # Scores of a cell may be wanted where its curves are not there: the kinds stay within reach.
        self._bar.setVisible(scores or there)
        self._axis_chooser.setVisible(scores)
        for button in (self.whole_button, self.table_button, self.copy_button, self.export_button):
            button.setVisible(there)
        self.copy_command_action.setVisible(bool(self.command))
        self.whole_button.setText("Whole histogram" if scores else "Whole curve")
        how = "wheel; Shift and drag moves it" if scores else "wheel or drag"
        self.whole_button.setToolTip(f"Back from zooming in ({how})")
        if not there:
            self._stack.setCurrentWidget(self._no_scores if scores else self._empty)
        elif self.table_button.isChecked():
            if scores:
                self._fill_scores_table()
            else:
                self._fill_table()
            self._stack.setCurrentWidget(self.scores_table if scores else self.table)
        else:
            self._stack.setCurrentWidget(self._histogram if scores else self._drawing)

    def _switch_kind(self, button: QAbstractButton, on: bool) -> None:
        if not on:
            return
        det = button is self.det_button
        if det != self.plot.det and self.kind is not Kind.SCORES:
            self.plot.set_det(det)
            self.plot.set_reading(self._far, self._rule)
            self.detChanged.emit(det)
        self._show_page()
        self.kindChanged.emit(self.kind)

    def _choose_axis(self) -> None:
        self.scores_plot.set_axis(CountAxis(self.axis.currentData()))

    def _show_all(self) -> None:
        (self.scores_plot if self.kind is Kind.SCORES else self.plot).show_all()

    def _export(self) -> None:
        (self.scoresExportRequested if self.kind is Kind.SCORES else self.exportRequested).emit()

    def _fill_scores_table(self) -> None:
        rows = histogram_rows(self._scores.histogram) if self._scores is not None else []
        self.scores_table.set_table(SCORE_COLUMNS, rows)

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
