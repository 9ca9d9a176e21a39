"""A picture of a face that can be dropped, looked at, and clicked on where eyes, nose and mouth are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..dropped import Dropped
from ..theme import sized, theme_for

#: Points of a face.
POINTS = 5


class PictureCanvas(QWidget):
    """Shows one picture, whole, with the five points of its face.

    Signals
    -------
    dropped(path) : Path
        A file was dropped on it.
    clicked() :
        It is empty, and was clicked or Return was pressed: a picture is to be chosen.
    pointsChanged(points) : tuple of (x, y)
        In pixels of the picture; at most five.
    """

    dropped = Signal(object)
    clicked = Signal()
    pointsChanged = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 110)
        self._image: QImage | None = None
        self._scale = 1.0
        self._points: tuple[tuple[float, float], ...] = ()
        self._clicking = self._hovered = False
        self._words = "Drop a picture of a face here,\nor click to choose one"

    # -- given from outside --------------------------------------------------------------------------------------
    def set_picture(
        self, image: QImage | None, scale: float = 1.0, points: Sequence[tuple[float, float]] = ()
    ) -> None:
        """Show a picture of which one pixel is ``scale`` of the image's; ``points`` in its own pixels."""
        self._image, self._scale = image, scale
        self._points = tuple(points)
        self._tell()

    def set_points(self, points: Sequence[tuple[float, float]]) -> None:
        """Show these points."""
        self._points = tuple(points)
        self._tell()

    def set_clicking(self, clicking: bool) -> None:
        """Whether clicks set points."""
        self._clicking = clicking
        self.setCursor(Qt.CursorShape.CrossCursor if clicking and self._image is not None else
                       Qt.CursorShape.ArrowCursor)  # fmt: skip
        self.update()

    def set_hovered(self, hovered: bool) -> None:
        """Whether what is dragged would fall on it: its frame says so."""
        self._hovered = hovered
        self.update()

    @property
    def hovered(self) -> bool:
        """Whether its frame says that a drop falls on it."""
        return self._hovered

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The points shown, in pixels of the picture."""
        return self._points

    def place_of(self, x: float, y: float) -> QPoint:
        """Where a pixel of the picture is drawn."""
        box = self._box()
        assert self._image is not None
        factor = box.width() / self._image.width() * self._scale
        return QPointF(box.left() + (x + 0.5) * factor, box.top() + (y + 0.5) * factor).toPoint()

    def _tell(self) -> None:
        state = "no picture" if self._image is None else f"a picture with {len(self._points)} points"
        self.setAccessibleDescription(state)
        self.update()

    def _box(self) -> QRectF:
        """Where the picture is drawn."""
        assert self._image is not None
        room = self.rect().adjusted(2, 2, -2, -2)
        size = self._image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(
            room.left() + (room.width() - size.width()) / 2, room.top() + (room.height() - size.height()) / 2,
            size.width(), size.height(),
        )  # fmt: skip

    def sizeHint(self) -> QSize:
        return QSize(240, 220)

    # -- mouse and keyboard --------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        if self._image is None:
            self.clicked.emit()
            return
        box = self._box()
        if not self._clicking or not box.contains(event.position()):
            return
        factor = box.width() / self._image.width() * self._scale
        point = (event.position() - box.topLeft()) / factor
        before = self._points if len(self._points) < POINTS else ()
        self._points = (*before, (point.x() - 0.5, point.y() - 0.5))
        self._tell()
        self.pointsChanged.emit(self._points)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Backspace takes the last point away; Return chooses a picture where there is none."""
        if event.key() == Qt.Key.Key_Backspace and self._clicking and self._points:
            self._points = self._points[:-1]
            self._tell()
            self.pointsChanged.emit(self._points)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._image is None:
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    # -- dropping ------------------------------------------------------------------------------------------------
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if len(pictures_of(event)) == 1:  # two at once are for both canvases
            event.acceptProposedAction()
            self.set_hovered(True)

    def dragLeaveEvent(self, event: object) -> None:
        self.set_hovered(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.set_hovered(False)
        files = pictures_of(event)
        if files:
            event.acceptProposedAction()
            self.dropped.emit(files[0])

    # -- drawing -------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self._image is None:
            painter.fillRect(frame, QColor(theme.surface))
            painter.setPen(QColor(theme.muted))
            painter.drawText(
                frame.adjusted(8, 8, -8, -8), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words
            )
        else:
            box = self._box()
            painter.drawImage(box, self._image)
            factor = box.width() / self._image.width() * self._scale
            painter.setFont(sized(self.font(), 0.85, bold=True))
            for number, (x, y) in enumerate(self._points, 1):
                at = QPointF(box.left() + (x + 0.5) * factor, box.top() + (y + 0.5) * factor)
                for colour, width in (("#000000", 4), ("#ffffff", 2)):  # seen on any picture
                    painter.setPen(QPen(QColor(colour), width))
                    painter.drawLine(at - QPointF(5, 0), at + QPointF(5, 0))
                    painter.drawLine(at - QPointF(0, 5), at + QPointF(0, 5))
                if self._clicking:
                    place = at + QPointF(6, -4)
                    painter.setPen(QColor("#000000"))
                    painter.drawText(place + QPointF(1, 1), str(number))
                    painter.setPen(QColor("#ffffff"))
                    painter.drawText(place, str(number))
        if self._hovered:
            ground = QColor(theme.accent)
            ground.setAlpha(36)
            painter.fillRect(frame, ground)
        marked = self._hovered or self.hasFocus()
        pen = QPen(QColor(theme.accent if marked else theme.border), 2 if marked else 1)
        if self._image is None or self._hovered:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 4, 4)


def pictures_of(event: QDropEvent) -> list[Path]:
    """Files that are dropped as pictures; none where anything else, such as a network, is among them: that is for the
    window to take."""
    files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return files if Dropped.sort(files).others == tuple(files) else []
