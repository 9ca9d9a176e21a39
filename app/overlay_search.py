"""What is searched for in the overlay: ringed where it is drawn, offered where it is only in the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from canon_core.study.overlay_results import Overlay

from .document import Document
from .overlay_choice import MOST_CHOSEN
from .overlays import Overlays
from .views.overlay_view import OverlayView

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_TOPIC = "search of points"


class OverlaySearch(QObject):
    """Follows the search field."""

    def __init__(self, document: Document, overlays: Overlays, view: OverlayView, parent: QObject) -> None:
        super().__init__(parent)
        self._document, self._overlays, self._view = document, overlays, view
        self._offered: tuple[str, ...] = ()  # who would be shown besides those who are
        view.bar.searched.connect(self.search)
        overlays.detailsChanged.connect(self.search)
        view.foundRequested.connect(self._show_offered)
        document.closed.connect(view.bar.search.clear)  # another study has other people

    def search(self, *_: object) -> None:
        """Look for what stands in the field."""
        study, shown, details = self._document.study, self._overlays.shown, self._overlays.details
        text = self._view.bar.search.text().strip()
        there = shown is not None and shown is self._view.result  # else points are numbered otherwise in the plot
        if study is None or shown is None or details is None or not there or not text:
            self._document.bridge.drop(_TOPIC)
            self._say(np.zeros(0, np.int32), "")
            return

        def find(_ctx: JobContext) -> tuple[NDArray[np.int32], tuple[str, ...]]:
            from canon_core.experiments.overlay_search import points_named, subjects_not_drawn

            points = points_named(shown, details, text)
            return points, () if len(points) else subjects_not_drawn(study, shown, text)

        def found(answer: tuple[NDArray[np.int32], tuple[str, ...]]) -> None:
            current = shown is self._overlays.shown and shown is self._view.result
            if current and text == self._view.bar.search.text().strip():
                self._found(shown, *answer)

        self._document.bridge.ask(_TOPIC, find, on_result=found, on_failure=self._document.faulted.emit)

    def _found(self, shown: Overlay, points: NDArray[np.int32], beyond: tuple[str, ...]) -> None:
        items = len(points) // len(shown.models)
        one = str(shown.settings.level).removesuffix("s")
        if items:
            self._say(points, f"{items:,} {one}{'s' * (items != 1)} found")
        elif not beyond:
            self._say(points, "nothing found here")
        else:
            who = "" if len(beyond) == 1 else f"{len(beyond):,} subjects, "
            drawn = f"the {shown.subjects[0]:,} drawn" if shown.subjects[0] > 1 else "the one drawn"
            self._say(points, f"{who}in the dataset, not among {drawn}", self._with(shown, beyond))

    def _with(self, shown: Overlay, beyond: tuple[str, ...]) -> tuple[str, ...]:
        """Those who are drawn and those who were found; or these alone, or nobody, where that would be too many."""
        both = tuple(dict.fromkeys((*shown.subject_names, *beyond)))
        return both if len(both) <= MOST_CHOSEN else beyond if len(beyond) <= MOST_CHOSEN else ()

    def _say(self, points: NDArray[np.int32], text: str, offered: tuple[str, ...] = ()) -> None:
        self._offered = offered
        self._view.set_found(points, text, offered=bool(offered))

    def _show_offered(self) -> None:
        if self._offered:
            text = f"Show who was searched for: {self._view.bar.search.text().strip()}"
            self._overlays.choose(text, chosen=self._offered, chosen_in=self._document.state.dataset)
