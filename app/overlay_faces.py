"""Marks the two compared faces in the overlay, while both are about the same spaces; and opens two points as a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from canon_core.study.overlay_results import Overlay, OverlayLevel

from .document import Document
from .overlays import Overlays
from .views.overlay_view import OverlayView
from .views.scatter_points import PlacedPoint
from .views.two_faces_view import TwoFacesView

if TYPE_CHECKING:
    from canon_core.experiments.overlay_faces import PlacedFaces
    from canon_core.experiments.two_faces import Comparison
    from canon_core.jobs import JobContext

_TOPIC = "two faces in the overlay"
_PAIR_TIP = "Look at these two in the view of pairs: the first through the source and the map, the second as target"


class OverlayFaces(QObject):
    """Follows the comparison and the overlay.

    Signals
    -------
    pairRequested(source, target, first, second) : str, str, int, int
        Two points are to be looked at as a pair of a cell: rows of images, or ids of templates.
    """

    pairRequested = Signal(str, str, int, int)

    def __init__(self, document: Document, overlays: Overlays, view: OverlayView, faces: TwoFacesView) -> None:
        super().__init__(document)
        self._document, self._overlays, self._view = document, overlays, view
        self._comparison: Comparison | None = None
        self._placed: tuple[Overlay, Comparison] | None = None
        faces.compared.connect(self._compared)
        overlays.changed.connect(self._place)
        document.closed.connect(self._forget)
        view.plot.selectionChanged.connect(self._selected)
        view.faces.pickedChanged.connect(self._selected)
        view.overlayShown.connect(self._selected)
        view.faces.pairRequested.connect(self._open_pair)
        self._selected()

    # -- two faces -----------------------------------------------------------------------------------------------
    def _compared(self, comparison: Comparison | None) -> None:
        self._comparison = comparison
        self._place()

    def _forget(self) -> None:
        self._comparison = self._placed = None
        self._view.set_placed((), "")

    def _place(self) -> None:
        shown, comparison, study = self._overlays.shown, self._comparison, self._document.study
        wanted = None if shown is None or comparison is None else (shown, comparison)
        if wanted == self._placed:
            return
        self._placed = wanted
        self._view.set_placed((), "")
        self._document.bridge.drop(_TOPIC)
        if shown is None or comparison is None or study is None:
            return
        from canon_core.experiments.overlay_faces import agrees

        if not agrees(shown.settings, comparison):
            return

        def work(ctx: JobContext) -> PlacedFaces:
            from canon_core.experiments.overlay_faces import place_faces

            return place_faces(study, shown, comparison, ctx)

        def placed(found: PlacedFaces) -> None:
            if self._placed == wanted:
                names = f"first face, {comparison.settings.source}", f"second face, {comparison.settings.target}"
                marks = [
                    PlacedPoint(name, (float(before[0]), float(before[1])), (float(after[0]), float(after[1])))
                    for name, before, after in zip(names, found.before, found.after, strict=True)
                ]
                self._view.set_placed(marks, f"The two compared faces, {found.words}.")

        self._document.bridge.ask(_TOPIC, work, on_result=placed, on_failure=self._document.faulted.emit)

    # -- two points ----------------------------------------------------------------------------------------------
    def _selected(self, *_: object) -> None:
        self._view.faces.set_pair(_PAIR_TIP, self._refusal())

    def _refusal(self) -> str:
        shown = self._overlays.shown
        points = self._points()
        if shown is None or points is None:
            return "Select two points, or mark two of these faces (Ctrl and click), to look at them as a pair"
        first, second = points
        if first % shown.items[0] == second % shown.items[0]:
            return "Both points are the same face: select points of two, or mark two faces in the list"
        if shown.dataset[[first % shown.items[0], second % shown.items[0]]].any():
            return f"Pairs are of '{shown.settings.dataset}', on which the maps were fitted: select two points of it"
        if self._overlays.has_templates and shown.settings.level is not OverlayLevel.TEMPLATES:
            return "Pairs of this dataset are of templates: let points be templates (Settings)"
        return ""

    def _points(self) -> tuple[int, int] | None:
        """The source's point and the target's: of the two faces that are marked in the list, in the order in which they
        were, or the two points that are selected; None of fewer or more."""
        shown, picked, selection = self._overlays.shown, self._view.faces.picked, self._view.plot.selection
        if shown is None or shown is not self._view.result:
            return None  # the plot still shows another one, whose points have other numbers
        if len(picked) > 2 or (len(picked) < 2 and len(selection) != 2):
            return None
        if len(picked) == 2:
            pair = self._overlays.pair
            among = pair is not None and pair[0] in shown.settings.sources
            model = shown.models.index(pair[0]) if pair is not None and among else 1
            return model * shown.items[0] + picked[0], picked[1]
        # Ascending: the target's points come before those of the sources.
        target, source = selection.tolist()
        if shown.model[source] == 0 or shown.model[target] != 0:
            source, target = target, source  # both of one model: in their order
        return source, target

    def _open_pair(self) -> None:
        shown, points = self._overlays.shown, self._points()
        if shown is None or points is None or self._refusal():
            return
        source, target = points
        name = shown.models[max(int(shown.model[source]), 1)]
        self.pairRequested.emit(name, shown.models[0], int(shown.item[source]), int(shown.item[target]))
