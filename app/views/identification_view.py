"""1:N identification: a matrix of one measure, CMC curves of the chosen cells, and every gallery in a table."""

from __future__ import annotations

import html

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from canon_core.figures.cmc_figure import CmcCurve
from canon_core.study.identification_results import IdentificationMatrix, identification_line
from canon_core.study.results import FEW_FALSE_ACCEPTS
from canon_core.verification.roc import FarRule

from .bar_buttons import button_row, copy_button, table_button, tool_button
from .choosers import labelled
from .cmc_plot import CmcPlot
from .curve_legend import CurveLegend
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .heat_map import HeatMap
from .labels import SettingsLabel
from .notice import Notice
from .shown_matrix import Pair, matrix_tsv, title_of
from .shown_search import (
    cmc_curves,
    few_decide,
    known_measure,
    measures,
    search_columns,
    search_facts,
    search_lines,
    search_rows,
    search_words,
    shown_search,
    why_not_searched,
)
from .table_twin import TableTwin

#: Pixels that the matrix and the curves keep each, that they have, and that the matrix has where it needs more.
_LEAST_HEIGHT, _USUAL_HEIGHT, _MOST_HEIGHT = 110, 135, 310
#: Of a row of the matrix: it shares its room with the curves, and ten rows are to be seen beside them.
_ROW_HEIGHT = 20.0
#: Lines of words below that room is kept for.
_LINES = 2


