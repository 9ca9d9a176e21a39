"""Preferences and shortcuts: changed with clicks, used at once, found again at the next start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import file_choosers, user_files
from app.dialogs.preferences import PreferencesDialog
from app.main_window import MainWindow
from app.preferences import Preferences

from .conftest import PATIENCE, open_study


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> PreferencesDialog:
    window.actions_["edit.preferences"].trigger()
    dialog = window.findChild(PreferencesDialog)
    qtbot.waitExposed(dialog)
    return dialog


def saved(window: MainWindow, qtbot: QtBot) -> dict[str, object]:
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    return json.loads((user_files.state_folder() / "preferences.json").read_text())


def show_page(dialog: PreferencesDialog, number: int, qtbot: QtBot) -> None:
    bar = dialog.pages.tabBar()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number).center())


def test_what_is_preferred_is_used_at_once_and_kept(
    window: MainWindow, dialog: PreferencesDialog, qtbot: QtBot
) -> None:
    qtbot.mouseClick(dialog.notify, Qt.MouseButton.LeftButton, pos=dialog.notify.rect().topLeft() + QPoint(8, 8))
    show_page(dialog, 1, qtbot)
    qtbot.mouseClick(dialog.automatic, Qt.MouseButton.LeftButton, pos=dialog.automatic.rect().topLeft() + QPoint(8, 8))
    qtbot.keyClick(dialog.provider, Qt.Key.Key_End)
    dialog.provider.activated.emit(dialog.provider.currentIndex())
    dialog.threads.setFocus()
    dialog.threads.selectAll()
    qtbot.keyClicks(dialog.threads, "3")
    assert window.computing.automatic is False
    assert (window.computing.embeddings.provider, window.computing.embeddings.threads) == ("cpu", 3)
    assert not window.actions_["study.automatic"].isChecked()
    kept = saved(window, qtbot)
    assert (kept["notify"], kept["automatic"], kept["provider"], kept["threads"]) == (False, False, "cpu", 3)
    assert Preferences.from_json(kept) == window.preferences.current


def test_the_next_window_has_them(user_folders: Path, qtbot: QtBot) -> None:
    user_files.write_preferences(
        Preferences(automatic=False, threads=2, shortcuts={"view.roc": "Ctrl+Alt+R", "gone.action": "F9"}).to_json()
    )
    window = MainWindow()
    try:
        assert window.computing.automatic is False
        assert window.computing.embeddings.threads == 2
        assert window.actions_["view.roc"].shortcut() == QKeySequence("Ctrl+Alt+R")
    finally:
        window.shut_down()
        qtbot.waitUntil(lambda: window._ended, timeout=PATIENCE)
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        vars(window).clear()


@pytest.mark.parametrize("damaged", [{"threads": -1}, {"threads": True}, {"provider": 3}, {"shortcuts": [1]},
                                     {"automatic": "no"}, {"shortcuts": {"view.roc": 4}},
                                     {"demo_folder": "~nosuchuser/x"}, {"demo_folder": "a\0b"}])  # fmt: skip
def test_what_is_not_understood_falls_back_to_the_default(damaged: dict[str, object]) -> None:
    assert Preferences.from_json(damaged) == Preferences()


def test_the_folder_of_the_demo_study_can_be_chosen(
    window: MainWindow, dialog: PreferencesDialog, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_choosers, "choose_demo_folder", lambda *_: tmp_path / "elsewhere")
    dialog.demo_folder.button.clicked.disconnect()
    dialog.demo_folder.set_path(tmp_path / "elsewhere")
    assert window.demo.study.folder == tmp_path / "elsewhere"
    assert str(tmp_path / "elsewhere") == window.start_page.demo_where.toolTip()


def test_two_actions_never_share_a_shortcut(window: MainWindow) -> None:
    actions = window.actions_
    open_keys = actions.default_shortcut("file.open").toString()
    actions.use_shortcuts({"file.new": open_keys, "view.roc": "F9", "view.matrix": "F9"})
    held = [action.shortcut().toString() for action in actions if not action.shortcut().isEmpty()]
    assert len(held) == len(set(held))
    assert actions["file.new"].shortcut().toString() == open_keys
    assert actions["file.open"].shortcut().isEmpty()


# -- shortcuts -----------------------------------------------------------------------------------------------------
def test_a_shortcut_is_recorded_and_works(
    window: MainWindow, dialog: PreferencesDialog, embedded_study: Path, qtbot: QtBot
) -> None:
    page = dialog.shortcuts
    show_page(dialog, 3, qtbot)
    page.choose("view.roc")
    page.recorder.setFocus()
    qtbot.keyClick(page.recorder, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    assert page.recorder.keySequence() == QKeySequence("Ctrl+Alt+R")
    assert page.says.text() == "Nothing else has this shortcut."
    qtbot.mouseClick(page.assign_button, Qt.MouseButton.LeftButton)
    assert page.table.currentItem().text(2) == "Ctrl+Alt+R"
    assert saved(window, qtbot)["shortcuts"] == {"view.roc": "Ctrl+Alt+R"}
    dialog.reject()
    open_study(window, qtbot, embedded_study)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_R, modifiers)
    qtbot.waitUntil(lambda: window.tabs.currentWidget() is window.roc_view)
    assert "Ctrl+Alt+R" in window.actions_["view.roc"].toolTip()


def test_a_conflict_is_named_before_the_shortcut_moves(
    window: MainWindow, dialog: PreferencesDialog, qtbot: QtBot
) -> None:
    page, actions = dialog.shortcuts, window.actions_
    show_page(dialog, 3, qtbot)
    page.choose("view.roc")
    page.recorder.setKeySequence(QKeySequence("Ctrl+1"))
    assert "'Matrix'" in page.says.text()
    assert page.assign_button.text() == "Take over"
    assert actions["view.matrix"].shortcut() == QKeySequence("Ctrl+1")
    qtbot.mouseClick(page.assign_button, Qt.MouseButton.LeftButton)
    assert actions["view.roc"].shortcut() == QKeySequence("Ctrl+1")
    assert actions["view.matrix"].shortcut().isEmpty()

    # One is reset: it takes its keys back.
    page.choose("view.matrix")
    qtbot.mouseClick(page.reset_button, Qt.MouseButton.LeftButton)
    assert actions["view.matrix"].shortcut() == QKeySequence("Ctrl+1")
    assert actions["view.roc"].shortcut().isEmpty()

    # All are reset.
    qtbot.mouseClick(page.reset_all_button, Qt.MouseButton.LeftButton)
    assert actions["view.roc"].shortcut() == QKeySequence("Ctrl+2")
    assert actions.changed_shortcuts() == {}
    assert not page.reset_all_button.isEnabled()
    assert saved(window, qtbot)["shortcuts"] == {}


def test_an_action_can_have_no_shortcut(window: MainWindow, dialog: PreferencesDialog, qtbot: QtBot) -> None:
    page = dialog.shortcuts
    show_page(dialog, 3, qtbot)
    page.choose("study.rename")
    qtbot.mouseClick(page.clear_button, Qt.MouseButton.LeftButton)
    assert window.actions_["study.rename"].shortcut().isEmpty()
    assert window.actions_.changed_shortcuts() == {"study.rename": ""}


def test_the_keyboard_leaves_the_recorder_with_tab(dialog: PreferencesDialog, qtbot: QtBot) -> None:
    page = dialog.shortcuts
    show_page(dialog, 3, qtbot)
    page.recorder.setFocus()
    qtbot.waitUntil(page.recorder.hasFocus)
    qtbot.keyClick(page.recorder, Qt.Key.Key_Tab)
    assert not page.recorder.hasFocus()
    assert page.recorder.keySequence().isEmpty()


def test_actions_are_found_by_letters(dialog: PreferencesDialog, qtbot: QtBot) -> None:
    page = dialog.shortcuts
    show_page(dialog, 3, qtbot)
    qtbot.keyClicks(page.search, "add mod")
    shown = [
        page.table.topLevelItem(row).text(0)
        for row in range(page.table.topLevelItemCount())
        if not page.table.topLevelItem(row).isHidden()
    ]
    assert "Add model" in shown
    assert "Matrix" not in shown
