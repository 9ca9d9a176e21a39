"""From an empty start page to an exported matrix, with clicks on real widgets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app import file_choosers
from app.dialogs.add_dataset import AddDatasetDialog
from app.dialogs.add_model import AddModelDialog
from app.dialogs.export import ExportDialog
from app.main_window import MainWindow
from app.message_bar import Tone
from canon_core.datasets.options import DatasetOptions
from canon_core.experiments.matrix import matrix_json, run_matrix
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.study import Study

from .conftest import open_study

PATIENCE = 30_000
_Dialog = TypeVar("_Dialog", bound=QWidget)


def dialog_of(window: MainWindow, kind: type[_Dialog], qtbot: QtBot) -> _Dialog:
    """The dialog of that kind that is open."""
    found: list[_Dialog] = []

    def look() -> bool:
        found[:] = [dialog for dialog in window.findChildren(kind) if dialog.isVisible()]
        return bool(found)

    qtbot.waitUntil(look, timeout=PATIENCE)
    return found[0]


def click(button: QWidget, qtbot: QtBot) -> None:
    assert button.isEnabled(), f"{button} cannot be clicked"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def click_cell(window: MainWindow, source: str, target: str, qtbot: QtBot) -> None:
    where = window.matrix_view.heat_map.field_rect((source, target)).center().toPoint()
    qtbot.mouseClick(window.matrix_view.heat_map, Qt.MouseButton.LeftButton, pos=QPoint(where))


def click_tab(window: MainWindow, number: int, qtbot: QtBot) -> None:
    bar = window.tabs.tabBar()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number).center())


def button_of_empty_state(view: QWidget, says: str, qtbot: QtBot) -> QPushButton:
    """The button a view offers while it is empty, once it is there: views are drawn in events of their own."""

    def offered() -> list[QPushButton]:
        return [button for button in view.findChildren(QPushButton) if button.isVisible() and says in button.text()]

    qtbot.waitUntil(lambda: bool(offered()), timeout=PATIENCE)
    return offered()[0]


def test_from_nothing_to_the_exported_matrix(
    window: MainWindow, small_data: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A new study, from the start page.
    path = tmp_path / "first.canon"
    monkeypatch.setattr(file_choosers, "choose_new_study", lambda *_: path)
    click(window.start_page.new_button, qtbot)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    assert window.windowTitle().startswith("first")

    # The empty matrix offers to add models; two are chosen at once.
    files = [small_data / "a.onnx", small_data / "b.onnx"]
    monkeypatch.setattr(file_choosers, "choose_networks", lambda *_: files)
    click(button_of_empty_state(window.matrix_view, "model", qtbot), qtbot)
    models = dialog_of(window, AddModelDialog, qtbot)  # the files were asked for at once
    qtbot.waitUntil(models.add_button.isEnabled, timeout=PATIENCE)
    assert "Input 112 high × 112 wide" in models.page.notes.text()
    click(models.add_button, qtbot)
    qtbot.waitUntil(lambda: window.document.contents.model_names == ("a", "b"), timeout=PATIENCE)

    # It now offers to add a dataset.
    monkeypatch.setattr(file_choosers, "choose_faces", lambda *_: small_data / "faces")
    click(button_of_empty_state(window.matrix_view, "dataset", qtbot), qtbot)
    faces = dialog_of(window, AddDatasetDialog, qtbot)
    click(faces.folder.button, qtbot)
    qtbot.waitUntil(lambda: faces.look.text().startswith("60 images in 12 sub-folders"), timeout=PATIENCE)
    click(faces.add_button, qtbot)
    qtbot.waitUntil(lambda: window.document.contents.dataset_names == ("faces",), timeout=PATIENCE)

    # It now offers to compute; embeddings and matrix follow each other by themselves.
    click(button_of_empty_state(window.matrix_view, "Compute", qtbot), qtbot)
    qtbot.waitUntil(lambda: window.document.contents.results == 4 and not window.bridge.busy, timeout=PATIENCE)
    matrix = window.computing.matrix
    assert matrix is not None
    assert all(matrix.cells.values())
    qtbot.waitUntil(lambda: window.tree.item("embedding", "a", "faces").text(1) == "complete", timeout=PATIENCE)

    # A cell brings its curve, those of both models, and its facts.
    click_cell(window, "a", "b", qtbot)
    click_tab(window, 1, qtbot)
    qtbot.waitUntil(lambda: len(window.roc_view.curves) == 3, timeout=PATIENCE)
    assert {curve.label for curve in window.roc_view.curves} == {"a → b", "a", "b"}
    click_tab(window, 0, qtbot)
    qtbot.waitUntil(lambda: "a → b" in window.inspector.text(), timeout=PATIENCE)

    # Another map brings other cells; undo brings the first ones back from the study.
    linear = matrix_json(matrix, window.document.state.rule)["tar"]
    chooser = window.matrix_view.choosers.map
    qtbot.keyClicks(chooser, "r")
    assert chooser.currentText() == "rotation"
    qtbot.waitUntil(
        lambda: window.computing.matrix.settings.map is MapKind.ROTATION
        and all(window.computing.matrix.cells.values()),
        timeout=PATIENCE,
    )
    assert window.document.undo.undoText() == "Set map rotation"
    window.document.undo.undo()
    qtbot.waitUntil(lambda: window.computing.matrix.settings.map is MapKind.LINEAR, timeout=PATIENCE)
    assert matrix_json(window.computing.matrix, window.document.state.rule)["tar"] == linear
    qtbot.waitUntil(lambda: window.matrix_view.choosers.map.currentText() == "linear", timeout=PATIENCE)

    # Export writes figures and tables.
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    click(window.matrix_view.export_button, qtbot)
    export = dialog_of(window, ExportDialog, qtbot)
    out = tmp_path / "out"
    qtbot.keyClicks(export.what, "e")  # everything
    export.folder.line.setText(str(out))
    for name in ("pdf", "svg"):
        click_box(export.figures[name], qtbot)
    click(export.export_button, qtbot)
    qtbot.waitUntil(lambda: "were written" in window.messages.text.text(), timeout=PATIENCE)
    assert sorted({file.suffix for file in out.rglob("*") if file.is_file()}) == [".csv", ".md", ".png", ".tex"]

    # What the window showed is what the engine computes.
    window.document.close()
    qtbot.waitUntil(lambda: not window.document.changing and not window.bridge.busy, timeout=PATIENCE)
    with Study.open(path) as study:
        again = run_matrix(study, matrix.settings, JobContext())
    assert json.dumps(matrix_json(again, window.document.state.rule)["tar"]) == json.dumps(linear)


def click_box(box: QWidget, qtbot: QtBot) -> None:
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def test_networks_dropped_before_there_is_a_study_are_added_to_the_new_one(
    window: MainWindow, small_data: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_choosers, "choose_new_study", lambda *_: tmp_path / "dropped.canon")
    window.commands.take([small_data / "a.onnx"])
    assert "study" in window.messages.text.text()
    click(window.messages.button, qtbot)
    dialog = dialog_of(window, AddModelDialog, qtbot)
    qtbot.waitUntil(dialog.add_button.isEnabled, timeout=PATIENCE)
    assert dialog.files.topLevelItem(0).text(0) == "a"
    dialog.reject()


def test_what_cannot_be_dropped_is_told(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    window.commands.take([tmp_path / "notes.txt"])
    assert window.messages._tone is Tone.FAULT
    assert "ONNX" in window.messages.text.text()


def test_a_folder_that_is_no_study_is_told_in_one_sentence(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    window.document.open(tmp_path)
    qtbot.waitUntil(window.messages.isVisible, timeout=PATIENCE)
    assert str(tmp_path) in window.messages.text.text()
    assert "Traceback" not in window.messages.text.text()
    assert window.document.contents is None
    assert window.pages.currentWidget() is window.start_page


def test_networks_and_faces_dropped_together_are_both_asked_for(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, make_network: Callable[..., Path], make_faces: Callable[..., Path]
) -> None:
    with Study.create(tmp_path / "s"):
        pass
    window.document.open(tmp_path / "s.canon")
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    network, faces = make_network(tmp_path / "a.onnx"), make_faces(tmp_path / "faces", subjects=2, images=2)
    window.commands.take([network, faces])
    first = window.findChild(AddModelDialog)
    assert first is not None
    first.reject()
    qtbot.waitUntil(lambda: window.findChild(AddDatasetDialog) is not None, timeout=PATIENCE)
    window.findChild(AddDatasetDialog).reject()


def test_clicking_the_chosen_cell_again_brings_its_facts_back(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, make_network: Callable[..., Path], make_faces: Callable[..., Path]
) -> None:
    make_network(tmp_path / "a.onnx", dimensions=8)
    make_faces(tmp_path / "faces", subjects=6, images=3)
    with Study.create(tmp_path / "s") as study:
        study.add_model(tmp_path / "a.onnx")
        study.add_dataset(tmp_path / "faces", DatasetOptions(), JobContext())
    window.document.open(tmp_path / "s.canon")
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    window.computing.compute_everything()
    qtbot.waitUntil(
        lambda: window.computing.matrix is not None and window.computing.matrix.cells["a", "a"] is not None,
        timeout=PATIENCE,
    )
    heat_map = window.matrix_view.heat_map
    where = heat_map.field_rect(("a", "a")).center().toPoint()
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: "a by itself" in window.inspector.text(), timeout=PATIENCE)
    window.tree.datasetChosen.emit("faces")
    qtbot.waitUntil(lambda: "a by itself" not in window.inspector.text(), timeout=PATIENCE)
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: "a by itself" in window.inspector.text(), timeout=PATIENCE)


def test_files_dropped_on_the_window_are_taken(
    window: MainWindow, small_study: Path, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, small_study)
    drop(window, [small_data / "a.onnx", small_data / "b.onnx"])
    networks = dialog_of(window, AddModelDialog, qtbot)
    assert networks.files.topLevelItemCount() == 2
    qtbot.waitUntil(networks.add_button.isEnabled, timeout=PATIENCE)
    networks.reject()
    drop(window, [small_data / "faces"])
    faces = dialog_of(window, AddDatasetDialog, qtbot)
    assert faces.folder.path == small_data / "faces"
    faces.reject()
    with Study.create(tmp_path / "other"):
        pass
    drop(window, [tmp_path / "other.canon"])
    qtbot.waitUntil(lambda: window.windowTitle().startswith("other"), timeout=PATIENCE)


def drop(window: MainWindow, paths: list[Path]) -> None:
    """Let files fall on the window, as the system does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), action, data, button, keys)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(50, 50), action, data, button, keys))


