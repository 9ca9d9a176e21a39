"""The next start opens what was open, arranged as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from app import main, user_files
from app.main_window import MainWindow

from .conftest import PATIENCE, open_study


@pytest.fixture
def start(qtbot: QtBot) -> Iterator[Callable[[], MainWindow]]:
    """Starts a window as the program does, and closes the one before."""
    windows: list[MainWindow] = []

    def close() -> None:
        window = windows.pop()
        window.shut_down()
        qtbot.waitUntil(lambda: window._ended and not window.isVisible(), timeout=PATIENCE)
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        vars(window).clear()

    def begin() -> MainWindow:
        if windows:
            close()
        window = MainWindow()
        windows.append(window)
        main._open(window, None, "")
        window.show()
        qtbot.waitUntil(lambda: not window.bridge.busy and not window.document.changing, timeout=PATIENCE)
        return window

    yield begin
    if windows:
        close()


def test_the_last_study_is_opened_again_as_it_was_left(
    start: Callable[[], MainWindow], embedded_study: Path, qtbot: QtBot
) -> None:
    window = start()
    assert window.document.contents is None  # the very first start shows the start page
    assert window.start_page.isVisible()
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose a cell", cells=(("a", "b"),))
    window.docks[3].hide()
    window = start()
    assert window.document.contents is not None
    assert window.document.contents.path == embedded_study
    assert window.document.state.cells == (("a", "b"),)
    assert window.docks[3].isHidden()
    assert not window.docks[0].isHidden()


def test_a_study_that_was_closed_stays_closed(
    start: Callable[[], MainWindow], embedded_study: Path, qtbot: QtBot
) -> None:
    window = start()
    open_study(window, qtbot, embedded_study)
    window.commands.close_study()
    qtbot.waitUntil(lambda: window.document.contents is None and not window.document.changing, timeout=PATIENCE)
    assert start().document.contents is None


def test_one_that_is_gone_or_not_wanted_is_not_opened(
    start: Callable[[], MainWindow], embedded_study: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    user_files.write_window({"study": str(tmp_path / "gone.canon")})
    window = start()
    assert window.document.contents is None
    assert not window.messages.isVisible()
    open_study(window, qtbot, embedded_study)
    window.preferences.change(restore=False)
    assert start().document.contents is None
