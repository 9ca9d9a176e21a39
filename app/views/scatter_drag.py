"""Dragging in a scatter plot: what it does, and the shape it draws."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPolygonF

#: Pixels that the mouse may move in a click, and at least between two corners of a shape.
_CLICK, _CORNER = 4, 2


class Tool(StrEnum):
    """What dragging does."""

    MOVE = "move"
    RECTANGLE = "rectangle"
    LASSO = "lasso"


class Drag:
    """From where the mouse was pressed to where it is; ``tool`` says what for."""

    def __init__(self, tool: Tool, at: QPointF) -> None:
        self.tool = tool
        self._pressed = self._last = at
        self._trail = [at]

    def pull(self, at: QPointF) -> QPointF:
        """How far the mouse moved since it was asked last; not at all as long as it may be a click."""
        if (at - self._pressed).manhattanLength() <= _CLICK and self._last == self._pressed:
            return QPointF()
        moved, self._last = at - self._last, at
        return moved

    def draw(self, at: QPointF) -> bool:
        """Go on with the shape; whether it changed."""
        far = (at - self._trail[-1]).manhattanLength() > _CORNER
        if far:
            self._trail.append(at)
        return far

    def is_click(self, at: QPointF) -> bool:
        """Whether the mouse, released there, did not move."""
        return (at - self._pressed).manhattanLength() <= _CLICK and len(self._trail) < 3

    @property
    def shape(self) -> QPolygonF | None:
        """What is drawn so far, in the widget's coordinates."""
        if self.tool is Tool.MOVE or len(self._trail) < 2:
            return None
        if self.tool is Tool.RECTANGLE:
            return QPolygonF(QRectF(self._trail[0], self._trail[-1]).normalized())
        return QPolygonF(self._trail)
