"""Which part of the plane a scatter plot shows: moved, zoomed about a place, fitted to a box. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from canon_core.projection.point_grid import Box, Raster

#: Part of the plot that stays free around a fitted box, at least in pixels, so that no marker is cut.
_FREE, _FREE_PIXELS = 0.04, 16
#: How far one may zoom from the fitted scale.
_FARTHEST, _NEAREST = 0.2, 5e4


@dataclass(frozen=True)
class Camera:
    """Middle of the view in the plane, and pixels (at 96 dpi) for a unit of the plane."""

    x: float = 0.5
    y: float = 0.5
    scale: float = 100.0
    fitted: float = 100.0  #: scale at which everything was in view

    @classmethod
    def fit(cls, box: Box, width: float, height: float) -> Camera:
        """Everything in view, as large as it goes."""
        free = max(_FREE_PIXELS * 2, 2 * _FREE * min(width, height))
        across, up = max(width - free, 1), max(height - free, 1)
        scale = min(across / box.width if box.width > 0 else math.inf, up / box.height if box.height > 0 else math.inf)
        if not math.isfinite(scale):
            scale = 100.0
        return cls((box.left + box.right) / 2, (box.bottom + box.top) / 2, scale, scale)

    def moved(self, right: float, down: float) -> Camera:
        """The plane pulled by so many pixels."""
        return replace(self, x=self.x - right / self.scale, y=self.y + down / self.scale)

    def zoomed(self, factor: float, right: float = 0.0, down: float = 0.0) -> Camera:
        """Nearer by a factor; the place so many pixels from the middle stays where it is."""
        scale = min(max(self.scale * factor, self.fitted * _FARTHEST), self.fitted * _NEAREST)
        change = 1 / self.scale - 1 / scale
        return replace(self, x=self.x + right * change, y=self.y - down * change, scale=scale)

    def holds(self, places: NDArray[np.floating], width: float, height: float) -> bool:
        """Whether all of (n, 2) places are in a view of so many pixels."""
        across, up = width / 2 / self.scale, height / 2 / self.scale
        return not ((abs(places[:, 0] - self.x) > across) | (abs(places[:, 1] - self.y) > up)).any()

    def raster(self, width: int, height: int, pixel_ratio: float = 1.0) -> Raster:
        """On so many pixels of the screen, of which ``pixel_ratio`` make one at 96 dpi.

        The plane lies on whole pixels, so that points keep their distances while it is moved.
        """
        scale = self.scale * pixel_ratio
        left, top = round(self.x * scale - width / 2), round(self.y * scale + height / 2)
        return Raster(width, height, left / scale, top / scale, scale)
