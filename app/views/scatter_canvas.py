"""A scatter plot as it is looked at: up to a million points, some of them marked, between two layouts, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from canon_core.projection.point_grid import Raster

from ..theme import SMALL, sized, theme_for
from .scatter_camera import Camera
from .scatter_content import ScatterContent
from .scatter_marks import draw_frame, draw_note, draw_placed, draw_shape
from .scatter_picture import ScatterPicture
from .scatter_points import PlacedPoint, ScatterPoints
from .scatter_sight import Sight
from .scatter_view import View
from .scatter_words import description, out_of_view
from .sorted_points import Background


class ScatterCanvas(QWidget):
    """Points in the plane, with a ring or a line where others ask for one.

    Signals
    -------
    viewChanged() :
        Another part of the plane, or other points of it, are shown.
    """

    viewChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._content = ScatterContent(self)
        self._sight = Sight()
        self._picture = ScatterPicture()
        self._outline: QPolygonF | None = None
        self._content.sorted.rested.connect(self._changed)

    # -- given from outside --------------------------------------------------------------------------------------
    def set_background(self, background: Background) -> None:
        """Where very many points are sorted; without it, here."""
        self._content.sorted.background = background

    def set_points(self, points: ScatterPoints | None, *, same_points: bool = False, same_layout: bool = False) -> None:
        """Show these points, all classes of them but hidden ones; of the same classes as before those that were shown.

        Selection, marks and lines are dropped unless they are ``same_points`` as before, in other classes or another
        layout; everything comes into view unless they lie where they lay, in the ``same_layout``.
        """
        same = self._content.set_points(points, same_points=same_points)
        if not (same and same_layout):
            self._sight.begin()
        self._content.sorted.place()
        self._sight.fit(points, self.width(), self.height())
        self._changed()

    @property
    def points(self) -> ScatterPoints | None:
        """What is shown."""
        return self._content.points

    def set_blend(self, blend: float) -> None:
        """Move every point: 0 is the layout before, 1 the one after."""
        blend = min(max(blend, 0.0), 1.0)
        if blend != self.blend:
            self._content.sorted.blend = blend
            self._content.sorted.place()
            self._changed()

    @property
    def blend(self) -> float:
        """Where the points are between the layouts."""
        return self._content.sorted.blend

    def set_shown(self, code: int, shown: bool) -> None:
        """Show or hide a class."""
        if self._content.shown[code] != shown:
            self._content.shown[code] = shown
            self._changed()

    @property
    def shown(self) -> tuple[bool, ...]:
        """Which classes are shown."""
        return tuple(self._content.shown)

    def seen(self, numbers: NDArray[np.integer]) -> NDArray[np.integer]:
        """Those of some points whose class is shown."""
        return self._content.seen(numbers)

    def set_selection(self, numbers: NDArray[np.integer] | Sequence[int]) -> None:
        """Select points without a signal."""
        self._content.sorted.select(self._content.there(np.asarray(numbers, np.int32)))
        self._changed()

    @property
    def selection(self) -> NDArray[np.int32]:
        """Selected points, ascending."""
        return self._content.sorted.selection

    def set_marked(self, numbers: NDArray[np.integer] | Sequence[int]) -> None:
        """Ring these points: what was searched for."""
        self._content.marked = self._content.there(np.asarray(numbers, np.int32))
        self.update()

    def set_placed(self, placed: Sequence[PlacedPoint]) -> None:
        """Mark places among the points with a ring and a label each."""
        if tuple(placed) != self.placed:
            self._content.placed = tuple(placed)
            self.update()

    @property
    def placed(self) -> tuple[PlacedPoint, ...]:
        """What is marked."""
        return self._content.placed

    def set_current(self, number: int) -> None:
        """Ring one point: the one that is looked at; −1 for none."""
        self._content.current = number if self.points is not None and number < len(self.points) else -1
        self.update()

    def set_lines(self, pairs: NDArray[np.integer]) -> None:
        """Join points, (m, 2) numbers; the first 2,000 are drawn."""
        self._content.lines = self._content.there(np.asarray(pairs, np.int32).reshape(-1, 2))
        self._picture.forget_lines()
        self.update()

    def set_under(self, number: int) -> bool:
        """Ring the point below the cursor, −1 for none; whether it is another than before."""
        other = number != self._content.under
        if other:
            self._content.under = number
            self.update()
        return other

    def set_outline(self, shape: QPolygonF | None) -> None:
        """Draw a shape over the points, or none."""
        self._outline = shape
        self.update()

    # -- where one looks -----------------------------------------------------------------------------------------
    @property
    def camera(self) -> Camera:
        """The part of the plane in view."""
        return self._sight.camera

    def set_camera(self, camera: Camera) -> None:
        """Look at another part of the plane."""
        self._sight.look(camera)
        self._changed()

    def fit(self) -> None:
        """Show everything that is shown where it lies just now, to the last point far out."""
        if self.points is None:
            return
        self._sight.keep(self.points.around(self.blend, self._content.shown))
        self._sight.fit(self.points, self.width(), self.height())
        self._changed()

    def zoom_to(self, numbers: NDArray[np.integer]) -> None:
        """Bring some points into view, where they are not."""
        numbers = self._content.there(np.asarray(numbers))
        if self.points is None or not len(numbers):
            return
        if not self.camera.holds(self._content.places(numbers), self.width(), self.height()):
            self.fit()

    def _changed(self) -> None:
        self._picture.forget()
        self.update()
        self.viewChanged.emit()

    # -- where things are ----------------------------------------------------------------------------------------
    def raster(self) -> Raster:
        """How the plane lies on the device's pixels."""
        ratio = self.devicePixelRatioF()
        return self.camera.raster(
            max(1, -int(-self.width() * ratio // 1)), max(1, -int(-self.height() * ratio // 1)), ratio
        )

    @property
    def _view(self) -> View:
        return View(self.raster(), self.devicePixelRatioF())

    def position_of(self, number: int) -> QPointF:
        """Where a point is drawn, in the widget's coordinates."""
        [(x, y)] = self._view.pixels(self._content.places(np.array([number])))
        return QPointF(x, y)

    @property
    def in_view(self) -> int:
        """How many points the last picture shows."""
        return self._picture.drawn.points if self._picture.drawn is not None else 0

    def point_at(self, at: QPointF) -> int:
        """The point below a place of the widget; −1 for none."""
        return self._content.below(at, self._view)

    def points_inside(self, shape: QPolygonF) -> NDArray[np.int32]:
        """Points below a shape, in the widget's coordinates."""
        return self._content.inside(shape, self._view)

    def middle_point(self) -> int:
        """The point nearest to the middle of the view; −1 for none."""
        half = max(self.width(), self.height()) / self.camera.scale
        return self._content.nearest(self.camera.x, self.camera.y, half)

    @property
    def note(self) -> str:
        """What is not in view, and why; empty where everything is."""
        return out_of_view(self._content, self.in_view, first=self._sight.is_first)

    # -- drawing ---------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, view = theme_for(self), self._view
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.surface))
        if self.points is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._picture.draw(painter, theme, view, self._content):
            self.setAccessibleDescription(description(self._content, self.in_view))
        painter.setFont(sized(self.font(), SMALL, bold=True))
        draw_placed(painter, theme, view, self.placed, self.blend, self.width())
        if self._outline is not None:
            draw_shape(painter, theme, self._outline)
        if note := self.note:
            painter.setFont(sized(self.font(), SMALL))
            draw_note(painter, theme, note, self.rect())
        draw_frame(painter, theme, self.rect(), focus=self.hasFocus())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._picture.forget()
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._sight.fit(self.points, self.width(), self.height())
        self._changed()

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 100)
