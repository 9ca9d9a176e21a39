"""Ties the curves of sensitivity to the document and to their view, as the presenter does the matrix."""

from __future__ import annotations

from PySide6.QtCore import QObject

from canon_core.study.results import far_text

from .actions import Actions
from .document import Document
from .exportables import sensitivity_export
from .exporting import Exporting
from .sensitivity import SensitivityCurves, incomplete
from .sensitivity_choice import SensitivityChoice
from .settled import settled
from .view_state import IMAGE_MODES, TEMPLATE_MODES
from .views.sensitivity_view import SensitivityShown, SensitivityView
from .views.shown_sensitivity import sensitivity_command, time_text, work_text
from .wording import fault_text, window_words

_LOOKING = "Looking up what is stored…"


class SensitivityPresenter(QObject):
    """Shows them, and runs what the view's buttons ask for."""

    def __init__(
        self,
        document: Document,
        curves: SensitivityCurves,
        actions: Actions,
        exporting: Exporting,
        view: SensitivityView,
    ) -> None:
        super().__init__(document)
        self._document, self._curves, self._actions, self._view = document, curves, actions, view
        self._exporting = exporting
        self._late = settled(self, 0, self._show)
        for changed in (
            document.opened, document.closed, document.contentsChanged, document.stateChanged, document.bridge.queued,
            curves.changed,
        ):  # fmt: skip
            changed.connect(self.tab_shown)
        view.choiceChanged.connect(self._choose)
        view.farChanged.connect(lambda far: document.change(f"Read at FAR {far_text(far)}", far=far))
        view.seedChanged.connect(lambda seed: document.change(f"Set seed {seed}", kind="seed", seed=seed))
        view.computeRequested.connect(actions["experiment.sensitivity"].trigger)
        view.actionRequested.connect(actions["view.matrix"].trigger)
        view.exportRequested.connect(self._export_shown)
        actions.connect("experiment.sensitivity", self._compute)
        self.tab_shown()

    def tab_shown(self, *_: object) -> None:
        """Something changed, or another view is looked at: show what is on the screen."""
        self._late.start()

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        self._curves.watch(self._view.isVisible())
        if self._view.isVisible():
            self._show_view()
        self._actions.allow("experiment.sensitivity", self._why_not())

    def _show_view(self) -> None:
        view, curves, state = self._view, self._curves, self._document.state
        wanted, contents, entry = curves.wanted, self._document.contents, self._document.dataset
        if not wanted or contents is None or entry is None:
            view.set_nothing(self._why_nothing(), "Go to the matrix" if contents is not None else "")
            return
        among, results = curves.among, curves.results
        chosen = sum(source != target for source, target in state.cells)
        modes = TEMPLATE_MODES if entry.has_templates else IMAGE_MODES
        view.set_choices(state.sensitivity, modes, state.far, state.seed, chosen)
        view.set_commands(
            [sensitivity_command(str(contents.path), settings, state.far, state.rule, among) for settings in wanted]
        )
        if curves.fault is not None:
            view.set_uncomputed(fault_text(curves.fault))
        elif among == ():
            view.set_uncomputed(
                "No cell off the diagonal is chosen. Choose one or more in the matrix (Ctrl+1), or average all cells."
            )
        elif not results:
            view.set_uncomputed(_LOOKING)
        elif not any(result.averaged(among) for result in results) and not curves.running:
            if curves.known:
                view.set_uncomputed(
                    " ".join([work_text(results, among, curves.estimate), self._document.refusal]).rstrip(),
                    "" if self._document.refusal else "Compute curves",
                )
            else:
                view.set_uncomputed(_LOOKING)
        else:
            notice, computable = self._missing_text()
            view.set_curves(
                SensitivityShown(results, state.far, state.rule, among), notice, computable=computable
            )

    def _missing_text(self) -> tuple[str, bool]:
        """What is missing of the curves, and whether it can be computed now."""
        curves = self._curves
        if not curves.known:
            return _LOOKING, False
        among = curves.among
        total = sum(len(result.counted(among)) for result in curves.results)
        absent = sum(len(result.lacking(among)) for result in curves.results)
        idle = [result for result in curves.results if curves.idle(result)]
        if curves.running:
            text = f"{total - absent} of {total} cells are computed; how far the rest is, is shown below."
        elif absent:
            text = f"{absent} of {total} cells are not computed yet for these settings{time_text(curves.estimate)}."
        elif idle:
            text = "The single models are not scored yet for these settings."
        else:
            impossible = next((reason for result in curves.results for reason in result.missing.values()), "")
            return (f"Some cells are missing: {window_words(impossible)}." if impossible else ""), False
        if idle and self._document.refusal:
            text = f"{text} {self._document.refusal}"
        return text, bool(idle) and not self._document.refusal

    def _why_nothing(self) -> str:
        if self._document.contents is None:
            return ""
        return (
            "How many image pairs does a map need? That takes two models with embeddings of the same dataset: the"
            " matrix says what is missing."
        )

    # -- doing ---------------------------------------------------------------------------------------------------
    def _choose(self, choice: SensitivityChoice, text: str) -> None:
        self._document.change(text, kind=f"sensitivity {text.split(maxsplit=1)[0]}", sensitivity=choice)

    def _compute(self) -> None:
        self._actions["view.sensitivity"].trigger()
        self._curves.compute()

    def _export_shown(self) -> None:
        shown = self._view.shown
        if shown is not None:
            self._exporting.ask([sensitivity_export(self._document.state.dataset, shown)])

    # -- which can be chosen -------------------------------------------------------------------------------------
    def _why_not(self) -> str:
        curves = self._curves
        if self._document.contents is None:
            return "Open or make a study first."
        if not curves.wanted:
            return "It takes two models with embeddings of the dataset."
        if self._document.refusal:
            return self._document.refusal
        if curves.fault is not None:
            return fault_text(curves.fault)
        if curves.known and not any(incomplete(result, curves.among) for result in curves.results):
            return "Every cell of these curves is computed."
        if curves.among == ():
            return "No cell off the diagonal is chosen."
        if curves.running == frozenset(curves.wanted) and not any(map(curves.idle, curves.results)):
            return "They are being computed."
        return ""
