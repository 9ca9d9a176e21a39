"""A face on the screen, from pixels that the engine decoded."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..theme import SMALL, sized, theme_for


def image_of(pixels: np.ndarray) -> QImage:
    """(height, width, 3) uint8 in RGB as Qt's image."""
    whole = np.ascontiguousarray(pixels)
    height, width = whole.shape[:2]
    return QImage(whole.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def draw_face(painter: QPainter, box: QRect, image: QImage | None, words: str, widget: QWidget) -> None:
    """Draw an image into a box, whole and in its shape; words where there is none."""
    theme = theme_for(widget)
    if image is None or image.isNull():
        painter.fillRect(box, QColor(theme.window))
        painter.setPen(QColor(theme.muted))
        painter.setFont(sized(widget.font(), SMALL))
        painter.drawText(
            box.adjusted(4, 4, -4, -4), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words
        )
    else:
        size = image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
        inner = QRect(
            box.left() + (box.width() - size.width()) // 2, box.top() + (box.height() - size.height()) // 2,
            size.width(), size.height(),
        )  # fmt: skip
        painter.drawImage(inner, image)
        box = inner
    painter.setPen(QPen(QColor(theme.border), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(0, 0, -1, -1))


class FaceImage(QWidget):
    """One face, as large as there is room for up to its ``side``."""

    def __init__(self, name: str, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._side = side
        self._image: QImage | None = None
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_image(self, image: QImage | None, words: str = "") -> None:
        """Show an image, or say why there is none."""
        self._image, self._words = image, words
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self.update()

    def set_side(self, side: int) -> None:
        """Be at most this large."""
        if side != self._side:
            self._side = side
            self.updateGeometry()

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self._side, 80), self._side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = min(self.width(), self.height())
        box = QRect((self.width() - side) // 2, 0, side, side)
        draw_face(painter, box, self._image, self._words, self)


class FaceStrip(QWidget):
    """Small faces in a row: the other images of a template."""

    _SIDE, _SPACE = 44, 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[QImage | None] = []
        self._total = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_images(self, images: list[QImage | None], total: int) -> None:
        """Show these of ``total`` images."""
        self._images, self._total = images, total
        self.setVisible(total > 1)
        self.setAccessibleName(f"{total} images of the template")
        self.update()

    @property
    def shown(self) -> int:
        """How many images are there to be seen."""
        return sum(image is not None for image in self._images)

    def sizeHint(self) -> QSize:
        return QSize(4 * (self._SIDE + self._SPACE), self._SIDE + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._SIDE, self._SIDE + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        step = self._SIDE + self._SPACE
        room = max(1, (self.width() + self._SPACE) // step)
        fits = room if self._total <= room else max(1, room - 1)
        for number, image in enumerate(self._images[:fits]):
            draw_face(painter, QRect(number * step, 0, self._SIDE, self._SIDE), image, "", self)
        left = self._total - min(fits, len(self._images))
        if left > 0:
            painter.setPen(QColor(theme_for(self).muted))
            painter.setFont(sized(self.font(), SMALL))
            painter.drawText(
                QRect(fits * step, 0, self._SIDE, self._SIDE), Qt.AlignmentFlag.AlignCenter, f"+{left}"
            )
