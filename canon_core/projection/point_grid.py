"""Points in an order in which those of any view lie together: by class, then by the cells of a grid.

A zoomed view touches only the points of its cells, and neighbouring points fall on neighbouring pixels, which is what
makes a million of them quick to draw. Nothing here is drawn; :mod:`.density` does that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Cells along a side, at most: 256² cells have numbers of 16 bits, which numpy sorts in linear time.
_MOST_CELLS = 256
#: Points that share a cell on average, where there are few.
_POINTS_PER_CELL = 16


@dataclass(frozen=True)
class Box:
    """A rectangle in the plane of the points; y grows upwards."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom

    def covers(self, other: Box) -> bool:
        """Whether another box lies in this one."""
        return (
            self.left <= other.left
            and self.bottom <= other.bottom
            and self.right >= other.right
            and self.top >= other.top
        )

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.bottom, other.bottom),
            max(self.right, other.right),
            max(self.top, other.top),
        )


@dataclass(frozen=True)
class Raster:
    """How the plane of the points lies on pixels: pixel (0, 0) is the upper left one, y grows downwards on it.

    Attributes
    ----------
    width, height : int
        Pixels.
    left, top : float
        Of the upper left corner, in the plane.
    scale : float
        Pixels for a unit of the plane, along both axes.
    """

    width: int
    height: int
    left: float
    top: float
    scale: float

    def box(self, margin: float = 0.0) -> Box:
        """What lies on the pixels, and up to ``margin`` pixels around them."""
        extra = margin / self.scale
        return Box(
            self.left - extra,
            self.top - self.height / self.scale - extra,
            self.left + self.width / self.scale + extra,
            self.top + extra,
        )


