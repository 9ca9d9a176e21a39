"""The card beside the point under the cursor: its face, its subject, and which faces are nearest to it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from canon_core.study.overlay_results import Overlay

from .overlays import Overlays
from .thumbnails import Face, Thumbnails
from .views.overlay_view import OverlayView
from .views.point_card import CardNeighbour, PointCardContent

_TOPIC = "face under the cursor"


class OverlayCard(QObject):
    """Follows the cursor over the plot."""

    def __init__(self, overlays: Overlays, view: OverlayView, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._overlays, self._view, self._thumbnails = overlays, view, thumbnails
        self._hovered = -1
        thumbnails.arrived.connect(self._faces_arrived)
        view.plot.hovered.connect(self._look_at)
        view.plot.viewChanged.connect(self._hide)

    @property
    def _shown(self) -> Overlay | None:
        """What the cursor is over; None while the plot still shows another overlay than is told of."""
        shown = self._overlays.shown
        return shown if shown is self._view.result else None

    def _look_at(self, number: int) -> None:
        self._hovered = number
        self._show(place=True)
        shown = self._shown
        if number >= 0 and shown is not None:
            self._thumbnails.ask(_TOPIC, self._faces(number), shown.models[shown.model[number]])

    def _hide(self) -> None:
        if self._hovered >= 0:
            self._view.card.show_content(None)

    def _faces_arrived(self) -> None:
        if self._view.card.isVisible():
            self._show(place=False)

    def _near(self, number: int) -> list[tuple[str, int]]:
        """In which space, and which item is nearest to a point's item there."""
        shown, details = self._shown, self._overlays.details
        if shown is None or details is None or not details.neighbours:
            return []
        model, item = divmod(number, shown.items[0])
        found = details.neighbours[max(model - 1, 0)]
        source = shown.models[max(model, 1)]
        spaces = (
            ("raw", found.before), ("mapped", found.after), (source, found.source_own),
            (shown.models[0], found.target_own),
        )  # fmt: skip
        return [(space, int(near[item])) for space, near in spaces if near[item] >= 0]

    def _faces(self, number: int) -> list[Face]:
        shown = self._shown
        if shown is None or self._overlays.details is None:
            return []
        items = [number % shown.items[0], *(item for _, item in self._near(number))]
        return list(dict.fromkeys(self._overlays.face(item) for item in items))

    def _show(self, *, place: bool) -> None:
        shown, details, view, number = self._shown, self._overlays.details, self._view, self._hovered
        if number < 0 or shown is None or number >= len(shown.model):
            view.card.show_content(None)
            return
        model, item = divmod(number, shown.items[0])
        name = details.names[item] if details is not None else ""
        dataset = shown.settings.datasets[shown.dataset[item]]
        subject = shown.subject_names[shown.subject[number]]
        role = f"{shown.models[model]}, {'source' if model else 'target'}"
        lines = [name.rsplit("/", 1)[-1] or "…", subject, *([dataset] if shown.parts else []), role]
        if len(shown.fit_pairs) > 1 and model:
            lines.append(f"map of half {2 - int(shown.half[number])}")
        face = self._thumbnails.image(self._overlays.face(item)) if details is not None else None
        neighbours = []
        if details is not None:
            asked = bool(details.neighbours) and bool(details.neighbours[0].asked[item])
            for space, near in self._near(number):
                same = bool(shown.subject[near] == shown.subject[item]) if asked else None
                image = self._thumbnails.image(self._overlays.face(near))
                neighbours.append(CardNeighbour(space, details.names[near].rsplit("/", 1)[-1], same, image))
        content = PointCardContent(tuple(lines), face, self._thumbnails.refusal(dataset), tuple(neighbours))
        view.card.show_content(content, view.plot.position_of(number) if place else None)
