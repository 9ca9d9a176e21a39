"""Ties the pairs behind a cell to the document: which are listed, whose faces are shown, and where they lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError
from canon_core.study.pair_results import PairKind, PairSettings, pairs_line

from . import pair_finding as finding
from .actions import Actions
from .computing import Computing
from .document import Document
from .exportables import pairs_export
from .exporting import Exporting
from .pair_finding import FinderShelf, Picture, Question
from .running_jobs import RunningJobs
from .settled import settled
from .statistics import Statistics
from .views.face_image import image_of
from .views.pair_view import PairView, ShownPairs
from .views.roc_view import RocView
from .views.shown_matrix import title_of
from .views.statistics_commands import pairs_command
from .wording import fault_text

if TYPE_CHECKING:
    from canon_core.experiments.pairs import FacePair
    from canon_core.jobs import JobContext

    from .view_state import ViewState

_LISTS_TOPIC, _DETAILS_TOPIC, _FACES_TOPIC = "face pairs", "one face pair", "faces of pairs"
_SINGLE_TOPIC = "pair that was asked for"


class PairsPresenter(QObject):
    """Shows the pairs of the chosen cell, and of an interval that was brushed in its histogram.

    Signals
    -------
    pairChosen(image_a, image_b) : str, str
        Ids of the two images that are looked at (of templates those that stand for them), for other views.
    compareRequested(pair, source, target) : FacePair, str, str
        A pair and the models of its cell, for the view of two faces.
    """

    pairChosen = Signal(str, str)
    compareRequested = Signal(object, str, str)

    def __init__(
        self,
        document: Document,
        computing: Computing,
        statistics: Statistics,
        actions: Actions,
        exporting: Exporting,
        *,
        view: PairView,
        roc: RocView,
    ) -> None:
        super().__init__(document)
        self._document, self._statistics = document, statistics
        self._actions, self._exporting, self._view, self._roc = actions, exporting, view, roc
        self._shelf, self._batch_shelf = FinderShelf(), FinderShelf()
        self._interval: tuple[float, float] | None = None
        self._interval_of = ""  # key of the cell over whose scores it was brushed
        self._asked: Question | None = None  # what the view shows or waits for
        self._jobs = RunningJobs[Question](document.bridge, self)
        self._fault = ""
        self._unsought = False  # nothing is stored, and looking takes long: a button is shown
        self._pictures_of: object = None
        self._single: tuple[str, str, int, int] | None = None  # a pair that was asked for by itself, and
        self._single_of = ""  # the fingerprint of the dataset it is of
        self._late = settled(self, 0, self._show)
        for changed in (
            document.opened, document.contentsChanged, document.stateChanged, computing.matrixChanged,
        ):  # fmt: skip
            changed.connect(self._soon)
        document.stateChanged.connect(self._forget_single)
        document.closed.connect(self._closed)
        roc.intervalBrushed.connect(self.show_interval)
        view.pairSelected.connect(self._ask_details)
        view.picturesWanted.connect(self._ask_faces)
        view.alignedChanged.connect(self._look_changed)
        view.compareRequested.connect(self._compare)
        view.exportRequested.connect(self._export)
        view.set_command(self._command)
        view.actionRequested.connect(self._act)
        self._soon()

    # -- what is asked -------------------------------------------------------------------------------------------
    def show_interval(self, low: float, high: float) -> None:
        """List the pairs of the chosen cell whose score lies in an interval, and go there."""
        edge = 0.9995  # the outermost bins hold what rounding carried past ±1
        self._interval = (
            float("-inf") if low <= -edge else low,
            float("inf") if high >= edge else high,
        )
        question = self._question
        self._interval_of = question.cell if question is not None else ""
        self._actions["view.pairs"].trigger()
        self._soon()

    def open_pair(self, source: str, target: str, first: int, second: int) -> None:
        """Show two images (by row) or templates (by id) as a pair of a cell, and go there."""
        self._single, self._single_of = (source, target, first, second), self._fingerprint
        self._actions["view.pairs"].trigger()
        self._soon()

    def _forget_single(self, before: ViewState, after: ViewState) -> None:
        """Something else was chosen before the pair could be shown: it is not wanted any more."""
        if (before.dataset, before.cells) != (after.dataset, after.cells):
            self._single = None

    def tab_shown(self, *_: object) -> None:
        """Another view is looked at."""
        self._soon()

    def _soon(self, *_: object) -> None:
        self._late.start()

    @property
    def _fingerprint(self) -> str:
        entry = self._document.dataset
        return entry.fingerprint if entry is not None else ""

    @property
    def _question(self) -> Question | None:
        chosen, state = self._statistics.chosen, self._document.state
        if chosen is None or state.far not in chosen.matrix.settings.far:
            return None
        settings = PairSettings(chosen.matrix.settings, *chosen.pair, state.far, state.rule)
        return Question(settings, chosen.cell.key)

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        if not self._view.isVisible():
            return
        question = self._question
        if question is None or question.cell != self._interval_of:
            self._interval = None  # it was brushed over the scores of another cell
        wanted = None if question is None else replace(question, interval=self._interval)
        if wanted is None:
            self._asked = None
            self._document.bridge.drop(_LISTS_TOPIC)
            self._view.set_empty(
                "Choose a cell of the matrix: the pairs it gets wrong, and those its map creates or repairs, appear"
                " here.",
                "Go to the matrix" if self._document.contents is not None else "",
            )
            self._view.set_pairs(None)
        elif wanted != self._asked:
            self._ask(wanted)
        elif self._view.shown is not None:
            self._show_single(wanted)

    def _ask(self, question: Question) -> None:
        study, entry = self._document.study, self._document.dataset
        if study is None or entry is None:
            return
        if self._asked is None or self._asked.settings != question.settings or self._asked.cell != question.cell:
            self._view.set_pairs(None)  # pairs of another cell
            self._document.bridge.run_errand(self._batch_shelf.clear)  # what it read of many images is a gigabyte
        self._asked, self._fault, self._unsought = question, "", False
        self._view.set_empty(f"Looking for pairs of {title_of(question.settings.source, question.settings.target)}…")
        if question in self._jobs:
            self._say_running()
            return
        many = finding.many_pairs(entry)

        def work(ctx: JobContext) -> ShownPairs | None:
            if many:
                return finding.stored(self._shelf, study, question)
            return finding.find(self._shelf, study, question, ctx)

        def found(shown: ShownPairs | None) -> None:
            if self._asked != question:
                return
            if shown is not None:
                self._arrived(question, shown)
            elif question.interval is not None:
                self._seek(question)  # brushing is asking
            else:
                self._unsought = True
                source, target = question.settings.source, question.settings.target
                self._view.set_empty(
                    f"The pairs of {title_of(source, target)} were not looked for yet. There are many: it takes some"
                    " seconds, and what is found is kept.",
                    "Find pairs",
                )
                self._view.set_pairs(None)

        self._document.bridge.ask(
            _LISTS_TOPIC, work, on_result=found, on_failure=lambda error: self._failed(question, error)
        )

    def _seek(self, question: Question) -> None:
        """Look through many pairs: a job."""
        study = self._document.study
        if study is None:
            return
        title = title_of(question.settings.source, question.settings.target)

        def work(ctx: JobContext) -> ShownPairs:
            return finding.find(self._batch_shelf, study, question, ctx)

        def found(shown: ShownPairs) -> None:
            if self._asked == question:
                self._arrived(question, shown)

        self._jobs.begin(
            f"Find pairs of {title}",
            work,
            question,
            on_result=found,
            on_failure=lambda error: self._failed(question, error),
            on_cancelled=lambda: self._cancelled(question),
            resume=lambda: self._seek(question),
        )
        if self._asked == question:
            self._say_running()

    def _say_running(self) -> None:
        self._view.set_empty("All pairs are being looked at. How far that is, is shown below.")
        self._view.set_pairs(None)

    def _cancelled(self, question: Question) -> None:
        if self._asked == question:
            self._unsought = True
            self._view.set_empty("Looking for pairs was cancelled.", "Find pairs")
            self._view.set_pairs(None)

    def _failed(self, question: Question, error: CanonError) -> None:
        if self._asked == question:
            self._fault = fault_text(error)
            self._view.set_empty(self._fault, "Try again")
            self._view.set_pairs(None)

    def _arrived(self, question: Question, shown: ShownPairs) -> None:
        entry = self._document.dataset
        pictures = (entry.fingerprint if entry is not None else "", self._view.aligned)
        if pictures != self._pictures_of:
            self._pictures_of = pictures
            self._view.list.forget_pictures()
        line = pairs_line(
            question.settings, entry.title if entry is not None else "", templates=shown.templates
        )
        self._view.set_pairs(shown, line)
        if question.interval is not None and not self._view.listing[0].value.endswith("interval"):
            kind = PairKind.GENUINE_BETWEEN
            if not shown.totals.get((kind, None)):
                kind = PairKind.IMPOSTORS_BETWEEN
            self._view.show_kind(kind)
        self._show_single(question)

    def _show_single(self, question: Question) -> None:
        """Show the pair that was asked for, where it is one of this cell."""
        study, single, settings = self._document.study, self._single, question.settings
        if single is None or study is None or single[:2] != (settings.source, settings.target):
            return
        self._single = None
        if self._single_of != self._fingerprint:  # its images changed meanwhile: a row is somebody else now
            return

        def work(_ctx: JobContext) -> FacePair:
            return finding.single(self._shelf, study, question, *single[2:])

        def found(pair: FacePair) -> None:
            if self._asked == question and self._view.shown is not None:
                self._view.show_pair(pair)

        self._document.bridge.ask(_SINGLE_TOPIC, work, on_result=found, on_failure=self._document.faulted.emit)

    def _act(self) -> None:
        """The button of the empty state."""
        if self._asked is None:
            self._actions["view.matrix"].trigger()
        elif self._unsought:
            self._seek(self._asked)
        else:
            question, self._asked = self._asked, None
            self._ask(question)

    def _closed(self) -> None:
        self._asked = self._interval = self._single = None
        self._jobs.forget()
        self._pictures_of = None
        self._view.list.forget_pictures()
        self._view.set_pairs(None)
        for shelf in (self._shelf, self._batch_shelf):
            self._document.bridge.run_errand(shelf.clear)  # its memory is given back off the window's thread

    # -- one pair ------------------------------------------------------------------------------------------------
    def _ask_details(self, pair: FacePair | None) -> None:
        study, question, shown = self._document.study, self._asked, self._view.shown
        if pair is None or study is None or question is None or shown is None:
            self._document.bridge.drop(_DETAILS_TOPIC)
            return
        aligned = self._view.aligned

        def work(ctx: JobContext) -> None:
            finding.details(self._shelf, study, question, pair, shown.thresholds, aligned, ctx)

        def arrived(parts: list[Any]) -> None:
            for part in parts:
                if self._view.panel.pair is not pair:
                    return
                if isinstance(part, Picture):
                    self._view.panel.show_picture(
                        part.row, None if part.pixels is None else image_of(part.pixels), part.reason
                    )
                else:
                    self._view.panel.show_details(part)

        self._document.bridge.ask(
            _DETAILS_TOPIC, work, on_partial=arrived, on_failure=self._document.faulted.emit
        )
        self._tell(pair)

    def _tell(self, pair: FacePair) -> None:
        """Tell other views which two images are looked at."""
        study, question = self._document.study, self._asked
        if study is None or question is None:
            return
        if not pair.first.template:
            self.pairChosen.emit(pair.first.name, pair.second.name)
            return
        rows = pair.first.image, pair.second.image

        def look(_ctx: JobContext) -> tuple[str, str]:
            ids = self._shelf.finder(study, question).cells.usable.faces.ids
            return ids[rows[0]], ids[rows[1]]

        if min(rows) >= 0:
            self._document.bridge.ask("ids of a pair", look, on_result=lambda ids: self.pairChosen.emit(*ids))

    def _ask_faces(self, rows: list[int]) -> None:
        study, question = self._document.study, self._asked
        if study is None or question is None:
            return
        aligned = self._view.aligned

        def work(ctx: JobContext) -> None:
            finding.thumbnails(self._shelf, study, question, rows, aligned, ctx)

        def arrived(parts: list[Any]) -> None:
            if aligned == self._view.aligned:
                for part in parts:
                    image = None if part.pixels is None else image_of(part.pixels)
                    self._view.set_thumbnail(part.row, image, part.reason)

        self._document.bridge.ask(_FACES_TOPIC, work, on_partial=arrived, on_failure=lambda _: None)

    def _look_changed(self, aligned: bool) -> None:
        entry = self._document.dataset
        self._pictures_of = (entry.fingerprint if entry is not None else "", aligned)
        self._view.list.forget_pictures()
        self._ask_details(self._view.panel.pair)

    def _compare(self, pair: FacePair) -> None:
        shown = self._view.shown
        if shown is not None and min(pair.first.image, pair.second.image) >= 0:
            self.compareRequested.emit(pair, shown.source, shown.target)

    def _command(self) -> str:
        question, contents, shown = self._asked, self._document.contents, self._view.shown
        if question is None or contents is None or shown is None:
            return ""
        kind, against = self._view.listing
        interval = shown.interval if kind in (PairKind.GENUINE_BETWEEN, PairKind.IMPOSTORS_BETWEEN) else None
        return pairs_command(str(contents.path), question.settings, kind, against, interval)

    # -- export --------------------------------------------------------------------------------------------------
    def _export(self) -> None:
        study = self._document.study
        if study is not None:
            self._exporting.ask([pairs_export(study, self._document.state.dataset, self._view)])
