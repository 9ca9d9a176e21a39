"""The line above an overlay: what is under way or was not done, with the buttons that go on."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from .labels import TextLabel


class OverlayStatus(QWidget):
    """Words, and at their right those buttons that make sense; hidden without words."""

    def __init__(self) -> None:
        super().__init__()
        self.label = TextLabel()
        self.all_button = QPushButton("All subjects again")
        self.compute_button = QPushButton("Compute")
        self.cancel_button = QPushButton("Cancel")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label, 1)
        for button in (self.all_button, self.compute_button, self.cancel_button):
            row.addWidget(button)

    def show_text(self, text: str, *, compute: str, cancel: bool, chosen: bool) -> None:
        """Say this; ``compute`` is what the button for it says, ``chosen`` whether only some subjects are shown."""
        self.setVisible(bool(text))
        self.label.setText(text)
        self.compute_button.setText(compute)
        self.compute_button.setVisible(bool(compute))
        self.cancel_button.setVisible(cancel)
        self.all_button.setVisible(chosen)
