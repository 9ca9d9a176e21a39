"""The window begins no larger than the screen with the frame around it, whatever is remembered."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app import first_size
from app.first_size import keep_on_screen
from app.main_window import MainWindow


def screen_of(width: int, height: int) -> SimpleNamespace:
    """A screen with so much room."""
    return SimpleNamespace(availableGeometry=lambda: QRect(0, 0, width, height))


def limited(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, screen: SimpleNamespace) -> tuple[int, int]:
    widget = QWidget()
    qtbot.addWidget(widget)
    monkeypatch.setattr(widget, "screen", lambda: screen, raising=False)
    widget.resize(1280, 800)
    keep_on_screen(widget)
    return widget.size().toTuple()


def test_the_title_bar_too_has_room_on_a_low_screen(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    width, height = limited(qtbot, monkeypatch, screen_of(1280, 800))
    assert height + 30 <= 800
    assert 1200 < width <= 1280


def test_on_a_large_screen_it_is_as_it_likes(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert limited(qtbot, monkeypatch, screen_of(1920, 1080)) == (1280, 800)


def test_the_main_window_is_asked_after_its_size_was_restored(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.resize(1280, 800)
    with monkeypatch.context() as small:
        small.setattr(window, "screen", lambda: screen_of(1100, 700), raising=False)
        window.arrangement.restore()
    assert window.width() <= 1100
    assert window.height() + first_size._TITLE_BAR <= 700
