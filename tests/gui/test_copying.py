"""Copying the command and the methods paragraph of the view in front."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views.statistics_commands import pairs_command
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.pair_results import PairKind, PairSettings
from canon_core.study.results import MatrixSettings
from canon_core.verification.roc import FarRule

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
    qtbot.waitUntil(lambda: window.statistics.intervals.shown is not None, timeout=PATIENCE)
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


def test_each_view_has_its_own_command_and_two_faces_say_that_they_have_none(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.overlays.choose("Lay out by PCA", method=OverlayMethod.PCA)
    for view, command in ((window.overlay_view, "overlay"), (window.pair_view, "pairs")):
        window.tabs.setCurrentWidget(view)
        qtbot.waitUntil(lambda view=view: bool(view.command), timeout=PATIENCE)
        assert copied(window, "edit.copy_command", "canon", qtbot).startswith(f"canon {command} ")
    window.tabs.setCurrentWidget(window.overlay_view)
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    text = copied(window, "edit.copy_methods", "Software", qtbot)
    assert "Overlay: points of the target and of its sources" in text
    assert "about 'Overlay'" in window.messages.text.text()
    window.tabs.setCurrentWidget(window.two_faces_view)
    QApplication.clipboard().setText("before")
    window.actions_["edit.copy_command"].trigger()
    assert QApplication.clipboard().text() == "before"
    assert "no canon command" in window.messages.text.text()


def test_a_command_for_pairs_names_what_the_list_depends_on() -> None:
    matrix = MatrixSettings("d", ("a", "b", "c"))
    settings = PairSettings(matrix, "a", "b", 1e-3, FarRule.NEAREST)
    words = shlex.split(pairs_command("s", settings, PairKind.GENUINE_BETWEEN, None, (0.1 + 0.2, 1 / 3)))
    assert words[words.index("--models") + 1] == "a,b,c"
    low, high = next(word for word in words if word.startswith("--between=")).removeprefix("--between=").split(",")
    assert (float(low), float(high)) == (0.1 + 0.2, 1 / 3)
    assert "--models" not in pairs_command("s", replace(settings, source="c", target="c",
        matrix=replace(matrix, models=("c",))), PairKind.FALSE_MATCHES, None, None)  # fmt: skip


def test_no_search_is_described_that_was_not_made(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, bare_template_study)
    qtbot.waitUntil(lambda: window.computing.matrix is not None, timeout=PATIENCE)
    window.tabs.setCurrentWidget(window.search_view)
    qtbot.waitUntil(lambda: window.statistics.search.known, timeout=PATIENCE)
    assert "probe templates" not in copied(window, "edit.copy_methods", "Software", qtbot)
    assert "about 'Matrix'" in window.messages.text.text()
