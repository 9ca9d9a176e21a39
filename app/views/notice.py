"""The line above a view that says what is missing of it, with the button that computes it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from .labels import TextLabel


class Notice(QWidget):
    """Words, and a button at their right."""

    def __init__(self, button_text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = TextLabel()
        self.button = QPushButton(button_text)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)
