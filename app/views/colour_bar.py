"""The legend of a heat map: what the colours stand for."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPen

from canon_core.figures.numbers import difference_text, tar_text

from ..theme import Theme
from .shown_matrix import ShownMatrix

#: Pixels a colour bar takes beside the fields, its gap included.
BAR_ROOM = 94.0
_THICKNESS = 11.0
_STOPS = 24


def paint_colour_bar(painter: QPainter, box: QRectF, theme: Theme, shown: ShownMatrix) -> None:
    """Draw the bar with five numbers and its title, upright, into a box."""
    bar = QRectF(box.left(), box.top(), _THICKNESS, box.height())
    gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
    for stop in range(_STOPS + 1):
        fraction = stop / _STOPS
        gradient.setColorAt(fraction, theme.diverging(fraction) if shown.difference else theme.heat(fraction))
    painter.setPen(QPen(QColor(theme.border), 1))
    painter.setBrush(gradient)
    painter.drawRoundedRect(bar.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
    metrics = QFontMetricsF(painter.font())
    painter.setPen(QColor(theme.muted))
    text = difference_text if shown.difference else tar_text
    widest = 0.0
    for step in range(5):
        fraction = step / 4
        value = shown.scale.low + fraction * (shown.scale.high - shown.scale.low)
        label = text(value)
        if step == 0 and shown.scale.exceeded and not shown.difference:
            label = f"≤{label}"
        height = bar.bottom() - fraction * bar.height()
        top = min(max(height - metrics.height() / 2, bar.top() - 2), bar.bottom() - metrics.height() + 2)
        widest = max(widest, metrics.horizontalAdvance(label))
        painter.drawText(
            QRectF(bar.right() + 5, top, 60, metrics.height()),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            label,
        )
    painter.save()
    painter.translate(QPointF(bar.right() + 5 + widest + 6 + metrics.ascent(), bar.center().y()))
    painter.rotate(-90)
    length = max(bar.height(), metrics.horizontalAdvance(shown.title) + 4)
    painter.drawText(
        QRectF(-length / 2, -metrics.ascent(), length, metrics.height()), Qt.AlignmentFlag.AlignCenter, shown.title
    )
    painter.restore()