def test_every_folder_that_is_dropped_is_asked_for(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, make_faces: Callable[..., Path]
) -> None:
    with Study.create(tmp_path / "s"):
        pass
    window.document.open(tmp_path / "s.canon")
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    folders = [make_faces(tmp_path / name, subjects=2, images=2) for name in ("one", "two")]
    window.commands.take(folders)
    for folder in folders:
        dialog = dialog_of(window, AddDatasetDialog, qtbot)
        assert dialog.folder.path == folder
        dialog.reject()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_read_only_study_is_not_computed_although_that_is_preferred(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    window.document.open(embedded_study, read_only=True)
    qtbot.waitUntil(lambda: window.document.contents is not None and not window.bridge.busy, timeout=PATIENCE)
    assert "exported" in window.messages.text.text()
    assert window.actions_.refusal("file.export") == ""
    window.document.change("Another map", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    for automatic in (False, True):
        window.actions_["study.automatic"].setChecked(automatic)  # as its box in the preferences does
    assert not window.bridge.batch()


@pytest.mark.parametrize("goes", ["closed", "replaced", "no study made"])
def test_networks_whose_message_went_are_not_added_to_the_next_study(
    window: MainWindow, small_data: Path, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, goes: str
) -> None:
    monkeypatch.setattr(file_choosers, "choose_new_study", lambda *_: None)
    window.commands.take([small_data / "a.onnx"])
    if goes == "closed":
        click(window.messages.close_button, qtbot)
    elif goes == "replaced":
        window.messages.say("something else")
    else:
        click(window.messages.button, qtbot)
    open_study(window, qtbot, embedded_study)
    qtbot.wait(200)
    assert not window.findChildren(AddModelDialog)


def test_networks_whose_message_stands_are_added_to_the_study_that_is_opened(
    window: MainWindow, small_data: Path, embedded_study: Path, qtbot: QtBot
) -> None:
    for _ in range(2):  # dropped once more: its message takes the place of the first
        window.commands.take([small_data / "a.onnx"])
    open_study(window, qtbot, embedded_study)
    dialog_of(window, AddModelDialog, qtbot).reject()
