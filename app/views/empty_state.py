"""What a view shows while it has nothing to show: one sentence that says what to do next, and a button for it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from ..theme import LARGE, sized

#: Pixels: a line of some sixty characters.
_WIDTH = 430


class EmptyState(QWidget):
    """A sentence in the middle, with a button where there is something to click."""

    actionRequested = Signal()

    def __init__(self, text: str = "", action_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._label.setFont(sized(self.font(), LARGE))
        self._label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._button = QPushButton()
        self._button.setAutoDefault(True)
        self._button.setProperty("primary", True)
        self._button.clicked.connect(self.actionRequested)
        layout = QVBoxLayout(self)
        layout.setSpacing(14)
        layout.addStretch(2)
        layout.addWidget(self._label)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        self.set_message(text, action_text)

    def set_message(self, text: str, action_text: str = "") -> None:
        """Say ``text``; the button is there only with ``action_text``."""
        self._label.setText(text)
        self._button.setText(action_text)
        self._button.setVisible(bool(action_text))
        self.setAccessibleName(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def _fit(self) -> None:
        """Margins that keep the lines short; between them the layout gives a wrapped text the height it needs."""
        side = max(16, (self.width() - _WIDTH) // 2)
        self.layout().setContentsMargins(side, 12, side, 12)
