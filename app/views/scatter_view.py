"""Where the places of a scatter plot's plane are seen in its widget, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF

from canon_core.projection.point_grid import Raster


@dataclass(frozen=True)
class View:
    """How the plane lies on the device's pixels, of which ``ratio`` make one of the widget's coordinates."""

    raster: Raster
    ratio: float

    def on_screen(self, x: float, y: float) -> QPointF:
        """Where a place of the plane is, in the widget's coordinates."""
        raster = self.raster
        return QPointF((x - raster.left) * raster.scale / self.ratio, (raster.top - y) * raster.scale / self.ratio)

    def pixels(self, places: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where points at (n, 2) places are drawn: the middle of their pixels, in the widget's coordinates."""
        exact, raster = places.astype(np.float64), self.raster
        across = (exact[:, 0] - raster.left) * raster.scale
        down = (raster.top - exact[:, 1]) * raster.scale
        return np.stack([np.floor(across) + 0.5, np.floor(down) + 0.5], axis=1) / self.ratio

    def place(self, at: QPointF) -> tuple[float, float]:
        """The place of the plane below a point of the widget."""
        raster = self.raster
        return raster.left + at.x() * self.ratio / raster.scale, raster.top - at.y() * self.ratio / raster.scale

    def length(self, pixels: float) -> float:
        """So many of the widget's pixels, in the plane."""
        return pixels * self.ratio / self.raster.scale
