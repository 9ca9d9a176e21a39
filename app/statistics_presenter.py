"""Ties intervals, identification, errors by group and score histograms to the document, as the presenter does the
matrix."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from canon_core.demo.networks import DATASET
from canon_core.figures.histogram_figure import ShownThreshold, readable
from canon_core.study.results import FitMode, far_text, settings_line

from .actions import Actions
from .chosen_cell import unscored_text
from .computing import Computing
from .document import Document
from .exportables import folds_export, groups_export, scores_export, search_export
from .exporting import Exporting
from .settled import settled
from .statistics import Statistics
from .view_state import Focus
from .views.cell_commands import folds_command
from .views.group_view import GroupView
from .views.identification_view import IdentificationView
from .views.inspector import Beyond
from .views.roc_view import Kind, RocView
from .views.score_histogram import CellScores
from .views.shown_matrix import title_of
from .views.statistics_commands import confidence_command, groups_command, identify_command, scores_command

_CHOOSE = "Choose a cell of the matrix first."


class StatisticsPresenter(QObject):
    """Shows them in their views and runs what their buttons ask for.

    Signals
    -------
    beyondChanged() :
        :meth:`beyond` changed.
    """

    beyondChanged = Signal()

    def __init__(
        self,
        document: Document,
        computing: Computing,
        statistics: Statistics,
        actions: Actions,
        exporting: Exporting,
        *,
        search: IdentificationView,
        groups: GroupView,
        roc: RocView,
    ) -> None:
        super().__init__(document)
        self._document, self._computing = document, computing
        self._statistics, self._actions = statistics, actions
        self._search, self._groups, self._roc = search, groups, roc
        self._scores_shown: tuple[object, ...] = ()
        self._exporting = exporting
        self._late = settled(self, 0, self._show)
        for changed in (
            document.opened, document.closed, document.contentsChanged, document.stateChanged, document.bridge.queued,
            computing.matrixChanged, statistics.search.changed, statistics.histogram.changed,
        ):  # fmt: skip
            changed.connect(self._soon)
        for changed in (statistics.intervals.changed, statistics.groups.changed, statistics.folds.changed):
            changed.connect(self.beyondChanged)
            changed.connect(self._soon)
        statistics.other_map.changed.connect(self.beyondChanged)
        roc.kindChanged.connect(self.tab_shown)
        roc.scoresRequested.connect(statistics.histogram.compute)
        roc.scoresExportRequested.connect(self._export_scores)
        search.measureChanged.connect(lambda name: document.change(f"Show {name}", measure=name))
        search.cellSelected.connect(self._cell_clicked)
        search.computeRequested.connect(actions["experiment.identify"].trigger)
        search.actionRequested.connect(actions["experiment.identify"].trigger)
        search.exportRequested.connect(self._export_search)
        groups.covariateChanged.connect(lambda name: document.change(f"Group by {name}", covariate=name))
        groups.farChanged.connect(lambda far: document.change(f"Read at FAR {far_text(far)}", far=far))
        groups.computeRequested.connect(actions["experiment.groups"].trigger)
        groups.actionRequested.connect(actions["view.matrix"].trigger)
        groups.exportRequested.connect(self._export_groups)
        actions.connect("experiment.confidence", statistics.intervals.compute)
        actions.connect("experiment.confidence_all", lambda: statistics.intervals.compute(everywhere=True))
        actions.connect("experiment.folds", statistics.folds.compute)
        actions.connect("experiment.folds_all", lambda: statistics.folds.compute(everywhere=True))
        actions.connect("experiment.identify", self._compute_search)
        actions.connect("experiment.groups", self._compute_groups)
        self._soon()

    # -- exporting -----------------------------------------------------------------------------------------------
    def _export_search(self) -> None:
        view = self._search
        if view.matrix is not None:
            rule = self._document.state.rule
            self._exporting.ask([search_export(view.matrix, view.curves, rule, view.settings_line)])

    def _export_groups(self) -> None:
        if self._groups.found is not None:
            self._exporting.ask([groups_export(self._groups.found)])

    def _export_scores(self) -> None:
        shown, histogram, dataset = self._roc.scores, self._statistics.histogram.found, self._document.state.dataset
        if shown is not None and histogram is not None:
            axis = self._roc.scores_plot.axis
            self._exporting.ask([scores_export(dataset, shown, histogram, axis, self._roc.settings_line)])

    def beyond(self) -> Beyond | None:
        """What is known of the chosen cell beyond its own numbers."""
        statistics = self._statistics
        if statistics.chosen is None:
            return None
        return Beyond(
            intervals=statistics.intervals.shown,
            sampling=statistics.intervals.running,
            refusal=self._document.refusal,
            command=self._confidence_command,
            covariate=statistics.groups.covariate,
            groups=statistics.groups.shown,
            other_map=statistics.other_map.shown,
            comparing=not statistics.other_map.known,
            folds=statistics.folds.shown,
            folding=statistics.folds.running,
        )

    def export_folds(self) -> None:
        """Let the fold accuracies that are known be written."""
        found = self._statistics.folds.shown
        if found is not None:
            self._exporting.ask([folds_export(found)])

    def copy_folds_command(self) -> None:
        """The command that computes them, to the clipboard."""
        contents, settings = self._document.contents, self._statistics.folds.settings
        if contents is not None and settings is not None:
            QGuiApplication.clipboard().setText(folds_command(str(contents.path), settings))

    @property
    def _confidence_command(self) -> str:
        contents, matrix = self._document.contents, self._computing.matrix
        if contents is None or matrix is None:
            return ""
        return confidence_command(str(contents.path), matrix.settings, self._document.state.rule)

    def tab_shown(self, *_: object) -> None:
        """Another view is looked at."""
        self._soon()

    def _soon(self, *_: object) -> None:
        self._late.start()

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        """Show what is on the screen; the rest is shown when it is looked at."""
        scores = self._roc.isVisible() and self._roc.kind is Kind.SCORES
        self._statistics.search.watch(self._search.isVisible())
        self._statistics.histogram.watch(scores)
        if self._search.isVisible():
            self._show_search()
        if self._groups.isVisible():
            self._show_groups()
        if scores:
            self._show_scores()
        self._allow()

    def _show_search(self) -> None:
        search, state = self._statistics.search, self._document.state
        settings, found = search.settings, search.found
        if settings is None:
            self._search.set_empty(self._why_no_search())
            self._search.set_search(None, state.rule, state.measure)
        elif not search.known or found is None or found.settings != settings:
            failed = search.known and found is None
            self._search.set_empty("What is stored cannot be read." if failed else "Looking up what is stored…")
            self._search.set_search(None, state.rule, state.measure)
        else:
            contents = self._document.contents
            self._search.set_command(identify_command(str(contents.path) if contents else "", settings, state.rule))
            nothing = not search.running and not any(found.cells.values())
            if nothing:
                probes = f"{found.probes:,} probes"
                self._search.set_empty(
                    f"{probes} of every model can be searched in the galleries of every other, through the maps:"
                    " rank-1, CMC curves, and how many are found at a given rate of false alarms."
                    + (f" {self._document.refusal}" if self._document.refusal else ""),
                    "" if self._document.refusal else "Search galleries",
                )
            self._search.set_search(
                None if nothing else found,
                state.rule,
                state.measure,
                searching=search.running,
                refusal=self._document.refusal,
            )
            self._search.set_selection(state.cells)

    def _why_no_search(self) -> str:
        contents, entry, state = self._document.contents, self._document.dataset, self._document.state
        if contents is None or entry is None:
            return "Add a dataset with galleries and probes, such as IJB-C with its meta folder."
        if not entry.has_search:
            return (
                f"'{entry.name}' brings no galleries and probes, so nobody can be searched. Choose a dataset with 1:N"
                " files, such as IJB-C with its meta folder."
            )
        if state.mode is FitMode.REVERSED:
            return "Fit mode 'reversed' says nothing of probes and galleries. Set the fit to disjoint or authors."
        return f"No model is embedded on '{entry.name}' yet. Make its embeddings, or import them, first."

    def _why_no_groups(self) -> str:
        entry = self._document.dataset
        if entry is not None and entry.name == DATASET and entry.has_templates:
            return (
                "This demo study was made before its photographs were described. Close it and open the demo study once"
                " more (Help menu), or run canon demo with its folder: covariates such as YAW and COVERED are added,"
                " and all that was computed is kept."
            )
        name = f"'{entry.name}'" if entry is not None else "The study"
        return (
            f"{name} says nothing of its images that templates could be grouped by. A dataset in NIST's layout brings"
            " covariates such as GENDER and YAW, and one in InsightFace's may, in a file PREFIX_covariates.csv in meta."
        )

    def _show_groups(self) -> None:
        groups, state = self._statistics.groups, self._document.state
        chosen, settings = groups.chosen, groups.settings
        if not groups.covariates:
            self._groups.set_nothing(self._why_no_groups())
        elif chosen is None and (unscored := unscored_text(self._document, self._computing)):
            self._groups.set_nothing(unscored)
        elif chosen is None or settings is None:
            self._groups.set_nothing(
                "Choose a cell of the matrix: its errors are counted by group, at its one threshold.",
                "Go to the matrix",
            )
        else:
            contents = self._document.contents
            self._groups.set_choices(
                groups.covariates, groups.covariate, chosen.matrix.settings.far, state.far
            )
            self._groups.set_command(groups_command(str(contents.path) if contents else "", settings))
            found = groups.shown
            if found is not None:
                if self._groups.found is not found:
                    self._groups.set_groups(found)
            elif groups.running:
                self._groups.set_uncounted(
                    f"Errors of {title_of(*chosen.pair)} are being counted. How far that is, is shown below."
                )
            elif not groups.known:
                self._groups.set_uncounted("Looking up what is stored…")
            else:
                self._groups.set_uncounted(
                    f"Who is taken for whom by {title_of(*chosen.pair)}, and who is not recognised, by"
                    f" {groups.covariate}: at one threshold, the cell's at FAR {far_text(state.far)}."
                    + (f" {self._document.refusal}" if self._document.refusal else ""),
                    "" if self._document.refusal else "Count errors",
                )

    def _show_scores(self) -> None:
        histogram, chosen = self._statistics.histogram, self._statistics.chosen
        unscored = unscored_text(self._document, self._computing)
        wanted = (self._scores_line(), histogram.found, self._threshold, histogram.running, histogram.known, unscored)
        if wanted == self._scores_shown:
            return  # a table that is being walked through stays where it is
        self._scores_shown = wanted
        if chosen is None:
            self._roc.set_no_scores(
                unscored or "Choose a cell of the matrix: how its scores are spread appears here."
            )
            self._roc.set_scores(None)
        elif histogram.found is not None and histogram.known:
            self._roc.set_scores(self._cell_scores(), self._scores_line(), self._scores_command())
        else:
            if histogram.running:
                self._roc.set_no_scores("The cell is being scored once more. How far that is, is shown below.")
            elif not histogram.known:
                self._roc.set_no_scores("Looking up what is stored…")
            else:
                self._roc.set_no_scores(
                    f"{title_of(*chosen.pair)} was scored before histograms were kept. Scored once more, it has one;"
                    " its numbers stay the same." + (f" {self._document.refusal}" if self._document.refusal else ""),
                    "" if self._document.refusal else "Score again",
                )
            self._roc.set_scores(None)

    def _cell_scores(self) -> CellScores | None:
        chosen, histogram = self._statistics.chosen, self._statistics.histogram.found
        if chosen is None or histogram is None:
            return None
        return CellScores(title_of(*chosen.pair), readable(histogram), self._threshold)

    @property
    def _threshold(self) -> ShownThreshold | None:
        """Where the matrix reads the chosen cell."""
        chosen, state = self._statistics.chosen, self._document.state
        if chosen is None or state.far not in chosen.matrix.settings.far:
            return None
        reading = chosen.cell.readings[state.rule][chosen.matrix.settings.far.index(state.far)]
        return ShownThreshold(reading.point.threshold, state.far)

    def _scores_line(self) -> str:
        chosen, histogram = self._statistics.chosen, self._statistics.histogram.found
        if chosen is None:
            return ""
        parts = [title_of(*chosen.pair)]
        if histogram is not None:
            drawn = readable(histogram)
            parts.append(f"bins of {float(drawn.edges[1] - drawn.edges[0]):.3g}")
        return " · ".join([*parts, settings_line(chosen.matrix, self._document.state.rule)])

    def _scores_command(self) -> str:
        chosen, contents = self._statistics.chosen, self._document.contents
        if chosen is None or contents is None:
            return ""
        return scores_command(str(contents.path), chosen.matrix.settings, *chosen.pair, self._document.state.rule)

    # -- doing ---------------------------------------------------------------------------------------------------
    def _cell_clicked(self, _source: str, _target: str) -> None:
        if self._document.state.focus is not Focus.CELL:  # chosen before, but something else was looked at since
            self._document.change(
                "Choose cells", kind="cells", cells=self._search.heat_map.selection, focus=Focus.CELL
            )

    def _compute_search(self) -> None:
        self._actions["view.search"].trigger()
        self._statistics.search.compute()

    def _compute_groups(self) -> None:
        self._actions["view.groups"].trigger()
        self._statistics.groups.compute()

    # -- which can be chosen -------------------------------------------------------------------------------------
    def _allow(self) -> None:
        """Enable each action, or say why not."""
        statistics, matrix = self._statistics, self._computing.matrix
        refusals = dict.fromkeys(
            ("experiment.confidence", "experiment.confidence_all", "experiment.identify", "experiment.groups",
             "experiment.folds", "experiment.folds_all"), ""
        )  # fmt: skip
        if self._document.contents is None:
            refusals = dict.fromkeys(refusals, "Open or make a study first.")
        else:
            chosen = statistics.chosen
            if matrix is None:
                refusals["experiment.confidence_all"] = "There is no matrix yet."
            if chosen is None:
                refusals["experiment.confidence"] = refusals["experiment.groups"] = _CHOOSE
            elif statistics.intervals.running:
                refusals["experiment.confidence"] = "Its intervals are being computed."
            if statistics.intervals.running_everywhere:
                refusals["experiment.confidence_all"] = "They are being computed."
            if not statistics.groups.covariates:
                refusals["experiment.groups"] = "The dataset has no covariates to group templates by."
            elif statistics.groups.running:
                refusals["experiment.groups"] = "They are being counted."
            if statistics.folds.settings is None:
                entry = self._document.dataset
                why = (
                    "There is no matrix yet." if entry is not None and entry.has_folds else
                    "The dataset brings no folds: choose one with a list of pairs, as LFW has it (pairs.txt)."
                )
                refusals["experiment.folds"] = refusals["experiment.folds_all"] = why
            elif chosen is None:
                refusals["experiment.folds"] = _CHOOSE
            elif statistics.folds.running:
                refusals["experiment.folds"] = "It is being computed."
            if statistics.folds.running_everywhere:
                refusals["experiment.folds_all"] = "They are being computed."
            if statistics.search.settings is None:
                refusals["experiment.identify"] = self._why_no_search()
            elif statistics.search.running:
                refusals["experiment.identify"] = "Galleries are being searched."
            if self._document.refusal:
                refusals = dict.fromkeys(refusals, self._document.refusal)
        for key, refusal in refusals.items():
            self._actions.allow(key, refusal)