@dataclass(frozen=True, eq=False)
class PointGrid:
    """Points sorted by class and cell.

    Attributes
    ----------
    x, y : (n,) float32
        Coordinates in the sorted order.
    number : (n,) int32
        Which point each of them is, as given to :meth:`build`.
    classes : int
        Classes are numbered from 0.
    bounds : Box
        Around all of them.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    number: NDArray[np.int32]
    classes: int
    bounds: Box
    _side: int
    _starts: NDArray[np.intp]  # (classes · side² + 1,) where the points of each cell begin

    @classmethod
    def build(
        cls,
        positions: NDArray[np.floating],
        codes: NDArray[np.integer] | None = None,
        classes: int = 1,
        numbers: NDArray[np.integer] | None = None,
    ) -> PointGrid:
        """Sort points; about 50 ms a million.

        Parameters
        ----------
        positions : (n, 2) float
            Points that are not finite are left out.
        codes : (n,) int, optional
            Class of each, 0 … ``classes`` − 1 (at most 255); all in class 0 unless given.
        numbers : (n,) int, optional
            What each point is called in ``number``; its row unless given.
        """
        x = np.ascontiguousarray(positions[:, 0], np.float32)
        y = np.ascontiguousarray(positions[:, 1], np.float32)
        codes = np.zeros(len(x), np.uint8) if codes is None else codes.astype(np.uint8)
        names = np.arange(len(x), dtype=np.int32) if numbers is None else numbers.astype(np.int32)
        finite = np.isfinite(x) & np.isfinite(y)
        if not finite.all():
            x, y, codes, names = x[finite], y[finite], codes[finite], names[finite]
        bounds = _bounds(x, y)
        side = _cells_along(len(x))
        cell = _cells(y, bounds.bottom, bounds.height, side) * np.uint16(side)
        cell += _cells(x, bounds.left, bounds.width, side)
        order = np.argsort(cell, kind="stable")
        if classes > 1:
            order = order[np.argsort(codes[order], kind="stable")]
        where = cell.astype(np.intp)
        where += codes.astype(np.intp) * (side * side)
        starts = np.zeros(classes * side * side + 1, np.intp)
        np.cumsum(np.bincount(where, minlength=classes * side * side), out=starts[1:])
        return cls(x[order], y[order], names[order], classes, bounds, side, starts)

    def __len__(self) -> int:
        return len(self.x)

    def count(self, code: int) -> int:
        """Points of a class."""
        cells = self._side * self._side
        return int(self._starts[(code + 1) * cells] - self._starts[code * cells])

    def runs(self, box: Box, code: int) -> list[slice]:
        """Where the points of a class that may lie in a box stand; those of its cells that reach over it too."""
        side, cells = self._side, self._side * self._side
        starts = self._starts[code * cells : (code + 1) * cells + 1]
        first, last = _range(box.left, box.right, self.bounds.left, self.bounds.width, side)
        low, high = _range(box.bottom, box.top, self.bounds.bottom, self.bounds.height, side)
        if first > last or low > high:
            return []
        if first == 0 and last == side - 1:
            ends = [(int(starts[low * side]), int(starts[(high + 1) * side]))]
        else:
            rows = np.arange(low, high + 1) * side
            ends = list(zip(starts[rows + first].tolist(), starts[rows + last + 1].tolist(), strict=True))
        return [slice(begin, end) for begin, end in ends if end > begin]

    def near(self, box: Box, code: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
        """x, y and number of the points of :meth:`runs`; views of this grid where they lie in one run."""
        runs = self.runs(box, code)
        if len(runs) == 1:
            return self.x[runs[0]], self.y[runs[0]], self.number[runs[0]]
        if not runs:
            return self.x[:0], self.y[:0], self.number[:0]
        return (
            np.concatenate([self.x[run] for run in runs]),
            np.concatenate([self.y[run] for run in runs]),
            np.concatenate([self.number[run] for run in runs]),
        )

    def nearest(self, x: float, y: float, radius: float, shown: NDArray[np.bool_] | None = None) -> int:
        """Number of the point nearest to a place, −1 where none of the ``shown`` classes is within ``radius``."""
        box = Box(x - radius, y - radius, x + radius, y + radius)
        best, found = radius * radius, -1
        for code in range(self.classes):
            if shown is not None and not shown[code]:
                continue
            across, up, numbers = self.near(box, code)
            if len(numbers):
                distance = (across - np.float32(x)) ** 2 + (up - np.float32(y)) ** 2
                closest = int(np.argmin(distance))
                if distance[closest] <= best:
                    best, found = float(distance[closest]), int(numbers[closest])
        return found

    def under(
        self, mask: NDArray[np.bool_], raster: Raster, shown: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int32]:
        """Numbers, ascending, of the points that fall on a mask's true pixels; ``mask`` is (height, width) of the
        raster. A shape drawn on the screen selects exactly what is seen below it."""
        found = []
        for code in range(self.classes):
            if shown is not None and not shown[code]:
                continue
            across, up, numbers = self.near(raster.box(), code)
            column = np.floor((across - np.float32(raster.left)) * np.float32(raster.scale)).astype(np.int32)
            row = np.floor((np.float32(raster.top) - up) * np.float32(raster.scale)).astype(np.int32)
            inside = (column >= 0) & (column < raster.width) & (row >= 0) & (row < raster.height)
            column, row, numbers = column[inside], row[inside], numbers[inside]
            found.append(numbers[mask[row, column]])
        return np.sort(np.concatenate(found)) if found else np.zeros(0, np.int32)


def _bounds(x: NDArray[np.float32], y: NDArray[np.float32]) -> Box:
    if not len(x):
        return Box(0.0, 0.0, 1.0, 1.0)
    return Box(float(x.min()), float(y.min()), float(x.max()), float(y.max()))


def _cells_along(points: int) -> int:
    side = 1
    while side < _MOST_CELLS and side * side * _POINTS_PER_CELL < points:
        side *= 2
    return side


def _cells(values: NDArray[np.float32], low: float, width: float, side: int) -> NDArray[np.uint16]:
    scaled = (values - np.float32(low)) * np.float32(side / width if width > 0 else 0.0)
    cells: NDArray[np.uint16] = np.minimum(scaled, np.float32(side - 1)).astype(np.uint16)
    return cells


def _range(first: float, last: float, low: float, width: float, side: int) -> tuple[int, int]:
    """Cells between two values, one more on each side, because single precision may put a point over the border."""
    if last < low or first > low + width:
        return 1, 0
    if width <= 0:
        return 0, side - 1
    begin = int(min(max((first - low) / width * side - 1, 0), side - 1))
    end = int(min(max((last - low) / width * side + 1, 0), side - 1))
    return begin, end
