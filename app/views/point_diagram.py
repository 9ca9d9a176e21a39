"""A drawn face with the order in which its five points are clicked."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..theme import SMALL, sized, theme_for

#: What each click is for, left as the picture shows it.
POINT_NAMES: Final = (
    "the eye at the left of the picture",
    "the eye at the right",
    "the tip of the nose",
    "the corner of the mouth at the left",
    "the corner at the right",
)
#: Where they lie in the drawing, in fractions of its sides.
_PLACES: Final = ((0.32, 0.40), (0.68, 0.40), (0.50, 0.57), (0.36, 0.75), (0.64, 0.75))


class PointDiagram(QWidget):
    """The face, its points numbered; the next one to be clicked is filled."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._next = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Order of the five points")
        self.setAccessibleDescription(", ".join(f"{number}: {name}" for number, name in enumerate(POINT_NAMES, 1)))
        self.setToolTip("\n".join(f"{number}: {name}" for number, name in enumerate(POINT_NAMES, 1)))

    def set_next(self, number: int) -> None:
        """Which point comes next; 5 when all are there."""
        self._next = number
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(76, 92)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.muted), 1.5))
        painter.drawEllipse(QRectF(5, 3, self.width() - 10, self.height() - 6))
        painter.setFont(sized(self.font(), SMALL * 0.9))
        for number, (x, y) in enumerate(_PLACES):
            centre = QPointF(x * self.width(), y * self.height())
            ready, now = number < self._next, number == self._next
            painter.setPen(QPen(QColor(theme.accent if ready or now else theme.muted), 1.4))
            painter.setBrush(QColor(theme.accent) if now else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(centre, 8, 8)
            painter.setPen(QColor(theme.on_accent if now else theme.text))
            box = QRectF(centre.x() - 8, centre.y() - 8, 16, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "✓" if ready else str(number + 1))
