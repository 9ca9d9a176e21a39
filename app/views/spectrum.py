"""The singular values of a map as a small line: flat for a rotation, falling for a map that forgets directions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..theme import SMALL, sized, theme_for

_HEIGHT = 84
_MARGIN_LEFT, _MARGIN_BOTTOM, _MARGIN_TOP = 34, 18, 8


class Spectrum(QWidget):
    """One line a fitted map; the horizontal axis counts singular values, the vertical one begins at 0."""

    def __init__(self, values: Sequence[Sequence[float]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = [tuple(line) for line in values if len(line)]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.summary())
        self.setToolTip(self.summary())

    def summary(self) -> str:
        """The line in words."""
        return "Singular values " + "; ".join(f"{line[0]:.3g} to {line[-1]:.3g} ({len(line)})" for line in self._lines)

    def sizeHint(self) -> QSize:
        return QSize(220, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(sized(self.font(), SMALL))
        width, height = self.width() - 6, self.height()
        plot = QRectF(_MARGIN_LEFT, _MARGIN_TOP, width - _MARGIN_LEFT, height - _MARGIN_TOP - _MARGIN_BOTTOM)
        top = max((line[0] for line in self._lines), default=1.0) or 1.0
        longest = max((len(line) for line in self._lines), default=1)
        painter.setPen(QPen(QColor(theme.grid), 1))
        for y in (plot.top(), plot.bottom()):
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        painter.setPen(QColor(theme.muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, plot.top() - 8, _MARGIN_LEFT - 5, 16), right, f"{top:.2g}")
        painter.drawText(QRectF(0, plot.bottom() - 8, _MARGIN_LEFT - 5, 16), right, "0")
        below = QRectF(plot.left(), plot.bottom() + 1, plot.width(), _MARGIN_BOTTOM - 1)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "1")
        painter.drawText(below, right, f"{longest}")
        for number, line in enumerate(self._lines):
            style = theme.series(number)
            painter.setPen(QPen(QColor(*style.colour), 1.6))
            step = plot.width() / max(1, longest - 1)
            points = [
                QPointF(plot.left() + place * step, plot.bottom() - value / top * plot.height())
                for place, value in enumerate(line)
            ]
            painter.drawPolyline(QPolygonF(points))
