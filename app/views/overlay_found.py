"""How many points of an overlay a search found, behind the field that it is typed into."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from ..theme import SMALL
from .bar_buttons import tool_button
from .labels import TextLabel


class OverlayFound(QWidget):
    """A few words, with the button that lays out what was found and is not drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.label = TextLabel(muted=True, size=SMALL, wrap=False)
        self.label.setAccessibleName("Found points")
        self.button = tool_button("Show", "Lay out those who were found too")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label)
        row.addWidget(self.button)
        self.show_text("", offered=False)

    def show_text(self, text: str, *, offered: bool) -> None:
        """Say this; with the button where there is something to lay out."""
        self.label.setText(text)
        self.label.setVisible(bool(text))
        self.button.setVisible(offered)
