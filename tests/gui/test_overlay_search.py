"""The overlay's search: who is there is ringed, who could be there is offered, and an answer goes with its question."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow

from .conftest import PATIENCE, open_study
from .overlaid import settle


def test_somebody_who_was_not_drawn_is_offered_and_joins_those_who_were(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    everybody = view.result.subject_names
    overlaid.overlays.choose("Overlay 3 subjects", subjects=3)
    qtbot.waitUntil(lambda: overlaid.overlays.current and overlaid.overlays.details is not None, timeout=PATIENCE)
    settle(overlaid, qtbot)
    drawn = view.result.subject_names
    other = next(name for name in everybody if name not in drawn)
    qtbot.keyClicks(view.bar.search, other.upper())
    qtbot.waitUntil(lambda: view.found.label.text() == "in the dataset, not among the 3 drawn", timeout=PATIENCE)
    qtbot.mouseClick(view.found.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.found.label.text() == "5 images found", timeout=PATIENCE)
    assert set(view.result.subject_names) == {*drawn, other}
    assert not view.found.button.isVisible()
    assert len(view.plot._content.marked) == 10
    view.bar.search.setText("nobody of this name")
    qtbot.waitUntil(lambda: view.found.label.text() == "nothing found here", timeout=PATIENCE)


def test_of_a_search_that_was_cleared_no_answer_comes(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    view.bar.search.setText(view.result.subject_names[4])
    view.bar.search.clear()  # before it is answered
    settle(overlaid, qtbot)
    assert not view.found.label.isVisible()
    assert len(view.plot._content.marked) == 0


def test_another_study_begins_without_search_and_filter(
    overlaid: MainWindow, embedded_template: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    view = overlaid.overlay_view
    view.bar.search.setText("no such person")
    settle(overlaid, qtbot)
    view.tools.filter_menu.aboutToShow.emit()
    view.tools.filter_menu.found.trigger()
    qtbot.waitUntil(lambda: view.drawing.left_text.text().startswith("Only found by"), timeout=PATIENCE)
    overlaid.computing.automatic = False
    open_study(overlaid, qtbot, Path(shutil.copytree(embedded_template, tmp_path / "other.canon")))
    overlaid.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: view.result is not None and overlaid.overlays.details is not None, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert view.bar.search.text() == ""
    assert not view.drawing.left_text.isVisible()
    assert all(view.plot.shown)
