"""Copying the command and the methods paragraph of the view in front."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow

from .conftest import PATIENCE, open_study


def copied(window: MainWindow, action: str, says: str, qtbot: QtBot) -> str:
    """What is on the clipboard after an action, once it holds what is expected."""
    QApplication.clipboard().clear()
    assert window.actions_.refusal(action) == ""
    window.actions_[action].trigger()
    qtbot.waitUntil(lambda: says in QApplication.clipboard().text(), timeout=PATIENCE)
    return QApplication.clipboard().text()


def test_they_follow_the_view_in_front(window: MainWindow, template_study: Path, qtbot: QtBot) -> None:
    assert window.actions_.refusal("edit.copy_methods") == "Open or make a study first."
    open_study(window, qtbot, template_study)
    window.document.change("Choose a cell", cells=(("north", "east"),))
    qtbot.waitUntil(lambda: window.statistics.intervals is not None, timeout=PATIENCE)
    assert copied(window, "edit.copy_command", "canon", qtbot).startswith("canon matrix ")
    text = copied(window, "edit.copy_methods", "Software", qtbot)
    assert "north → east: TAR" in text
    assert "95 % interval" in text

    window.tabs.setCurrentWidget(window.search_view)
    qtbot.waitUntil(lambda: bool(window.search_view.command), timeout=PATIENCE)
    assert copied(window, "edit.copy_command", "canon", qtbot).startswith("canon identify ")
    assert "probe templates" in copied(window, "edit.copy_methods", "Software", qtbot)

    window.tabs.setCurrentWidget(window.group_view)
    qtbot.waitUntil(lambda: bool(window.group_view.command), timeout=PATIENCE)
    assert copied(window, "edit.copy_command", "canon", qtbot).startswith("canon groups ")
    assert "Errors by group" in copied(window, "edit.copy_methods", "Software", qtbot)


def test_the_paragraph_stands_in_each_view_s_copy_menu(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    menu = window.matrix_view.copy_button.menu()
    qtbot.waitUntil(window.matrix_view.copy_button.isVisible, timeout=PATIENCE)
    menu.popup(window.mapToGlobal(window.rect().center()))
    QApplication.clipboard().clear()
    where = menu.actionGeometry(window.actions_["edit.copy_methods"]).center()
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: "60 images of 12 subjects" in QApplication.clipboard().text(), timeout=PATIENCE)
    assert "was copied" in window.messages.text.text()
