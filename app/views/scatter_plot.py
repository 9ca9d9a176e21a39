"""A scatter plot of up to a million points: moved, zoomed, selected in, animated between two layouts.

Mouse: drag moves, the wheel zooms about the cursor, a double click fits what is seen; Shift and drag selects a
rectangle, Ctrl and drag a shape drawn by hand, a click one point. Keyboard: arrows move, + and − zoom, F fits
what is seen, Return chooses the point nearest to the middle, Ctrl+A selects all that is in view, R and L take up the
rectangle and the lasso, Escape lets go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from .escape import asks_for_escape
from .scatter_canvas import ScatterCanvas
from .scatter_drag import Tool
from .scatter_mouse import ScatterMouse
from .scatter_points import ScatterPoints

#: One notch of the wheel (or the + key), and one press of an arrow key in pixels.
_NOTCH, _STEP = 1.25, 60
_ARROWS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class ScatterPlot(ScatterCanvas):
    """Points in the plane, worked with by mouse and keys.

    Signals
    -------
    hovered(number) : int
        Point below the cursor; −1 for none.
    chosen(number) : int
        Point that was clicked.
    selectionChanged(numbers) : (n,) int32
        Points that were selected by the user.
    toolChanged(tool) : Tool
        Another tool was taken up.
    """

    hovered = Signal(int)
    chosen = Signal(int)
    selectionChanged = Signal(object)
    toolChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Scatter plot")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._mouse = ScatterMouse(self)
        self._mouse.pointed.connect(self._look_under)
        self._mouse.pulled.connect(self._pull)
        self._mouse.zoomed.connect(self._zoom)
        self._mouse.drawing.connect(self.set_outline)
        self._mouse.clicked.connect(self._click)
        self._mouse.enclosed.connect(self._enclose)
        self._mouse.toolChanged.connect(self.toolChanged)

    def set_points(self, points: ScatterPoints | None, *, same_points: bool = False, same_layout: bool = False) -> None:
        """As on the canvas; the point below the cursor is none of these."""
        self._tell_under(-1)
        super().set_points(points, same_points=same_points, same_layout=same_layout)

    def set_tool(self, tool: Tool) -> None:
        """What dragging does from now on."""
        self._mouse.take_up(tool)

    @property
    def tool(self) -> Tool:
        """What dragging does."""
        return self._mouse.tool

    # -- mouse ---------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._mouse.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._mouse.turn(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._tell_under(-1)

    def _pull(self, by: QPointF) -> None:
        self.set_camera(self.camera.moved(by.x(), by.y()))

    def _zoom(self, notches: float, at: QPointF) -> None:
        self.set_camera(self.camera.zoomed(_NOTCH**notches, at.x() - self.width() / 2, at.y() - self.height() / 2))
        self._look_under(at)

    def _click(self, at: QPointF, more: bool) -> None:
        number = self.point_at(at)
        if more and number >= 0:
            self._select(_toggled(self.selection, number))
        elif number >= 0:
            self._choose(number)
        elif len(self.selection):
            self._select(np.zeros(0, np.int32))

    def _enclose(self, shape: QPolygonF) -> None:
        self._select(self.points_inside(shape))

    def _look_under(self, at: QPointF) -> None:
        self._tell_under(self.point_at(at))

    def _tell_under(self, number: int) -> None:
        if self.set_under(number):
            self.hovered.emit(number)

    def _select(self, numbers: NDArray[np.int32]) -> None:
        self.set_selection(numbers)
        self.selectionChanged.emit(self.selection)

    def _choose(self, number: int) -> None:
        self._select(np.array([number], np.int32))
        self.chosen.emit(number)

    # -- keyboard ------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if self.points is None:
            super().keyPressEvent(event)
        elif key in _ARROWS:
            right, down = _ARROWS[key]
            self.set_camera(self.camera.moved(right * _STEP, down * _STEP))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.set_camera(self.camera.zoomed(_NOTCH))
        elif key == Qt.Key.Key_Minus:
            self.set_camera(self.camera.zoomed(1 / _NOTCH))
        elif key == Qt.Key.Key_F:
            self.fit()
        elif key == Qt.Key.Key_A and control:
            self._enclose(QPolygonF(QRectF(self.rect())))
        elif key == Qt.Key.Key_R and not control:
            self.set_tool(Tool.MOVE if self.tool is Tool.RECTANGLE else Tool.RECTANGLE)
        elif key == Qt.Key.Key_L and not control:
            self.set_tool(Tool.MOVE if self.tool is Tool.LASSO else Tool.LASSO)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose_middle()
        elif key == Qt.Key.Key_Escape and self._holding:
            self._let_go()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if asks_for_escape(event) and self._holding:  # the points are let go of first
            event.accept()
            return True
        return super().event(event)

    @property
    def _holding(self) -> bool:
        """Whether there is something to let go of."""
        return self._mouse.holds or len(self.selection) > 0

    def _choose_middle(self) -> None:
        if (number := self.middle_point()) >= 0:
            self._choose(number)

    def _let_go(self) -> None:
        if self._mouse.holds:
            self._mouse.let_go()
        else:
            self._select(np.zeros(0, np.int32))


def _toggled(numbers: NDArray[np.int32], number: int) -> NDArray[np.int32]:
    """Ascending numbers with one more, or without it: a millisecond a million; ``setxor1d`` takes half a second."""
    place = int(np.searchsorted(numbers, number))
    if place < len(numbers) and numbers[place] == number:
        return np.delete(numbers, place)
    return np.insert(numbers, place, number)
