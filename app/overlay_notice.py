"""What stands between the study and an overlay, and what is under way: in words, with the button that goes on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import OverlayLevel

from .actions import Actions
from .computing import Computing
from .document import Document
from .overlays import Overlays, method_text
from .views.overlay_view import OverlayView
from .wording import fault_text

#: Words, what the button below them says, and what it does.
_Empty = tuple[str, str, Callable[[], object] | None]


class OverlayNotice(QObject):
    """The empty state, and the line above the plot.

    Signals
    -------
    mapRequested(kind) : MapKind
        Another map is to be used.
    """

    mapRequested = Signal(object)

    def __init__(
        self,
        document: Document,
        computing: Computing,
        overlays: Overlays,
        actions: Actions,
        view: OverlayView,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._document, self._computing, self._overlays = document, computing, overlays
        self._actions, self._view = actions, view
        self._stage = ""
        self._act: Callable[[], object] | None = None
        overlays.progressed.connect(self._staged)
        view.computeRequested.connect(overlays.compute)
        view.cancelRequested.connect(overlays.cancel)
        view.actionRequested.connect(lambda: self._act() if self._act is not None else None)

    def show(self) -> None:
        """Say how things stand."""
        if not self._overlays.computing:
            self._stage = ""  # of a job that ended
        text, button, self._act = self._why_empty()
        self._view.set_empty(text, button)
        self._show_notice()

    def _staged(self, text: str) -> None:
        self._stage = text
        if self._view.isVisible():
            self.show()

    def _why_empty(self) -> _Empty:
        """What stands between the study and an overlay, and the way on."""
        overlays, contents, state = self._overlays, self._document.contents, self._document.state
        if contents is None or contents.dataset(state.dataset) is None:
            there = 0 if contents is None else len(contents.models)
            networks = ("two networks and ", "another network and ", "")[min(there, 2)]
            return f"Add {networks}a dataset of faces: the networks' spaces are laid over each other here.", "", None
        if overlays.pair is None:
            return self._why_no_pair()
        if state.map is MapKind.NONE:
            return (
                "With the map 'none' nothing moves: an overlay shows source points before a map and after it.",
                "Use the linear map",
                lambda: self.mapRequested.emit(MapKind.LINEAR),
            )
        if overlays.error is not None:
            return fault_text(overlays.error), "Try again", overlays.compute
        if overlays.looking:
            return "Looking up what is stored, and laying the points out…", "", None
        if overlays.computing:
            return f"The points are being laid out. {self._stage}", "", None
        return "This overlay is not computed yet.", "Compute it", overlays.compute

    def _why_no_pair(self) -> _Empty:
        """Fewer than two models are there for an overlay: what can be done about that."""
        contents, state, there = self._document.contents, self._document.state, len(self._overlays.models)
        assert contents is not None
        text = (
            f"An overlay takes two models that are embedded on '{state.dataset}';"
            f" {'one is' if there == 1 else 'none is'} so far."
        )
        if self._computing.embedding:
            return f"{text} The embeddings are being made: how far that is, is shown below.", "", None
        if contents.read_only:
            return f"{text} The study is open read-only.", "", None
        included = [name for name in contents.model_names if name not in state.left_out]
        if contents.to_embed(state.dataset, included):
            action = self._actions["study.compute_all"]
            return f"{text} Make the missing embeddings first.", "Compute everything", action.trigger
        if len(contents.embedded(state.dataset)) >= 2:
            return f"{text} Others are left out: tick them in the study tree.", "", None
        return f"{text} Add another network first.", "Add model…", self._actions["study.add_model"].trigger

    def _show_notice(self) -> None:
        overlays, view = self._overlays, self._view
        chosen = len(overlays.choice.chosen_of(self._document.state.dataset))
        wanted = method_text(overlays.choice.method)
        only = f"{chosen:,} chosen subject{'s' * (chosen != 1)} only." if chosen else ""
        if overlays.has_templates and not overlays.may_be_templates and overlays.choice.level is OverlayLevel.TEMPLATES:
            only = " ".join(["Images are shown: not every dataset has templates.", only]).strip()
        if overlays.alone and overlays.pair is not None and not overlays.choice.all_sources:
            source, target = overlays.pair
            only = f"{target} by itself has no map: {source} → {target} is shown. {only}".strip()
        if overlays.shown is None:
            view.set_notice("")
        elif overlays.error is not None and not overlays.current:
            view.set_notice(f"{wanted} failed: {fault_text(overlays.error)}", compute="Try again", chosen=bool(chosen))
        elif overlays.computing:
            view.set_notice(f"{self.instead} {self._stage or 'It waits for its turn…'}", cancel=True)
        elif overlays.looking and not overlays.current:
            view.set_notice("Laying the points out…")
        elif not overlays.current:
            verb = "are" if overlays.choice.method is OverlayMethod.SINGULAR else "is"
            text = f"{self.instead} {wanted[0].upper()}{wanted[1:]} {verb} not computed."
            view.set_notice(text, compute=f"Compute {wanted}", chosen=bool(chosen))
        else:
            view.set_notice(only, chosen=bool(chosen))

    @property
    def instead(self) -> str:
        """What is shown instead of what is wanted, in a sentence; empty where that is shown."""
        if self._overlays.shown is None or self._overlays.current:
            return ""
        if not self._overlays.stand_in:
            return "The picture of before is shown."
        return "PCA is shown until UMAP is there." if self._overlays.computing else "PCA is shown."

