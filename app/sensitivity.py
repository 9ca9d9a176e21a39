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

from .computing import Computing
from .document import Document
from .lookup import Lookup
from .running_jobs import RunningJobs
from .view_state import IMAGE_MODES, TEMPLATE_MODES


class SensitivityCurves(QObject):
    """Keeps what is stored of the curves that are wanted, and computes what is missing of them on request.

    A curve is one map and fit mode, and a job of its own: each is cancelled, resumed and found again by itself.

    Signals
    -------
    changed() :
        ``results`` or ``fault`` changed, or which curves are being computed.
    """

    changed = Signal()

    def __init__(self, document: Document, computing: Computing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._computing = document, computing
        self._curves: dict[SensitivitySettings, Lookup[Sensitivity]] = {}
        self._jobs = RunningJobs[SensitivitySettings](document.bridge, self)
        self._watched = False
        self._eager: set[SensitivitySettings] = set()  # to be computed as soon as it is known what is missing
        self._jobs.ended.connect(document.refresh)  # the tree counts results
        self._jobs.changed.connect(self.changed)
        document.closed.connect(self._forget)
        for changed in (document.contentsChanged, document.stateChanged, computing.matrixChanged):
            changed.connect(self._follow)

    # -- what it is about ----------------------------------------------------------------------------------------
    @property
    def wanted(self) -> tuple[SensitivitySettings, ...]:
        """Settings of each curve that is chosen; none where there is nothing to fit or to score."""
        contents, entry, state = self._document.contents, self._document.dataset, self._document.state
        if contents is None or entry is None:
            return ()
        matrix = state.settings(contents.model_names)
        if len(set(contents.embedded(entry.name)) & set(matrix.models)) < 2:
            return ()
        return state.sensitivity.settings(matrix, TEMPLATE_MODES if entry.has_templates else IMAGE_MODES)

    @property
    def _looked_up(self) -> tuple[Lookup[Sensitivity], ...]:
        return tuple(self._curves[settings] for settings in self.wanted if settings in self._curves)

    @property
    def results(self) -> tuple[Sensitivity, ...]:
        """What is known of them, in their order."""
        return tuple(curve.found for curve in self._looked_up if curve.found is not None)

    @property
    def fault(self) -> CanonError | None:
        """Why one of them cannot be had."""
        return next((curve.error for curve in self._looked_up if curve.error is not None), None)

    @property
    def known(self) -> bool:
        """Whether it is known of all of them what is stored, or was before the embeddings changed."""
        answered = [curve for curve in self._looked_up if curve.found is not None or curve.error is not None]
        return len(answered) == len(self.wanted)

    @property
    def running(self) -> frozenset[SensitivitySettings]:
        """Those that are being computed, or wait for it."""
        return frozenset(self._jobs) & frozenset(self.wanted)

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
        for kept in self._curves.values():
            kept.drop()
        self._curves.clear()
        self._follow()
        self.changed.emit()

    def _follow(self, *_: object) -> None:
        """Look up the curves that are wanted now and were not, and forget the others."""
        wanted = self.wanted
        gone = [settings for settings in self._curves if settings not in wanted]
        for settings in gone:
            self._curves.pop(settings).drop()
            self._eager.discard(settings)
        if self._watched:
            for settings in wanted:
                self._look_up(settings)
        if gone:
            self.changed.emit()

    def _look_up(self, settings: SensitivitySettings) -> None:
        study = self._document.study
        assert study is not None

        def read() -> Sensitivity:
            from canon_core.experiments.sensitivity import stored_sensitivity

            return stored_sensitivity(study, settings)

        if settings not in self._curves:
            # One question a curve: another one's, such as a cell's, is answered between them.
            topic = f"sensitivity {settings.map} {settings.mode}"
            self._curves[settings] = Lookup(self._document.bridge, topic, lambda: self._curve_changed(settings))
        self._curves[settings].want(self._computing.stamp, read)

    def _curve_changed(self, settings: SensitivitySettings) -> None:
        curve = self._curves[settings]
        self.changed.emit()
        if curve.error is not None:
            self._eager.discard(settings)
        elif settings in self._eager:
            self._begin_missing(settings)

    # -- computing -----------------------------------------------------------------------------------------------
    def compute(self) -> None:
        """Fit and score what is missing of the wanted curves: a job each."""
        for settings in self.wanted:
            self._begin_missing(settings)

    def _begin_missing(self, settings: SensitivitySettings) -> None:
        curve = self._curves.get(settings)
        if curve is None or curve.found is None:
            self._eager.add(settings)
            return
        self._eager.discard(settings)
        if settings not in self._jobs and incomplete(curve.found):
            self._begin(settings)

    def _begin(self, settings: SensitivitySettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> Sensitivity:
            from canon_core.experiments.sensitivity import run_sensitivity

            return run_sensitivity(study, settings, ctx)

        def arrived(cells: list[SensitivityCell]) -> None:
            curve = self._curves.get(settings)
            if curve is not None and curve.found is not None:
                result = curve.found
                for cell in cells:
                    result = with_cell(result, cell)
                curve.put(result)

        def finished(result: Sensitivity) -> None:
            if settings in self._curves:
                self._curves[settings].put(result)
            self._computing.look_for_more()  # single models that were missing were scored on the way

        self._jobs.begin(
            f"Sensitivity of {settings.dataset} · {settings.map}, {settings.mode}",
            work,
            settings,
            on_partial=arrived,
            on_result=finished,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin(settings),
        )

    # -- following the document ----------------------------------------------------------------------------------
    def _forget(self) -> None:
        for curve in self._curves.values():
            curve.drop()
        self._curves.clear()
        self._jobs.forget()
        self._eager.clear()
        self.changed.emit()


def incomplete(result: Sensitivity) -> bool:
    """Whether a cell is missing that can be computed, or a single model that it is compared with."""
    return bool(result.wanted) or set(result.dimensions) > set(result.single)
