"""The binding to Qt itself, where a version of it was once at fault."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject


def test_calls_into_qt_do_not_use_up_none() -> None:
    # PySide6 6.12.0 gives None back once too often in each call that returns nothing; before Python 3.12, where None
    # cannot be deallocated, that ends the program after some thousands of calls.
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(200):
        thing.setObjectName("name")
    assert sys.getrefcount(None) > before - 100
