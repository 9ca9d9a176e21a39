"""The command palette, by keyboard and by mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.dialogs.command_palette import CommandPalette
from app.fuzzy import match
from app.main_window import MainWindow

from .conftest import open_study


@pytest.fixture
def palette(window: MainWindow, qtbot: QtBot) -> CommandPalette:
    return press_ctrl_k(window, qtbot)


def press_ctrl_k(window: MainWindow, qtbot: QtBot) -> CommandPalette:
    """Open the palette and wait until it has the keyboard."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not gone(window))
    palette = next(each for each in window.findChildren(CommandPalette) if each.isVisible())
    qtbot.waitUntil(palette.line.hasFocus)
    return palette


def gone(window: MainWindow) -> bool:
    return not any(palette.isVisible() for palette in window.findChildren(CommandPalette))


def test_letters_of_words_find_a_command_whatever_their_order() -> None:
    texts = ["Compute matrix", "Compute embeddings", "Copy as canon command", "Show log file", "Matrix"]

    def best(query: str) -> str:
        found = {text: points for text in texts if (points := match(query, text)) is not None}
        return max(found, key=found.__getitem__)

    assert best("cm") == "Compute matrix"
    assert best("matrix comp") == "Compute matrix"
    assert best("matrix") == "Matrix"
    assert best("emb") == "Compute embeddings"
    assert best("LOG") == "Show log file"
    assert all(match("qqq", text) is None for text in texts)


def test_every_action_is_listed_but_itself(palette: CommandPalette, window: MainWindow) -> None:
    assert set(palette.keys) == set(window.actions_.specs) - {"edit.palette"}


def test_the_keyboard_alone_finds_and_runs_a_command(
    palette: CommandPalette, window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: gone(window))
    open_study(window, qtbot, embedded_study)
    again = press_ctrl_k(window, qtbot)
    qtbot.keyClicks(QApplication.focusWidget(), "view roc")
    assert again.keys[0] == "view.roc"
    qtbot.keyClick(again.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.tabs.currentWidget() is window.roc_view)
    assert gone(window)


def test_arrow_keys_walk_the_list_and_go_round(palette: CommandPalette, qtbot: QtBot) -> None:
    assert palette.list.currentRow() == 0
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 1
    qtbot.keyClick(palette.line, Qt.Key.Key_Up)
    qtbot.keyClick(palette.line, Qt.Key.Key_Up)
    assert palette.list.currentRow() == palette.list.count() - 1
    assert palette.line.hasFocus()


def test_a_command_that_cannot_be_chosen_says_why_and_does_nothing(
    palette: CommandPalette, window: MainWindow, qtbot: QtBot
) -> None:
    qtbot.keyClicks(palette.line, "compute emb")
    item = palette.list.item(0)
    assert palette.keys[0] == "study.embed"
    assert "Open or make a study first." in item.toolTip()
    assert "Open or make a study first." in item.data(Qt.ItemDataRole.AccessibleTextRole)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert palette.isVisible()
    qtbot.mouseClick(
        palette.list.viewport(), Qt.MouseButton.LeftButton, pos=palette.list.visualItemRect(item).center()
    )
    assert palette.isVisible()


def test_shortcuts_stand_beside_the_commands(palette: CommandPalette, window: MainWindow) -> None:
    row = palette.keys.index("study.add_model")
    assert "Ctrl+M" in palette.list.item(row).data(Qt.ItemDataRole.AccessibleTextRole)


def test_a_click_runs_a_command(palette: CommandPalette, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClicks(palette.line, "about")
    item = palette.list.item(palette.keys.index("help.about"))
    qtbot.mouseClick(
        palette.list.viewport(), Qt.MouseButton.LeftButton, pos=palette.list.visualItemRect(item).center()
    )
    from app.dialogs.about import AboutDialog

    qtbot.waitUntil(lambda: window.findChild(AboutDialog) is not None)
    window.findChild(AboutDialog).reject()
    qtbot.waitUntil(lambda: not window.bridge.busy)


def test_letters_that_no_command_has_say_so(palette: CommandPalette, qtbot: QtBot) -> None:
    qtbot.keyClicks(palette.line, "zzqx")
    assert palette.keys == []
    assert palette.none.isVisible()
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_escape_closes_it(palette: CommandPalette, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: gone(window))
