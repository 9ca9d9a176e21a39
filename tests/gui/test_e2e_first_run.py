"""End to end: the first start, and one click that makes and opens the demo study."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import file_choosers
from app.main_window import MainWindow
from canon_core.demo import run
from canon_core.demo.networks import DATASET

from .conftest import PATIENCE
from .gestures import SMALL_DEMO, click, settle


def test_one_click_on_the_first_page_makes_the_demo_study_and_shows_its_matrix(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "DemoPlan", lambda: SMALL_DEMO)
    monkeypatch.setattr(file_choosers, "choose_demo_folder", lambda *_: tmp_path / "made")
    assert window.pages.currentWidget() is window.start_page
    click(window.start_page.demo_folder_button, qtbot)
    click(window.start_page.demo_button, qtbot)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=6 * PATIENCE)
    settle(window, qtbot)
    assert window.document.contents.path == tmp_path / "made" / "demo.canon"
    matrix = window.computing.matrix
    assert matrix.settings.dataset == DATASET
    assert set(matrix.models) == set(SMALL_DEMO.networks)
    assert all(matrix.cells.values())
    assert window.matrix_view.heat_map.isVisible()
    assert "synthetic faces" in window.messages.text.text()
    assert list((tmp_path / "made" / "figures").iterdir())
