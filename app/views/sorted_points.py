"""The points of a scatter plot where they lie just now, sorted so that they are quickly drawn and found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from canon_core.projection.point_grid import PointGrid

from ..settled import settled
from .scatter_points import ScatterPoints

#: Points that are sorted anew at every step of the slider or for a selection: 10 ms. Of more a part is shown, and all
#: when nothing changed for so many milliseconds.
_MOST_SORTED, _REST_MS = 40_000, 150

#: Runs something in another thread, and hands what it gives to something in the window's.
Background = Callable[[Callable[[], Any], Callable[[Any], None]], object]


class SortedPoints(QObject):
    """All points, and those that are selected: of very many that move only a part, until they rest.

    Attributes
    ----------
    points : ScatterPoints or None
    blend : float
        Where they are between their layouts.
    selection : (n,) int32
        Selected points, ascending.
    grid, emphasised : PointGrid or None
        The points, and the selected ones, at that blend.
    background : Background or None
        Where very many points are sorted; None for here.

    Signals
    -------
    rested() :
        All of them are sorted now, where a part was.
    """

    rested = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.points: ScatterPoints | None = None
        self.blend = 1.0
        self.selection: NDArray[np.int32] = np.zeros(0, np.int32)
        self.grid: PointGrid | None = None
        self.emphasised: PointGrid | None = None
        self.background: Background | None = None
        self._rest = settled(self, _REST_MS, self._sort_all)

    @property
    def partial(self) -> bool:
        """Whether a part stands for all, because they move."""
        return self._rest.isActive() and self._too_many

    @property
    def _too_many(self) -> bool:
        return self.points is not None and 0 < self.blend < 1 and len(self.points) > _MOST_SORTED

    def place(self) -> None:
        """Sort them anew: other points, or another blend."""
        points = self.points
        if points is None:
            self.grid = None
        elif self._too_many:
            self.grid = points.grid(self.blend, _some(np.arange(len(points), dtype=np.int32)))
            self._rest.start()
        else:
            self.grid = points.grid(self.blend)
        self._emphasise()

    def select(self, numbers: NDArray[np.int32]) -> None:
        """Emphasise these."""
        self.selection = numbers
        self._emphasise()

    def _emphasise(self) -> None:
        if self.points is None or not len(self.selection):
            self.emphasised = None
            return
        self.emphasised = self.points.grid(self.blend, _some(self.selection))
        if len(self.selection) > _MOST_SORTED:
            self._rest.start()

    def _sort_all(self) -> None:
        """Sort every point, now that they rest."""
        points, blend, selection = self.points, self.blend, self.selection
        if points is None:
            return

        def sort() -> tuple[PointGrid, PointGrid | None]:
            return points.grid(blend), points.grid(blend, selection) if len(selection) else None

        def show(found: tuple[PointGrid, PointGrid | None]) -> None:
            if self.points is points and self.blend == blend and self.selection is selection:
                self.grid, self.emphasised = found
                self.rested.emit()

        if self.background is not None:
            self.background(sort, show)
        else:
            show(sort())


def _some(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """As many as are sorted at once, evenly among all."""
    return numbers[:: -(-len(numbers) // _MOST_SORTED)]
