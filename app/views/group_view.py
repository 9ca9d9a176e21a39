"""Who is taken for whom and who is not recognised: error rates by group of templates, at one threshold for all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from canon_core.datasets.template_groups import MIXED_NAME, UNKNOWN_NAME
from canon_core.study.group_results import GroupRates, few_errors, groups_line
from canon_core.study.results import FEW_FALSE_ACCEPTS, far_text
from canon_core.verification.group_rates import RateInterval

from ..theme import LARGE
from .bar_buttons import button_row, copy_button, table_button, tool_button
from .choosers import labelled
from .empty_state import EmptyState
from .flow_layout import FlowLayout
from .labels import SettingsLabel, TextLabel
from .rate_table import Field, RateTable, heat_of
from .shown_matrix import number_text, rate_text, title_of
from .table_twin import Entry, TableTwin

_TWIN = ("rate", "group", "other group", "value", "low", "high", "errors", "pairs")
_TWO = "two groups"
_ALL = "all pairs"


class GroupView(QWidget):
    """FMR of every two groups and FNMR of every group, with their counts and intervals.

    Signals
    -------
    covariateChanged(name), farChanged(far) : str, float
        Other groups, or another threshold, are wanted.
    computeRequested(), exportRequested(), actionRequested() :
        The buttons for counting, for export, and of the empty state.
    """

    covariateChanged = Signal(str)
    farChanged = Signal(float)
    computeRequested = Signal()
    exportRequested = Signal()
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: GroupRates | None = None
        self._command = ""
        self.covariate, self.far = QComboBox(), QComboBox()
        self.fmr = RateTable("FMR of every two groups")
        self.fnmr = RateTable("FNMR of every group")
        self.table = TableTwin("Errors by group as a table")
        self._title, self._words = TextLabel(bold=True, size=LARGE), TextLabel(muted=True)
        self._fmr_title, self._fnmr_title = TextLabel(bold=True), TextLabel(bold=True)
        self._note = TextLabel(muted=True)
        sheet = QWidget()
        column = QVBoxLayout(sheet)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(6)
        for widget in (self._title, self._words, self._fmr_title, self.fmr, self._fnmr_title, self.fnmr, self._note):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(sheet)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._sheet = scroll
        self._empty, self._uncounted = EmptyState(), EmptyState()
        self._stack = QStackedWidget()
        for page in (self._empty, self._uncounted, scroll, self.table):
            self._stack.addWidget(page)
        self._bar = self._make_bar()
        self._settings = SettingsLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self._bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._settings)
        self.covariate.activated.connect(lambda _: self.covariateChanged.emit(self.covariate.currentText()))
        self.far.activated.connect(lambda _: self.farChanged.emit(float(self.far.currentData())))
        self._uncounted.actionRequested.connect(self.computeRequested)
        self._empty.actionRequested.connect(self.actionRequested)
        self.set_nothing("")

    def _make_bar(self) -> QWidget:
        tip = "The same as one table, for the keyboard and the screen reader"
        self.table_button = table_button(tip, self._show_page)
        self.copy_values_action = QAction("Copy as table (tab-separated)", self, triggered=self.copy_values)
        self.copy_command_action = QAction("Copy as canon command", self, triggered=self.copy_command)
        copied = (self.copy_values_action, self.copy_command_action)
        self.copy_button = copy_button("Copy the rates, or the command that counts them", copied)
        self.export_button = tool_button("Export…", "Save every rate with its counts and interval (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        bar = QWidget()
        row = FlowLayout(bar, spacing=14)
        row.addWidget(labelled("groups by", self.covariate, "What is known of the templates' images"))
        row.addWidget(labelled("FAR", self.far, "Of all pairs together: it chooses the one threshold for all groups"))
        row.addWidget(button_row(self.table_button, self.copy_button, self.export_button))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_nothing(self, text: str, action_text: str = "") -> None:
        """There are no groups to show; say what to do."""
        self._found = None
        self._empty.set_message(text, action_text)
        self._bar.hide()
        self._settings.hide()
        self._stack.setCurrentWidget(self._empty)

    def set_choices(self, covariates: Sequence[str], covariate: str, fars: Sequence[float], far: float) -> None:
        """By what templates can be grouped, and at which FARs thresholds can be taken."""
        _fill(self.covariate, {name: name for name in covariates})
        _fill(self.far, {far_text(target): target for target in fars})
        self.covariate.setCurrentText(covariate)
        self.far.setCurrentIndex(list(fars).index(far) if far in fars else -1)
        self._bar.show()

    def set_uncounted(self, text: str, action_text: str = "") -> None:
        """The groups of this cell were not counted, or are being."""
        self._found = None
        self._uncounted.set_message(text, action_text)
        self._show_page()

    def set_groups(self, found: GroupRates) -> None:
        """Show these."""
        self._found = found
        settings = found.settings
        self._title.setText(f"{title_of(settings.source, settings.target)}, by {settings.covariate}")
        self._words.setText(
            f"One threshold for all groups: {number_text(found.threshold)}, which accepts {far_text(settings.far)} of"
            f" all impostor pairs ({settings.rule}). A template's group is the {found.kind} of its images."
        )
        self._fmr_title.setText(
            f"FMR: impostor pairs accepted, by the groups of both templates (all pairs {_plain(found.all_fmr)})"
        )
        self._fnmr_title.setText("FNMR: genuine pairs rejected")
        self._fill_fmr(found)
        self._fill_fnmr(found)
        self._note.setText(" ".join(_notes(found)))
        self._settings.setText(groups_line(found))
        if self.table_button.isChecked():
            self._fill_table(found)
        self._show_page()

    def set_command(self, command: str) -> None:
        """The command that counts these, to be copied."""
        self._command = command

    @property
    def found(self) -> GroupRates | None:
        """What is shown."""
        return self._found

    # -- copying -------------------------------------------------------------------------------------------------
    def copy_values(self) -> None:
        """Both tables, tab-separated, with the settings in the last line, to the clipboard."""
        if self._found is not None:
            text = f"FMR{self.fmr.text()}\nFNMR{self.fnmr.text()}\n{groups_line(self._found)}\n"
            QGuiApplication.clipboard().setText(text)

    @property
    def command(self) -> str:
        """The command that gives what is shown; empty without one."""
        return self._command

    def copy_command(self) -> None:
        """The command to the clipboard."""
        QGuiApplication.clipboard().setText(self._command)

    # -- showing -------------------------------------------------------------------------------------------------
    def _show_page(self) -> None:
        there = self._found is not None
        for button in (self.table_button, self.copy_button, self.export_button):
            button.setVisible(there)
        self._settings.setVisible(there)
        if self._found is None:
            self._stack.setCurrentWidget(self._uncounted)
        elif self.table_button.isChecked():
            self._fill_table(self._found)
            self._stack.setCurrentWidget(self.table)
        else:
            self._stack.setCurrentWidget(self._sheet)

    def _fill_fmr(self, found: GroupRates) -> None:
        fields = [
            [
                _field(
                    rate,
                    f"{name} against {other}" if name != other else f"within {name}",
                    None if {name, other} & _APART else heat_of(rate.rate, found.all_fmr.rate),
                    what="false accepts of",
                    pairs="impostor pairs",
                )
                for other, rate in zip(found.groups, row, strict=True)
            ]
            for name, row in zip(found.groups, found.fmr, strict=True)
        ]
        self.fmr.set_fields(found.groups, found.groups, fields, _APART)

    def _fill_fnmr(self, found: GroupRates) -> None:
        names = (*found.groups, _TWO, _ALL)
        sizes = [*zip(found.templates, found.subjects, strict=True), None, None]
        rows = []
        for name, size, rate in zip(names, sizes, [*found.fnmr, found.all_fnmr], strict=True):
            heat = None if name in {*_APART, _TWO, _ALL} else heat_of(rate.rate, found.all_fnmr.rate)
            whole = _field(rate, f"both templates {name}", heat, what="false rejects of", pairs="genuine pairs")
            parts = whole.text.split("\n") if rate.pairs else ["–", "–", "0 of 0"]
            counts = ["", ""] if size is None else [f"{count:,}" for count in size]
            rows.append(
                [replace(whole, text=parts[0]), Field(parts[1]), Field(parts[2]), *map(Field, counts)],
            )
        columns = ("FNMR", "interval", "rejected", "templates", "subjects")
        self.fnmr.set_fields(columns, names, rows, _APART | {_TWO, _ALL})

    def _fill_table(self, found: GroupRates) -> None:
        rows = []
        for number, name in enumerate(found.groups):
            for place in range(number, len(found.groups)):  # the table is symmetric
                rows.append(_entries("FMR", name, found.groups[place], found.fmr[number][place]))
        rows.append(_entries("FMR", _ALL, _ALL, found.all_fmr))
        for name, rate in zip((*found.groups, _TWO, _ALL), [*found.fnmr, found.all_fnmr], strict=True):
            rows.append(_entries("FNMR", name, "", rate))
        self.table.set_table(_TWIN, rows)


_APART = frozenset({MIXED_NAME, UNKNOWN_NAME})


def _field(rate: RateInterval, who: str, heat: float | None, *, what: str, pairs: str) -> Field:
    if not rate.pairs:
        return Field("–", f"{who}: no pairs", None, f"{who}: no pairs")
    star = "*" if few_errors(rate) else ""
    counted = f"{rate.errors:,} of {rate.pairs:,}"
    spoken = (
        f"{rate_text(rate.rate)}, interval {rate_text(rate.low)} to {rate_text(rate.high)}, {rate.errors:,} {what}"
        f" {rate.pairs:,}" + (", unresolved" if star else "")
    )
    tip = f"{who}: {rate.errors:,} {what} {rate.pairs:,} {pairs}"
    return Field(
        f"{rate_text(rate.rate)}{star}\n{rate_text(rate.low)} … {rate_text(rate.high)}\n{counted}", spoken, heat, tip
    )


def _entries(kind: str, group: str, other: str, rate: RateInterval) -> list[Entry]:
    star = "*" if rate.pairs and few_errors(rate) else ""
    values = [
        Entry(rate_text(value) + (star if number == 0 else ""), -math.inf if math.isnan(value) else value)
        for number, value in enumerate((rate.rate, rate.low, rate.high))
    ]
    counts = [Entry(f"{count:,}", count) for count in (rate.errors, rate.pairs)]
    return [Entry(kind), Entry(group), Entry(other), *values, *counts]


def _plain(rate: RateInterval) -> str:
    return f"{rate_text(rate.rate)}, {rate.errors:,} of {rate.pairs:,}" if rate.pairs else "none"


def _notes(found: GroupRates) -> list[str]:
    level = f"{100 * found.settings.level:g} %"
    texts = [
        f"In each field: the rate, its {level} interval, and the counts behind it. Colours: how far a rate lies from"
        " that of all pairs, from a tenth of it to ten times."
    ]
    if MIXED_NAME in found.groups:
        texts.append(f"{MIXED_NAME}: the images of the template disagree.")
    if UNKNOWN_NAME in found.groups:
        texts.append(f"{UNKNOWN_NAME}: nothing is known of its images.")
    texts.append(f"{_TWO}: the two templates of one subject are of different groups.")
    if any(rate.pairs and few_errors(rate) for row in [*found.fmr, found.fnmr] for rate in row):
        texts.append(
            f"* Unresolved: fewer than {FEW_FALSE_ACCEPTS} errors decide, so chance says more than the model does."
        )
    return texts


def _fill(box: QComboBox, items: dict[str, object]) -> None:
    if [box.itemText(number) for number in range(box.count())] == list(items):
        return
    box.clear()
    for text, data in items.items():
        box.addItem(text, data)
