"""What the mouse does in a scatter plot: it moves the plane, zooms, draws a shape around points, clicks one."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from .scatter_drag import Drag, Tool


class ScatterMouse(QObject):
    """The tool that the mouse drags with over a plot, and what it drags just now.

    Signals
    -------
    pointed(at) : QPointF
        The cursor is there, and drags nothing.
    pulled(by) : QPointF
        The plane is dragged by so many pixels.
    zoomed(notches, at) : float, QPointF
        The wheel was turned, away from the user or (less than 0) to them.
    drawing(shape) : QPolygonF or None
        A shape is being drawn, in the plot's coordinates; or no longer.
    clicked(at, more) : QPointF, bool
        A click; ``more``, with Ctrl, where it adds to what is selected.
    enclosed(shape) : QPolygonF
        A shape was drawn.
    toolChanged(tool) : Tool
        Another tool was taken up.
    """

    pointed = Signal(QPointF)
    pulled = Signal(QPointF)
    zoomed = Signal(float, QPointF)
    drawing = Signal(object)
    clicked = Signal(QPointF, bool)
    enclosed = Signal(QPolygonF)
    toolChanged = Signal(object)

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self._drag: Drag | None = None
        self.tool = Tool.MOVE

    def take_up(self, tool: Tool) -> None:
        """Drag with this tool from now on."""
        if tool is not self.tool:
            self.tool = tool
            self._show_cursor()
            self.toolChanged.emit(tool)

    @property
    def holds(self) -> bool:
        """Whether there is something to let go of: what is dragged, or another tool than the usual one."""
        return self._drag is not None or self.tool is not Tool.MOVE

    def let_go(self) -> None:
        """Give up what is dragged, or else the tool."""
        if self._drag is None:
            self.take_up(Tool.MOVE)
        else:
            self._end_drag()

    # -- the plot's events ---------------------------------------------------------------------------------------
    def press(self, event: QMouseEvent) -> None:
        """Begin to drag: with Shift a rectangle, with Ctrl a shape drawn by hand, else with the tool."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        tool = self.tool
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            tool = Tool.RECTANGLE
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            tool = Tool.LASSO
        self._drag = Drag(tool, event.position())
        self._show_cursor()

    def move(self, event: QMouseEvent) -> None:
        """Go on with what is dragged, or look at what is there."""
        at, drag = event.position(), self._drag
        if drag is None:
            self.pointed.emit(at)
        elif drag.tool is Tool.MOVE:
            moved = drag.pull(at)
            if not moved.isNull():
                self.pulled.emit(moved)
        elif drag.draw(at):
            self.drawing.emit(drag.shape)

    def release(self, event: QMouseEvent) -> None:
        """End what was dragged; it was a click where the mouse did not move."""
        drag = self._drag
        if event.button() != Qt.MouseButton.LeftButton or drag is None:
            event.ignore()
            return
        self._end_drag()
        if drag.is_click(event.position()):
            self.clicked.emit(event.position(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        elif drag.shape is not None:
            self.enclosed.emit(drag.shape)

    def turn(self, event: QWheelEvent) -> None:
        """Zoom about the cursor."""
        notches = event.angleDelta().y() / 120
        if notches:
            self.zoomed.emit(notches, event.position())
        event.accept()

    def _end_drag(self) -> None:
        self._drag = None
        self._show_cursor()
        self.drawing.emit(None)

    def _show_cursor(self) -> None:
        tool = self.tool if self._drag is None else self._drag.tool
        if tool is not Tool.MOVE:
            self._plot.setCursor(Qt.CursorShape.CrossCursor)
        elif self._drag is not None:
            self._plot.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self._plot.unsetCursor()
