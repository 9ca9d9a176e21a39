"""End to end: what is dropped on the window is taken in: models, a dataset, a study."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.dialogs.add_dataset import AddDatasetDialog
from app.dialogs.add_model import AddModelDialog
from app.main_window import MainWindow
from canon_core.demo.networks import network_file
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .gestures import SMALL_DEMO, click, dialog_of, drop, settle


def test_a_dropped_study_opens(window: MainWindow, demo: Path, qtbot: QtBot) -> None:
    drop(window, demo)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert window.document.contents.path == demo
    assert window.windowTitle().startswith("demo")
    assert all(window.computing.matrix.cells.values())


def test_dropped_models_and_faces_are_asked_about_and_added(
    window: MainWindow, demo_template: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    with Study.create(tmp_path / "own") as study:
        path = study.path
    open_study(window, qtbot, path)
    drop(window, *map(network_file, SMALL_DEMO.networks), demo_template / "faces")
    models = dialog_of(window, AddModelDialog, qtbot)
    qtbot.waitUntil(models.add_button.isEnabled, timeout=PATIENCE)
    click(models.add_button, qtbot)
    qtbot.waitUntil(lambda: window.document.contents.model_names == SMALL_DEMO.networks, timeout=PATIENCE)
    faces = dialog_of(window, AddDatasetDialog, qtbot)
    qtbot.waitUntil(faces.add_button.isEnabled, timeout=PATIENCE)
    click(faces.add_button, qtbot)
    qtbot.waitUntil(lambda: len(window.document.contents.dataset_names) == 1, timeout=PATIENCE)
    settle(window, qtbot)
    assert window.tree.item("model", SMALL_DEMO.networks[0]) is not None
    assert window.document.contents.datasets[0].has_templates  # recognised as IJB's layout
