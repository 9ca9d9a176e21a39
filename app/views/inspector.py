"""Everything about the one thing that is chosen: a cell, a model or a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from canon_core.figures.curve import FEW_IMPOSTORS
from canon_core.figures.numbers import difference, difference_text, tar_text
from canon_core.study.results import Cell, FitMode, Matrix, far_text, settings_line
from canon_core.verification.roc import FarRule

from .bar_buttons import button_line, tool_button
from .confidence_section import write_confidence
from .empty_state import EmptyState
from .entry_sheets import dataset_sheet, model_sheet
from .explanations import (
    few_pairs_note,
    in_sample_note,
    left_out_note,
    residual_words,
    subject_note,
)
from .fact_sheet import FactSheet
from .fold_section import FoldButtons, write_folds
from .group_section import write_groups
from .map_comparison import write_comparison
from .shown_matrix import number_text, rate_text, title_of, why_missing
from .singular_plot import SingularPlot

if TYPE_CHECKING:
    from canon_core.datasets.faces import Problem
    from canon_core.study.confidence_results import Confidence
    from canon_core.study.entries import DatasetEntry, ModelEntry
    from canon_core.study.group_results import GroupRates
    from canon_core.study.results import FoldMatrix

    from ..contents import Imported
    from ..next_step import NextStep


@dataclass(frozen=True)
class Beyond:
    """What is known of a cell beyond its own numbers.

    Attributes
    ----------
    intervals : Confidence or None
        What is stored of its intervals and differences; None while that is looked up.
    sampling : bool
        Whether they are being computed.
    refusal : str
        Why nothing can be computed; empty where it can.
    command : str
        The command that computes the intervals of all cells.
    covariate : str
        By which its templates can be grouped; empty where they cannot.
    groups : GroupRates or None
        Its errors by group, where they were counted.
    other_map : Cell or None
        The cell through the map that its own is compared with, where it is stored.
    comparing : bool
        Whether that is still looked up.
    folds : FoldMatrix or None
        Fold accuracies of the matrix's cells, where the dataset has folds and it is known what is stored.
    folding : bool
        Whether that of this cell is being computed.
    """

    intervals: Confidence | None = None
    sampling: bool = False
    refusal: str = ""
    command: str = ""
    covariate: str = ""
    groups: GroupRates | None = None
    other_map: Cell | None = None
    comparing: bool = False
    folds: FoldMatrix | None = None
    folding: bool = False


class Inspector(QWidget):
    """A sheet of facts that scrolls, and a button that copies it.

    Signals
    -------
    confidenceRequested(), groupsRequested() :
        The buttons for intervals, and for errors by group.
    foldsRequested(), foldsExportRequested(), foldsCommandRequested(), foldsUnfolded() :
        The buttons for fold accuracy; single folds are to be shown, or no longer.
    actionRequested(key) : str
        The button below a cell without a number.
    """

    foldsRequested = Signal()
    foldsExportRequested = Signal()
    foldsCommandRequested = Signal()
    foldsUnfolded = Signal()
    confidenceRequested = Signal()
    groupsRequested = Signal()
    actionRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Inspector")
        self._shown: tuple[object, ...] = ()
        self.sheet: FactSheet | None = None
        self._each_fold = False
        self._empty = EmptyState("Choose a cell, a model or a dataset: its facts appear here.")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setAccessibleName("Facts of what is chosen")  # the keyboard scrolls it
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.copy_button = tool_button("Copy", "Copy these facts as text")
        self.copy_button.clicked.connect(self.copy_facts)
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 4, 8, 0)
        bar.addStretch(1)
        bar.addWidget(self.copy_button)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self._scroll, 1)
        self._page = page
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def sizeHint(self) -> QSize:
        return QSize(360, 520)

    def text(self) -> str:
        """All that is shown, as lines; empty where nothing is."""
        return "" if self.sheet is None else self.sheet.text()

    def copy_facts(self) -> None:
        """All facts as text to the clipboard."""
        QGuiApplication.clipboard().setText(self.text())

    # -- given from outside --------------------------------------------------------------------------------------
    def show_nothing(self) -> None:
        """Nothing is chosen."""
        self._shown = ()
        self.sheet = None
        self._stack.setCurrentWidget(self._empty)

    def show_cell(
        self, cell: Cell, matrix: Matrix, rule: FarRule, far: float | None = None, beyond: Beyond | None = None
    ) -> None:
        """A cell of a matrix, read by a rule; ``far`` is set off from the other FARs. ``beyond`` brings what else is
        known of it."""
        rule = FarRule(rule)
        singles = tuple(matrix.cells.get((name, name)) for name in (cell.source, cell.target))
        more = () if beyond is None else (beyond.intervals, beyond.groups, beyond.other_map, beyond.folds)
        words = () if beyond is None else (
            str(beyond.sampling), str(beyond.comparing), beyond.refusal, beyond.command, beyond.covariate,
            str(beyond.folding), str(self._each_fold),
        )  # fmt: skip
        if self._is_shown("cell", cell, matrix.settings, rule, far, singles, words, *more):
            return
        settings = matrix.settings
        sheet = FactSheet()
        fitted = f", fit {settings.mode}" if cell.fits or settings.mode is FitMode.DISJOINT else ""
        seed = f" (seed {settings.seed})" if settings.mode is FitMode.DISJOINT else ""
        through = "single model" if cell.single else f"map {settings.map}"
        sheet.title(title_of(cell.source, cell.target), f"{matrix.dataset_title} · {through}{fitted}{seed}")
        for note in (
            few_pairs_note(cell),
            in_sample_note(matrix, cell),
            subject_note(cell),
            left_out_note(cell),
        ):
            sheet.note(note)
        _readings(sheet, cell, matrix, rule, far)
        if beyond is not None and beyond.folds is not None:
            write_folds(
                sheet,
                cell,
                beyond.folds,
                running=beyond.folding,
                refusal=beyond.refusal,
                each=self._each_fold,
                buttons=FoldButtons(
                    self.foldsRequested.emit, self._unfold, self.foldsExportRequested.emit,
                    self.foldsCommandRequested.emit,
                ),
            )  # fmt: skip
        if beyond is not None:
            write_confidence(
                sheet,
                cell,
                matrix,
                rule,
                far,
                known=beyond.intervals,
                running=beyond.sampling,
                refusal=beyond.refusal,
                compute=self.confidenceRequested.emit,
                copy=lambda command=beyond.command: QGuiApplication.clipboard().setText(command),
            )
            if beyond.covariate:
                write_groups(sheet, beyond.groups, beyond.covariate, self.groupsRequested.emit)
        sheet.heading("Pairs")
        sheet.facts(
            [
                ("genuine", f"{cell.genuine:,}"),
                ("impostor", f"{cell.impostors:,}"),
                ("EER", number_text(cell.eer)),
                ("AUC", number_text(cell.auc, 5)),
                (
                    "largest subject",
                    f"{cell.largest_subject}, {100 * cell.largest_subject_share:.1f} % of genuine pairs"
                    if cell.largest_subject
                    else "",
                ),
                ("computed in", f"{cell.seconds:.1f} s"),
            ]
        )
        if cell.fits:
            _fits(sheet, cell, matrix)
        other, looking = (None, False) if beyond is None else (beyond.other_map, beyond.comparing)
        write_comparison(sheet, cell, matrix, rule, far, other, looking=looking)
        sheet.heading("Settings")
        sheet.remark(settings_line(matrix, rule))
        self._show(sheet)

    def show_missing(
        self, source: str, target: str, matrix: Matrix, *, pending: bool = False, step: NextStep | None = None
    ) -> None:
        """A cell that has no number: why, and what to do about it."""
        why = why_missing(matrix, (source, target), pending=pending)
        if self._is_shown("missing", source, target, why, "" if step is None else f"{step.text} {step.button}"):
            return
        sheet = FactSheet()
        sheet.title(title_of(source, target), f"{matrix.dataset_title} · map {matrix.settings.map}")
        sheet.heading("Why there is no number")
        sheet.paragraph(f"{why[:1].upper()}{why[1:]}.")
        if step is not None:
            sheet.paragraph(step.text)
            if step.button:
                sheet.widget(button_line(step.button, step.text, lambda: self.actionRequested.emit(step.action)))
        self._show(sheet)

    def show_model(self, entry: ModelEntry, imports: Sequence[Imported] = ()) -> None:
        """A model of the study; ``imports`` says where embeddings that were made elsewhere came from."""
        if not self._is_shown("model", entry, tuple(imports)):
            self._show(model_sheet(entry, imports))

    def show_dataset(self, entry: DatasetEntry, problems: Sequence[Problem] = ()) -> None:
        """A dataset of the study, and the images that were left out of it."""
        if not self._is_shown("dataset", entry, tuple(problems)):
            self._show(dataset_sheet(entry, problems))

    def _unfold(self) -> None:
        self._each_fold = not self._each_fold
        self.foldsUnfolded.emit()

    # -- showing -------------------------------------------------------------------------------------------------
    def _is_shown(self, *what: object) -> bool:
        """Whether just this is on the screen already; text that is being selected must not vanish then."""
        same = len(what) == len(self._shown) and all(
            old is new or (isinstance(new, (str, float, tuple)) and old == new)
            for old, new in zip(self._shown, what, strict=True)
        )
        self._shown = what
        return same

    def _show(self, sheet: FactSheet) -> None:
        sheet.finish()
        self.sheet = sheet
        height = self._scroll.verticalScrollBar().value()
        before, focused = self._scroll.widget(), self.window().focusWidget()
        held = before is not None and focused is not None and before.isAncestorOf(focused)
        name = focused.objectName() if held and focused is not None else ""
        self._scroll.setWidget(sheet)  # deletes the one before, and what had the focus in it
        self._stack.setCurrentWidget(self._page)
        if held:
            _heir(sheet, name, self._scroll).setFocus()
        self._scroll.verticalScrollBar().setValue(height)


def _heir(sheet: FactSheet, name: str, otherwise: QWidget) -> QWidget:
    """What takes the focus over from something of this name in the sheet of before."""
    buttons = sheet.findChildren(QPushButton, name) if name else []
    return next((button for button in buttons if button.isEnabled()), otherwise)


def _readings(sheet: FactSheet, cell: Cell, matrix: Matrix, rule: FarRule, far: float | None) -> None:
    targets, readings = matrix.settings.far, cell.readings[rule]
    bold = targets.index(far) if far in targets else None
    halves = any(reading.halves for reading in readings)
    sheet.heading("TAR at each FAR")
    columns = ["FAR", "TAR", "alike"] + (["halves"] if halves else []) + ([] if cell.single else ["to weaker"])
    rows = []
    for target, reading in zip(targets, readings, strict=True):
        few = reading.point.false_accepts < FEW_IMPOSTORS
        row = [far_text(target), tar_text(reading.point.tar) + "*" * few, tar_text(reading.subject_tar)]
        if halves:
            row.append(" ".join(tar_text(half.tar) for half in reading.halves))
        if not cell.single:
            row.append(difference_text(difference(matrix, cell.source, cell.target, target, rule)))
        rows.append(row)
    sheet.table(columns, rows, bold_row=bold)
    words = ["alike: every subject weighted the same, at the same threshold"]
    if halves:
        words.append("halves: each by itself, with its own threshold")
    if not cell.single:
        words.append("to weaker: TAR less that of the weaker of the two models by itself, so that + says the map gains")
    if any(reading.point.false_accepts < FEW_IMPOSTORS for reading in readings):
        words.append(f"*: fewer than {FEW_IMPOSTORS} impostor pairs decide, which is left to chance")
    sheet.remark("; ".join(words) + ".")
    sheet.heading("Thresholds")
    sheet.table(
        ["FAR", "threshold", "achieved", "false accepts"],
        [
            [
                far_text(target),
                number_text(reading.point.threshold),
                rate_text(reading.point.far),
                f"{reading.point.false_accepts:,}",
            ]
            for target, reading in zip(targets, readings, strict=True)
        ],
        bold_row=bold,
    )
    sheet.remark(f"FAR rule {rule}; a pair is accepted where its score reaches the threshold.")


def _fits(sheet: FactSheet, cell: Cell, matrix: Matrix) -> None:
    sheet.heading("Map" if len(cell.fits) == 1 else "Maps, each fitted on the other half")
    if len(cell.fits) == 1:
        names = ["on all enrolment images" if matrix.templates else "on all images"]
    else:
        names = [f"for half {number + 1}" for number in range(len(cell.fits))]
    rows = [
        ["fit pairs", *(f"{fit.pairs:,}" for fit in cell.fits)],
        ["a dimension", *(f"{fit.pairs_per_dimension:.1f}" for fit in cell.fits)],
        ["rank", *(f"{fit.rank:,}" for fit in cell.fits)],
        ["condition", *(f"{fit.condition:.3g}" for fit in cell.fits)],
        ["1 − cosine", *(number_text(fit.residual) for fit in cell.fits)],
        ["R²", *(number_text(fit.r2) for fit in cell.fits)],
    ]
    sheet.table(["", *names], rows)
    sheet.remark(
        f"Source of {cell.fits[0].dimensions} dimensions. "
        f"Residual (1 − mean cosine) and R² {residual_words(cell.fits)}."
    )
    sheet.widget(SingularPlot([fit.singular_values for fit in cell.fits]))
