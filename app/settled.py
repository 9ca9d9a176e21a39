"""Doing something once, when things have settled."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


def settled(parent: QObject, milliseconds: int, slot: Callable[[], object]) -> QTimer:
    """A timer that calls ``slot`` so long after it was last started; 0 for when what happens just now is over."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
