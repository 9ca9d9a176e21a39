"""Labels whose text comes from files and results: never read as rich text, always to be selected and copied."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from ..theme import NORMAL, SMALL, sized, theme_for

#: Lines of settings that are shown at once, that room is kept for, and pixels that a line has at least.
_MOST_LINES, _KEPT_LINES, _NARROW = 6, 3, 200


class TextLabel(QLabel):
    """Plain text that can be selected; it wraps to the width it is given unless ``wrap`` is False."""

    def __init__(
        self,
        text: str = "",
        *,
        muted: bool = False,
        size: float = NORMAL,
        bold: bool = False,
        wrap: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFont(sized(self.font(), size, bold=bold))
        if muted:
            self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        if wrap:
            # Its height follows from its width; what it would like by itself must not hold a window open.
            policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        self.setText(text)


class SettingsLabel(QScrollArea):
    """The line below a view that names every setting behind its numbers; of a very long one six lines, the rest by
    scrolling, and in a low window fewer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = TextLabel(muted=True, size=SMALL)
        self._label.setAccessibleName("Settings of these numbers")
        self.setAccessibleName("Settings of these numbers, to be scrolled")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(self._label)
        self.viewport().setAutoFillBackground(False)
        self._label.setAutoFillBackground(False)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def text(self) -> str:
        """All of it."""
        return self._label.text()

    def setText(self, text: str) -> None:
        """Name other settings."""
        if text != self.text():
            self._label.setText(text)
            self.verticalScrollBar().setValue(0)
            self.updateGeometry()

    def keep_room(self) -> None:
        """Be as high as most are, so that nothing moves when it names fewer settings."""
        self.setMinimumHeight(_KEPT_LINES * self._label.fontMetrics().lineSpacing() + 2)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        line = QFontMetricsF(self._label.font()).lineSpacing()  # of a scaled screen not a whole number of pixels
        return min(self._label.heightForWidth(width), math.ceil(_MOST_LINES * line))

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.heightForWidth(max(self.width(), _NARROW)))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._label.fontMetrics().lineSpacing())


class Note(QFrame):
    """Something the reader should know before trusting a number: words on a warm ground, with a bar at the left."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = TextLabel(text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(13, 7, 8, 7)
        layout.addWidget(self.label)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.warning_ground))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setBrush(QColor(theme.warning))
        painter.drawRoundedRect(QRectF(3, 6, 3, self.height() - 12), 1.5, 1.5)
