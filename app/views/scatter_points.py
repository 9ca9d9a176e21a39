"""What a scatter plot shows: places of points in two layouts, the class of each. No Qt: built in any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.figures.point_classes import ColourScale, PointClass
from canon_core.projection.point_grid import Box, PointGrid

__all__ = ["ColourScale", "PlacedPoint", "PointClass", "ScatterPoints"]

#: Classes that a plot can tell apart; more belong into one called "others".
MOST_CLASSES = 16
#: Points on each side that may lie far out, room left around the others, and how much larger all of them are then.
_OUTLIERS, _ROOM, _FAR_OUT = 0.01, 0.15, 1.5
#: Points whose places are sorted to find those far out; of more, so many stand for all.
_SAMPLE = 20_000


@dataclass(frozen=True)
class PlacedPoint:
    """Something that is marked among the points without being one of them: its label, and where it lies in both
    layouts."""

    label: str
    before: tuple[float, float]
    after: tuple[float, float]

    def place(self, blend: float) -> tuple[float, float]:
        """Between the layouts in a straight line."""
        (left, low), (right, high) = self.before, self.after
        return left + blend * (right - left), low + blend * (high - low)


@dataclass(frozen=True, eq=False)
class ScatterPoints:
    """Points with a class each, at rest in one layout or on the way from one to another.

    Attributes
    ----------
    after, before : (n, 2) float32
        Places at blend 1 and at blend 0; the same array where there is one layout.
    codes : (n,) uint8
        Class of each point.
    classes : tuple of PointClass
    scale : ColourScale or None
        Where some of them are steps of a scale.
    bounds, bulk : Box
        Around all points of both layouts; and around all but the few that lie far out, where leaving those out shows
        the others much larger.
    """

    after: NDArray[np.float32]
    before: NDArray[np.float32]
    codes: NDArray[np.uint8]
    classes: tuple[PointClass, ...]
    bounds: Box
    bulk: Box
    _ends: dict[float, PointGrid]
    scale: ColourScale | None = None

    @classmethod
    def build(
        cls,
        after: NDArray[np.floating],
        codes: NDArray[np.integer],
        classes: Sequence[PointClass],
        before: NDArray[np.floating] | None = None,
        scale: ColourScale | None = None,
    ) -> ScatterPoints:
        """Sort the points of both layouts: a tenth of a second a million."""
        if not 1 <= len(classes) <= MOST_CLASSES:
            raise ValueError(f"{len(classes)} classes; 1 to {MOST_CLASSES} can be told apart")
        end = np.ascontiguousarray(after, np.float32)
        start = end if before is None else np.ascontiguousarray(before, np.float32)
        kinds = codes.astype(np.uint8)
        ends = {1.0: PointGrid.build(end, kinds, len(classes))}
        ends[0.0] = ends[1.0] if before is None else PointGrid.build(start, kinds, len(classes))
        bounds = ends[0.0].bounds.joined(ends[1.0].bounds)
        bulk = _bulk(end).joined(_bulk(start))
        if bounds.width < _FAR_OUT * bulk.width and bounds.height < _FAR_OUT * bulk.height:
            bulk = bounds
        return cls(end, start, kinds, tuple(classes), bounds, bulk, ends, scale)

    def __len__(self) -> int:
        return len(self.after)

    def counts(self) -> list[int]:
        """Points of each class."""
        return [self._ends[1.0].count(code) for code in range(len(self.classes))]

    def places(self, blend: float, only: NDArray[np.integer] | slice = slice(None)) -> NDArray[np.float32]:
        """(n, 2) float32, between the layouts in a straight line; of all points or ``only`` some."""
        if blend >= 1 or self.before is self.after:
            return self.after[only]
        before = self.before[only]
        return before if blend <= 0 else before + np.float32(blend) * (self.after[only] - before)

    def around(self, blend: float, shown: Sequence[bool]) -> Box:
        """Around the points of the ``shown`` classes where they lie at a blend; around both layouts where none is."""
        places = self.places(blend)
        if not all(shown):
            places = places[np.array(shown, bool)[self.codes]]
        places = places[np.isfinite(places).all(axis=1)]
        if not len(places):
            return self.bounds
        return Box(*places.min(axis=0).tolist(), *places.max(axis=0).tolist())

    def grid(self, blend: float, only: NDArray[np.integer] | None = None) -> PointGrid:
        """The points sorted, all or ``only`` some."""
        if only is not None:
            return PointGrid.build(self.places(blend, only), self.codes[only], len(self.classes), only)
        if blend >= 1 or blend <= 0 or self.before is self.after:
            return self._ends[0.0 if blend <= 0 else 1.0]
        return PointGrid.build(self.places(blend), self.codes, len(self.classes))


def _bulk(places: NDArray[np.float32]) -> Box:
    """Around the points without those that lie farthest out, with some room."""
    some = places[:: max(1, len(places) // _SAMPLE)]
    some = some[np.isfinite(some).all(axis=1)]
    if not len(some):
        return Box(0.0, 0.0, 1.0, 1.0)
    (left, bottom), (right, top) = np.quantile(some, [_OUTLIERS, 1 - _OUTLIERS], axis=0).tolist()
    across, up = (right - left) * _ROOM, (top - bottom) * _ROOM
    return Box(left - across, bottom - up, right + across, top + up)
