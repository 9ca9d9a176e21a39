"""The TAR matrix: read at any of its FARs, by either rule, as TAR or as difference to the weaker model."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from canon_core.figures.numbers import BEYOND_COLOURS, NO_VALUE, ORDER_FAR, difference, difference_text, tar_text
from canon_core.figures.tables import matrix_table
from canon_core.study.results import Matrix, far_text, few_pairs_text, settings_line, stands_beside
from canon_core.verification.roc import FarRule

from .bar_buttons import button_row, copy_button, table_button, tool_button
from .choosers import Choosers, SettingsChange
from .empty_state import EmptyState
from .explanations import leak_note
from .heat_map import HeatMap
from .labels import SettingsLabel, TextLabel
from .notice import Notice
from .shown_matrix import (
    Pair,
    ShownMatrix,
    cell_facts,
    matrix_command,
    matrix_tsv,
    number_text,
    rate_text,
    shown_matrix,
    title_of,
    why_missing,
)
from .table_twin import Entry, TableTwin

__all__ = ["MatrixView", "SettingsChange"]

_COLUMNS = (
    "source",
    "target",
    "TAR",
    "to weaker model",
    "achieved FAR",
    "threshold",
    "every subject alike",
    "genuine",
    "impostor",
    "EER",
    "AUC",
    "note",
)

#: Lines of words below the matrix that room is kept for.
_LINES = 3
#: Pixels of a row at least: of fourteen models every row is seen in a window of 1280 × 800.
_LOWEST_ROW = 22.0

class MatrixView(QWidget):
    """A matrix with its choosers, its settings and its table.

    Signals
    -------
    cellSelected(source, target), selectionChanged(pairs), modelSelected(name) :
        What was chosen in it.
    readingChanged(far, rule) : float, FarRule
        Read at another FAR or by another rule; the view already shows it.
    settingsRequested(change) : SettingsChange
        Another map, mode, seed or features: other cells are wanted.
    computeRequested(), exportRequested(), actionRequested(), leftOutRequested() :
        The buttons for missing cells, for export, of the empty state, and for showing the models that are left out, or
        leaving them out again.
    """

    cellSelected = Signal(str, str)
    selectionChanged = Signal(object)
    modelSelected = Signal(str)
    readingChanged = Signal(float, object)
    settingsRequested = Signal(object)
    computeRequested = Signal()
    exportRequested = Signal()
    actionRequested = Signal()
    leftOutRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matrix: Matrix | None = None
        self._pending: frozenset[Pair] = frozenset()
        self._lacking: frozenset[str] = frozenset()
        self._embedding, self._computable = False, True
        self._far = ORDER_FAR
        self._rule = FarRule.CONSERVATIVE
        self._study = "STUDY.canon"
        self._has_left_out = False
        self.choosers = Choosers()
        self.heat_map = HeatMap(smallest_height=_LOWEST_ROW)
        self.table = TableTwin("TAR matrix as a table")
        self._empty = EmptyState("There is no matrix yet.")
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.heat_map)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._stack = QStackedWidget()
        for page in (self._empty, self._scroll, self.table):
            self._stack.addWidget(page)
        self._leak = TextLabel(muted=True)
        self._settings = SettingsLabel()
        self._settings.keep_room()
        self._make_buttons()
        # Below the matrix, in room that is kept: its fields stay where they are while cells are computed.
        self._notice = Notice("Compute", lines=_LINES)
        self.compute_button = self._notice.button
        self.compute_button.clicked.connect(self.computeRequested)
        self._left_out = Notice("Show them")
        self._left_out.label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.left_out_button = self._left_out.button
        self.left_out_button.clicked.connect(self.leftOutRequested)
        self._left_out.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self.choosers)
        layout.addWidget(self._stack, 1)
        for label in (self._left_out, self._notice, self._leak, self._settings):
            layout.addWidget(label)
        self.choosers.readingChanged.connect(self._read_at)
        self.choosers.settingsRequested.connect(self.settingsRequested)
        self.heat_map.cellSelected.connect(self._cell_chosen)
        self.heat_map.selectionChanged.connect(self.selectionChanged)
        self.heat_map.modelSelected.connect(self.modelSelected)
        self.heat_map.copyRequested.connect(self.copy_values)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        self._empty.actionRequested.connect(self.actionRequested)
        self._show()

    def _make_buttons(self) -> None:
        self.difference_button = tool_button(
            "Δ weaker model", "Show each cell minus the weaker of its two models by itself"
        )
        self.difference_button.setCheckable(True)
        self.difference_button.toggled.connect(self._show)
        self.table_button = table_button("The same as a table, for the keyboard and the screen reader", self._show_page)
        self.copy_values_action = QAction("Copy as table (tab-separated)", self, triggered=self.copy_values)
        self.copy_markdown_action = QAction("Copy as Markdown", self, triggered=self.copy_markdown)
        self.copy_command_action = QAction("Copy as canon command", self, triggered=self.copy_command)
        copied = (self.copy_values_action, self.copy_markdown_action, self.copy_command_action)
        self.copy_button = copy_button("Copy the matrix, or the command that makes it", copied)
        self.export_button = tool_button("Export…", "Save as figure (PDF, SVG, PNG) or table (CSV, LaTeX, Markdown)")
        self.export_button.clicked.connect(self.exportRequested)
        self.choosers.add_widget(
            button_row(self.difference_button, self.table_button, self.copy_button, self.export_button)
        )

    # -- given from outside --------------------------------------------------------------------------------------
    def set_matrix(
        self,
        matrix: Matrix | None,
        rule: FarRule,
        pending: frozenset[Pair] = frozenset(),
        *,
        far: float | None = None,
        lacking: Sequence[str] = (),
        embedding: bool = False,
        computable: bool = True,
    ) -> None:
        """Show a matrix; None shows the empty state. ``pending`` cells are being computed, others wait for embeddings
        of models that are ``lacking`` them (``embedding``: they are being made). ``computable`` offers to compute what
        is missing.

        ``far`` is one of the matrix's; without it the view stays at its FAR where the matrix has that, else goes to
        1e-2, else to the matrix's first.
        """
        self._matrix, self._rule, self._pending = matrix, FarRule(rule), pending
        self._lacking, self._embedding, self._computable = frozenset(lacking), embedding, computable
        if matrix is not None:
            choices = [self._far if far is None else far, ORDER_FAR, matrix.settings.far[0]]
            self._far = next(choice for choice in choices if choice in matrix.settings.far)
            self.choosers.show_settings(matrix.settings, self._far, self._rule, templates=matrix.templates)
        self._show()

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no matrix, and on the button below it."""
        self._empty.set_message(text, action_text)

    def set_left_out(self, models: Sequence[str], left_out: Collection[str]) -> None:
        """Which models of the study are not ticked, or that none of those is left out which no mean counts: said below
        the matrix, with the button that changes it."""
        names = [name for name in models if name in left_out]
        beside = [name for name in models if stands_beside(name)]
        self._has_left_out = bool(names) or 0 < len(beside) < len(models)
        if names:
            why = "as no mean counts them" if set(names) <= set(beside) else "not ticked"
            said = f"Left out, {why}: {', '.join(names)}."
            button, tip = "Show them", "Tick every model in the study tree"
        else:
            said = f"Counted in no mean: {', '.join(beside)}."
            button, tip = "Leave them out", "Take their ticks away in the study tree"
        self._left_out.label.setText(said)
        self.left_out_button.setText(button)
        self.left_out_button.setToolTip(tip)
        self._show_left_out()

    def set_study_path(self, path: str) -> None:
        """The study as it is named in the copied command."""
        self._study = path

    def set_selection(self, pairs: tuple[Pair, ...]) -> None:
        """Choose cells without a signal."""
        self.heat_map.set_selection(pairs)

    @property
    def matrix(self) -> Matrix | None:
        """The matrix shown."""
        return self._matrix

    @property
    def far(self) -> float:
        """FAR it is read at."""
        return self._far

    @property
    def rule(self) -> FarRule:
        """FAR rule it is read by."""
        return self._rule

    @property
    def selection(self) -> tuple[Pair, ...]:
        """Chosen cells."""
        return self.heat_map.selection

    @property
    def current(self) -> Pair | None:
        """The cell the keyboard is at."""
        return self.heat_map.current

    # -- copying -------------------------------------------------------------------------------------------------
    def copy_values(self) -> None:
        """The shown numbers with every digit, tab-separated, to the clipboard."""
        if self._matrix is not None:
            shown = self._read()
            QGuiApplication.clipboard().setText(matrix_tsv(shown, settings_line(self._matrix, self._rule, self._far)))

    def copy_markdown(self) -> None:
        """The TARs as a Markdown table to the clipboard."""
        if self._matrix is not None:
            QGuiApplication.clipboard().setText(matrix_table(self._matrix, self._far, self._rule, "md"))

    def copy_command(self) -> None:
        """The command that makes this matrix to the clipboard."""
        if self._matrix is not None:
            QGuiApplication.clipboard().setText(matrix_command(self._study, self._matrix.settings, self._rule))

    # -- showing -------------------------------------------------------------------------------------------------
    def _read(self) -> ShownMatrix:
        assert self._matrix is not None
        as_difference = self.difference_button.isChecked()
        return shown_matrix(self._matrix, self._far, self._rule, as_difference=as_difference, pending=self._pending)

    def _show(self) -> None:
        there = self._matrix is not None
        if self._matrix is None:
            # Before anything is hidden: the focus moves then, and the heat map tells where it is.
            self.heat_map.set_shown(None, describe=lambda pair: "", tip=lambda pair: "")
        for widget in (self.choosers, self._notice, self._settings):
            widget.setVisible(there)
        self._leak.setVisible(False)
        self._show_left_out()
        if self._matrix is not None:
            self.heat_map.set_shown(self._read(), describe=self._describe, tip=self._tip)
            self._fill_table(self._matrix)
            self._settings.setText(settings_line(self._matrix, self._rule, self._far))
            self._show_notice(self._matrix)
            leak = leak_note(self._matrix.settings)
            self._leak.setText(leak)
            self._leak.setVisible(bool(leak))
        self._show_page()

    def _show_left_out(self) -> None:
        self._left_out.setVisible(self._matrix is not None and self._has_left_out)

    def _show_page(self) -> None:
        if self._matrix is None:
            self._stack.setCurrentWidget(self._empty)
        else:
            self._stack.setCurrentWidget(self.table if self.table_button.isChecked() else self._scroll)

    def _show_notice(self, matrix: Matrix) -> None:
        absent = [pair for pair, cell in matrix.cells.items() if cell is None]
        waiting = sum(pair in self._pending for pair in absent)
        wanted = sum(pair not in self._pending and pair not in matrix.missing for pair in absent)
        total = len(matrix.models) ** 2
        blocked = sum(not self._lacking.isdisjoint(pair) for pair in absent)
        self.compute_button.setVisible(self._computable and bool((wanted and not waiting) or blocked))
        said = ""
        if waiting:
            said = f"{waiting} of {total} cells {_are(waiting)} being computed. "
        elif wanted:
            said = f"{wanted} of {total} cells {_are(wanted)} not computed yet for these settings. "
        if blocked:
            models = f"{len(self._lacking)} model{'s' * (len(self._lacking) != 1)}"
            made = ", which are being made" * self._embedding
            said += f"{blocked} of {total} cells wait{'s' * (blocked == 1)} for embeddings of {models}{made}. "
        self._notice.label.setText(said + self._means(matrix))

    def _means(self, matrix: Matrix) -> str:
        single, cross = matrix.means(self._far, self._rule)
        text = f"Mean TAR at FAR {far_text(self._far)}: single models {tar_text(single)}, cross-model {tar_text(cross)}"
        names = [name for name in matrix.models if not stands_beside(name)]
        pairs = [(source, target) for source in names for target in names if source != target]
        gaps = [difference(matrix, *pair, self._far, self._rule) for pair in pairs]
        known = [gap for gap in gaps if gap is not None]
        if known:
            text += f", cross-model against the weaker model {difference_text(sum(known) / len(known))}"
        fits = [fit.pairs_per_dimension for cell in matrix.cells.values() if cell is not None for fit in cell.fits]
        if fits and (few := few_pairs_text(min(fits), matrix.settings.map)):
            text += f". As few as {few}"
        if any(matrix.unresolved(*pair, self._far, self._rule) for pair in matrix.cells):
            text += ". * Unresolved: fewer than 30 false accepts decide, which is left to chance"
        if self.difference_button.isChecked() and self._read().scale.exceeded:
            text += f". {BEYOND_COLOURS}"
        return f"{text}."

    def _fill_table(self, matrix: Matrix) -> None:
        rows = []
        for pair in self._pairs(matrix):
            cell = matrix.cells.get(pair)
            head = [Entry(pair[0]), Entry(pair[1])]
            if cell is None:
                note = why_missing(matrix, pair, pending=pair in self._pending)
                rows.append([*head, *(Entry(NO_VALUE, -math.inf) for _ in _COLUMNS[2:-1]), Entry(note)])
                continue
            reading = cell.readings[self._rule][matrix.settings.far.index(self._far)]
            point = reading.point
            gap = None if cell.single else difference(matrix, *pair, self._far, self._rule)
            rows.append(
                [
                    *head,
                    Entry(tar_text(point.tar), point.tar),
                    Entry(difference_text(gap), -math.inf if gap is None else gap),
                    Entry(rate_text(point.far), point.far),
                    Entry(number_text(point.threshold), point.threshold),
                    Entry(tar_text(reading.subject_tar), reading.subject_tar),
                    Entry(f"{cell.genuine:,}", cell.genuine),
                    Entry(f"{cell.impostors:,}", cell.impostors),
                    Entry(number_text(cell.eer), cell.eer),
                    Entry(number_text(cell.auc), cell.auc),
                    Entry("single model" if cell.single else ""),
                ]
            )
        self.table.set_table(_COLUMNS, rows)

    def _pairs(self, matrix: Matrix) -> list[Pair]:
        return [cell.pair for row in self._read().rows for cell in row] if matrix.models else []

    def _describe(self, pair: Pair) -> str:
        assert self._matrix is not None
        cell = self._matrix.cells.get(pair)
        if cell is None:
            return f"{title_of(*pair)}: {why_missing(self._matrix, pair, pending=pair in self._pending)}"
        facts = cell_facts(self._matrix, cell, self._far, self._rule)
        return f"{title_of(*pair)}: " + "; ".join(f"{what} {value}" for what, value in facts)

    def _tip(self, pair: Pair) -> str:
        assert self._matrix is not None
        title = f"<b>{html.escape(title_of(*pair))}</b>"
        cell = self._matrix.cells.get(pair)
        if cell is None:
            return f"{title}<br>{html.escape(why_missing(self._matrix, pair, pending=pair in self._pending))}"
        rows = "".join(
            f"<tr><td style='padding-right:10px'>{html.escape(what)}</td><td>{html.escape(value)}</td></tr>"
            for what, value in cell_facts(self._matrix, cell, self._far, self._rule)
        )
        return f"{title}<br>at FAR {far_text(self._far)}, {self._rule}<table>{rows}</table>"

    # -- chosen by the user --------------------------------------------------------------------------------------
    def _read_at(self, far: float, rule: FarRule) -> None:
        self._far, self._rule = far, rule
        self._show()
        self.readingChanged.emit(far, rule)

    def _cell_chosen(self, source: str, target: str) -> None:
        self._scroll.ensureVisible(
            *self.heat_map.field_rect((source, target)).center().toPoint().toTuple(), xmargin=80, ymargin=60
        )
        self.cellSelected.emit(source, target)

    def _row_chosen(self, index: QModelIndex) -> None:
        if self._matrix is None or not index.isValid() or not self.table.isVisible():
            return
        pair = self._pairs(self._matrix)[self.table.row_number(index)]
        if (pair,) != self.heat_map.selection:
            self.heat_map.set_selection((pair,))
            self.selectionChanged.emit((pair,))
            self.cellSelected.emit(*pair)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
