"""How many image pairs a map needs: TAR against the number of fit pairs, both maps together, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import SettingsError
from canon_core.figures.sensitivity_curve import (
    SensitivityCurve,
    SingleLevel,
    sensitivity_curves,
    single_levels,
    source_dimensions,
)
from canon_core.study.results import DEFAULT_FAR, FitMode, far_text
from canon_core.study.sensitivity_results import Pair, Sensitivity, sensitivity_line
from canon_core.verification.roc import FarRule

from ..sensitivity_choice import MAPS, MOST_REPEATS, SensitivityChoice, pairs_text, read_pairs
from ..wording import fault_text
from .bar_buttons import button_row, copy_button, table_button, tool_button
from .choosers import MAP_TIPS, MODE_TIPS, labelled, seed_box
from .curve_legend import CurveLegend
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .labels import SettingsLabel, TextLabel
from .notice import Notice
from .sensitivity_plot import SensitivityPlot, legend_entries
from .shown_sensitivity import COLUMNS, notes_text, sensitivity_rows
from .table_twin import TableTwin

_Word = TypeVar("_Word", bound=StrEnum)
#: Pixels of the field of steps: some twelve characters; longer lists scroll in it.
_FIELD = 118


@dataclass(frozen=True, eq=False)
class SensitivityShown:
    """What is drawn.

    Attributes
    ----------
    results : tuple of Sensitivity
        A curve each.
    far, rule :
        Where they are read.
    among : tuple of (source, target) or None
        Cells that means are over; None for all off the diagonal.
    """

    results: tuple[Sensitivity, ...]
    far: float
    rule: FarRule
    among: tuple[Pair, ...] | None = None

    @cached_property
    def curves(self) -> tuple[SensitivityCurve, ...]:
        """One a result."""
        return sensitivity_curves(self.results, self.rule, self.far, self.among)

    @cached_property
    def levels(self) -> tuple[SingleLevel, ...]:
        """The single models of each fit mode."""
        return single_levels(self.results, self.rule, self.far, self.among)

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """Widths of the sources, ascending."""
        return source_dimensions(self.results, self.among)

    @cached_property
    def line(self) -> str:
        """Every setting behind the numbers."""
        return sensitivity_line(self.results, self.rule, self.far, self.among)

    def same(self, other: SensitivityShown | None) -> bool:
        """Whether the other shows the very same results in the same way."""
        return (
            other is not None
            and len(self.results) == len(other.results)
            and all(one is two for one, two in zip(self.results, other.results, strict=True))
            and (self.far, self.rule, self.among) == (other.far, other.rule, other.among)
        )


class SensitivityView(QWidget):
    """Curves with their choosers, what to know of them, their settings and their table.

    Signals
    -------
    choiceChanged(choice, text) : SensitivityChoice, str
        Other curves or steps are wanted; the text says what was changed.
    farChanged(far), seedChanged(seed) : float, int
        They are to be read, or drawn, elsewhere.
    computeRequested(), exportRequested(), actionRequested() :
        The buttons for missing cells, for export, and of the empty state.
    """

    choiceChanged = Signal(object, str)
    farChanged = Signal(float)
    seedChanged = Signal(int)
    computeRequested = Signal()
    exportRequested = Signal()
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: SensitivityShown | None = None
        self._choice = SensitivityChoice()
        self._commands = ""
        self._make_choosers()
        self.legend, self.plot = CurveLegend(), SensitivityPlot()
        self.table = TableTwin("Sensitivity as a table")
        self._empty, self._uncomputed = EmptyState(), EmptyState()
        self._drawing = QWidget()
        column = QVBoxLayout(self._drawing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.legend)
        column.addWidget(self.plot, 1)
        self._stack = QStackedWidget()
        for page in (self._empty, self._uncomputed, self._drawing, self.table):
            self._stack.addWidget(page)
        self._bar = self._make_bar()
        self._notice = Notice("Compute curves")
        self.compute_button = self._notice.button
        self.compute_button.clicked.connect(self.computeRequested)
        self._notes, self._settings = TextLabel(), SettingsLabel()
        self._notes.setAccessibleName("What to know of these curves")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        for widget in (self._bar, self._notice):
            layout.addWidget(widget)
        layout.addWidget(self._stack, 1)
        for widget in (self._notes, self._settings):
            layout.addWidget(widget)
        self._uncomputed.actionRequested.connect(self.computeRequested)
        self._empty.actionRequested.connect(self.actionRequested)
        self.set_nothing("")

    # -- building ------------------------------------------------------------------------------------------------
    def _make_choosers(self) -> None:
        self.map_buttons = {kind: self._toggle(str(kind), MAP_TIPS[kind]) for kind in MAPS}
        self.mode_buttons = {mode: self._toggle(str(mode), MODE_TIPS[mode]) for mode in FitMode}
        self.cells, self.far = QComboBox(), QComboBox()
        for far in DEFAULT_FAR:
            self.far.addItem(far_text(far), far)
        self.pairs = QLineEdit()
        self.pairs.setPlaceholderText("32, 64, … all")
        self.pairs.setFixedWidth(_FIELD)
        self.repeats = QSpinBox()
        self.repeats.setRange(1, MOST_REPEATS)
        self.repeats.setKeyboardTracking(False)
        self.seed = seed_box()
        self.cells.activated.connect(self._choose_cells)
        self.far.activated.connect(lambda _: self.farChanged.emit(float(self.far.currentData())))
        self.pairs.editingFinished.connect(self._choose_pairs)
        self.repeats.valueChanged.connect(
            lambda count: self._choose(f"Draw {count} subset{'s' * (count != 1)}", repeats=count)
        )
        self.seed.valueChanged.connect(self.seedChanged)

    def _toggle(self, text: str, tip: str) -> QToolButton:
        button = tool_button(text, tip)
        button.setCheckable(True)
        button.clicked.connect(self._choose_curves)
        return button

    def _make_bar(self) -> QWidget:
        self.whole_button = tool_button("Whole curve", "Back from zooming in (wheel or drag)")
        self.whole_button.clicked.connect(self.plot.show_all)
        self.table_button = table_button("The same as a table, for the keyboard and the screen reader", self._show_page)
        self.copy_values_action = QAction("Copy as table (tab-separated)", self, triggered=self.copy_values)
        self.copy_command_action = QAction("Copy as canon command", self, triggered=self.copy_command)
        copied = (self.copy_values_action, self.copy_command_action)
        self.copy_button = copy_button("Copy the numbers, or the commands that make them", copied)
        self.export_button = tool_button("Export…", "Save the curves (PDF, SVG, PNG) or every number (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        self._reading = (self.whole_button, self.table_button, self.copy_button, self.export_button)
        bar = QWidget()
        row = FlowLayout(bar, spacing=10)
        row.addWidget(_named("map", button_row(*self.map_buttons.values())))
        row.addWidget(_named("fit", button_row(*self.mode_buttons.values())))
        for text, chooser, tip in (
            ("mean over", self.cells, "Which cells of the matrix are averaged"),
            ("FAR", self.far, "False accept rate at which every cell is read; the rule is the matrix's"),
            ("pairs", self.pairs, "Fit pairs of each step, for example 32, 128, 512, all"),
            ("subsets", self.repeats, "Random subsets drawn for each step; each is the same for all cells"),
            ("seed", self.seed, "Of the split into halves and of the subsets; the matrix's too"),
        ):
            row.addWidget(labelled(text, chooser, tip))
        row.addWidget(button_row(*self._reading))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_nothing(self, text: str, action_text: str = "") -> None:
        """There is nothing to choose from; say what to do."""
        self._shown = None
        self._empty.set_message(text, action_text)
        self._bar.hide()
        self._notice.hide()
        self._show_page()

    def set_choices(
        self, choice: SensitivityChoice, modes: Sequence[FitMode], far: float, seed: int, chosen: int
    ) -> None:
        """Stand at these, without a signal; ``modes`` are those that the dataset can have, ``chosen`` counts cells."""
        self._choice = choice
        drawn = choice.modes_of(modes)
        for kind, button in self.map_buttons.items():
            button.setChecked(kind in choice.maps)
        for mode, button in self.mode_buttons.items():
            button.setVisible(mode in modes)
            button.setChecked(mode in drawn)
        texts = ["all cells", f"chosen cells ({chosen})"]
        if [self.cells.itemText(number) for number in range(self.cells.count())] != texts:
            self.cells.clear()
            self.cells.addItems(texts)
        self.cells.setCurrentIndex(int(choice.chosen))
        self.far.setCurrentIndex(DEFAULT_FAR.index(far))
        if not self.pairs.hasFocus() or not self.pairs.isModified():
            self.pairs.setText(pairs_text(choice.pairs))
            self.pairs.setCursorPosition(0)  # a long list is read from its beginning
        for box, value in ((self.repeats, choice.repeats), (self.seed, seed)):
            blocked = box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(blocked)
        self._bar.show()

    def set_uncomputed(self, text: str, action_text: str = "") -> None:
        """There are no curves to these choices; say why, or what is to be computed."""
        self._shown = None
        self._uncomputed.set_message(text, action_text)
        self._notice.hide()
        self._bar.show()
        self._show_page()

    def set_curves(self, shown: SensitivityShown, notice: str = "", *, computable: bool = False) -> None:
        """Draw these; ``notice`` says what is missing of them, and ``computable`` offers to compute it."""
        self._notice.label.setText(notice)
        self._notice.setVisible(bool(notice))
        self.compute_button.setVisible(computable)
        self._bar.show()
        if shown.same(self._shown):
            return  # a table or a curve that is being walked through stays where it is
        self._shown = shown
        self.legend.set_entries(legend_entries(shown.curves, shown.levels))
        self.plot.set_curves(shown.curves, shown.levels, shown.dimensions)
        self._notes.setText(notes_text(shown.curves, shown.dimensions))
        self._settings.setText(shown.line)
        if self.table_button.isChecked():
            self._fill_table(shown)
        self._show_page()

    def set_commands(self, commands: Sequence[str]) -> None:
        """The commands that compute these curves, one each, to be copied."""
        self._commands = "\n".join(commands)

    @property
    def shown(self) -> SensitivityShown | None:
        """What is drawn."""
        return self._shown

    @property
    def notes(self) -> str:
        """What to know before trusting the curves."""
        return self._notes.text()

    @property
    def notice(self) -> str:
        """What is missing; empty where nothing is."""
        return self._notice.label.text() if self._notice.isVisibleTo(self) else ""

    # -- copying -------------------------------------------------------------------------------------------------
    def copy_values(self) -> None:
        """The table, tab-separated, with the settings in the last line, to the clipboard."""
        if self._shown is not None:
            self._fill_table(self._shown)
            QGuiApplication.clipboard().setText(f"{self.table.text()}{self._shown.line}\n")

    @property
    def command(self) -> str:
        """The commands that compute what is drawn; empty where nothing is."""
        return self._commands if self._shown is not None else ""

    def copy_command(self) -> None:
        """The commands to the clipboard."""
        QGuiApplication.clipboard().setText(self._commands)

    # -- showing -------------------------------------------------------------------------------------------------
    def _show_page(self) -> None:
        there = self._shown is not None
        for button in self._reading:
            button.setVisible(there)
        self._notes.setVisible(there and bool(self._notes.text()))
        self._settings.setVisible(there)
        if self._shown is None:
            self._stack.setCurrentWidget(self._empty if self._bar.isHidden() else self._uncomputed)
        elif self.table_button.isChecked():
            self._fill_table(self._shown)
            self._stack.setCurrentWidget(self.table)
        else:
            self._stack.setCurrentWidget(self._drawing)

    def _fill_table(self, shown: SensitivityShown) -> None:
        widest = max(shown.dimensions, default=1)
        self.table.set_table(COLUMNS, sensitivity_rows(shown.curves, shown.levels, widest))

    # -- chosen by the user --------------------------------------------------------------------------------------
    def _choose(self, text: str, **fields: object) -> None:
        self.choiceChanged.emit(replace(self._choice, **fields), text)

    def _choose_curves(self) -> None:
        maps, modes = _checked(self.map_buttons), _checked(self.mode_buttons)
        if maps and modes:
            self._choose(f"Draw {', '.join([*maps, *modes])}", maps=maps, modes=modes)
            return
        for kind, button in self.map_buttons.items():  # something must be drawn
            button.setChecked(kind in (maps or self._choice.maps))
        for mode, button in self.mode_buttons.items():
            button.setChecked(mode in (modes or self._choice.modes) and not button.isHidden())

    def _choose_cells(self, place: int) -> None:
        self._choose(f"Average {'chosen' if place else 'all'} cells", chosen=place == 1)

    def _choose_pairs(self) -> None:
        if not self.pairs.isModified():
            return
        self.pairs.setModified(False)
        try:
            pairs = read_pairs(self.pairs.text())
        except SettingsError as error:
            self.pairs.setText(pairs_text(self._choice.pairs))
            self._notice.label.setText(fault_text(error))
            self.compute_button.hide()
            self._notice.show()
            return
        self.pairs.setText(pairs_text(pairs))
        self._choose(f"Fit on {pairs_text(pairs) or 'the usual numbers of'} pairs", pairs=pairs)


def _checked(buttons: Mapping[_Word, QToolButton]) -> tuple[_Word, ...]:
    return tuple(word for word, button in buttons.items() if button.isChecked() and not button.isHidden())


def _named(text: str, buttons: QWidget) -> QWidget:
    """Buttons with their name before them."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(5)
    layout.addWidget(QLabel(text))
    layout.addWidget(buttons)
    return row
