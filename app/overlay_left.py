"""Which points of the overlay stay in the picture: filters and hidden classes, and the line that says so."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from canon_core.experiments.overlay_filter import OverlayFilter

from .overlays import Overlays
from .views.overlay_view import OverlayView


class OverlayLeft(QObject):
    """Holds the filter of the view; it is for looking, and not remembered with the study.

    Signals
    -------
    changed() :
        Other points are wanted.
    """

    changed = Signal()

    def __init__(self, overlays: Overlays, view: OverlayView, parent: QObject) -> None:
        super().__init__(parent)
        self._overlays, self._view = overlays, view
        self.filter = OverlayFilter()
        view.filter_menu.chosen.connect(self._choose)
        view.filter_menu.aboutToShow.connect(self.show)
        view.legend.toggled.connect(self.show)
        view.allPointsRequested.connect(self._all)

    def _choose(self, wanted: OverlayFilter) -> None:
        if wanted != self.filter:
            self.filter = wanted
            self.changed.emit()

    def _all(self) -> None:
        for entry in self._view.legend.entries:
            entry.setChecked(True)
        self._choose(OverlayFilter())

    def show(self, *_: object) -> None:
        """Show what can be chosen, and say what is not in the picture."""
        details, view, points = self._overlays.details, self._view, self._view.plot.points
        refusal = "Nearest faces are being looked up." if details is None else details.refusal
        covariates = {} if details is None else {name: each.groups for name, each in details.covariates.items()}
        view.filter_menu.show_choices(self.filter, covariates, view.bar.search.text().strip(), refusal)
        if points is None:
            view.set_left("", filtered=False)
            return
        counted = list(zip(points.classes, points.counts(), view.plot.shown, strict=True))
        left = sum(count for _, count, shown in counted if shown)
        hidden = [each.name for each, _, shown in counted if not shown and not each.hidden]
        parts = [f"Only {self.filter.words}"] if self.filter.words else []
        if hidden:
            parts.append(f"{'without' if parts else 'Without'} {', '.join(hidden)}")
        filtered = bool(parts)
        lines = [f"{'; '.join(parts)}: {left:,} of {len(points):,} points."] if filtered else []
        if details is not None and refusal:
            lines.append(refusal)
        view.set_left(" ".join(lines), filtered=filtered)
