"""Adding a dataset: what is asked, what is told, and reading it as a job."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import file_choosers
from app.dialogs.add_dataset import AddDatasetDialog
from app.dialogs.folder_look import look_into_folder
from app.dialogs.format_fields import Way, why_no_limit, why_no_pairs, why_no_way
from app.document import Document
from canon_core.datasets.options import FORMATS, DatasetOptions
from canon_core.errors import CanonError
from canon_core.jobs import JobContext

from .template_data import write_meta

PATIENCE = 20_000


def shown(document: Document, folder: Path | None, qtbot: QtBot) -> AddDatasetDialog:
    dialog = AddDatasetDialog(document, folder)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_each_choice_gives_its_option(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, small_data / "faces", qtbot)
    assert dialog.options() == DatasetOptions()
    dialog.ways.button(Way.ALIGNED).click()
    assert dialog.options() == DatasetOptions(aligned="arcface")
    dialog.ways.button(Way.LANDMARKS).click()
    dialog.landmarks.set_path(Path("/data/points.csv"))
    assert dialog.options() == DatasetOptions(landmarks=Path("/data/points.csv"))
    dialog.ways.button(Way.DETECTOR).click()
    dialog.detector.set_path(Path("/data/yunet.onnx"))
    assert dialog.options() == DatasetOptions(detector=Path("/data/yunet.onnx"))
    dialog.ways.button(Way.WHOLE).click()
    dialog.limit.click()
    dialog.limit_count.setValue(7)
    dialog.limit_seed.setValue(5)
    assert dialog.options() == DatasetOptions(whole_image=True, max_per_subject=7, seed=5)


def test_a_file_that_is_not_chosen_is_asked_for(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, small_data / "faces", qtbot)
    dialog.ways.button(Way.DETECTOR).click()
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


def test_a_plain_folder_is_told_of_in_a_line_and_the_rest_on_demand(
    document: Document, make_faces: Callable, tmp_path: Path, qtbot: QtBot
) -> None:
    make_faces(tmp_path / "people", subjects=2, images=2)
    dialog = shown(document, tmp_path / "people", qtbot)
    qtbot.waitUntil(lambda: dialog.look.text() == "4 images in 2 sub-folders.", timeout=PATIENCE)
    assert not dialog.details.isVisible()
    qtbot.mouseClick(dialog.details_button, Qt.MouseButton.LeftButton)
    assert dialog.details.isVisible()
    assert "pairs.txt" in dialog.details.text()


def test_the_fault_of_a_folder_goes_when_another_is_chosen(
    document: Document, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "empty" / "inside").mkdir(parents=True)
    never: list[int] = []
    document.changes.unreadable.connect(never.append)
    dialog = shown(document, tmp_path / "empty", qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert len(never) == 1  # the jobs do not offer to read it again
    dialog.folder.set_path(small_data / "faces")
    assert not dialog.fault.isVisible()


def test_empty_fields_look_empty(document: Document, qtbot: QtBot) -> None:
    dialog = shown(document, None, qtbot)
    for field in (dialog.landmarks, dialog.detector):
        assert field.line.placeholderText().startswith("nothing chosen")
    assert dialog.pairs.line.placeholderText().startswith("optional")


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
    assert found.format == "lfw"
    assert found.landmarks is None
    assert "LFW" in found.text


def test_a_folder_that_is_not_there_looks_empty(tmp_path: Path) -> None:
    found = look_into_folder(tmp_path / "gone", JobContext())
    assert found.images == 0
    assert "no such folder or file" in found.text


def test_ijbc_is_recognised_and_what_it_brings_cannot_be_chosen(
    document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, write_meta(tmp_path / "IJBC") / "meta", qtbot)
    qtbot.waitUntil(lambda: dialog.look.text().startswith("Recognised: IJB-C"), timeout=PATIENCE)
    assert "ijbc_face_tid_mid.txt" in dialog.look.text()
    for way in (Way.ALIGNED, Way.LANDMARKS, Way.DETECTOR, Way.WHOLE):
        assert not dialog.ways.button(way).isEnabled()
        assert "brings five landmarks" in dialog.ways.button(way).toolTip()
    assert not dialog.pairs.isEnabled()
    assert not dialog.limit.isEnabled()
    assert "says which images are compared" in dialog.limit.toolTip()
    # What was filled in before counts no more.
    dialog.pairs.set_path(Path("pairs.txt"))
    assert dialog.options() == DatasetOptions()
    # Insisting on another format brings the fields back.
    dialog.format.setCurrentIndex(dialog.format.findData("folder"))
    assert dialog.ways.button(Way.DETECTOR).isEnabled()
    assert dialog.limit.isEnabled()
    assert not dialog.pairs.isEnabled()


def test_a_way_that_makes_no_sense_any_more_is_left(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, small_data / "faces", qtbot)
    qtbot.waitUntil(lambda: dialog.chosen_format == "lfw", timeout=PATIENCE)
    dialog.ways.button(Way.ALIGNED).click()
    dialog.format.setCurrentIndex(dialog.format.findData("nist"))
    assert dialog.ways.checkedId() == Way.AUTO
    assert not dialog.ways.button(Way.ALIGNED).isEnabled()
    dialog.ways.button(Way.DETECTOR).click()
    assert dialog.detector.isEnabled()
    dialog.detector.set_path(Path("/data/yunet.onnx"))
    assert dialog.options() == DatasetOptions(format="nist", detector=Path("/data/yunet.onnx"))


@pytest.mark.parametrize("known", FORMATS[1:])
def test_what_the_reader_refuses_cannot_be_chosen(known: str) -> None:
    choices = {
        Way.ALIGNED: {"aligned": "arcface"},
        Way.LANDMARKS: {"landmarks": Path("points.csv")},
        Way.DETECTOR: {"detector": Path("yunet.onnx")},
        Way.WHOLE: {"whole_image": True},
    }
    assert not why_no_way(Way.AUTO, known)
    for way, choice in choices.items():
        if not (known == "bin" and way is Way.LANDMARKS):  # its images have no names of their own
            assert refused(format=known, **choice) == bool(why_no_way(way, known)), way
    assert refused(format=known, pairs=Path("pairs.txt")) == bool(why_no_pairs(known, known))
    assert refused(format=known, max_per_subject=3) == bool(why_no_limit(known))


def refused(**options: Any) -> bool:
    try:
        DatasetOptions(**options).check()
    except CanonError:
        return True
    return False


def test_what_is_not_recognised_says_what_was_looked_for(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    dialog = shown(document, tmp_path / "notes.txt", qtbot)
    qtbot.waitUntil(lambda: dialog.look.text().startswith("Not recognised"), timeout=PATIENCE)
    assert "ijbc_face_tid_mid.txt" in dialog.look.text()
    assert "give a dataset's folder or a .bin file" in dialog.look.text()


def test_a_bin_file_is_chosen_with_a_button_of_its_own(
    document: Document, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_bin(tmp_path / "small.bin")
    monkeypatch.setattr(file_choosers.QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    dialog = shown(document, None, qtbot)
    qtbot.mouseClick(dialog.folder.file_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.look.text().startswith("Recognised: a verification set"), timeout=PATIENCE)
    assert dialog.name.placeholderText() == "small.bin"
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: document.contents.dataset_names == ("small.bin",), timeout=PATIENCE)
    entry = document.contents.datasets[0]
    assert (entry.format, entry.images, entry.has_templates) == ("bin", 8, True)
    assert not document.contents.missing_datasets
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)


def write_bin(path: Path) -> Path:
    """Four pairs of pictures, two of them genuine."""
    import cv2

    rng = np.random.default_rng(0)
    pictures = [cv2.imencode(".png", rng.integers(0, 255, (112, 112, 3), np.uint8))[1].tobytes() for _ in range(8)]
    path.write_bytes(pickle.dumps((pictures, [True, False, True, False])))
    return path


def test_a_path_is_typed_recognised_and_added_without_the_mouse(
    document: Document, small_data: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, None, qtbot)
    qtbot.waitUntil(lambda: dialog.focusWidget() is dialog.folder.line, timeout=PATIENCE)
    qtbot.keyClicks(dialog.focusWidget(), str(small_data / "faces"))
    qtbot.waitUntil(lambda: "60 images" in dialog.look.text(), timeout=PATIENCE)
    assert dialog.add_button.isEnabled()
    qtbot.keyClick(dialog.folder.line, Qt.Key.Key_Return)
    assert not document.bridge.batch()  # what was recognised is to be looked at
    assert dialog.isVisible()
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: document.contents.dataset("faces") is not None, timeout=PATIENCE)
    again = shown(document, small_data / "faces", qtbot)
    assert again.focusWidget() is again.name
    assert document.contents.newest_faces == small_data
