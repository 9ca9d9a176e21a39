"""What is in a scatter plot: its points, the classes of them that are shown, and what is marked among them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPolygonF

from .scatter_points import PlacedPoint, ScatterPoints
from .scatter_view import View
from .sorted_points import SortedPoints

#: Pixels from the cursor within which a point is found.
_REACH = 14


class ScatterContent:
    """Points and marks; whatever is asked for by place is found among the classes that are shown.

    Attributes
    ----------
    sorted : SortedPoints
        The points where they lie just now, and those that are selected.
    shown : list of bool
        Which classes are shown.
    marked : (n,) int32
        Points with a ring: what was searched for.
    lines : (m, 2) int32
        Points that are joined.
    placed : tuple of PlacedPoint
        Places that are marked without being points.
    current, under : int
        The point that is looked at, and the one below the cursor; −1 for none.
    """

    def __init__(self, parent: QObject) -> None:
        self.sorted = SortedPoints(parent)
        self.shown: list[bool] = []
        self.marked: NDArray[np.int32] = np.zeros(0, np.int32)
        self.lines: NDArray[np.int32] = np.zeros((0, 2), np.int32)
        self.placed: tuple[PlacedPoint, ...] = ()
        self.current = self.under = -1

    @property
    def points(self) -> ScatterPoints | None:
        """The points, sorted or not."""
        return self.sorted.points

    def set_points(self, points: ScatterPoints | None, *, same_points: bool) -> bool:
        """Take these points, not sorted yet; whether they are the ``same_points`` as before indeed.

        Where they are not, selection, marks and lines are dropped; and where their classes are others, all of those are
        shown but hidden ones.
        """
        before, self.sorted.points = self.points, points
        same = same_points and before is not None and points is not None and len(before) == len(points)
        classes = points.classes if points is not None else ()
        if not same or before is None or before.classes != classes:
            self.shown = [not each.hidden for each in classes]
        if not same:
            self.sorted.selection = self.marked = np.zeros(0, np.int32)
            self.lines = np.zeros((0, 2), np.int32)
            self.current = -1
        return same

    # -- by number -----------------------------------------------------------------------------------------------
    def there(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Those of some numbers (or rows of them) that points have: with others no picture could be drawn, and an
        exception while Qt draws ends the program."""
        count = len(self.points) if self.points is not None else 0
        if not numbers.size or (numbers.min() >= 0 and numbers.max() < count):
            return numbers
        known = (numbers >= 0) & (numbers < count)
        return numbers[known if numbers.ndim == 1 else known.all(axis=1)]

    def seen(self, numbers: NDArray[np.integer]) -> NDArray[np.integer]:
        """Those of some points (or rows of them) whose class is shown."""
        if self.points is None:
            return numbers[:0]
        seen = np.array(self.shown)[self.points.codes[numbers]]
        return numbers[seen if numbers.ndim == 1 else seen.all(axis=1)]

    def count_seen(self) -> int:
        """Points whose class is shown."""
        counts = self.points.counts() if self.points is not None else []
        return sum(count for count, there in zip(counts, self.shown, strict=True) if there)

    def places(self, numbers: NDArray[np.integer]) -> NDArray[np.float32]:
        """(n, 2) float32: where some points lie just now."""
        assert self.points is not None
        return self.points.places(self.sorted.blend, numbers)

    # -- by place ------------------------------------------------------------------------------------------------
    def nearest(self, x: float, y: float, reach: float) -> int:
        """The point nearest to a place of the plane, not farther than ``reach``; −1 for none."""
        grid = self.sorted.grid
        return grid.nearest(x, y, reach, np.array(self.shown, bool)) if grid is not None else -1

    def below(self, at: QPointF, view: View) -> int:
        """The point below the cursor; −1 for none."""
        return self.nearest(*view.place(at), view.length(_REACH))

    def inside(self, shape: QPolygonF, view: View) -> NDArray[np.int32]:
        """Points below a shape on the screen."""
        grid, raster = self.sorted.grid, view.raster
        assert grid is not None
        mask = QImage(raster.width, raster.height, QImage.Format.Format_Grayscale8)
        mask.fill(0)
        painter = QPainter(mask)
        painter.scale(view.ratio, view.ratio)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 255, 255))
        painter.drawPolygon(shape, Qt.FillRule.WindingFill)
        painter.end()
        covered = np.frombuffer(mask.constBits(), np.uint8).reshape(raster.height, mask.bytesPerLine())
        return grid.under(covered[:, : raster.width] > 127, raster, np.array(self.shown, bool))
