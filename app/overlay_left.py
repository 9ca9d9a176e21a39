"""Which points of the overlay stay in the picture: filters and hidden classes, and the line that says so."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from canon_core.experiments.overlay_filter import OverlayFilter
from canon_core.experiments.overlay_look import left_words

from .overlays import Overlays
from .views.overlay_view import OverlayView


class OverlayLeft(QObject):
    """Ties the filter menu and the legend to the choice that the study remembers."""

    def __init__(self, overlays: Overlays, view: OverlayView, parent: QObject) -> None:
        super().__init__(parent)
        self._overlays, self._view = overlays, view
        view.tools.filter_menu.chosen.connect(self._choose)
        view.tools.filter_menu.aboutToShow.connect(self.show)
        view.legend.toggled.connect(self._toggled)
        view.allPointsRequested.connect(self._all)

    @property
    def only(self) -> OverlayFilter:
        """The filter, as far as it can be told of what is shown."""
        return self._overlays.choice.only.fitting(self._overlays.details)

    def _choose(self, wanted: OverlayFilter) -> None:
        self._overlays.choose(f"Show only {wanted.words}" if wanted.words else "Show all points", only=wanted)

    def _toggled(self, code: int, shown: bool) -> None:
        points = self._view.plot.points
        if points is not None:
            name = points.classes[code].name
            others = [each for each in self._overlays.choice.hidden if each != name]
            hidden = others if shown else [*others, name]
            self._overlays.choose(f"{'Show' if shown else 'Hide'} {name}", hidden=tuple(hidden))
        self.show()

    def _all(self) -> None:
        self._overlays.choose("Show all points", only=OverlayFilter(), hidden=())

    def show(self, *_: object) -> None:
        """Show what can be chosen, and say what is not in the picture."""
        details, view, points = self._overlays.details, self._view, self._view.plot.points
        wanted, only = self._overlays.choice.only, self.only
        refusal = "Nearest faces are being looked up." if details is None else details.refusal
        covariates = {} if details is None else {name: each.groups for name, each in details.covariates.items()}
        view.tools.filter_menu.show_choices(only, covariates, view.bar.search.text().strip(), refusal)
        if points is None:
            view.set_left("", filtered=False)
            return
        counted = list(zip(points.classes, points.counts(), view.plot.shown, strict=True))
        left = sum(count for _, count, shown in counted if shown)
        hidden = [each.name for each, _, shown in counted if not shown and not each.hidden]
        words = left_words(only.words, hidden, left, len(points))
        lines = [f"{words}."] if words else []
        if details is not None and only != wanted:
            aside = replace(wanted, text="", errors=wanted.errors and not only.errors)
            aside = replace(aside, covariate="", group="") if only.covariate else aside
            lines.append(f"Not filtered by {aside.words}: that cannot be told of these points.")
        if details is not None and refusal:
            lines.append(refusal)
        view.set_left(" ".join(lines), filtered=bool(words) or only != wanted)
