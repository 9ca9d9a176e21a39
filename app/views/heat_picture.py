"""How a heat map is painted: names beside and above, fields with their numbers, single models hatched, rings."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from canon_core.study.results import stands_beside

from ..theme import SMALL, Theme, sized
from .colour_bar import BAR_ROOM, paint_colour_bar
from .heat_layout import HeatLayout, lay_out
from .shown_matrix import Pair, ShownCell, ShownMatrix

_RADIUS = 3.0
_CORNER = "source ↓  target →"


def laid_out(
    shown: ShownMatrix,
    font: QFont,
    size: float,
    width: float,
    height: float,
    pixel_ratio: float,
    smallest_height: float,
) -> HeatLayout:
    """Where everything lies with text of this ``size`` beside the ``font``'s own."""
    widest = QFontMetricsF(sized(font, size, bold=True))  # as the current row's name is written
    metrics = QFontMetricsF(sized(font, size))
    return lay_out(
        width,
        height,
        [widest.horizontalAdvance(name) for name in shown.order],
        metrics.height(),
        metrics.horizontalAdvance("−.000" if shown.difference else ".000"),
        QFontMetricsF(sized(font, SMALL * size)).horizontalAdvance(_CORNER) + 2,
        BAR_ROOM * size,
        pixel_ratio,
        smallest_height,
    )


class HeatPicture:
    """One picture, painted in the order in which its methods are called."""

    def __init__(
        self, painter: QPainter, theme: Theme, layout: HeatLayout, shown: ShownMatrix, font: QFont, size: float
    ) -> None:
        self._painter, self._theme, self._layout, self._shown = painter, theme, layout, shown
        self._font, self._size = font, size

    def paint_names(self, current: Pair | None) -> None:
        """The models beside the rows and above the columns; those of the ``current`` field stand out."""
        painter, theme, layout = self._painter, self._theme, self._layout
        metrics = QFontMetricsF(sized(self._font, self._size))
        at = current or (None, None)
        for number, name in enumerate(self._shown.order):
            painter.setFont(_name_font(self._font, self._size, name, bold=name == at[0]))
            painter.setPen(QColor(theme.accent if name == at[0] else theme.text))
            text = _elided(painter, name, layout.name_width)
            painter.drawText(layout.row_name(number), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            painter.setFont(_name_font(self._font, self._size, name, bold=name == at[1]))
            painter.setPen(QColor(theme.accent if name == at[1] else theme.text))
            field = layout.field(0, number)
            if layout.slanted:
                text = _elided(painter, name, layout.slanted_width)
                painter.save()
                painter.translate(field.center().x() + metrics.height() * 0.25, layout.top - 5)
                painter.rotate(-45)
                painter.drawText(QPointF(0, 0), text)
                painter.restore()
            else:
                box = QRectF(field.left(), layout.top - metrics.height() - 5, field.width(), metrics.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, name)
        painter.setFont(sized(self._font, SMALL * self._size))
        painter.setPen(QColor(theme.muted))
        painter.drawText(layout.corner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, _CORNER)

    def paint_fields(self, phase: int) -> None:
        """Every field; ``phase`` says which dot of those that are being computed is lit."""
        for row, fields in enumerate(self._shown.rows):
            for column, cell in enumerate(fields):
                self._paint_field(self._layout.field(row, column), cell, phase)

    def paint_ring(self, pair: Pair, *, strong: bool) -> None:
        """Around a field that is chosen, or (not so strong) below the cursor."""
        painter, theme, rect = self._painter, self._theme, self._layout.field(*self._shown.at(pair))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if strong:
            painter.setPen(QPen(QColor(theme.surface), 1.5))
            painter.drawRoundedRect(rect.adjusted(1.25, 1.25, -1.25, -1.25), _RADIUS - 1, _RADIUS - 1)
        painter.setPen(QPen(QColor(theme.accent), 2.5 if strong else 1.0))
        painter.drawRoundedRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5), _RADIUS + 0.5, _RADIUS + 0.5)

    def paint_focus(self, pair: Pair) -> None:
        """Inside the field that the keyboard is at."""
        painter = self._painter
        row, column = self._shown.at(pair)
        ground = self._ground(self._shown.rows[row][column])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.ink(ground), 1.2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self._layout.field(row, column).adjusted(4.5, 4.5, -4.5, -4.5), 2, 2)

    def paint_bar(self) -> None:
        """What the colours stand for."""
        self._painter.setFont(sized(self._font, SMALL * self._size))
        paint_colour_bar(self._painter, self._layout.bar, self._theme, self._shown)

    def _paint_field(self, rect: QRectF, cell: ShownCell, phase: int) -> None:
        painter, theme = self._painter, self._theme
        if cell.value is None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            pen = QPen(QColor(theme.border), 1, Qt.PenStyle.DotLine if cell.pending else Qt.PenStyle.SolidLine)
            painter.setPen(pen)
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
            painter.setPen(QColor(theme.muted))
            if cell.pending:
                self._paint_dots(rect, phase)
            else:
                painter.setFont(sized(self._font, self._size))
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, cell.text)
            return
        ground = self._ground(cell)
        ink = theme.ink(ground)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(rect, _RADIUS, _RADIUS)
        painter.setFont(sized(self._font, self._size))
        if cell.single:
            self._paint_hatch(rect, ground, ink, cell.text)
        painter.setPen(ink)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, cell.text)

    def _ground(self, cell: ShownCell) -> QColor:
        theme = self._theme
        if cell.value is None:
            return QColor(theme.window)
        fraction = self._shown.scale.fraction(cell.value)
        if self._shown.difference:
            if cell.single:
                return QColor(theme.grid)
            return theme.diverging(fraction) if self._shown.scale.holds(cell.value) else QColor(theme.border)
        return theme.heat(fraction)

    def _paint_hatch(self, rect: QRectF, ground: QColor, ink: QColor, text: str) -> None:
        painter = self._painter
        painter.save()
        painter.setClipRect(rect)
        line = QColor(ink)
        line.setAlpha(90)
        painter.setPen(QPen(line, 1))
        reach = rect.width() + rect.height()
        for step in range(1, math.ceil(reach / 8.0)):
            offset = step * 8.0
            painter.drawLine(
                QPointF(rect.left() + offset, rect.top()), QPointF(rect.left() + offset - rect.height(), rect.bottom())
            )
        # The number stands on a clean patch: the hatch must not run through it.
        metrics = QFontMetricsF(painter.font())
        patch = QRectF(0, 0, metrics.horizontalAdvance(text) + 8, metrics.height() * 0.92)
        patch.moveCenter(rect.center())
        painter.fillRect(patch, ground)
        painter.restore()

    def _paint_dots(self, rect: QRectF, phase: int) -> None:
        painter = self._painter
        painter.setPen(Qt.PenStyle.NoPen)
        for number in range(3):
            dot = QColor(self._theme.muted)
            dot.setAlphaF(1.0 if number == phase else 0.35)
            painter.setBrush(dot)
            painter.drawEllipse(rect.center() + QPointF((number - 1) * 7.0, 0), 1.8, 1.8)


def _name_font(font: QFont, size: float, name: str, *, bold: bool) -> QFont:
    """Names of controls and twins, which no mean counts, are slanted."""
    found = sized(font, size, bold=bold)
    found.setItalic(stands_beside(name))
    return found


def _elided(painter: QPainter, name: str, width: float) -> str:
    """A name as long as there is room for it in the painter's font."""
    return QFontMetricsF(painter.font()).elidedText(name, Qt.TextElideMode.ElideMiddle, width)
