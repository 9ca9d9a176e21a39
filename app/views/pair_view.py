"""The pairs behind a cell: its worst errors, those its map creates or repairs, and those of a score interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QComboBox, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from canon_core.experiments.pairs import FacePair
from canon_core.study.pair_results import Against, Listing, PairKind, PairThresholds

from .bar_buttons import button_row, copy_button, table_button, tool_button
from .choosers import labelled
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .labels import SettingsLabel, TextLabel
from .pair_list import PairList, short_name
from .pair_panel import PairPanel
from .score_bars import signed
from .sideways import Sideways
from .table_twin import Entry, TableTwin

_COLUMNS = ("pair", "first", "second", "first subject", "second subject", "kind", "score", "threshold",
            "target alone", "target threshold", "source alone", "source threshold")  # fmt: skip
#: Rows of the table by which its columns are sized: all of them would hold up the window.
_MEASURED_ROWS = 30
#: Pixels of the list where there is plenty of room.
_WIDEST_LIST = 420
#: Qt's QWIDGETSIZE_MAX, which PySide does not name.
_NO_LIMIT = 16_777_215
_TIPS = {
    PairKind.FALSE_MATCHES: "Impostor pairs that the cell accepts, the highest scores first",
    PairKind.FALSE_NON_MATCHES: "Genuine pairs that the cell rejects, the lowest scores first",
    PairKind.CREATED_MATCHES: "Impostor pairs that the cell accepts and the model by itself rejects",
    PairKind.CREATED_NON_MATCHES: "Genuine pairs that the cell rejects and the model by itself accepts",
    PairKind.REPAIRED_MATCHES: "Impostor pairs that the model by itself accepts and the cell rejects",
    PairKind.REPAIRED_NON_MATCHES: "Genuine pairs that the model by itself rejects and the cell accepts",
    PairKind.GENUINE_BETWEEN: "Genuine pairs whose score lies in the interval brushed in the histogram",
    PairKind.IMPOSTORS_BETWEEN: "Impostor pairs whose score lies in the interval brushed in the histogram",
}


@dataclass(frozen=True, eq=False)
class ShownPairs:
    """Lists of pairs of one cell, with names.

    Attributes
    ----------
    source, target : str
        Of the cell.
    pairs : mapping
        Listing → its pairs.
    totals : mapping
        Listing → how many there are altogether.
    thresholds : PairThresholds
    interval : (low, high) or None
        Which scores the lists of an interval hold.
    halves, pictures, templates : bool
        Whether subjects are split into halves, faces can be shown, and templates are compared.
    """

    source: str
    target: str
    pairs: Mapping[Listing, tuple[FacePair, ...]]
    totals: Mapping[Listing, int]
    thresholds: PairThresholds
    interval: tuple[float, float] | None = None
    halves: bool = False
    pictures: bool = True
    templates: bool = False

    @property
    def single(self) -> bool:
        """Whether it is a model by itself."""
        return self.source == self.target


class PairView(QWidget):
    """A list of pairs with the chosen one in full, their settings, and the same as a table.

    Signals
    -------
    pairSelected(pair) : FacePair or None
        Another pair is looked at.
    picturesWanted(rows) : list of int
        Rows of images whose faces are seen in the list.
    alignedChanged(aligned) : bool
        Faces on the template, or whole images, are wanted.
    compareRequested(pair) : FacePair
    exportRequested() :
        The list as files.
    actionRequested() :
        The button of the empty state.
    """

    pairSelected = Signal(object)
    picturesWanted = Signal(object)
    alignedChanged = Signal(bool)
    compareRequested = Signal(object)
    exportRequested = Signal()
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: ShownPairs | None = None
        self._line = ""
        self._command: Callable[[], str] = str
        self.kind, self.against, self.look = QComboBox(), QComboBox(), QComboBox()
        for chooser in (self.kind, self.against, self.look):
            chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.list, self.panel = PairList(), PairPanel()
        self.table = TableTwin("Face pairs as a table")
        self.table.horizontalHeader().setResizeContentsPrecision(_MEASURED_ROWS)
        self._empty, self._none = EmptyState(), EmptyState()
        self._count = TextLabel(muted=True)
        self._settings = SettingsLabel()
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._lists = QStackedWidget()
        for page in (self.list, self.table, self._none):
            self._lists.addWidget(page)
        self._splitter.addWidget(self._lists)
        self._splitter.addWidget(self.panel)
        self._splitter.setStretchFactor(0, 2)
        self._splitter.setStretchFactor(1, 3)
        self._splitter.setSizes([400, 600])
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self.sides = Sideways(self._splitter, "List and chosen pair")
        self._stack.addWidget(self.sides)
        self._bar = self._make_bar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self._bar)
        layout.addWidget(self._count)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._settings)
        self.kind.activated.connect(self._choose)
        self.against.activated.connect(self._choose)
        self.look.activated.connect(lambda _: self.alignedChanged.emit(self.aligned))
        self.list.pairSelected.connect(self._select)
        self.list.picturesWanted.connect(self.picturesWanted)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        self.panel.compareRequested.connect(self._compare)
        self._empty.actionRequested.connect(self.actionRequested)
        self.set_pairs(None)

    def _make_bar(self) -> QWidget:
        for text, aligned, tip in (
            ("aligned faces", True, "Faces on the template that networks see, where it is known"),
            ("whole images", False, "The images as they are"),
        ):
            self.look.addItem(text, aligned)
            self.look.setItemData(self.look.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.table_button = table_button("The same as a table, for the keyboard and the screen reader", self._show_page)
        self.copy_table_action = QAction("Copy list (tab-separated)", self, triggered=self.copy_table)
        self.copy_pair_action = QAction("Copy chosen pair", self, triggered=self.copy_pair)
        self.copy_command_action = QAction("Copy as canon command", self, triggered=self.copy_command)
        copied = (self.copy_table_action, self.copy_pair_action, self.copy_command_action)
        self.copy_button = copy_button("Copy the list, or the chosen pair", copied)
        self.export_button = tool_button("Export…", "Save the faces as figure (PDF, SVG, PNG), or the list (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        bar = QWidget()
        row = FlowLayout(bar, spacing=14)
        row.addWidget(labelled("show", self.kind, "Which pairs of the cell are listed"))
        self._against = labelled("against", self.against, "The single model that the cell is held against, at its own"
                                 " threshold at the same FAR")
        row.addWidget(self._against)
        row.addWidget(labelled("pictures", self.look, "What is shown of each face"))
        row.addWidget(button_row(self.table_button, self.copy_button, self.export_button))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_command(self, command: Callable[[], str]) -> None:
        """What gives the command that makes the list which is looked at."""
        self._command = command

    @property
    def command(self) -> str:
        """The command that makes the list; empty without one."""
        return self._command()

    def copy_command(self) -> None:
        """The command to the clipboard."""
        if self.command:
            QGuiApplication.clipboard().setText(self.command)

    def set_pairs(self, shown: ShownPairs | None, settings_line: str = "") -> None:
        """Show lists of pairs; None shows the empty state. The kind that is looked at stays where there is one."""
        kind, against = self.listing if self._shown is not None else (PairKind.FALSE_MATCHES, None)
        self._shown, self._line = shown, settings_line
        there = shown is not None
        for widget in (self._bar, self._count, self._settings):
            widget.setVisible(there)
        self._stack.setCurrentWidget(self.sides if there else self._empty)
        if shown is None:
            self.list.set_pairs((), None, pictures=False)
            self.panel.show_pair(None)
            return
        self._settings.setText(settings_line)
        self.look.parentWidget().setVisible(shown.pictures)
        self.against.clear()
        if not shown.single:
            self.against.addItem(f"{shown.target} alone (target)", Against.TARGET)
            self.against.addItem(f"{shown.source} alone (source)", Against.SOURCE)
            self.against.setCurrentIndex(1 if against == Against.SOURCE else 0)
        self._fill_kinds(shown, kind)
        self._show_list()

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there are no lists, and on the button below it."""
        self._empty.set_message(text, action_text)

    def show_kind(self, kind: PairKind) -> None:
        """List pairs of a kind."""
        place = self.kind.findData(kind)
        if place >= 0 and self._shown is not None:
            self.kind.setCurrentIndex(place)
            self._show_list()

    def show_pair(self, pair: FacePair) -> None:
        """Show a pair that need not be listed."""
        self.list.choose_none()
        self._present(pair)

    def set_thumbnail(self, row: int, image: QImage | None, reason: str = "") -> None:
        """A face for the list."""
        self.list.set_picture(row, image, reason)

    # -- what is shown -------------------------------------------------------------------------------------------
    @property
    def shown(self) -> ShownPairs | None:
        """The lists that there are."""
        return self._shown

    @property
    def aligned(self) -> bool:
        """Whether faces are shown on the template."""
        return bool(self.look.currentData())

    @property
    def listing(self) -> Listing:
        """Which list is looked at."""
        kind = PairKind(self.kind.currentData()) if self.kind.currentData() else PairKind.FALSE_MATCHES
        against = Against(self.against.currentData()) if kind.compared and self.against.count() else None
        return kind, against

    @property
    def pairs(self) -> tuple[FacePair, ...]:
        """The pairs that are listed."""
        return self.list.pairs

    @property
    def settings_line(self) -> str:
        """Every setting behind the list, and what it lists."""
        return f"{self._count.text()} · {self._line}"

    # -- copying -------------------------------------------------------------------------------------------------
    def copy_table(self) -> None:
        """The list, tab-separated, with the settings in the last line, to the clipboard."""
        if self._shown is not None:
            self._fill_table()
            QGuiApplication.clipboard().setText(self.table.text() + self.settings_line + "\n")

    def copy_pair(self) -> None:
        """The chosen pair in words, with the settings in the last line, to the clipboard."""
        if self.panel.pair is not None:
            QGuiApplication.clipboard().setText(self.panel.text() + self._line + "\n")

    # -- private -------------------------------------------------------------------------------------------------
    def _fill_kinds(self, shown: ShownPairs, chosen: PairKind) -> None:
        kinds = [kind for kind in PairKind if any(listing[0] is kind for listing in shown.pairs)]
        self.kind.clear()
        for kind in kinds:
            self.kind.addItem(_kind_text(kind, shown), kind)
            self.kind.setItemData(self.kind.count() - 1, _TIPS[kind], Qt.ItemDataRole.ToolTipRole)
        self.kind.setCurrentIndex(max(0, kinds.index(chosen) if chosen in kinds else 0))

    def _choose(self) -> None:
        self._show_list()

    def _show_list(self) -> None:
        shown = self._shown
        assert shown is not None
        kind, _ = self.listing
        self._against.setVisible(kind.compared)
        pairs = shown.pairs.get(self.listing, ())
        total = shown.totals.get(self.listing, 0)
        self._count.setText(_count_text(self.listing, shown, len(pairs), total))
        self.list.set_pairs(pairs, shown.thresholds.cell, pictures=shown.pictures)
        self._none.set_message(f"No {_kind_text(kind, shown)}.")
        self._show_page()
        if pairs:
            self.list.select(0)
        else:
            self._select(-1)

    def _show_page(self) -> None:
        if not self.list.pairs:
            self._lists.setCurrentWidget(self._none)
        elif self.table_button.isChecked():
            self._fill_table()
            self._lists.setCurrentWidget(self.table)
        else:
            self._lists.setCurrentWidget(self.list)
        table = self._lists.currentWidget() is self.table
        self._lists.setMaximumWidth(_NO_LIMIT if table else _WIDEST_LIST)  # faces take what a list leaves

    def _fill_table(self) -> None:
        shown = self._shown
        if shown is None:
            return
        columns = _COLUMNS[:8] if shown.single else _COLUMNS
        rows = [_row(number, pair, shown) for number, pair in enumerate(self.list.pairs, 1)]
        self.table.set_table(columns, [row[: len(columns)] for row in rows])

    def _select(self, number: int) -> None:
        pair = self.list.pairs[number] if 0 <= number < len(self.list.pairs) else None
        self._present(pair)
        if pair is not None and self.table.isVisible():
            self.table.select_row(number)

    def _present(self, pair: FacePair | None) -> None:
        shown = self._shown
        if shown is None or pair is None:
            self.panel.show_pair(None)
        else:
            self.panel.show_pair(
                pair, source=shown.source, target=shown.target, halves=shown.halves, pictures=shown.pictures,
                templates=shown.templates,
            )  # fmt: skip
        self.pairSelected.emit(pair)

    def _row_chosen(self, index: QModelIndex) -> None:
        if index.isValid() and self.table.isVisible():
            number = self.table.row_number(index)
            if number != self.list.currentIndex().row():
                self.list.select(number)

    def _compare(self) -> None:
        if self.panel.pair is not None:
            self.compareRequested.emit(self.panel.pair)


