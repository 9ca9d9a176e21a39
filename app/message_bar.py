"""One sentence above the views: what happened, to which file, what to do; with a button where there is something."""

from __future__ import annotations

import enum
from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from .settled import settled
from .theme import theme_for
from .views.labels import TextLabel

#: Milliseconds after which a message that only confirms something goes by itself.
_CONFIRMATION_MS = 8000


class Tone(enum.Enum):
    """What kind of message it is; said by a word too, not by colour alone."""

    DONE = "Done"
    NOTE = "Note"
    FAULT = "Problem"


class MessageBar(QFrame):
    """Shows the latest message until it is closed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message-bar")
        self._tone = Tone.NOTE
        self._then: Callable[[], object] | None = None
        self.text = TextLabel()
        self.button = QPushButton()
        self.button.clicked.connect(self._act)
        self.close_button = QToolButton()
        self.close_button.setText("×")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close this message")
        self.close_button.setAccessibleName("Close this message")
        self.close_button.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(22, 9, 12, 5)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self._timer = settled(self, _CONFIRMATION_MS, self.hide)
        self.hide()

    def say(
        self, text: str, tone: Tone = Tone.NOTE, button: str = "", then: Callable[[], object] | None = None
    ) -> None:
        """Show a message; ``button`` calls ``then``."""
        self._tone, self._then = tone, then
        said = text if tone is Tone.NOTE else f"{tone.value}: {text}"
        self.text.setText(said)
        self.setAccessibleName(said)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._timer.stop()
        if tone is Tone.DONE:
            self._timer.start()
        self.show()
        self.update()

    def _act(self) -> None:
        self.hide()
        if self._then is not None:
            self._then()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        colour = {Tone.DONE: theme.good, Tone.NOTE: theme.accent, Tone.FAULT: theme.error}[self._tone]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(theme.border))
        painter.setBrush(QColor(theme.raised))
        box = QRectF(self.rect()).adjusted(8.5, 4.5, -8.5, -0.5)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(box.left() + 4, box.top() + 5, 4, box.height() - 10), 2, 2)
