"""The picture of a scatter plot: lines, points and rings; lines and points are kept as images until they change."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter

from ..theme import Theme
from .scatter_content import ScatterContent
from .scatter_layers import Drawn, PointLayers
from .scatter_marks import draw_lines, draw_marked, draw_ring
from .scatter_points import ScatterPoints
from .scatter_view import View

#: Lines, and rings, drawn at once; more would hide what they join.
MOST_LINES = 2_000


class ScatterPicture:
    """Draws what is in a scatter plot.

    Attributes
    ----------
    points : QImage or None
        The points alone, as they were drawn last; None where they are to be drawn anew.
    drawn : Drawn or None
        What the last picture shows.
    """

    def __init__(self) -> None:
        self._layers = PointLayers()
        self.points: QImage | None = None
        self.drawn: Drawn | None = None
        self._lines: QImage | None = None

    def forget(self) -> None:
        """Points lie or look other than they did, or are seen from elsewhere."""
        self.points = self._lines = None

    def forget_lines(self) -> None:
        """Other points are joined."""
        self._lines = None

    def draw(self, painter: QPainter, theme: Theme, view: View, content: ScatterContent) -> bool:
        """Draw lines, the points on them and the rings on those; whether the points were drawn anew."""
        points, grid = content.points, content.sorted.grid
        if points is None or grid is None:
            return False
        self._draw_lines(painter, theme, view, content)
        anew = self.points is None
        if self.points is None:
            self.points, self.drawn = self._layers.draw(
                view.raster, view.ratio, theme, points.classes, content.shown, grid, content.sorted.emphasised
            )
            self.points.setDevicePixelRatio(view.ratio)
        painter.drawImage(QPointF(0, 0), self.points)
        self._draw_rings(painter, theme, view, content, points)
        return anew

    def _draw_lines(self, painter: QPainter, theme: Theme, view: View, content: ScatterContent) -> None:
        """Kept until they change: thousands of them would make every move of the mouse slow."""
        if not len(content.lines):
            return
        if self._lines is None:
            self._lines = QImage(view.raster.width, view.raster.height, QImage.Format.Format_ARGB32_Premultiplied)
            self._lines.setDevicePixelRatio(view.ratio)
            self._lines.fill(0)
            drawing = QPainter(self._lines)
            drawing.setRenderHint(QPainter.RenderHint.Antialiasing)
            lines = content.seen(content.lines[:MOST_LINES])
            starts, ends = (view.pixels(content.places(lines[:, end])) for end in (0, 1))
            draw_lines(drawing, theme, starts, ends)
            drawing.end()
        painter.drawImage(QPointF(0, 0), self._lines)

    def _draw_rings(
        self, painter: QPainter, theme: Theme, view: View, content: ScatterContent, points: ScatterPoints
    ) -> None:
        look = self.drawn.look.diameter / view.ratio if self.drawn is not None else 8.0
        if len(content.marked):
            marked = content.seen(content.marked)
            draw_marked(painter, theme, view.pixels(content.places(marked[:MOST_LINES])), look, len(marked))
        for number, colour, width in ((content.current, theme.accent, 2.5), (content.under, theme.text, 2.0)):
            if number >= 0 and content.shown[points.codes[number]]:
                [(x, y)] = view.pixels(content.places(np.array([number])))
                draw_ring(painter, theme, QPointF(x, y), look / 2 + 5, colour, width, seam=2.0)