class IdentificationView(QWidget):
    """A matrix with its choosers, its curves, its settings and its table.

    Signals
    -------
    cellSelected(source, target), selectionChanged(pairs), modelSelected(name) :
        What was chosen in it.
    measureChanged(measure) : str
        Another number is to be shown; the view already shows it.
    computeRequested(), exportRequested(), actionRequested() :
        The buttons for missing cells, for export, and of the empty state.
    """

    cellSelected = Signal(str, str)
    selectionChanged = Signal(object)
    modelSelected = Signal(str)
    measureChanged = Signal(str)
    computeRequested = Signal()
    exportRequested = Signal()
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matrix: IdentificationMatrix | None = None
        self._rule = FarRule.CONSERVATIVE
        self._pending: frozenset[Pair] = frozenset()
        self._refusal = ""
        self._wanted: tuple[object, ...] = ()
        self._row_pairs: list[Pair] = []
        self._command = ""
        self.measure = QComboBox()
        self.heat_map = HeatMap(smallest_height=_ROW_HEIGHT)
        self.heat_map.setAccessibleName("Identification matrix")
        self.legend, self.plot = CurveLegend(), CmcPlot()
        self.table = TableTwin("Identification as a table")
        self._empty = EmptyState()
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.heat_map)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        curves = QWidget()
        column = QVBoxLayout(curves)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.legend)
        column.addWidget(self.plot, 1)
        self._drawing = QSplitter(Qt.Orientation.Vertical)
        self._drawing.setChildrenCollapsible(False)
        self._drawing.addWidget(self._scroll)
        self._drawing.addWidget(curves)
        self._scroll.setMinimumHeight(_LEAST_HEIGHT)
        curves.setMinimumHeight(_LEAST_HEIGHT)
        self._stack = QStackedWidget()
        for page in (self._empty, self._drawing, self.table):
            self._stack.addWidget(page)
        self._bar = self._make_bar()
        self._notice = Notice("Search galleries", lines=_LINES)
        self.compute_button = self._notice.button
        self.compute_button.clicked.connect(self.computeRequested)
        self._notice.label.setAccessibleName("The chosen cell, and what is missing")
        self._settings = SettingsLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self._bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._notice)
        layout.addWidget(self._settings)
        self.measure.activated.connect(self._choose_measure)
        self.heat_map.cellSelected.connect(self.cellSelected)
        self.heat_map.selectionChanged.connect(self._cells_chosen)
        self.heat_map.modelSelected.connect(self.modelSelected)
        self.heat_map.copyRequested.connect(self.copy_values)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        self._empty.actionRequested.connect(self.actionRequested)
        self._show()

    def _make_bar(self) -> QWidget:
        self.whole_button = tool_button("Whole curve", "Back from zooming in (wheel or drag)")
        self.whole_button.clicked.connect(self.plot.show_all)
        self.table_button = table_button(
            "Every gallery of every cell, for the keyboard and the screen reader", self._show_page
        )
        self.copy_values_action = QAction("Copy matrix (tab-separated)", self, triggered=self.copy_values)
        self.copy_table_action = QAction("Copy every gallery (tab-separated)", self, triggered=self.copy_table)
        self.copy_command_action = QAction("Copy as canon command", self, triggered=self.copy_command)
        copied = (self.copy_values_action, self.copy_table_action, self.copy_command_action)
        self.copy_button = copy_button("Copy the matrix, every gallery, or the command that makes them", copied)
        self.export_button = tool_button("Export…", "Save the CMC curves (PDF, SVG, PNG) or every number (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        bar = QWidget()
        row = FlowLayout(bar, spacing=14)
        row.addWidget(labelled("show", self.measure, "Which number of each cell the matrix shows"))
        row.addWidget(button_row(self.whole_button))
        row.addWidget(button_row(self.table_button, self.copy_button, self.export_button))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_search(
        self,
        matrix: IdentificationMatrix | None,
        rule: FarRule,
        measure: str,
        *,
        searching: bool = False,
        refusal: str = "",
    ) -> None:
        """Show an identification matrix; None shows the empty state. ``refusal`` says why none can be computed."""
        wanted = (matrix is not None, FarRule(rule), measure, searching, refusal)
        if wanted == self._wanted and matrix is self._matrix:
            return  # a table or a curve that is being walked through stays where it is
        self._wanted = wanted
        models = len(self._matrix.models) if self._matrix is not None else 0
        self._matrix, self._rule, self._refusal = matrix, FarRule(rule), refusal
        self._pending = frozenset()
        if matrix is not None:
            if searching:
                absent = (pair for pair, cell in matrix.cells.items() if cell is None and pair not in matrix.missing)
                self._pending = frozenset(absent)
            self._fill_measures(matrix, known_measure(measure, matrix.settings.fpir))
        self._show()
        if matrix is not None and len(matrix.models) != models:
            # More room for more rows, while the curves keep theirs; in proportion, whatever the plot would like.
            rows = self.heat_map.minimumSizeHint().height()
            self._drawing.setSizes([min(max(rows, _USUAL_HEIGHT), _MOST_HEIGHT), _USUAL_HEIGHT])

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no matrix, and on the button below it."""
        self._empty.set_message(text, action_text)

    def set_selection(self, pairs: tuple[Pair, ...]) -> None:
        """Choose cells without a signal."""
        if pairs != self.heat_map.selection:
            self.heat_map.set_selection(pairs)
            self._show_curves()

    def set_command(self, command: str) -> None:
        """The command that makes this matrix, to be copied."""
        self._command = command

    @property
    def matrix(self) -> IdentificationMatrix | None:
        """The matrix shown."""
        return self._matrix

    @property
    def curves(self) -> tuple[CmcCurve, ...]:
        """The CMC curves drawn."""
        return () if self._matrix is None else cmc_curves(self._matrix, self.heat_map.selection)

    @property
    def settings_line(self) -> str:
        """Every setting behind the numbers."""
        return "" if self._matrix is None else identification_line(self._matrix, self._rule)

    # -- copying -------------------------------------------------------------------------------------------------
    def copy_values(self) -> None:
        """The shown numbers with every digit, tab-separated, to the clipboard."""
        if self._matrix is not None:
            shown = shown_search(self._matrix, self.measure.currentText(), self._rule)
            QGuiApplication.clipboard().setText(matrix_tsv(shown, self.settings_line))

    def copy_table(self) -> None:
        """The table, tab-separated, with the settings in the last line, to the clipboard."""
        if self._matrix is not None:
            self._fill_table(self._matrix)
            QGuiApplication.clipboard().setText(self.table.text() + self.settings_line + "\n")

    @property
    def command(self) -> str:
        """The command that gives what is shown; empty without one."""
        return self._command

    def copy_command(self) -> None:
        """The command to the clipboard."""
        QGuiApplication.clipboard().setText(self._command)

    # -- showing -------------------------------------------------------------------------------------------------
    def _fill_measures(self, matrix: IdentificationMatrix, chosen: str) -> None:
        known = measures(matrix.settings.fpir)
        if [self.measure.itemText(number) for number in range(self.measure.count())] != list(known):
            self.measure.clear()
            for text, tip in known.items():
                self.measure.addItem(text)
                self.measure.setItemData(self.measure.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.measure.setCurrentText(chosen)

    def _show(self) -> None:
        there = self._matrix is not None
        if self._matrix is None:
            self.heat_map.set_shown(None, describe=lambda pair: "", tip=lambda pair: "")
        self._bar.setVisible(there)
        self._notice.setVisible(there)
        self._settings.setVisible(there)
        if self._matrix is not None:
            shown = shown_search(self._matrix, self.measure.currentText(), self._rule, self._pending)
            self.heat_map.set_shown(shown, describe=self._describe, tip=self._tip)
            self._settings.setText(self._settings_text(self._matrix))
            self._show_curves()
            if self.table_button.isChecked():
                self._fill_table(self._matrix)
        self._show_page()

    def _settings_text(self, matrix: IdentificationMatrix) -> str:
        text, fpir = self.settings_line, matrix.settings.fpir
        if any(matrix.cells.values()):
            text += " · in brackets: the FPIR that each gallery achieves"
        measure = self.measure.currentText()
        if any(cell is not None and few_decide(cell, measure, fpir, self._rule) for cell in matrix.cells.values()):
            text += f" · * unresolved: fewer than {FEW_FALSE_ACCEPTS} false positives settle a gallery's threshold"
        return text

    def _show_page(self) -> None:
        if self._matrix is None:
            self._stack.setCurrentWidget(self._empty)
        elif self.table_button.isChecked():
            self._fill_table(self._matrix)
            self._stack.setCurrentWidget(self.table)
        else:
            self._stack.setCurrentWidget(self._drawing)

    def _show_notice(self, matrix: IdentificationMatrix) -> None:
        absent = [pair for pair, cell in matrix.cells.items() if cell is None and pair not in matrix.missing]
        waiting, total = len(self._pending), len(matrix.cells)
        self.compute_button.setVisible(bool(absent) and not waiting)
        self.compute_button.setEnabled(not self._refusal)
        self.compute_button.setToolTip(
            self._refusal or "Search the galleries of every model with the probes of every model, through the maps"
        )
        if waiting:
            said = f"{waiting} of {total} cells are being searched."
        elif absent:
            said = f"{len(absent)} of {total} cells are not searched yet for these settings."
            said += f" {self._refusal}" if self._refusal else ""
        else:
            said = ""
        self._notice.label.setText("\n".join(part for part in (said, self._facts(matrix)) if part))

    def _show_curves(self) -> None:
        if self._matrix is None:
            return
        curves = self.curves
        self.legend.set_curves(curves)
        self.plot.set_curves(curves)
        self._show_notice(self._matrix)

    def _facts(self, matrix: IdentificationMatrix) -> str:
        """What is measured of the chosen cell."""
        chosen = self.heat_map.selection
        cell = matrix.cells.get(chosen[-1]) if chosen else None
        if cell is not None:
            return "\n".join(search_lines(matrix, cell, self._rule))
        if not any(found is not None for found in matrix.cells.values()):
            return ""
        if chosen:
            return self._describe(chosen[-1])
        return "Choose a cell: its CMC curve and its models' appear instead of all single models'."

    def _fill_table(self, matrix: IdentificationMatrix) -> None:
        rows, self._row_pairs = search_rows(matrix, self._rule)
        self.table.set_table(search_columns(matrix), rows)

    def _describe(self, pair: Pair) -> str:
        assert self._matrix is not None
        cell = self._matrix.cells.get(pair)
        if cell is None:
            return f"{title_of(*pair)}: {why_not_searched(self._matrix, pair, pending=pair in self._pending)}"
        return search_words(self._matrix, cell, self._rule)

    def _tip(self, pair: Pair) -> str:
        assert self._matrix is not None
        title = f"<b>{html.escape(title_of(*pair))}</b>"
        cell = self._matrix.cells.get(pair)
        if cell is None:
            why = why_not_searched(self._matrix, pair, pending=pair in self._pending)
            return f"{title}<br>{html.escape(why)}"
        rows = "".join(
            f"<tr><td style='padding-right:10px'>{html.escape(what)}</td><td>{html.escape(value)}</td></tr>"
            for what, value in search_facts(self._matrix, cell, self._rule)
        )
        return f"{title}<table>{rows}</table>"

    # -- chosen by the user --------------------------------------------------------------------------------------
    def _choose_measure(self) -> None:
        self._wanted = ()
        self._show()
        self.measureChanged.emit(self.measure.currentText())

    def _cells_chosen(self, pairs: tuple[Pair, ...]) -> None:
        self._show_curves()
        self.selectionChanged.emit(pairs)

    def _row_chosen(self, index: QModelIndex) -> None:
        if self._matrix is None or not index.isValid() or not self.table.isVisible():
            return
        pair = self._row_pairs[self.table.row_number(index)]
        if (pair,) != self.heat_map.selection:
            self.heat_map.set_selection((pair,))
            self._cells_chosen((pair,))
            self.cellSelected.emit(*pair)
