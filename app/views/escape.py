"""Escape is the window's shortcut that clears the selection of cells; a widget with the keyboard may take it first."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent


def asks_for_escape(event: QEvent) -> bool:
    """Whether the event asks if Escape is a shortcut; who accepts it gets the key in its place."""
    asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
    return asked and event.key() == Qt.Key.Key_Escape
