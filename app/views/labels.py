"""Labels whose text comes from files and results: never read as rich text, always to be selected and copied."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..theme import NORMAL, SMALL, sized, theme_for


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
            policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        self.setText(text)


class SettingsLabel(TextLabel):
    """The line below a view that names every setting behind its numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(muted=True, size=SMALL, parent=parent)
        self.setAccessibleName("Settings of these numbers")


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
