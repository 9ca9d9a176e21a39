"""Words that say what is missing of a view, with the button that computes it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from .labels import TextLabel


class Notice(QWidget):
    """Words, and a button at their right.

    With room kept for so many ``lines``, nothing beside it moves when the words become fewer or more, or when the
    button comes and goes.
    """

    def __init__(self, button_text: str, parent: QWidget | None = None, *, lines: int = 0) -> None:
        super().__init__(parent)
        self.label = TextLabel()
        if lines:
            self.setMinimumHeight(lines * self.label.fontMetrics().lineSpacing() + 2)
            self.label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.button = QPushButton(button_text)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop if lines else Qt.AlignmentFlag(0))
