"""What is known of the open study's sensitivity: TAR against the number of fit pairs, curve by curve."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError
from canon_core.jobs import JobContext
from canon_core.study.sensitivity_results import (
    Pair,
    Sensitivity,
    SensitivityCell,
    SensitivitySettings,
    with_cell,
)

from .computing import Computing, wanted_cells
from .document import Document
from .view_state import IMAGE_MODES, TEMPLATE_MODES


class SensitivityCurves(QObject):
    """Keeps what is stored of the curves that are wanted, and computes what is missing of them on request.

    A curve is one map and fit mode, and a job of its own: each is cancelled, resumed and found again by itself.

    Signals
    -------
    changed() :
        ``found`` or ``faults`` changed, or which curves are being computed.
    """

    changed = Signal()

    def __init__(self, document: Document, computing: Computing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._computing, self._bridge = document, computing, document.bridge
        self.found: dict[SensitivitySettings, Sensitivity] = {}
        self.faults: dict[SensitivitySettings, CanonError] = {}  #: why a curve cannot be looked up
        self._asked: dict[SensitivitySettings, object] = {}  # what the answer belongs to
        self._running: dict[int, SensitivitySettings] = {}
        self._watched = False
        self._eager: set[SensitivitySettings] = set()  # to be computed as soon as it is known what is missing
        document.closed.connect(self._forget)
        document.contentsChanged.connect(self._contents_changed)
        document.stateChanged.connect(self._follow)
        computing.matrixChanged.connect(self._follow)
        for ended in (self._bridge.finished, self._bridge.failed, self._bridge.cancelled):
            ended.connect(self._job_ended)

    # -- what it is about ----------------------------------------------------------------------------------------
    @property
    def wanted(self) -> tuple[SensitivitySettings, ...]:
        """Settings of each curve that is chosen; none where there is nothing to fit or to score."""
        contents, state = self._document.contents, self._document.state
        entry = contents.dataset(state.dataset) if contents is not None else None
        if contents is None or entry is None:
            return ()
        matrix = state.settings(contents.model_names)
        if len(set(contents.embedded(entry.name)) & set(matrix.models)) < 2:
            return ()
        return state.sensitivity.settings(matrix, TEMPLATE_MODES if entry.has_templates else IMAGE_MODES)

    @property
    def results(self) -> tuple[Sensitivity, ...]:
        """What is known of them, in their order."""
        return tuple(self.found[settings] for settings in self.wanted if settings in self.found)

    @property
    def fault(self) -> CanonError | None:
        """Why one of them cannot be had."""
        return next((self.faults[settings] for settings in self.wanted if settings in self.faults), None)

    @property
    def known(self) -> bool:
        """Whether it is known of all of them what is stored."""
        return all(settings in self.found or settings in self.faults for settings in self.wanted)

    @property
    def running(self) -> frozenset[SensitivitySettings]:
        """Those that are being computed, or wait for it."""
        return frozenset(self._running.values()) & frozenset(self.wanted)

    @property
    def among(self) -> tuple[Pair, ...] | None:
        """Cells that means are over: those chosen in the matrix that lie off the diagonal; None for all."""
        state = self._document.state
        if not state.sensitivity.chosen:
            return None
        return tuple((source, target) for source, target in state.cells if source != target)

    # -- looking up ----------------------------------------------------------------------------------------------
    def watch(self, watched: bool) -> None:
        """Say whether curves are on the screen: else they are not looked up."""
        self._watched = watched
        self._follow()

    def look_again(self) -> None:
        """Stored cells were deleted: look up what is left."""
        for kept in (self.found, self.faults, self._asked):
            kept.clear()
        self._follow()
        self.changed.emit()

    def _contents_changed(self, *_: object) -> None:
        for settings in [each for each in self._asked if each not in self.found and each not in self.faults]:
            del self._asked[settings]  # the change may have dropped the question
        self._follow()

    def _follow(self, *_: object) -> None:
        """Look up the curves that are wanted now and were not, and forget the others."""
        wanted, stamp = self.wanted, self._computing.stamp
        gone = [settings for settings in self._asked if settings not in wanted]
        for settings in gone:
            del self._asked[settings]
            self._eager.discard(settings)
            self.found.pop(settings, None)
            self.faults.pop(settings, None)
            self._bridge.drop(_topic(settings))
        if self._watched:
            for settings in wanted:
                if self._asked.get(settings) != stamp:
                    self._ask(settings, stamp)
        if gone:
            self.changed.emit()

    def _ask(self, settings: SensitivitySettings, stamp: object) -> None:
        study = self._document.study
        assert study is not None
        self._asked[settings] = stamp

        def read(_ctx: JobContext) -> Sensitivity:
            from canon_core.experiments.sensitivity import stored_sensitivity

            return stored_sensitivity(study, settings)

        def answered(result: Sensitivity) -> None:
            if self._asked.get(settings) == stamp:
                self._known(result)
                if settings in self._eager:
                    self._begin_missing(settings)

        def failed(error: CanonError) -> None:
            if self._asked.get(settings) == stamp:
                self.found.pop(settings, None)
                self._eager.discard(settings)
                self.faults[settings] = error
                self.changed.emit()

        # One question a curve: another one's, such as a cell's, is answered between them.
        self._bridge.ask(_topic(settings), read, on_result=answered, on_failure=failed)

    def _known(self, result: Sensitivity) -> None:
        self.faults.pop(result.settings, None)
        self.found[result.settings] = result
        self.changed.emit()

    # -- computing -----------------------------------------------------------------------------------------------
    def compute(self) -> None:
        """Fit and score what is missing of the wanted curves: a job each."""
        for settings in self.wanted:
            self._begin_missing(settings)

    def _begin_missing(self, settings: SensitivitySettings) -> None:
        result = self.found.get(settings)
        if result is None:
            self._eager.add(settings)
            return
        self._eager.discard(settings)
        if settings not in self.running and incomplete(result):
            self._begin(settings)

    def _begin(self, settings: SensitivitySettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> Sensitivity:
            from canon_core.experiments.sensitivity import run_sensitivity

            return run_sensitivity(study, settings, ctx)

        def arrived(cells: list[SensitivityCell]) -> None:
            result = self.found.get(settings)
            if result is not None:
                for cell in cells:
                    result = with_cell(result, cell)
                self._known(result)

        def finished(result: Sensitivity) -> None:
            if settings in self._asked:
                self._known(result)
            if wanted_cells(self._computing.matrix):  # single models that were missing were scored on the way
                self._computing.look_again()

        number = self._bridge.submit(
            f"Sensitivity of {settings.dataset} · {settings.map}, {settings.mode}",
            work,
            on_partial=arrived,
            on_result=finished,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin(settings),
        )
        self._running[number] = settings
        self.changed.emit()

    # -- following the jobs and the document ---------------------------------------------------------------------
    def _job_ended(self, number: int, *_: object) -> None:
        if self._running.pop(number, None) is not None:
            self._document.refresh()  # the tree counts results
            self.changed.emit()

    def _forget(self) -> None:
        for kept in (self.found, self.faults, self._asked, self._running):
            kept.clear()
        self._eager.clear()
        self.changed.emit()


def incomplete(result: Sensitivity) -> bool:
    """Whether a cell is missing that can be computed, or a single model that it is compared with."""
    return bool(result.wanted) or set(result.dimensions) > set(result.single)


def _topic(settings: SensitivitySettings) -> str:
    return f"sensitivity {settings.map} {settings.mode}"
