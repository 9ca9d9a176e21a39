"""Embeddings made elsewhere: what is asked, what is told of every choice, and what the report lists."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app import file_choosers
from app.dialogs.import_embeddings import ImportEmbeddingsDialog
from app.dialogs.report import ReportDialog, Section, import_report
from app.document import Document
from app.engine_bridge import EngineBridge
from canon_core.study.imports import ImportReport

from .conftest import document_of
from .template_data import ROWS, make_template_study, write_embeddings

PATIENCE = 20_000


@pytest.fixture
def document(bridge: EngineBridge, qtbot: QtBot, tmp_path: Path) -> Iterator[Document]:
    """An IJB-C without images, and no model."""
    study = make_template_study(tmp_path, models=())
    with document_of(bridge, qtbot, lambda document: document.open(study)) as document:
        yield document


def shown(document: Document, file: Path | None, qtbot: QtBot) -> ImportEmbeddingsDialog:
    dialog = ImportEmbeddingsDialog(document, file)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def imported(document: Document, dialog: ImportEmbeddingsDialog, qtbot: QtBot) -> ImportReport:
    """Click *Import* and wait for the report."""
    found: list[ImportReport] = []
    document.changes.embeddingsImported.connect(found.append)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(found) and not document.bridge.busy, timeout=PATIENCE)
    return found[0]


def test_a_file_is_imported_for_the_dataset_that_is_shown(
    document: Document, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_embeddings(tmp_path, "r100 v2!", 8)
    monkeypatch.setattr(file_choosers.QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    dialog = shown(document, None, qtbot)
    assert not dialog.add_button.isEnabled()
    qtbot.mouseClick(dialog.file.button, Qt.MouseButton.LeftButton)
    assert (dialog.model_name, dialog.dataset_name) == ("r100 v2_", "ijbc")
    assert "A new model" in dialog.about_model.text()
    assert f"its {ROWS} images" in dialog.about_dataset.text()
    report = imported(document, dialog, qtbot)
    assert not dialog.isVisible()
    assert (report.matched, report.dimensions, report.paired_by) == (ROWS, 8, "row")
    assert document.contents.model("r100 v2_").imported
    assert document.contents.embedded("ijbc") == ("r100 v2_",)
    [source] = document.contents.imports_of("r100 v2_")
    assert (source.file, source.paired_by) == (file, "row")

    # The same once more says that it takes the place of the first.
    again = shown(document, file, qtbot)
    again.model.setCurrentText("r100 v2_")
    assert "Takes the place of what was imported before: r100 v2!.npy" in again.about_model.text()


def test_two_files_of_ids_make_a_dataset_of_their_own(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    ids = [f"person{number // 2}/{number}" for number in range(20)]
    rows = np.random.default_rng(0).standard_normal((20, 6)).astype(np.float32)
    np.savez(tmp_path / "old.npz", embs=rows, ids=np.array(ids))
    rows[3] = np.nan
    np.savez(tmp_path / "new.npz", embs=rows[:18], ids=np.array([*ids[:17], "stranger/1"]))
    dialog = shown(document, tmp_path / "old.npz", qtbot)
    dialog.dataset.setCurrentText("aida")
    assert "A new dataset without images" in dialog.about_dataset.text()
    report = imported(document, dialog, qtbot)
    assert report.new_dataset
    assert document.state.dataset == "aida"
    report = imported(document, shown(document, tmp_path / "new.npz", qtbot), qtbot)
    assert (report.missing, report.unused, report.bad_rows) == (tuple(ids[17:]), ("stranger/1",), (ids[3],))
    assert document.contents.dataset("aida").images == 20
    assert document.contents.imports["new", "aida"].missing == 3


def test_a_list_of_ids_pairs_rows_in_another_order(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    file = write_embeddings(tmp_path, "shuffled", 8)
    (tmp_path / "ids.txt").write_text("\n".join(f"{number}.jpg" for number in range(ROWS, 0, -1)) + "\n")
    dialog = shown(document, file, qtbot)
    dialog.ids.set_path(tmp_path / "ids.txt")
    assert imported(document, dialog, qtbot).paired_by == "id"


def test_the_array_of_several_is_chosen_by_its_name(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    rows = np.random.default_rng(1).standard_normal((ROWS, 8)).astype(np.float32)
    np.savez(tmp_path / "two.npz", left=rows, right=rows[:, :6])
    dialog = shown(document, tmp_path / "two.npz", qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert "2 tables that could be the embeddings: left (" in dialog.fault.label.text()
    assert dialog.array.isVisible()
    qtbot.keyClicks(dialog.array, "right")
    assert imported(document, dialog, qtbot).dimensions == 6


def test_no_array_is_asked_for_where_the_file_is_one(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    assert not shown(document, write_embeddings(tmp_path, "x", 8), qtbot).array.isVisible()


def test_faults_are_told_in_the_dialog(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    np.save(tmp_path / "short.npy", np.ones((3, 8), np.float32))
    dialog = shown(document, tmp_path / "short.npy", qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert f"3 rows for {ROWS} images" in dialog.fault.label.text()
    dialog.model.setCurrentText("../evil")
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    assert "cannot be a model's name" in dialog.fault.label.text()
    assert document.contents.models == ()


def test_importing_can_be_cancelled(
    document: Document, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def slow(_file: Path, *, ctx: Any, **_: object) -> None:
        ctx.report(1, 2, "importing a file")
        while not release.is_set():
            ctx.check()
            time.sleep(0.005)

    monkeypatch.setattr(document.study, "import_embeddings", slow)
    dialog = shown(document, write_embeddings(tmp_path, "x", 8), qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "1 of 2" in dialog.progress.text(), timeout=PATIENCE)
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not document.bridge.batch(), timeout=PATIENCE)
    assert dialog.isVisible()
    assert dialog.add_button.isEnabled()


def test_a_report_counts_and_lists_and_is_copied_whole(qtbot: QtBot) -> None:
    missing = tuple(f"{number}.jpg" for number in range(5000))
    report = ImportReport("new", "ijbc", True, False, 6000, 1000, 512, True, "id", missing, ("odd",), (), ("embs_f",))
    found = import_report(report)
    assert found.sections[0] == Section(
        "5,000 images of the dataset have no embedding, and are left out of every result", missing
    )
    assert len(found.sections) == 2
    dialog = ReportDialog(found)
    qtbot.addWidget(dialog)
    dialog.show()
    text = dialog.list.toPlainText()
    assert "1,000 of 6,000 images have an embedding, paired by id; 5,000 missing, 1 unused, 0 unusable." in text
    assert "4999.jpg" not in text
    assert "and 4,000 more" in text
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("Imported 1,000 embeddings of 512 dimensions as model 'new'")
    assert "    4999.jpg\n" in copied
    assert "    odd\n" in copied


def test_a_path_is_typed_and_names_follow_it_until_others_are_chosen(
    document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    assert document.contents.newest_embeddings == document.contents.path.parent
    dialog = shown(document, None, qtbot)
    assert dialog.focusWidget() is dialog.file.line
    qtbot.keyClicks(dialog.focusWidget(), str(tmp_path / "r1"))
    qtbot.keyClick(dialog.file.line, Qt.Key.Key_Return)
    assert dialog.model_name == ""  # not known yet what it is
    qtbot.keyClicks(dialog.file.line, ".h5")
    qtbot.waitUntil(lambda: dialog.model_name == "r1", timeout=PATIENCE)
    assert dialog.add_button.isEnabled()
    dialog.file.line.setText(str(tmp_path / "r2.npy"))
    qtbot.keyClick(dialog.file.line, Qt.Key.Key_Return)
    assert dialog.model_name == "r2"
    dialog.model.setCurrentText("mine")
    dialog.file.set_path(write_embeddings(tmp_path, "r3", 8))
    assert dialog.model_name == "mine"
    imported(document, dialog, qtbot)
    assert document.contents.newest_embeddings == tmp_path
