"""What a scatter plot draws besides its points: lines, rings, labels, the shape that is dragged, a note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from ..theme import Theme
from .scatter_points import PlacedPoint
from .scatter_view import View

#: Marked points up to which each has a wide ring; the rings of more lie close, so that points stay to be seen.
_FEW_MARKED = 150


def draw_lines(painter: QPainter, theme: Theme, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> None:
    """Lines between points, (n, 2) each, on the screen."""
    tint = QColor(theme.muted)
    tint.setAlphaF(0.75 if len(starts) <= 100 else 0.4)
    painter.setPen(QPen(tint, 1.0))
    painter.drawLines([QLineF(*each) for each in np.concatenate([starts, ends], axis=1).tolist()])


def draw_marked(painter: QPainter, theme: Theme, places: NDArray[np.float64], diameter: float, marked: int) -> None:
    """A ring around points at (n, 2) places of the screen, whose markers have this diameter; ``marked`` in all."""
    few = marked <= _FEW_MARKED
    tint = QColor(theme.text)
    tint.setAlphaF(1.0 if few else 0.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(tint, 1.6 if few else 1.0))
    radius = diameter / 2 + (4 if few else 1.5)
    for x, y in places.tolist():
        painter.drawEllipse(QPointF(x, y), radius, radius)


def draw_ring(
    painter: QPainter, theme: Theme, at: QPointF, radius: float, colour: str, width: float, *, seam: float
) -> None:
    """A ring that is seen on any ground: one that is wider by ``seam``, in the colour of the surface, goes first."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for tint, line in ((theme.surface, width + seam), (colour, width)):
        painter.setPen(QPen(QColor(tint), line))
        painter.drawEllipse(at, radius, radius)


def draw_placed(
    painter: QPainter, theme: Theme, view: View, placed: Sequence[PlacedPoint], blend: float, width: int
) -> None:
    """A ring and a label for each of some places, inside a plot of this width."""
    metrics = painter.fontMetrics()
    for number, each in enumerate(placed):
        at = view.on_screen(*each.place(blend))
        draw_ring(painter, theme, at, 10, theme.text, 2.5, seam=3.5)
        box = metrics.boundingRect(each.label).adjusted(-4, -2, 4, 2)
        # One label above its ring and the next below: two faces may lie on each other.
        box.moveCenter(QPoint(round(at.x()), round(at.y() - 24 if number % 2 == 0 else at.y() + 24)))
        box.moveLeft(min(max(box.left(), 2), max(2, width - box.width() - 2)))
        _draw_text(painter, box, each.label, theme.text, theme.surface, 215)


def draw_shape(painter: QPainter, theme: Theme, shape: QPolygonF) -> None:
    """What is being drawn to select points."""
    accent = QColor(theme.accent)
    painter.setPen(QPen(accent, 1.5, Qt.PenStyle.DashLine))
    accent.setAlpha(36)
    painter.setBrush(accent)
    painter.drawPolygon(shape, Qt.FillRule.WindingFill)


def draw_note(painter: QPainter, theme: Theme, text: str, inside: QRect) -> None:
    """A line of text in the lower left corner."""
    box = painter.fontMetrics().boundingRect(text).adjusted(-6, -3, 6, 3)
    box.moveBottomLeft(inside.adjusted(6, 0, 0, -6).bottomLeft())
    _draw_text(painter, box, text, theme.muted, theme.surface, 210)


def draw_frame(painter: QPainter, theme: Theme, around: QRect, *, focus: bool) -> None:
    """The plot's border, wide and coloured with the keyboard's focus."""
    painter.setPen(QPen(QColor(theme.accent if focus else theme.border), 2 if focus else 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    inset = 1.0 if focus else 0.5
    painter.drawRect(QRectF(around).adjusted(inset, inset, -inset, -inset))


def _draw_text(painter: QPainter, box: QRect, text: str, colour: str, surface: str, opacity: int) -> None:
    """Text on a ground that lets points show through."""
    ground = QColor(surface)
    ground.setAlpha(opacity)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(QColor(colour))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
