"""How large the window begins: as it likes, or as large as the screen lets it be with its frame."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

#: Pixels that desktops put around a window: its borders, and the title bar. They are not known before it is shown.
_BORDERS, _TITLE_BAR = 8, 40


def keep_on_screen(window: QWidget) -> None:
    """Make a window smaller that would reach beyond what its screen has free, unless it fills the screen anyway."""
    if window.isMaximized() or window.isFullScreen():
        return
    room = window.screen().availableGeometry().size() - QSize(_BORDERS, _TITLE_BAR)
    window.resize(window.size().boundedTo(room))
