"""What is known of the open study beyond its matrix: intervals, 1:N identification, errors by group, histograms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError
from canon_core.jobs import JobContext
from canon_core.study.confidence_results import CellConfidence, Confidence
from canon_core.study.group_results import GroupRates, GroupSettings
from canon_core.study.identification_results import IdentificationCell, IdentificationMatrix, IdentifySettings
from canon_core.study.results import Cell, FitMode, Matrix, MatrixSettings

from .computing import Computing, wanted_cells
from .document import Document
from .view_state import Pair

if TYPE_CHECKING:
    from canon_core.verification.score_histogram import ScoreHistogram

_CONFIDENCE_TOPIC = "intervals"
_GROUPS_TOPIC = "rates of groups"
_SEARCH_TOPIC = "identification"
_SCORES_TOPIC = "score histogram"
#: What the inspector shows of any cell.
_ALWAYS = (_CONFIDENCE_TOPIC, _GROUPS_TOPIC)


@dataclass(frozen=True)
class Chosen:
    """The cell that is looked at, and the matrix it belongs to."""

    cell: Cell
    matrix: Matrix

    @property
    def pair(self) -> Pair:
        """Source and target."""
        return self.cell.source, self.cell.target

    @property
    def around(self) -> tuple[Pair, ...]:
        """The cell and those it is compared with: both single models, and the other way round."""
        source, target = self.pair
        return tuple(dict.fromkeys([self.pair, (source, source), (target, target), (target, source)]))


class Statistics(QObject):
    """Keeps what is stored for the chosen cell and for the matrix's settings, and runs what is asked for.

    Nothing here begins by itself: intervals, searches and rates of groups are computed on request, and stored ones
    are shown at once.

    Signals
    -------
    confidenceChanged(), groupsChanged(), searchChanged(), scoresChanged() :
        ``confidence``, ``groups``, ``search`` or ``scores`` changed, or which of them are being computed.
    """

    confidenceChanged = Signal()
    groupsChanged = Signal()
    searchChanged = Signal()
    scoresChanged = Signal()

    def __init__(self, document: Document, computing: Computing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._computing, self._bridge = document, computing, document.bridge
        self.confidence: Confidence | None = None
        self.groups: GroupRates | None = None
        self.search: IdentificationMatrix | None = None
        self.scores: ScoreHistogram | None = None
        self.looked_up: set[str] = set()  #: topics whose stored result, or that there is none, is known
        self._watched = set(_ALWAYS)
        self._asked: dict[str, object] = {}  # what each topic's result belongs to
        self._sampling: dict[int, tuple[MatrixSettings, frozenset[Pair]]] = {}
        self._grouping: dict[int, GroupSettings] = {}
        self._searching: dict[int, IdentifySettings] = {}
        self._scoring: dict[int, str] = {}
        document.closed.connect(self._forget)
        document.contentsChanged.connect(self._contents_changed)
        document.stateChanged.connect(self._follow)
        computing.matrixChanged.connect(self._follow)
        for ended in (self._bridge.finished, self._bridge.failed, self._bridge.cancelled):
            ended.connect(self._job_ended)

    # -- what it is about ----------------------------------------------------------------------------------------
    @property
    def chosen(self) -> Chosen | None:
        """The cell chosen last, where it has a number."""
        matrix, cells = self._computing.matrix, self._document.state.cells
        cell = matrix.cells.get(cells[-1]) if matrix is not None and cells else None
        return None if matrix is None or cell is None else Chosen(cell, matrix)

    @property
    def intervals(self) -> Confidence | None:
        """What is stored of the chosen cell's intervals and differences; None where that is not known yet."""
        chosen, found = self.chosen, self.confidence
        if chosen is None or found is None or found.settings.matrix != chosen.matrix.settings:
            return None
        cell = found.cells.get(chosen.pair)
        return None if cell is not None and cell.key != chosen.cell.key else found

    @property
    def covariates(self) -> tuple[str, ...]:
        """By which the chosen dataset's templates can be grouped."""
        contents = self._document.contents
        entry = contents.dataset(self._document.state.dataset) if contents is not None else None
        return () if entry is None or entry.templates is None else entry.templates.covariates

    @property
    def covariate(self) -> str:
        """The one that is chosen, the first unless one is; empty without any."""
        names = self.covariates
        wanted = self._document.state.covariate
        return wanted if wanted in names else (names[0] if names else "")

    @property
    def search_settings(self) -> IdentifySettings | None:
        """Of the identification that goes with the matrix; None where nobody can be searched."""
        contents, state = self._document.contents, self._document.state
        entry = contents.dataset(state.dataset) if contents is not None else None
        if contents is None or entry is None or not entry.has_search or state.mode is FitMode.REVERSED:
            return None
        settings = state.settings(contents.model_names)
        if not set(contents.embedded(entry.name)) & set(settings.models):
            return None
        return IdentifySettings(
            settings.dataset, settings.models, settings.map, settings.mode, settings.features, seed=settings.seed
        )

    @property
    def group_settings(self) -> GroupSettings | None:
        """Of the rates of groups that are shown; None without a cell or a covariate."""
        chosen, state = self.chosen, self._document.state
        if chosen is None or not self.covariate or state.far not in chosen.matrix.settings.far:
            return None
        return GroupSettings(chosen.matrix.settings, *chosen.pair, self.covariate, state.far, state.rule)

    @property
    def sampling(self) -> bool:
        """Whether intervals of the chosen cell are being computed."""
        chosen = self.chosen
        return chosen is not None and any(
            settings == chosen.matrix.settings and chosen.pair in pairs for settings, pairs in self._sampling.values()
        )

    @property
    def grouping(self) -> bool:
        """Whether the rates that are shown are being counted."""
        return self.group_settings in self._grouping.values() if self._grouping else False

    @property
    def searching(self) -> bool:
        """Whether the identification that is shown is being computed."""
        return self.search_settings in self._searching.values() if self._searching else False

    @property
    def scoring(self) -> bool:
        """Whether the chosen cell is being scored again for its histogram."""
        chosen = self.chosen
        return chosen is not None and chosen.cell.key in self._scoring.values()

    # -- watching ------------------------------------------------------------------------------------------------
    def watch(self, *, search: bool, scores: bool) -> None:
        """Say whether identification and histograms are on the screen: else they are not looked up."""
        self._watched = set(_ALWAYS)
        for topic, wanted in ((_SEARCH_TOPIC, search), (_SCORES_TOPIC, scores)):
            if wanted:
                self._watched.add(topic)
        self._follow()

    def look_again(self) -> None:
        """Something stored was deleted: read what is there now."""
        self._asked.clear()
        self._follow()

    def _contents_changed(self, *_: object) -> None:
        for topic in [topic for topic in self._asked if topic not in self.looked_up]:
            del self._asked[topic]  # the change may have dropped the question
        self._follow()

    def _follow(self, *_: object) -> None:
        """Look up what belongs to the present choice, where that is another one than before."""
        chosen = self.chosen
        self._look_up(
            _CONFIDENCE_TOPIC,
            None if chosen is None else (chosen.matrix.settings, chosen.cell.key),
            self._ask_confidence,
        )
        settings = self.group_settings
        self._look_up(
            _GROUPS_TOPIC,
            None if settings is None or chosen is None else (settings, chosen.cell.key),
            self._ask_groups,
        )
        search = self.search_settings
        self._look_up(_SEARCH_TOPIC, None if search is None else (search, self._computing.stamp), self._ask_search)
        self._look_up(_SCORES_TOPIC, None if chosen is None else chosen.cell.key, self._ask_scores)

    def _look_up(self, topic: str, key: object, ask: Callable[[], None]) -> None:
        if key is not None and topic not in self._watched:
            return
        if key == self._asked.get(topic):
            return
        if key is None:
            self._asked.pop(topic, None)
            self._bridge.drop(topic)
            self._known(topic, None)
        else:
            self._asked[topic] = key
            self.looked_up.discard(topic)
            ask()

    def _ask(self, topic: str, read: Callable[[], object]) -> None:
        """Read something stored; the answer is shown unless another one is wanted by then."""
        key = self._asked[topic]

        def found(result: object) -> None:
            if self._asked.get(topic) == key:
                self._known(topic, result)

        def failed(error: CanonError) -> None:
            if self._asked.get(topic) == key:
                self._known(topic, None)
            self._document.faulted.emit(error)

        def work(_ctx: JobContext) -> object:
            return read()

        self._bridge.ask(topic, work, on_result=found, on_failure=failed)

    def _known(self, topic: str, result: Any) -> None:
        self.looked_up.add(topic)
        if topic == _CONFIDENCE_TOPIC:
            self.confidence = result
            self.confidenceChanged.emit()
        elif topic == _GROUPS_TOPIC:
            self.groups = result
            self.groupsChanged.emit()
        elif topic == _SEARCH_TOPIC:
            self.search = result
            self.searchChanged.emit()
        else:
            self.scores = result
            self.scoresChanged.emit()

    def _ask_confidence(self) -> None:
        study, chosen = self._document.study, self.chosen
        assert study is not None
        assert chosen is not None
        settings, pairs = chosen.matrix.settings, chosen.around

        def read() -> Confidence:
            from canon_core.experiments.confidence import stored_confidence

            return stored_confidence(study, settings, pairs=pairs)

        self._ask(_CONFIDENCE_TOPIC, read)

    def _ask_groups(self) -> None:
        study, settings = self._document.study, self.group_settings
        assert study is not None
        assert settings is not None

        def read() -> GroupRates | None:
            from canon_core.experiments.groups import stored_groups

            return stored_groups(study, settings)

        self._ask(_GROUPS_TOPIC, read)

    def _ask_search(self) -> None:
        study, settings = self._document.study, self.search_settings
        assert study is not None
        assert settings is not None

        def read() -> IdentificationMatrix:
            from canon_core.experiments.identify import stored_identification

            return stored_identification(study, settings)

        self._ask(_SEARCH_TOPIC, read)

    def _ask_scores(self) -> None:
        study, chosen = self._document.study, self.chosen
        assert study is not None
        assert chosen is not None
        cell = chosen.cell

        def read() -> ScoreHistogram | None:
            from canon_core.experiments.matrix import read_histogram

            return read_histogram(study, cell)

        self._ask(_SCORES_TOPIC, read)

    # -- computing -----------------------------------------------------------------------------------------------
    def compute_confidence(self, *, everywhere: bool = False) -> None:
        """Draw subjects again for the chosen cell and those it is compared with, or for every cell: a job."""
        matrix, chosen = self._computing.matrix, self.chosen
        if matrix is not None and (everywhere or chosen is not None):
            pairs = tuple(matrix.cells) if everywhere or chosen is None else chosen.around
            self._begin_confidence(matrix.settings, tuple(pair for pair in pairs if pair not in matrix.missing))

    def _begin_confidence(self, settings: MatrixSettings, pairs: tuple[Pair, ...]) -> None:
        study = self._document.study
        if study is None or not pairs:
            return

        def work(ctx: JobContext) -> object:
            from canon_core.experiments.confidence import run_confidence

            return run_confidence(study, settings, ctx, pairs=pairs)

        def arrived(cells: list[CellConfidence]) -> None:
            chosen = self.chosen
            here = set(chosen.around) if chosen is not None and chosen.matrix.settings == settings else set()
            if _CONFIDENCE_TOPIC in self._asked and any((cell.source, cell.target) in here for cell in cells):
                self._ask_confidence()

        which = f"{len(pairs)} cells" if len(pairs) != 1 else pairs[0][0]
        number = self._bridge.submit(
            f"Confidence of {which} · {settings.map}, {settings.mode}",
            work,
            on_partial=arrived,
            on_result=lambda _: self._cells_may_have_come(),
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin_confidence(settings, pairs),
        )
        self._sampling[number] = (settings, frozenset(pairs))
        self.confidenceChanged.emit()

    def _cells_may_have_come(self) -> None:
        """Cells that were missing were scored on the way."""
        if wanted_cells(self._computing.matrix):
            self._computing.look_again()

    def compute_groups(self) -> None:
        """Count errors by group at the chosen cell's threshold: a job."""
        settings = self.group_settings
        if settings is not None:
            self._begin_groups(settings)

    def _begin_groups(self, settings: GroupSettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> GroupRates:
            from canon_core.experiments.groups import run_groups

            return run_groups(
                study,
                settings.matrix,
                settings.source,
                settings.target,
                settings.covariate,
                settings.far,
                settings.rule,
                ctx,
            )

        def counted(result: GroupRates) -> None:
            if self.group_settings == settings:
                self._known(_GROUPS_TOPIC, result)

        number = self._bridge.submit(
            f"Errors by {settings.covariate} of {_named((settings.source, settings.target))}",
            work,
            on_result=counted,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin_groups(settings),
        )
        self._grouping[number] = settings
        self.groupsChanged.emit()

    def compute_search(self) -> None:
        """Search every gallery with the probes of every model: a job."""
        settings = self.search_settings
        if settings is not None and not self.searching:
            self._begin_search(settings)

    def _begin_search(self, settings: IdentifySettings) -> None:
        study = self._document.study
        if study is None:
            return

        def work(ctx: JobContext) -> IdentificationMatrix:
            from canon_core.experiments.identify import run_identify

            return run_identify(study, settings, ctx)

        def finished(result: IdentificationMatrix) -> None:
            if self.search_settings == settings:
                self._known(_SEARCH_TOPIC, result)

        def arrived(cells: list[IdentificationCell]) -> None:
            from canon_core.study.identification_results import with_cell

            shown = self.search
            if shown is None or shown.settings != settings:
                return
            for cell in cells:
                shown = with_cell(shown, cell)
            self._known(_SEARCH_TOPIC, shown)

        number = self._bridge.submit(
            f"1:N of {settings.dataset} · {settings.map}, {settings.mode}",
            work,
            on_partial=arrived,
            on_result=finished,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._begin_search(settings),
        )
        self._searching[number] = settings
        self.searchChanged.emit()

    def compute_scores(self) -> None:
        """Score the chosen cell once more, to keep its histogram: a job."""
        study, chosen = self._document.study, self.chosen
        if study is None or chosen is None or self.scoring:
            return
        settings, pair, key = chosen.matrix.settings, chosen.pair, chosen.cell.key

        def work(ctx: JobContext) -> object:
            from canon_core.experiments.cells import open_cells

            return open_cells(study, settings, ctx).compute(*pair, ctx)

        def scored(_: object) -> None:
            if self._asked.get(_SCORES_TOPIC) == key and self.chosen is not None:
                self._ask_scores()

        def begin() -> None:
            number = self._bridge.submit(
                f"Scores of {_named(pair)}",
                work,
                on_result=scored,
                on_failure=self._document.faulted.emit,
                resume=begin,
            )
            self._scoring[number] = key
            self.scoresChanged.emit()

        begin()

    # -- following the jobs and the document ---------------------------------------------------------------------
    def _job_ended(self, number: int, *_: object) -> None:
        for running, changed in (
            (self._sampling, self.confidenceChanged),
            (self._grouping, self.groupsChanged),
            (self._searching, self.searchChanged),
            (self._scoring, self.scoresChanged),
        ):
            if running.pop(number, None) is not None:
                changed.emit()

    def _forget(self) -> None:
        self._asked.clear()
        self.looked_up.clear()
        for running in (self._sampling, self._grouping, self._searching, self._scoring):
            running.clear()
        for topic in (_CONFIDENCE_TOPIC, _GROUPS_TOPIC, _SEARCH_TOPIC, _SCORES_TOPIC):
            self._known(topic, None)
        self.looked_up.clear()

    @property
    def groups_known(self) -> bool:
        """Whether it is known what is stored of the rates of groups."""
        return _GROUPS_TOPIC in self.looked_up

    @property
    def search_known(self) -> bool:
        """Whether it is known what is stored of the identification."""
        return _SEARCH_TOPIC in self.looked_up

    @property
    def scores_known(self) -> bool:
        """Whether it is known whether the chosen cell's histogram was kept."""
        return _SCORES_TOPIC in self.looked_up


def _named(pair: Sequence[str]) -> str:
    source, target = pair
    return source if source == target else f"{source} → {target}"
