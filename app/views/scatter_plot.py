"""A scatter plot of up to a million points: moved, zoomed, selected in, animated between two layouts.

Mouse: drag moves, the wheel zooms about the cursor, a double click fits what is seen; Shift and drag selects a
rectangle, Ctrl and drag a shape drawn by hand, a click one point. Keyboard: arrows move, + and − zoom, F fits
what is seen, Return chooses the point nearest to the middle, Ctrl+A selects all that is in view, R and L take up the
rectangle and the lasso, Escape lets go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from canon_core.projection.point_grid import Box, Raster

from ..theme import SMALL, Theme, sized, theme_for
from .escape import asks_for_escape
from .scatter_camera import Camera
from .scatter_drag import Drag, Tool
from .scatter_layers import Drawn, PointLayers
from .scatter_marks import draw_frame, draw_lines, draw_marked, draw_note, draw_placed, draw_ring, draw_shape
from .scatter_points import PlacedPoint, ScatterPoints
from .scatter_view import View
from .sorted_points import Background, SortedPoints

#: Pixels from the cursor within which a point is found.
_REACH = 14
#: One notch of the wheel (or the + key), and one press of an arrow key in pixels.
_NOTCH, _STEP = 1.25, 60
#: Lines, and rings, drawn at once; more would hide what they join.
MOST_LINES = 2_000
_ARROWS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class ScatterPlot(QWidget):
    """Points in the plane.

    Signals
    -------
    hovered(number) : int
        Point below the cursor; −1 for none.
    chosen(number) : int
        Point that was clicked.
    selectionChanged(numbers) : (n,) int32
        Points that were selected by the user.
    viewChanged() :
        Another part of the plane, or other points of it, are shown.
    toolChanged(tool) : Tool
        Another tool was taken up.
    """

    hovered = Signal(int)
    chosen = Signal(int)
    selectionChanged = Signal(object)
    viewChanged = Signal()
    toolChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Scatter plot")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._layers = PointLayers()
        self._sorted = SortedPoints(self)
        self._sorted.rested.connect(self._changed)
        self._shown: list[bool] = []
        self._camera = Camera()
        self._follow = True  # the bulk, or everything, stays in view until the user moves or zooms
        self._fitted: Box | None = None  # around everything where somebody asked for it; it stays while points move
        self._tool = Tool.MOVE
        self._marked: NDArray[np.int32] = np.zeros(0, np.int32)
        self._lines: NDArray[np.int32] = np.zeros((0, 2), np.int32)
        self._placed: tuple[PlacedPoint, ...] = ()
        self._under = -1
        self._current = -1
        self._picture: QImage | None = None
        self._behind: QImage | None = None
        self._drawn: Drawn | None = None
        self._drag: Drag | None = None

    # -- given from outside --------------------------------------------------------------------------------------
    def set_background(self, background: Background) -> None:
        """Where very many points are sorted; without it, here."""
        self._sorted.background = background

    def set_points(
        self, points: ScatterPoints | None, *, same_points: bool = False, same_layout: bool = False
    ) -> None:
        """Show these points, all classes of them but hidden ones; of the same classes as before those that were shown.

        Selection, marks and lines are dropped unless they are ``same_points`` as before, in other classes or another
        layout; everything comes into view unless they lie where they lay, in the ``same_layout``.
        """
        before, self._sorted.points = self._sorted.points, points
        same = same_points and before is not None and points is not None and len(before) == len(points)
        classes = points.classes if points is not None else ()
        if not same or before is None or before.classes != classes:
            self._shown = [not each.hidden for each in classes]
        if not same:
            self._sorted.selection = self._marked = np.zeros(0, np.int32)
            self._lines = np.zeros((0, 2), np.int32)
            self._current = -1
        self._set_under(-1)
        if not (same and same_layout):
            self._follow, self._fitted = True, None
        self._sorted.place()
        if self._follow:
            self._fit()
        self._changed()

    @property
    def points(self) -> ScatterPoints | None:
        """What is shown."""
        return self._sorted.points

    def set_blend(self, blend: float) -> None:
        """Move every point: 0 is the layout before, 1 the one after."""
        blend = min(max(blend, 0.0), 1.0)
        if blend != self._sorted.blend:
            self._sorted.blend = blend
            self._sorted.place()
            self._changed()

    @property
    def blend(self) -> float:
        """Where the points are between the layouts."""
        return self._sorted.blend

    def set_shown(self, code: int, shown: bool) -> None:
        """Show or hide a class."""
        if self._shown[code] != shown:
            self._shown[code] = shown
            self._changed()

    @property
    def shown(self) -> tuple[bool, ...]:
        """Which classes are shown."""
        return tuple(self._shown)

    def seen(self, numbers: NDArray[np.integer]) -> NDArray[np.integer]:
        """Those of some points whose class is shown."""
        return numbers[np.array(self._shown)[self.points.codes[numbers]]] if self.points is not None else numbers[:0]

    def _there(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Those of some numbers (or rows of them) that points have: with others no picture could be drawn, and an
        exception while Qt draws ends the program."""
        count = len(self.points) if self.points is not None else 0
        if not numbers.size or (numbers.min() >= 0 and numbers.max() < count):
            return numbers
        known = (numbers >= 0) & (numbers < count)
        return numbers[known if numbers.ndim == 1 else known.all(axis=1)]

    def set_selection(self, numbers: NDArray[np.integer] | Sequence[int]) -> None:
        """Select points without a signal."""
        self._sorted.select(self._there(np.asarray(numbers, np.int32)))
        self._changed()

    @property
    def selection(self) -> NDArray[np.int32]:
        """Selected points, ascending."""
        return self._sorted.selection

    def set_marked(self, numbers: NDArray[np.integer] | Sequence[int]) -> None:
        """Ring these points: what was searched for."""
        self._marked = self._there(np.asarray(numbers, np.int32))
        self.update()

    def set_placed(self, placed: Sequence[PlacedPoint]) -> None:
        """Mark places among the points with a ring and a label each."""
        if tuple(placed) != self._placed:
            self._placed = tuple(placed)
            self.update()

    @property
    def placed(self) -> tuple[PlacedPoint, ...]:
        """What is marked."""
        return self._placed

    def set_current(self, number: int) -> None:
        """Ring one point: the one that is looked at; −1 for none."""
        self._current = number if self.points is not None and number < len(self.points) else -1
        self.update()

    def set_lines(self, pairs: NDArray[np.integer]) -> None:
        """Join points, (m, 2) numbers; the first 2,000 are drawn."""
        self._lines = self._there(np.asarray(pairs, np.int32).reshape(-1, 2))
        self._behind = None
        self.update()

    def set_tool(self, tool: Tool) -> None:
        """What dragging does from now on."""
        if tool is not self._tool:
            self._tool = tool
            self._show_cursor()
            self.toolChanged.emit(tool)

    @property
    def tool(self) -> Tool:
        """What dragging does."""
        return self._tool

    # -- where one looks -----------------------------------------------------------------------------------------
    @property
    def camera(self) -> Camera:
        """The part of the plane in view."""
        return self._camera

    def set_camera(self, camera: Camera) -> None:
        """Look at another part of the plane."""
        self._camera = camera
        self._follow = False
        self._changed()

    def fit(self) -> None:
        """Show everything that is shown where it lies just now, to the last point far out."""
        if self.points is None:
            return
        self._follow, self._fitted = True, self.points.around(self.blend, self._shown)
        self._fit()
        self._changed()

    def zoom_to(self, numbers: NDArray[np.integer]) -> None:
        """Bring some points into view, where they are not."""
        numbers = self._there(np.asarray(numbers))
        if self.points is None or not len(numbers):
            return
        places = self.points.places(self.blend, numbers)
        half_width, half_height = self.width() / 2 / self._camera.scale, self.height() / 2 / self._camera.scale
        outside = (abs(places[:, 0] - self._camera.x) > half_width) | (abs(places[:, 1] - self._camera.y) > half_height)
        if outside.any():
            self.fit()

    def _fit(self) -> None:
        if self.points is not None:
            box = self._fitted if self._fitted is not None else self.points.bulk
            self._camera = Camera.fit(box, self.width(), self.height())

    def raster(self) -> Raster:
        """How the plane lies on the device's pixels."""
        ratio = self.devicePixelRatioF()
        return self._camera.raster(
            max(1, -int(-self.width() * ratio // 1)), max(1, -int(-self.height() * ratio // 1)), ratio
        )

    @property
    def _view(self) -> View:
        return View(self.raster(), self.devicePixelRatioF())

    def position_of(self, number: int) -> QPointF:
        """Where a point is drawn, in the widget's coordinates."""
        [(x, y)] = self._on_screen(np.array([number]))
        return QPointF(x, y)

    def _on_screen(self, numbers: NDArray[np.integer]) -> NDArray[np.float64]:
        assert self.points is not None
        return self._view.pixels(self.points.places(self.blend, numbers))

    @property
    def in_view(self) -> int:
        """How many points the last picture shows."""
        return self._drawn.points if self._drawn is not None else 0

    def _changed(self) -> None:
        self._picture = self._behind = None
        self.update()
        self.viewChanged.emit()

    # -- drawing -------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, points, grid = theme_for(self), self.points, self._sorted.grid
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.surface))
        if points is None or grid is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_behind(painter, theme, points)
        if self._picture is None:
            self._picture, self._drawn = self._layers.draw(
                self.raster(), self.devicePixelRatioF(), theme, points.classes, self._shown, grid,
                self._sorted.emphasised,
            )  # fmt: skip
            self._picture.setDevicePixelRatio(self.devicePixelRatioF())
            self._describe()
        painter.drawImage(QPointF(0, 0), self._picture)
        self._draw_rings(painter, theme, points)
        painter.setFont(sized(self.font(), SMALL, bold=True))
        draw_placed(painter, theme, self._view, self._placed, self.blend, self.width())
        shape = self._drag.shape if self._drag is not None else None
        if shape is not None:
            draw_shape(painter, theme, shape)
        if note := self.note:
            painter.setFont(sized(self.font(), SMALL))
            draw_note(painter, theme, note, self.rect())
        draw_frame(painter, theme, self.rect(), focus=self.hasFocus())

    def _draw_behind(self, painter: QPainter, theme: Theme, points: ScatterPoints) -> None:
        """The lines, kept until they change: thousands of them would make every move of the mouse slow."""
        if not len(self._lines):
            return
        if self._behind is None:
            raster = self.raster()
            self._behind = QImage(raster.width, raster.height, QImage.Format.Format_ARGB32_Premultiplied)
            self._behind.setDevicePixelRatio(self.devicePixelRatioF())
            self._behind.fill(0)
            drawing = QPainter(self._behind)
            drawing.setRenderHint(QPainter.RenderHint.Antialiasing)
            lines = self._lines[:MOST_LINES]
            lines = lines[np.array(self._shown)[points.codes[lines]].all(axis=1)]
            draw_lines(drawing, theme, self._on_screen(lines[:, 0]), self._on_screen(lines[:, 1]))
            drawing.end()
        painter.drawImage(QPointF(0, 0), self._behind)

    def _draw_rings(self, painter: QPainter, theme: Theme, points: ScatterPoints) -> None:
        look = self._drawn.look.diameter / self.devicePixelRatioF() if self._drawn is not None else 8.0
        if len(self._marked):
            marked = self._marked[np.array(self._shown)[points.codes[self._marked]]]
            draw_marked(painter, theme, self._on_screen(marked[:MOST_LINES]), look, len(marked))
        for number, colour, width in ((self._current, theme.accent, 2.5), (self._under, theme.text, 2.0)):
            if number >= 0 and self._shown[points.codes[number]]:
                draw_ring(painter, theme, self.position_of(number), look / 2 + 5, colour, width, seam=2.0)

    @property
    def note(self) -> str:
        """What is not in view, and why: points that move, that somebody zoomed past, or that lie so far out that they
        were left out from the first, for the others to be seen. Empty where everything is."""
        if self.points is None:
            return ""
        shown = sum(count for count, there in zip(self.points.counts(), self._shown, strict=True) if there)
        out = shown - self.in_view
        if out <= 0:
            return ""
        if self._sorted.partial:
            return f"{self.in_view:,} of {shown:,} points while they move"
        if self._follow and self._fitted is None:
            return f"{out:,} of {shown:,} points lie{'s' * (out == 1)} far out, beyond this view · F shows all"
        return f"{self.in_view:,} of {shown:,} points in view · F shows all"

    def _describe(self) -> None:
        if self.points is None:
            return
        text = f"{self.in_view:,} of {len(self.points):,} points in view"
        if len(self.selection):
            text += f", {len(self.selection):,} selected"
        if self._placed:
            text += f", marked: {', '.join(each.label for each in self._placed)}"
        self.setAccessibleDescription(text)

    # -- mouse ---------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        tool = self._tool
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            tool = Tool.RECTANGLE
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            tool = Tool.LASSO
        self._drag = Drag(tool, event.position())
        self._show_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at, drag = event.position(), self._drag
        if drag is None:
            self._look_under(at)
        elif drag.tool is Tool.MOVE:
            moved = drag.pull(at)
            if not moved.isNull():
                self.set_camera(self._camera.moved(moved.x(), moved.y()))
        elif drag.draw(at):
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag = self._drag
        if event.button() != Qt.MouseButton.LeftButton or drag is None:
            event.ignore()
            return
        self._drag = None
        self._show_cursor()
        self.update()
        if drag.is_click(event.position()):
            self._click(event)
        elif drag.shape is not None:
            self._select(self._under_shape(drag.shape))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if notches:
            at = event.position() - QPointF(self.width() / 2, self.height() / 2)
            self.set_camera(self._camera.zoomed(_NOTCH**notches, at.x(), at.y()))
            self._look_under(event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_under(-1)

    def _click(self, event: QMouseEvent) -> None:
        number = self._nearest(event.position())
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and number >= 0:
            self._select(_toggled(self.selection, number))
        elif number >= 0:
            self._select(np.array([number], np.int32))
            self.chosen.emit(number)
        elif len(self.selection):
            self._select(np.zeros(0, np.int32))

    def _look_under(self, at: QPointF) -> None:
        self._set_under(self._nearest(at))

    def _set_under(self, number: int) -> None:
        if number != self._under:
            self._under = number
            self.update()
            self.hovered.emit(number)

    def _nearest(self, at: QPointF) -> int:
        if self._sorted.grid is None:
            return -1
        view = self._view
        return self._sorted.grid.nearest(*view.place(at), view.length(_REACH), np.array(self._shown, bool))

    def _under_shape(self, shape: QPolygonF) -> NDArray[np.int32]:
        """Points below a shape on the screen."""
        grid = self._sorted.grid
        assert grid is not None
        raster, ratio = self.raster(), self.devicePixelRatioF()
        mask = QImage(raster.width, raster.height, QImage.Format.Format_Grayscale8)
        mask.fill(0)
        painter = QPainter(mask)
        painter.scale(ratio, ratio)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 255, 255))
        painter.drawPolygon(shape, Qt.FillRule.WindingFill)
        painter.end()
        covered = np.frombuffer(mask.constBits(), np.uint8).reshape(raster.height, mask.bytesPerLine())
        return grid.under(covered[:, : raster.width] > 127, raster, np.array(self._shown, bool))

    def _select(self, numbers: NDArray[np.int32]) -> None:
        self.set_selection(numbers)
        self.selectionChanged.emit(self.selection)

    def _show_cursor(self) -> None:
        tool = self._tool if self._drag is None else self._drag.tool
        if tool is not Tool.MOVE:
            self.setCursor(Qt.CursorShape.CrossCursor)
        elif self._drag is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.unsetCursor()

    # -- keyboard ------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if self.points is None:
            super().keyPressEvent(event)
        elif key in _ARROWS:
            right, down = _ARROWS[key]
            self.set_camera(self._camera.moved(right * _STEP, down * _STEP))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.set_camera(self._camera.zoomed(_NOTCH))
        elif key == Qt.Key.Key_Minus:
            self.set_camera(self._camera.zoomed(1 / _NOTCH))
        elif key == Qt.Key.Key_F:
            self.fit()
        elif key == Qt.Key.Key_A and control:
            self._select(self._under_shape(QPolygonF(QRectF(self.rect()))))
        elif key == Qt.Key.Key_R and not control:
            self.set_tool(Tool.MOVE if self._tool is Tool.RECTANGLE else Tool.RECTANGLE)
        elif key == Qt.Key.Key_L and not control:
            self.set_tool(Tool.MOVE if self._tool is Tool.LASSO else Tool.LASSO)
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
        return self._drag is not None or self._tool is not Tool.MOVE or len(self.selection) > 0

    def _choose_middle(self) -> None:
        if self._sorted.grid is None:
            return
        half = max(self.width(), self.height()) / self._camera.scale
        number = self._sorted.grid.nearest(self._camera.x, self._camera.y, half, np.array(self._shown, bool))
        if number >= 0:
            self._select(np.array([number], np.int32))
            self.chosen.emit(number)

    def _let_go(self) -> None:
        if self._drag is not None:
            self._drag = None
        elif self._tool is not Tool.MOVE:
            self.set_tool(Tool.MOVE)
        else:
            self._select(np.zeros(0, np.int32))
        self._show_cursor()
        self.update()

    # -- Qt's own ------------------------------------------------------------------------------------------------
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._picture = self._behind = None
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._follow:
            self._fit()
        self._changed()

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 100)


def _toggled(numbers: NDArray[np.int32], number: int) -> NDArray[np.int32]:
    """Ascending numbers with one more, or without it: a millisecond a million; ``setxor1d`` takes half a second."""
    place = int(np.searchsorted(numbers, number))
    if place < len(numbers) and numbers[place] == number:
        return np.delete(numbers, place)
    return np.insert(numbers, place, number)
