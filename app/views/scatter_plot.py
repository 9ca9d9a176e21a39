"""A scatter plot of up to a million points: moved, zoomed, selected in, animated between two layouts.

Mouse: drag moves, the wheel zooms about the cursor, a double click shows everything; Shift and drag selects a
rectangle, Ctrl and drag a shape drawn by hand, a click one point. Keyboard: arrows move, + and − zoom, F shows
everything, Return chooses the point nearest to the middle, Ctrl+A selects all that is in view, R and L take up the
rectangle and the lasso, Escape lets go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from canon_core.projection.point_grid import PointGrid, Raster

from ..settled import settled
from ..theme import SMALL, sized, theme_for
from .scatter_camera import Camera
from .scatter_layers import Drawn, PointLayers
from .scatter_points import PlacedPoint, ScatterPoints

#: Pixels from the cursor within which a point is found.
_REACH = 14
#: One notch of the wheel (or the + key), and one press of an arrow key in pixels.
_NOTCH, _STEP = 1.25, 60
#: Lines drawn at once; more would hide what they join.
MOST_LINES = 2_000
#: Marked points up to which each has a wide ring; the rings of more lie close, so that points stay to be seen.
_FEW_MARKED = 150
#: Points that are sorted anew at every step of the slider or for a selection: 10 ms. Of more a part is shown, and all
#: when nothing changed for so many milliseconds.
_MOST_SORTED, _REST_MS = 40_000, 150
#: Pixels that the mouse may move in a click.
_CLICK = 4
_ARROWS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


#: Runs something in another thread, and hands what it gives to something in the window's.
Background = Callable[[Callable[[], Any], Callable[[Any], None]], object]


class Tool(StrEnum):
    """What dragging does."""

    MOVE = "move"
    RECTANGLE = "rectangle"
    LASSO = "lasso"


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
        self._points: ScatterPoints | None = None
        self._shown: list[bool] = []
        self._blend = 1.0
        self._camera = Camera()
        self._follow = True  # the bulk, or everything, stays in view until the user moves or zooms
        self._whole = False  # everything, to the last outlier
        self._tool = Tool.MOVE
        self._grid: PointGrid | None = None
        self._emphasised: PointGrid | None = None
        self._background: Background | None = None
        self._rest = settled(self, _REST_MS, self._sort_all)
        self._selection: NDArray[np.int32] = np.zeros(0, np.int32)
        self._marked: NDArray[np.int32] = np.zeros(0, np.int32)
        self._lines: NDArray[np.int32] = np.zeros((0, 2), np.int32)
        self._placed: tuple[PlacedPoint, ...] = ()
        self._under = -1
        self._current = -1
        self._picture: QImage | None = None
        self._behind: QImage | None = None
        self._drawn: Drawn | None = None
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._drag: Tool | None = None
        self._trail: list[QPointF] = []

    # -- given from outside --------------------------------------------------------------------------------------
    def set_background(self, background: Background) -> None:
        """Where very many points are sorted; without it, here."""
        self._background = background

    def set_points(
        self, points: ScatterPoints | None, *, same_points: bool = False, same_layout: bool = False
    ) -> None:
        """Show these points, all classes of them but hidden ones; of the same classes as before those that were shown.

        Selection, marks and lines are dropped unless they are ``same_points`` as before, in other classes or another
        layout; everything comes into view unless they lie where they lay, in the ``same_layout``.
        """
        before, self._points = self._points, points
        same = same_points and before is not None and points is not None and len(before) == len(points)
        classes = points.classes if points is not None else ()
        if not same or before is None or before.classes != classes:
            self._shown = [not each.hidden for each in classes]
        if not same:
            self._selection = self._marked = np.zeros(0, np.int32)
            self._lines = np.zeros((0, 2), np.int32)
            self._current = -1
        self._set_under(-1)
        if not (same and same_layout):
            self._follow, self._whole = True, False
        self._place()
        if self._follow:
            self._fit()
        self._changed()

    @property
    def points(self) -> ScatterPoints | None:
        """What is shown."""
        return self._points

    def set_blend(self, blend: float) -> None:
        """Move every point: 0 is the layout before, 1 the one after."""
        blend = min(max(blend, 0.0), 1.0)
        if blend != self._blend:
            self._blend = blend
            self._place()
            self._changed()

    @property
    def blend(self) -> float:
        """Where the points are between the layouts."""
        return self._blend

    def set_shown(self, code: int, shown: bool) -> None:
        """Show or hide a class."""
        if self._shown[code] != shown:
            self._shown[code] = shown
            self._changed()

    @property
    def shown(self) -> tuple[bool, ...]:
        """Which classes are shown."""
        return tuple(self._shown)

    def set_selection(self, numbers: NDArray[np.integer] | Sequence[int]) -> None:
        """Select points without a signal."""
        self._selection = np.asarray(numbers, np.int32)
        self._emphasise()
        self._changed()

    @property
    def selection(self) -> NDArray[np.int32]:
        """Selected points, ascending."""
        return self._selection

    def set_marked(self, numbers: NDArray[np.integer] | Sequence[int]) -> None:
        """Ring these points: what was searched for."""
        self._marked = np.asarray(numbers, np.int32)
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
        self._current = number
        self.update()

    def set_lines(self, pairs: NDArray[np.integer]) -> None:
        """Join points, (m, 2) numbers; the first 2,000 are drawn."""
        self._lines = np.asarray(pairs, np.int32).reshape(-1, 2)
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
        """Show everything, to the last point far out."""
        self._follow = self._whole = True
        self._fit()
        self._changed()

    def zoom_to(self, numbers: NDArray[np.integer]) -> None:
        """Bring some points into view, where they are not."""
        if self._points is None or not len(numbers):
            return
        places = self._points.places(self._blend, numbers)
        half_width, half_height = self.width() / 2 / self._camera.scale, self.height() / 2 / self._camera.scale
        outside = (abs(places[:, 0] - self._camera.x) > half_width) | (abs(places[:, 1] - self._camera.y) > half_height)
        if outside.any():
            self.fit()

    def _fit(self) -> None:
        if self._points is not None:
            box = self._points.bounds if self._whole else self._points.bulk
            self._camera = Camera.fit(box, self.width(), self.height())

    def raster(self) -> Raster:
        """How the plane lies on the device's pixels."""
        ratio = self.devicePixelRatioF()
        return self._camera.raster(
            max(1, -int(-self.width() * ratio // 1)), max(1, -int(-self.height() * ratio // 1)), ratio
        )

    def position_of(self, number: int) -> QPointF:
        """Where a point is drawn, in the widget's coordinates."""
        assert self._points is not None
        [(x, y)] = self._on_screen(np.array([number]))
        return QPointF(x, y)

    def _on_screen(self, numbers: NDArray[np.integer]) -> NDArray[np.float64]:
        assert self._points is not None
        raster, ratio = self.raster(), self.devicePixelRatioF()
        places = self._points.places(self._blend, numbers).astype(np.float64)
        across = (places[:, 0] - raster.left) * raster.scale
        down = (raster.top - places[:, 1]) * raster.scale
        return np.stack([np.floor(across) + 0.5, np.floor(down) + 0.5], axis=1) / ratio

    @property
    def in_view(self) -> int:
        """How many points the last picture shows."""
        return self._drawn.points if self._drawn is not None else 0

    def _place(self) -> None:
        """Sort the points where they lie at this blend; of very many on their way only some, until they rest."""
        points = self._points
        if points is None:
            self._grid = None
        elif 0 < self._blend < 1 and len(points) > _MOST_SORTED:
            self._grid = points.grid(self._blend, _some(np.arange(len(points), dtype=np.int32)))
            self._rest.start()
        else:
            self._grid = points.grid(self._blend)
        self._emphasise()

    def _emphasise(self) -> None:
        if self._points is None or not len(self._selection):
            self._emphasised = None
            return
        self._emphasised = self._points.grid(self._blend, _some(self._selection))
        if len(self._selection) > _MOST_SORTED:
            self._rest.start()

    def _sort_all(self) -> None:
        """Show every point, now that they rest."""
        points, blend, selection = self._points, self._blend, self._selection
        if points is None:
            return

        def sort() -> tuple[PointGrid, PointGrid | None]:
            return points.grid(blend), points.grid(blend, selection) if len(selection) else None

        def show(found: tuple[PointGrid, PointGrid | None]) -> None:
            if self._points is points and self._blend == blend and self._selection is selection:
                self._grid, self._emphasised = found
                self._changed()

        if self._background is not None:
            self._background(sort, show)
        else:
            show(sort())

    def _changed(self) -> None:
        self._picture = self._behind = None
        self.update()
        self.viewChanged.emit()

    # -- drawing -------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.surface))
        if self._points is None or self._grid is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_behind(painter)
        if self._picture is None:
            self._picture, self._drawn = self._layers.draw(
                self.raster(), self.devicePixelRatioF(), theme, self._points.classes, self._shown, self._grid,
                self._emphasised,
            )  # fmt: skip
            self._picture.setDevicePixelRatio(self.devicePixelRatioF())
            self._describe()
        painter.drawImage(QPointF(0, 0), self._picture)
        self._draw_rings(painter)
        self._draw_placed(painter)
        self._draw_drag(painter)
        self._draw_note(painter)
        focus = self.hasFocus()
        painter.setPen(QPen(QColor(theme.accent if focus else theme.border), 2 if focus else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inset = 1.0 if focus else 0.5
        painter.drawRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset))

    def _draw_behind(self, painter: QPainter) -> None:
        """The lines, kept until they change: thousands of them would make every move of the mouse slow."""
        if not len(self._lines):
            return
        if self._behind is None:
            ratio = self.devicePixelRatioF()
            raster = self.raster()
            self._behind = QImage(raster.width, raster.height, QImage.Format.Format_ARGB32_Premultiplied)
            self._behind.setDevicePixelRatio(ratio)
            self._behind.fill(0)
            drawing = QPainter(self._behind)
            drawing.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw_lines(drawing)
            drawing.end()
        painter.drawImage(QPointF(0, 0), self._behind)

    def _draw_lines(self, painter: QPainter) -> None:
        lines = self._lines[:MOST_LINES]
        if self._points is None or not len(lines):
            return
        shown = np.array(self._shown)[self._points.codes[lines]].all(axis=1)
        lines = lines[shown]
        ends = np.concatenate([self._on_screen(lines[:, 0]), self._on_screen(lines[:, 1])], axis=1)
        tint = QColor(theme_for(self).muted)
        tint.setAlphaF(0.75 if len(lines) <= 100 else 0.4)
        painter.setPen(QPen(tint, 1.0))
        painter.drawLines([QLineF(*each) for each in ends.tolist()])

    def _draw_rings(self, painter: QPainter) -> None:
        theme = theme_for(self)
        look = self._drawn.look.diameter / self.devicePixelRatioF() if self._drawn is not None else 8.0
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if len(self._marked) and self._points is not None:
            marked = self._marked[np.array(self._shown)[self._points.codes[self._marked]]]
            few = len(marked) <= _FEW_MARKED
            tint = QColor(theme.text)
            tint.setAlphaF(1.0 if few else 0.5)
            painter.setPen(QPen(tint, 1.6 if few else 1.0))
            radius = look / 2 + (4 if few else 1.5)
            for x, y in self._on_screen(marked[:MOST_LINES]).tolist():
                painter.drawEllipse(QPointF(x, y), radius, radius)
        for number, colour, width in ((self._current, theme.accent, 2.5), (self._under, theme.text, 2.0)):
            if number >= 0:
                painter.setPen(QPen(QColor(theme.surface), width + 2))
                painter.drawEllipse(self.position_of(number), look / 2 + 5, look / 2 + 5)
                painter.setPen(QPen(QColor(colour), width))
                painter.drawEllipse(self.position_of(number), look / 2 + 5, look / 2 + 5)

    def _draw_placed(self, painter: QPainter) -> None:
        theme, raster, ratio = theme_for(self), self.raster(), self.devicePixelRatioF()
        painter.setFont(sized(self.font(), SMALL, bold=True))
        metrics = painter.fontMetrics()
        for number, each in enumerate(self._placed):
            x, y = each.place(self._blend)
            at = QPointF((x - raster.left) * raster.scale / ratio, (raster.top - y) * raster.scale / ratio)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((theme.surface, 6.0), (theme.text, 2.5)):
                painter.setPen(QPen(QColor(colour), width))
                painter.drawEllipse(at, 10, 10)
            box = metrics.boundingRect(each.label).adjusted(-4, -2, 4, 2)
            # One label above its ring and the next below: two faces may lie on each other.
            box.moveCenter(QPoint(round(at.x()), round(at.y() - 24 if number % 2 == 0 else at.y() + 24)))
            box.moveLeft(min(max(box.left(), 2), max(2, self.width() - box.width() - 2)))
            ground = QColor(theme.surface)
            ground.setAlpha(215)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QColor(theme.text))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, each.label)

    def _draw_drag(self, painter: QPainter) -> None:
        shape = self._drag_shape()
        if shape is not None:
            accent = QColor(theme_for(self).accent)
            painter.setPen(QPen(accent, 1.5, Qt.PenStyle.DashLine))
            accent.setAlpha(36)
            painter.setBrush(accent)
            painter.drawPolygon(shape, Qt.FillRule.WindingFill)

    def _draw_note(self, painter: QPainter) -> None:
        """Say where not everything is in view."""
        if self._points is None or self._drawn is None:
            return
        shown = sum(count for count, there in zip(self._points.counts(), self._shown, strict=True) if there)
        if self._drawn.points >= shown:
            return
        part = self._rest.isActive() and len(self._points) > _MOST_SORTED and 0 < self._blend < 1
        theme = theme_for(self)
        painter.setFont(sized(self.font(), SMALL))
        where = "while they move" if part else "in view · F shows all"
        text = f"{self._drawn.points:,} of {shown:,} points {where}"
        box = painter.fontMetrics().boundingRect(text).adjusted(-6, -3, 6, 3)
        box.moveBottomLeft(self.rect().adjusted(6, 0, 0, -6).bottomLeft())
        ground = QColor(theme.surface)
        ground.setAlpha(210)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(QColor(theme.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _drag_shape(self) -> QPolygonF | None:
        if self._drag is None or self._drag is Tool.MOVE or len(self._trail) < 2:
            return None
        if self._drag is Tool.RECTANGLE:
            return QPolygonF(QRectF(self._trail[0], self._trail[-1]).normalized())
        return QPolygonF(self._trail)

    def _describe(self) -> None:
        points, drawn = self._points, self._drawn
        if points is None or drawn is None:
            return
        text = f"{drawn.points:,} of {len(points):,} points in view"
        if len(self._selection):
            text += f", {len(self._selection):,} selected"
        if self._placed:
            text += f", marked: {', '.join(each.label for each in self._placed)}"
        self.setAccessibleDescription(text)

    # -- mouse ---------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._pressed = self._last = event.position()
        self._drag = self._tool
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._drag = Tool.RECTANGLE
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._drag = Tool.LASSO
        self._trail = [event.position()]
        self._show_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._pressed is None or self._drag is None:
            self._look_under(at)
            return
        if self._drag is Tool.MOVE:
            if (at - self._pressed).manhattanLength() > _CLICK or self._last != self._pressed:
                moved = at - self._last
                self._last = at
                self.set_camera(self._camera.moved(moved.x(), moved.y()))
        elif (at - self._trail[-1]).manhattanLength() > 2:
            self._trail.append(at)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            event.ignore()
            return
        pressed, drag = self._pressed, self._drag
        shape = self._drag_shape()
        self._pressed, self._drag = None, None
        self._show_cursor()
        self.update()
        if (event.position() - pressed).manhattanLength() <= _CLICK and len(self._trail) < 3:
            self._click(event)
        elif drag is not Tool.MOVE and shape is not None:
            self._select(self._under_shape(shape))

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
            self._select(np.setxor1d(self._selection, np.array([number], np.int32)))
        elif number >= 0:
            self._select(np.array([number], np.int32))
            self.chosen.emit(number)
        elif len(self._selection):
            self._select(np.zeros(0, np.int32))

    def _look_under(self, at: QPointF) -> None:
        self._set_under(self._nearest(at))

    def _set_under(self, number: int) -> None:
        if number != self._under:
            self._under = number
            self.update()
            self.hovered.emit(number)

    def _nearest(self, at: QPointF) -> int:
        if self._grid is None:
            return -1
        raster, ratio = self.raster(), self.devicePixelRatioF()
        x = raster.left + at.x() * ratio / raster.scale
        y = raster.top - at.y() * ratio / raster.scale
        return self._grid.nearest(x, y, _REACH * ratio / raster.scale, np.array(self._shown, bool))

    def _under_shape(self, shape: QPolygonF) -> NDArray[np.int32]:
        """Points below a shape on the screen."""
        assert self._grid is not None
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
        return self._grid.under(covered[:, : raster.width] > 127, raster, np.array(self._shown, bool))

    def _select(self, numbers: NDArray[np.int32]) -> None:
        self.set_selection(numbers)
        self.selectionChanged.emit(self._selection)

    def _show_cursor(self) -> None:
        tool = self._drag or self._tool
        if tool is not Tool.MOVE:
            self.setCursor(Qt.CursorShape.CrossCursor)
        elif self._drag is Tool.MOVE:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.unsetCursor()

    # -- keyboard ------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if self._points is None:
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
        elif key == Qt.Key.Key_Escape and (self._drag or self._tool is not Tool.MOVE or len(self._selection)):
            self._let_go()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # Escape and Ctrl+A are the window's shortcuts too; here they mean the points first.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            holding = self._drag is not None or self._tool is not Tool.MOVE or len(self._selection) > 0
            if event.key() == Qt.Key.Key_Escape and holding:
                event.accept()
                return True
        return super().event(event)

    def _choose_middle(self) -> None:
        if self._grid is None:
            return
        half = max(self.width(), self.height()) / self._camera.scale
        number = self._grid.nearest(self._camera.x, self._camera.y, half, np.array(self._shown, bool))
        if number >= 0:
            self._select(np.array([number], np.int32))
            self.chosen.emit(number)

    def _let_go(self) -> None:
        if self._drag is not None:
            self._pressed = self._drag = None
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

    def global_position_of(self, number: int) -> QPoint:
        """Where a point is drawn on the screen."""
        return self.mapToGlobal(self.position_of(number).toPoint())


def _some(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """As many as are sorted at once, evenly among all."""
    return numbers[:: -(-len(numbers) // _MOST_SORTED)]
