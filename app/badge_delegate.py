"""Draws a state as a word in a rounded frame, so that it is told by the word and only underlined by its colour."""

from __future__ import annotations

import math

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from .contents import Badge
from .theme import SMALL, Theme, sized, theme_for

#: Role under which an item holds its :class:`Badge` value.
BADGE_ROLE = Qt.ItemDataRole.UserRole + 1
#: Pixels left and right of the frame, and inside it.
_LEFT, _RIGHT, _PADDING = 4, 6, 7
_Index = QModelIndex | QPersistentModelIndex


class BadgeDelegate(QStyledItemDelegate):
    """For a column of states; items without a badge are drawn as ever, muted."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        badge = index.data(BADGE_ROLE)
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        theme = theme_for(option.palette)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        font = sized(option.font, SMALL)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        room = QRectF(option.rect).adjusted(_LEFT, 0, -_RIGHT, 0)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, room.width() - 2 * _PADDING))
        if badge is None or not shown:
            painter.setPen(QColor(theme.on_accent if selected else theme.muted))
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)
        else:
            width, height = metrics.horizontalAdvance(shown) + 2 * _PADDING, metrics.height() + 3
            frame = QRectF(room.right() - width, room.center().y() - height / 2, width, height)
            colour = QColor(theme.on_accent if selected else badge_colour(Badge(badge), theme))
            ground = QColor(colour)
            ground.setAlphaF(0.0 if selected else 0.12)
            line = QColor(colour)
            line.setAlphaF(0.55)
            painter.setPen(line)
            painter.setBrush(ground)
            painter.drawRoundedRect(frame, height / 2, height / 2)
            painter.setPen(colour)
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, shown)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        self.initStyleOption(option, index)
        metrics = QFontMetricsF(sized(option.font, SMALL))
        width = metrics.horizontalAdvance(option.text) + 2 * _PADDING + _LEFT + _RIGHT + 2
        return QSize(math.ceil(width), math.ceil(QFontMetricsF(option.font).height()) + 6)


def badge_colour(badge: Badge, theme: Theme) -> str:
    """Colour that goes with a state."""
    return {
        Badge.COMPLETE: theme.good,
        Badge.PARTIAL: theme.accent,
        Badge.STALE: theme.warning,
        Badge.DAMAGED: theme.error,
        Badge.NONE: theme.muted,
    }[badge]
