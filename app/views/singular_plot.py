"""Singular values of a cell's maps: a level line is a rotation, a steep fall a map that loses directions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..theme import SMALL, colour, sized, theme_for

#: Below this part of the largest value nothing is drawn: it is rounding.
_FLOOR = 1e-6


class SingularPlot(QWidget):
    """One line a map, over the number of the value, on a log scale."""

    def __init__(self, values: Sequence[Sequence[float]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = [list(line) for line in values if line and line[0] > 0]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFont(sized(self.font(), SMALL))
        self.setAccessibleName("Singular values of the map")
        ends = (f"{line[0]:.3g} down to {line[-1]:.3g}" for line in self._lines)
        self.setAccessibleDescription("; ".join(ends))
        self.setToolTip(self.accessibleDescription())

    def sizeHint(self) -> QSize:
        return QSize(240, 118)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, 118)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._lines:
            return
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self.font())
        high = max(line[0] for line in self._lines)
        low = max(min(value for line in self._lines for value in line), high * _FLOOR)
        if high / low < 1.05:  # all alike, as a rotation's: a level line in the middle
            high, low = high * 1.5, low / 1.5
        top, bottom = math.log10(high), math.log10(low)
        labels = [f"{high:.3g}", f"{low:.2g}"]
        left = max(metrics.horizontalAdvance(label) for label in labels) + 8
        box = QRectF(left, 6, self.width() - left - 8, self.height() - 12 - metrics.height() - 4)
        painter.setPen(QPen(QColor(theme.grid), 1))
        painter.setBrush(QColor(theme.surface))
        painter.drawRect(box)
        longest = max(len(line) for line in self._lines)
        painter.setPen(QColor(theme.muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, box.top() - 2, left - 5, metrics.height()), right, labels[0])
        painter.drawText(QRectF(0, box.bottom() - metrics.height() + 2, left - 5, metrics.height()), right, labels[1])
        below = box.bottom() + 3
        painter.drawText(QPointF(box.left(), below + metrics.ascent()), "1")
        painter.drawText(
            QRectF(box.left(), below, box.width(), metrics.height()), Qt.AlignmentFlag.AlignHCenter, "singular value"
        )
        painter.drawText(
            QRectF(box.left(), below, box.width(), metrics.height()), Qt.AlignmentFlag.AlignRight, f"{longest}"
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for number, line in enumerate(self._lines):
            pen = QPen(colour(theme.series(number).colour), 1.6)
            if number:
                pen.setDashPattern([5, 2.5])
            painter.setPen(pen)
            step = box.width() / max(1, longest - 1)
            points = [
                QPointF(
                    box.left() + place * step,
                    box.bottom() - (math.log10(max(value, low)) - bottom) / (top - bottom) * box.height(),
                )
                for place, value in enumerate(line)
                if value >= low
            ]
            painter.drawPolyline(QPolygonF(points))
