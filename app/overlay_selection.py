"""The faces of the points that are selected in the overlay: listed, and shown alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from canon_core.study.overlay_results import Overlay

from .document import Document
from .overlay_choice import MOST_CHOSEN
from .overlays import FEW_POINTS, Overlays
from .thumbnails import Thumbnails
from .views.face_list import MOST_LISTED, ListedFace
from .views.overlay_lines import items_of
from .views.overlay_view import OverlayView

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_FACES_TOPIC, _SORTING_TOPIC = "listed faces", "sorting selected points"


class OverlaySelection(QObject):
    """Follows what is selected in the plot."""

    def __init__(
        self, document: Document, overlays: Overlays, view: OverlayView, thumbnails: Thumbnails, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bridge, self._overlays, self._view, self._thumbnails = document.bridge, overlays, view, thumbnails
        self._listed: list[int] = []
        thumbnails.arrived.connect(self._faces_arrived)
        overlays.detailsChanged.connect(self.show)
        view.plot.selectionChanged.connect(self.show)
        view.faces.faceChosen.connect(view.plot.set_current)
        view.faces.onlyRequested.connect(self._only)
        view.allSubjectsRequested.connect(self._all)

    def show(self, *_: object) -> None:
        """List the faces of what is selected now."""
        shown, view = self._overlays.shown, self._view
        selection = view.plot.selection
        self._listed = []
        self._bridge.drop(_SORTING_TOPIC)
        if shown is None or view.result is not shown or not len(selection):
            return
        if len(selection) <= FEW_POINTS:
            self._list(shown, selection, _listing(shown, selection))
            return

        def sort(_ctx: JobContext) -> _Listing:
            return _listing(shown, selection)

        self._bridge.ask(_SORTING_TOPIC, sort, on_result=lambda listing: self._list(shown, selection, listing))

    def laid_out(self, *, same_points: bool) -> None:
        """Another overlay is in the plot: list anew, unless these faces are listed already."""
        if not (same_points and self._listed):
            self.show()

    def _list(self, shown: Overlay, selection: NDArray[np.int32], listing: _Listing) -> None:
        details, view = self._overlays.details, self._view
        if shown is not view.result or selection is not view.plot.selection:
            return
        first, items, subjects = listing
        self._listed = first
        names = details.names if details is not None else dict.fromkeys(first, "…")
        of = [f", {name}" if shown.parts else "" for name in shown.settings.datasets]
        faces = [
            ListedFace(item, names[item], f"{shown.subject_names[shown.subject[item]]}{of[shown.dataset[item]]}")
            for item in first
        ]
        one = str(shown.settings.level).removesuffix("s")
        view.faces.show_faces(len(selection), faces, items, subjects, one=one)
        refusal = f"At most {MOST_CHOSEN:,} subjects can be chosen; these are {subjects:,}"
        view.faces.set_only(refusal if subjects > MOST_CHOSEN else "")
        if details is not None:
            self._thumbnails.ask(_FACES_TOPIC, [self._overlays.face(item) for item in first])
            self._faces_arrived()

    def _faces_arrived(self) -> None:
        if self._overlays.details is not None:
            for place, item in enumerate(self._listed):
                face = self._thumbnails.image(self._overlays.face(item))
                if face is not None:
                    self._view.faces.show_image(place, face)

    def _only(self) -> None:
        shown, selection = self._overlays.shown, self._view.plot.selection
        if shown is None or shown is not self._view.result or not len(selection):
            return
        codes = np.flatnonzero(np.bincount(shown.subject[selection]))
        names = tuple(dict.fromkeys(shown.subject_names[code] for code in codes.tolist()))
        if len(names) <= MOST_CHOSEN:
            self._overlays.choose("Show only selected subjects", chosen=names, chosen_in=shown.settings.dataset)

    def _all(self) -> None:
        self._overlays.choose("Show all subjects again", chosen=(), chosen_in="")


#: Items whose faces are listed, by subject; and how many items and subjects there are.
_Listing = tuple[list[int], int, int]


def _listing(shown: Overlay, selection: NDArray[np.int32]) -> _Listing:
    items = items_of(shown, selection)
    counts = np.bincount(shown.subject[items])
    # Only the subjects that come first are put in order.
    last = int(np.searchsorted(np.cumsum(counts), MOST_LISTED))
    first = items[shown.subject[items] <= last]
    first = first[np.argsort(shown.subject[first], kind="stable")][:MOST_LISTED]
    return first.tolist(), len(items), int(np.count_nonzero(counts))
