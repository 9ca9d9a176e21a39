"""Adding a dataset: what is asked, what is told, and reading it as a job."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.dialogs.add_dataset import _ALIGNED, _DETECTOR, _LANDMARKS, _WHOLE, AddDatasetDialog
from app.dialogs.folder_look import look_into_folder
from app.document import Document
from app.engine_bridge import EngineBridge
from canon_core.datasets.options import DatasetOptions
from canon_core.errors import CanonError
from canon_core.jobs import JobContext

PATIENCE = 20_000


@pytest.fixture
def document(qtbot: QtBot, tmp_path: Path) -> Iterator[Document]:
    bridge = EngineBridge()
    document = Document(bridge, bridge)
    document.create(tmp_path / "study.canon")
    qtbot.waitUntil(lambda: document.contents is not None and not bridge.busy, timeout=PATIENCE)
    yield document
    document.close()
    qtbot.waitUntil(lambda: not document.changing, timeout=PATIENCE)
    assert bridge.close()
    bridge.deleteLater()


def shown(document: Document, folder: Path | None, qtbot: QtBot) -> AddDatasetDialog:
    dialog = AddDatasetDialog(document, folder)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_each_choice_gives_its_option(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, small_data / "faces", qtbot)
    assert dialog.options() == DatasetOptions()
    dialog.ways.button(_ALIGNED).click()
    assert dialog.options() == DatasetOptions(aligned="arcface")
    dialog.ways.button(_LANDMARKS).click()
    dialog.landmarks.set_path(Path("/data/points.csv"))
    assert dialog.options() == DatasetOptions(landmarks=Path("/data/points.csv"))
    dialog.ways.button(_DETECTOR).click()
    dialog.detector.set_path(Path("/data/yunet.onnx"))
    assert dialog.options() == DatasetOptions(detector=Path("/data/yunet.onnx"))
    dialog.ways.button(_WHOLE).click()
    dialog.limit.click()
    dialog.limit_count.setValue(7)
    dialog.limit_seed.setValue(5)
    assert dialog.options() == DatasetOptions(whole_image=True, max_per_subject=7, seed=5)


def test_a_file_that_is_not_chosen_is_asked_for(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, small_data / "faces", qtbot)
    dialog.ways.button(_DETECTOR).click()
    with pytest.raises(CanonError, match="not chosen; choose it"):
        dialog.options()
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    assert dialog.fault.isVisible()
    assert not document.bridge.batch()


def test_a_folder_without_images_is_told_in_the_dialog(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "empty" / "inside").mkdir(parents=True)
    dialog = shown(document, tmp_path / "empty", qtbot)
    qtbot.waitUntil(lambda: dialog.look.text().startswith("No images"), timeout=PATIENCE)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert str(tmp_path / "empty") in dialog.fault.label.text()
    assert dialog.isVisible()
    assert dialog.add_button.isEnabled()  # another folder can be tried


def test_reading_shows_how_far_it_is_and_can_be_cancelled(
    document: Document, small_data: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def slow(_path: Path, _options: DatasetOptions, ctx: JobContext, _name: str | None) -> None:
        ctx.report(10, 40, "reading images")
        while not release.is_set():
            ctx.check()
            time.sleep(0.005)

    monkeypatch.setattr(document.study, "add_dataset", slow)
    dialog = shown(document, small_data / "faces", qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "10 of 40" in dialog.progress.text(), timeout=PATIENCE)
    assert not dialog.add_button.isEnabled()
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not document.bridge.batch(), timeout=PATIENCE)
    assert dialog.isVisible()
    assert dialog.add_button.isEnabled()
    assert document.contents.datasets == ()


def test_reading_goes_on_in_the_background(
    document: Document, small_data: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    real = document.study.add_dataset

    def slow(*arguments: object) -> object:
        release.wait(10)
        return real(*arguments)

    monkeypatch.setattr(document.study, "add_dataset", slow)
    dialog = shown(document, small_data / "faces", qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.background_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    release.set()
    qtbot.waitUntil(lambda: document.contents.dataset_names == ("faces",), timeout=PATIENCE)
    assert document.state.dataset == "faces"
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)


def test_a_look_into_a_folder_counts_what_is_there(small_data: Path) -> None:
    found = look_into_folder(small_data / "faces", JobContext())
    assert (found.subjects, found.images, found.complete) == (12, 60, True)
    assert found.pairs == small_data / "faces" / "pairs.txt"
    assert found.landmarks is None
    assert "LFW" in found.text


def test_a_folder_that_is_not_there_looks_empty(tmp_path: Path) -> None:
    assert look_into_folder(tmp_path / "gone", JobContext()).images == 0
