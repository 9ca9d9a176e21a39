"""A study opens with the view in front that was in front when it was left."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study


def test_the_view_in_front_is_found_again(
    window: MainWindow, embedded_study: Path, small_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.pairs"].trigger()
    open_study(window, qtbot, small_study)
    window.actions_["view.roc"].trigger()
    open_study(window, qtbot, embedded_study)
    assert window.tabs.currentWidget() is window.pair_view
    assert not window.document.undo.canUndo()  # looking at another view is no step
    open_study(window, qtbot, small_study)
    assert window.tabs.currentWidget() is window.roc_view


def test_a_view_that_does_not_exist_is_not_looked_for(window: MainWindow, small_study: Path, qtbot: QtBot) -> None:
    with Study.open(small_study) as study:
        study.save_view({"state": {}, "tab": ["ROC"]})
    open_study(window, qtbot, small_study)
    assert window.tabs.currentWidget() is window.matrix_view
    window.document.close()
    qtbot.waitUntil(lambda: not window.document.changing, timeout=PATIENCE)
    with Study.open(small_study) as study:
        study.save_view({"state": {}, "tab": "Gone"})
    open_study(window, qtbot, small_study)
    assert window.tabs.currentWidget() is window.matrix_view


def test_a_new_study_begins_with_the_matrix_and_the_overlay_says_what_it_lacks(
    window: MainWindow, small_study: Path, tmp_path: Path, small_data: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, small_study)
    window.actions_["view.overlay"].trigger()
    window.document.create(tmp_path / "new.canon")
    qtbot.waitUntil(lambda: window.windowTitle().startswith("new") and not window.bridge.busy, timeout=PATIENCE)
    assert window.tabs.currentWidget() is window.matrix_view
    window.actions_["view.overlay"].trigger()
    said = window.overlay_view._empty.accessibleName
    for network, begin in (
        (None, "Add two networks and a dataset"), ("a", "Add another network and a dataset"), ("b", "Add a dataset"),
    ):  # fmt: skip
        if network is not None:
            window.document.changes.add_model(small_data / f"{network}.onnx", network, None)
        qtbot.waitUntil(lambda begin=begin: said().startswith(begin), timeout=PATIENCE)
