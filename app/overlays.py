"""The overlay that belongs to the chosen cell: looked up, laid out at once by PCA, and by UMAP in a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError
from canon_core.jobs import JobContext, Progress
from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.projection.worker_process import ProjectionWorker
from canon_core.study.overlay_results import DEFAULT_POINTS, Overlay, OverlayLevel, OverlaySettings

from .computing import Computing
from .document import Document
from .overlay_choice import OverlayChoice
from .running_jobs import RunningJobs
from .thumbnails import Face
from .view_state import Pair

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails

_TOPIC, _DETAILS_TOPIC = "overlay", "points of the overlay"
#: Points that are sorted into classes, or listed, in the window's own thread: 5 ms.
FEW_POINTS = 50_000
#: Items up to which an overlay of one source is scored, and neighbours are looked up, while somebody waits.
_AT_ONCE = DEFAULT_POINTS


class Overlays(QObject):
    """Keeps the overlay of the present choice while somebody looks at it.

    PCA and singular directions, and PCA as a stand-in for UMAP, answer on the interactive lane; UMAP, and whatever has
    more than :func:`items_at_once`, is a job that can be cancelled.

    Signals
    -------
    changed() :
        ``shown``, ``error`` or what is under way changed.
    detailsChanged() :
        ``details`` changed.
    progressed(text) : str
        What the job does just then.
    """

    changed = Signal()
    detailsChanged = Signal()
    progressed = Signal(str)

    def __init__(self, document: Document, computing: Computing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._computing, self._bridge = document, computing, document.bridge
        self.shown: Overlay | None = None
        self.details: OverlayDetails | None = None
        self.error: CanonError | None = None
        self._worker = ProjectionWorker()
        self._ended = False
        self._watched = False
        self._asked: tuple[OverlaySettings, object] | None = None  # what is shown, or will be when it is there
        self._looking = False
        self._jobs = RunningJobs[OverlaySettings](self._bridge, self)
        self._comparing = 0  # job that looks up neighbours of many points; 0 before any
        self._jobs.changed.connect(self.changed)
        self._jobs.progressed.connect(self._progressed)
        document.closed.connect(self._forget)
        for changed in (document.contentsChanged, document.stateChanged, computing.matrixChanged):
            changed.connect(self._follow)

    # -- what it is about ----------------------------------------------------------------------------------------
    @property
    def choice(self) -> OverlayChoice:
        """What the study remembers of it."""
        return self._document.state.overlay

    @property
    def models(self) -> tuple[str, ...]:
        """Models that can be overlaid: embedded, and not left out."""
        contents, state = self._document.contents, self._document.state
        if contents is None or self._document.dataset is None:
            return ()
        return tuple(name for name in contents.embedded(state.dataset) if name not in state.left_out)

    @property
    def pair(self) -> Pair | None:
        """Source and target: the chosen cell's, or, of a single model, another source into it."""
        models = self.models
        if len(models) < 2:
            return None
        source, target = self._cell or models[:2]
        if source == target:
            source = next(name for name in models if name != target)
        return source, target

    @property
    def alone(self) -> str:
        """The model that is compared with itself in the chosen cell, which no overlay shows; empty for other cells."""
        cell = self._cell
        return cell[0] if cell is not None and cell[0] == cell[1] else ""

    @property
    def _cell(self) -> Pair | None:
        """The cell chosen last whose models can be overlaid."""
        models = set(self.models)
        return next((pair for pair in reversed(self._document.state.cells) if models.issuperset(pair)), None)

    @property
    def has_templates(self) -> bool:
        """Whether the dataset of the maps compares templates."""
        contents = self._document.contents
        entry = contents.dataset(self._document.state.dataset) if contents is not None else None
        return entry is not None and entry.has_templates

    @property
    def addable(self) -> tuple[str, ...]:
        """Further datasets that the wanted models are embedded on, so that their points can be shown too."""
        contents, pair, state = self._document.contents, self.pair, self._document.state
        if contents is None or pair is None:
            return ()
        needed = set(self.models) if self.choice.all_sources else set(pair)
        others = [name for name in contents.dataset_names if name != state.dataset]
        return tuple(name for name in others if needed <= set(contents.embedded(name)))

    @property
    def added(self) -> tuple[str, ...]:
        """Those that are wanted."""
        return tuple(name for name in self.addable if name in self.choice.added)

    @property
    def may_be_templates(self) -> bool:
        """Whether points may be templates: every dataset has them."""
        contents = self._document.contents
        entries = [] if contents is None else [contents.dataset(name) for name in self.added]
        return self.has_templates and all(entry is not None and entry.has_templates for entry in entries)

    @property
    def settings(self) -> OverlaySettings | None:
        """Of the overlay that is wanted; None where there can be none."""
        chosen = self.chosen
        return None if chosen is None or chosen.map is MapKind.NONE else chosen

    @property
    def chosen(self) -> OverlaySettings | None:
        """What the choosers stand at, even without a map, with which there is no overlay; None without two models."""
        pair, state, choice = self.pair, self._document.state, self.choice
        if pair is None:
            return None
        source, target = pair
        sources = tuple(name for name in self.models if name != target) if choice.all_sources else (source,)
        return OverlaySettings(
            dataset=state.dataset,
            sources=sources,
            target=target,
            map=state.map,
            mode=state.mode,
            features=state.features,
            level=choice.level if self.may_be_templates else OverlayLevel.IMAGES,
            subjects=choice.subjects,
            chosen=choice.chosen_of(state.dataset),
            method=choice.method,
            neighbours=choice.neighbours,
            min_dist=choice.min_dist,
            seed=state.seed,
            added=self.added,
            same_names=choice.same_names and bool(self.added),
        )

    @property
    def looking(self) -> bool:
        """Whether it is being looked up, or laid out at once."""
        return self._looking

    @property
    def computing(self) -> bool:
        """Whether a job makes the wanted overlay."""
        return bool(self._jobs) and self.settings in self._jobs

    @property
    def current(self) -> bool:
        """Whether what is shown is what is wanted, not its stand-in or the one of before."""
        return self.shown is not None and self.shown.settings == self.settings

    @property
    def stand_in(self) -> bool:
        """Whether PCA is shown until UMAP is there."""
        settings = self.settings
        return (
            self.shown is not None
            and settings is not None
            and self.shown.settings != settings
            and self.shown.settings == replace(settings, method=OverlayMethod.PCA)
        )

    def face(self, item: int) -> Face:
        """The face that stands for an item of what is shown and told of, in the item's own dataset: ids and rows may be
        alike in several."""
        assert self.shown is not None
        assert self.details is not None
        return self.shown.settings.datasets[self.shown.dataset[item]], int(self.details.images[item])

    # -- asking --------------------------------------------------------------------------------------------------
    def watch(self, watched: bool) -> None:
        """Say whether the overlay is on the screen: else nothing is looked up."""
        self._watched = watched
        self._follow()

    def choose(self, text: str, **fields: Any) -> None:
        """Want another overlay, or another look at it: a step that can be undone."""
        self._document.change(text, kind=f"overlay {' '.join(sorted(fields))}", overlay=replace(self.choice, **fields))

    def compute(self) -> None:
        """Lay the wanted overlay out in a job."""
        settings = self.settings
        if settings is not None and settings not in self._jobs:
            self._jobs.declined = None
            self._begin(settings)

    def warm(self) -> None:
        """Start the process that computes UMAP, so that it is ready when somebody looks."""
        if not self._ended:
            self._bridge.run_errand(self._worker.warm)

    def close(self) -> None:
        """End that process."""
        self._ended = True
        self._worker.close()

    def cancel(self) -> None:
        """Cancel the job."""
        self._jobs.cancel()

    def _follow(self, *_: object) -> None:
        if not self._watched:
            return
        settings = self.settings
        key = None if settings is None else (settings, self._computing.stamp)
        if key == self._asked:
            return
        self._asked, self.error = key, None
        self._jobs.supersede(settings)
        if settings is None:
            self._bridge.drop(_TOPIC)
            self._looking = False
            self._show(None)
        else:
            self._look_up(settings)

    def _look_up(self, settings: OverlaySettings) -> None:
        study = self._document.study
        assert study is not None

        def work(ctx: JobContext) -> Overlay | None:
            from canon_core.experiments.overlay import overlay_items, run_overlay, stored_overlay

            found = stored_overlay(study, settings)
            if found is None and overlay_items(study, settings) <= items_at_once(settings):
                quick = settings
                if settings.method is OverlayMethod.UMAP:
                    quick = replace(settings, method=OverlayMethod.PCA)
                found = run_overlay(study, quick, ctx)
            return found

        def answered(found: Overlay | None) -> None:
            self._looking = False
            if found is not None:
                self._show(found)
            if not self.current:
                self.changed.emit()
                self._maybe_begin(settings)

        def failed(error: CanonError) -> None:
            self._looking = False
            self._fail(error)

        self._looking = True
        self._bridge.ask(_TOPIC, work, on_result=answered, on_failure=failed)
        self.changed.emit()

    def _maybe_begin(self, settings: OverlaySettings) -> None:
        if self._computing.automatic and settings != self._jobs.declined and settings not in self._jobs:
            self._begin(settings)

    def _begin(self, settings: OverlaySettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> Overlay:
            from canon_core.experiments.overlay import run_overlay

            return run_overlay(study, settings, ctx, self._worker)

        # What is wanted may have changed meanwhile without anybody looking: then it was not asked for yet, and what is
        # asked for is still this one, which is not looked up again when it is wanted again.
        def finished(result: Any) -> None:
            if self._asked is not None and self._asked[0] == settings:
                self.error = None
                self._show(result)

        def failed(error: CanonError) -> None:
            if self._asked is not None and self._asked[0] == settings:
                self._fail(error)
            else:
                self._document.faulted.emit(error)

        self._jobs.begin(
            f"Overlay of {_names(settings.sources)} → {settings.target} · {method_text(settings.method)}",
            work,
            settings,
            on_result=finished,
            on_failure=failed,
            resume=lambda: self._begin(settings),
        )

    def _fail(self, error: CanonError) -> None:
        self.error = error
        if not self.stand_in:
            self._show(None)
        self.changed.emit()

    def _show(self, found: Overlay | None) -> None:
        before, self.shown = self.shown, found
        if found is None:
            self.details = None
            self._bridge.cancel(self._comparing)
            self._bridge.drop(_DETAILS_TOPIC)
            self.detailsChanged.emit()
        elif self.details is None or before is None or not same_points(before.settings, found.settings):
            self.details = None
            self._ask_details(found)
        self.changed.emit()

    def _ask_details(self, found: Overlay) -> None:
        study = self._document.study
        assert study is not None

        def work(ctx: JobContext) -> OverlayDetails:
            from canon_core.experiments.overlay_details import overlay_details

            return overlay_details(study, found, ctx, compare_up_to=items_at_once(found.settings))

        def compare(ctx: JobContext) -> OverlayDetails:
            from canon_core.experiments.overlay_details import overlay_details

            return overlay_details(study, found, ctx)

        def answered(details: OverlayDetails) -> None:
            if self.shown is not None and same_points(self.shown.settings, found.settings):
                self.details = details
                self.detailsChanged.emit()

        def looked_up(details: OverlayDetails) -> None:
            from canon_core.experiments.overlay_details import MOST_COMPARED

            answered(details)
            if self.details is details and items_at_once(found.settings) < found.items[0] <= MOST_COMPARED:
                self._comparing = self._bridge.submit("Neighbours of overlay points", compare, on_result=answered)

        self._bridge.cancel(self._comparing)
        self._bridge.ask(_DETAILS_TOPIC, work, on_result=looked_up, on_failure=self._document.faulted.emit)

    # -- following the jobs --------------------------------------------------------------------------------------
    def _progressed(self, progress: Progress) -> None:
        if self.computing:
            part = f" {100 * progress.done // progress.total} %" if progress.total else ""
            self.progressed.emit(f"{progress.what}…{part}")

    def _forget(self) -> None:
        self._asked, self.error = None, None
        self._jobs.forget()
        self._looking = False
        self._show(None)


def items_at_once(settings: OverlaySettings) -> int:
    """Items beyond which it is a job's work: the time grows with their square, and with the sources."""
    return int(_AT_ONCE / len(settings.sources) ** 0.5)


def method_text(method: OverlayMethod) -> str:
    """As it is said on the screen."""
    return {OverlayMethod.UMAP: "UMAP", OverlayMethod.PCA: "PCA"}.get(method, "singular directions")


def _names(sources: Sequence[str]) -> str:
    return sources[0] if len(sources) == 1 else f"{len(sources)} models"


def same_points(one: OverlaySettings, other: OverlaySettings) -> bool:
    """Whether two overlays show the same points, whatever their layout."""
    layout = {"method": one.method, "neighbours": one.neighbours, "min_dist": one.min_dist}
    return one == replace(other, **layout)  # type: ignore[arg-type]
