"""What is copied and exported of the overlay is what is seen of it, and says where it is not all, or not yet it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views import overlay_rows, overlay_table
from canon_core.experiments.overlay_filter import OverlayFilter
from canon_core.maps.kinds import MapKind

from .conftest import PATIENCE, open_study
from .export_clicks import open_dialog
from .overlaid import Slow, settle


def copied() -> str:
    return QGuiApplication.clipboard().text()


def test_nothing_is_copied_of_an_overlay_that_is_not_shown(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    view.tools.copy_table_action.trigger()
    assert len(copied().splitlines()) == 122
    overlaid.document.change("Set map none", map=MapKind.NONE)
    qtbot.waitUntil(lambda: view.result is None, timeout=PATIENCE)
    settle(overlaid, qtbot)
    QGuiApplication.clipboard().setText("mine")
    for button in (view.tools.copy_button, view.tools.table_button, view.tools.export_button, view.tools.filter_button):
        assert not button.isEnabled()
    view.tools.copy_table_action.trigger()
    view.tools.copy_command_action.trigger()
    overlaid.actions_["edit.copy_command"].trigger()
    assert copied() == "mine"
    assert "No overlay is shown" in overlaid.messages.text.text()
    overlaid.document.undo.undo()
    qtbot.waitUntil(lambda: view.result is not None, timeout=PATIENCE)
    assert view.tools.copy_button.isEnabled()


def test_a_table_that_is_cut_says_so_on_the_clipboard_too(
    overlaid: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay_table, "MOST_ROWS", 50)
    monkeypatch.setattr(overlay_rows, "MOST_ROWS", 50)
    view = overlaid.overlay_view
    view.tools.copy_table_action.trigger()
    lines = copied().splitlines()
    assert len(lines) == 1 + 50 + 1
    assert lines[-1] == f"The first 50 of 120 points · {view.settings_line}"


def test_the_table_holds_the_points_that_are_seen(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    name = view.result.subject_names[4]
    view.tools.filter_menu.chosen.emit(OverlayFilter(text=name))
    settle(overlaid, qtbot)
    view.tools.copy_table_action.trigger()
    lines = copied().splitlines()
    assert [line.split("\t")[1] for line in lines[1:-1]] == [name] * 10
    assert lines[-1].startswith(f"All points in the picture (Only found by '{name}': 10 of 120 points) · ")
    qtbot.mouseClick(view.tools.table_button, Qt.MouseButton.LeftButton)
    assert view.table.model().rowCount() == 10
    view.drawing.all_points_button.click()
    settle(overlaid, qtbot)
    assert view.table.model().rowCount() == 120


def test_while_umap_is_awaited_table_command_and_export_are_of_the_picture_that_is_there(
    window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.overlay"].trigger()
    view = window.overlay_view
    qtbot.waitUntil(lambda: umap.asked == 1 and view.result is not None, timeout=PATIENCE)
    qtbot.waitUntil(view.status.cancel_button.isVisible, timeout=PATIENCE)
    words = shlex.split(view.command)
    assert words[words.index("--method") + 1] == "pca"
    view.tools.copy_table_action.trigger()
    assert " · PCA · " in copied().splitlines()[-1]
    dialog = open_dialog(window, view.tools.export_button, qtbot, preview=False)
    assert dialog.offer.note == "PCA is shown until UMAP is there. What is shown is written."
    assert dialog.offer.note in dialog.files.text()
    dialog.reject()
    umap.let_go.set()
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    dialog = open_dialog(window, view.tools.export_button, qtbot, preview=False)
    assert dialog.offer.note == ""
    dialog.reject()
