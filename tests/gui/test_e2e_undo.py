"""End to end: choices made in several views are taken back and made again, one by one, and every view follows."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.maps.kinds import MapKind

from .conftest import PATIENCE, open_study
from .gestures import PAIR, click_cell, open_tab, settle


def test_undo_and_redo_go_through_choices_of_several_views(window: MainWindow, demo: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, demo)
    settle(window, qtbot)
    states = [window.document.state]

    def chosen(words: str) -> None:
        """A choice was made: the menu names it."""
        settle(window, qtbot)
        assert words in window.actions_["edit.undo"].text()
        states.append(window.document.state)

    click_cell(window, PAIR, qtbot)
    chosen(PAIR[0])
    far = window.matrix_view.choosers.far
    far.setFocus()
    qtbot.keyClick(far, Qt.Key.Key_Down)
    chosen("FAR 1e-3")
    window.matrix_view.choosers.map.setFocus()
    qtbot.keyClicks(window.matrix_view.choosers.map, "r")
    chosen("rotation")
    open_tab(window, "Sensitivity", qtbot)
    settle(window, qtbot)
    seen = window.sensitivity_view.far
    seen.setFocus()
    qtbot.keyClick(seen, Qt.Key.Key_Up)
    chosen("FAR 1e-2")

    for state in reversed(states[:-1]):
        qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        settle(window, qtbot)
        assert window.document.state == state
    assert not window.document.undo.canUndo()
    open_tab(window, "Matrix", qtbot)
    settle(window, qtbot)
    assert window.matrix_view.choosers.map.currentText() == "linear"
    assert window.matrix_view.selection == ()
    for state in states[1:]:
        qtbot.keySequence(window, window.actions_["edit.redo"].shortcut())  # the platform's own
        settle(window, qtbot)
        assert window.document.state == state
    qtbot.waitUntil(lambda: window.computing.matrix.settings.map is MapKind.ROTATION, timeout=PATIENCE)
    assert window.matrix_view.selection == (PAIR,)