def _kind_text(kind: PairKind, shown: ShownPairs) -> str:
    if shown.interval is None or kind not in (PairKind.GENUINE_BETWEEN, PairKind.IMPOSTORS_BETWEEN):
        return str(kind)
    low, high = map(signed, shown.interval)
    return f"{'genuine' if kind is PairKind.GENUINE_BETWEEN else 'impostor'}, score {low} to {high}"


def _count_text(listing: Listing, shown: ShownPairs, listed: int, total: int) -> str:
    kind, against = listing
    name = _kind_text(kind, shown)
    if against is not None:
        name += f" against {shown.target if against is Against.TARGET else shown.source} alone"
    if kind in (PairKind.GENUINE_BETWEEN, PairKind.IMPOSTORS_BETWEEN):
        end = "lowest" if kind is PairKind.GENUINE_BETWEEN else "highest"
        some = f"{listed:,} of " * (total != listed)
        return f"{name}: {some}{total:,}, {end} score first"
    if total == listed:
        return f"{name}: {total:,}"
    order = "clearest" if "repaired" in kind else "worst"
    return f"{name}: the {listed:,} {order} of {total:,}"


def _row(number: int, pair: FacePair, shown: ShownPairs) -> Sequence[Entry]:
    limits = shown.thresholds

    def entry(value: float | None) -> Entry:
        return Entry(signed(value), value)

    return [
        Entry(f"{number}", number),
        Entry(short_name(pair.first)),
        Entry(short_name(pair.second)),
        Entry(pair.first.subject),
        Entry(pair.second.subject),
        Entry(pair.words),
        entry(pair.score),
        entry(limits.cell),
        entry(pair.target_score),
        entry(limits.target),
        entry(pair.source_score),
        entry(limits.source),
    ]
