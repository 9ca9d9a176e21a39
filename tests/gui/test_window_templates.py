"""A study of templates in the window: its modes and features, what is said of them, and data without images."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.dialogs.add_dataset import AddDatasetDialog
from app.dialogs.import_embeddings import ImportEmbeddingsDialog
from app.dialogs.report import ReportDialog
from app.main_window import MainWindow
from canon_core.experiments.cell_base import Measured
from canon_core.experiments.matrix import matrix_json, run_matrix
from canon_core.experiments.template_cells import TemplateCells
from canon_core.jobs import JobContext
from canon_core.study.results import Features, FitMode
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from .conftest import open_study
from .template_data import ROWS, make_template_study, write_embeddings, write_meta
from .test_add_dataset_dialog import write_bin
from .test_window_first_study import button_of_empty_state, click, dialog_of, drop

PATIENCE = 30_000


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return make_template_study(tmp_path)


def choose(window: MainWindow, chooser: object, text: str, qtbot: QtBot) -> None:
    """Pick an entry of a combo box as a user does, with the keyboard, and wait for the cells."""
    number = chooser.findText(text)
    assert number >= 0, f"{text} is not offered"
    chooser.setFocus()
    chooser.setCurrentIndex(number)
    chooser.activated.emit(number)
    wait_for_matrix(window, qtbot)


def wait_for_matrix(window: MainWindow, qtbot: QtBot) -> None:
    def done() -> bool:
        matrix, contents = window.computing.matrix, window.document.contents
        return (
            matrix is not None
            and matrix.settings == window.document.state.settings(contents.model_names)
            and all(matrix.cells.values())
            and not window.bridge.busy
        )

    qtbot.waitUntil(done, timeout=PATIENCE)


def offered(chooser: object) -> list[str]:
    return [chooser.itemText(number) for number in range(chooser.count())]


def test_modes_and_features_are_those_of_templates_and_can_be_undone(
    window: MainWindow, templates: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, templates)
    wait_for_matrix(window, qtbot)
    choosers = window.matrix_view.choosers
    qtbot.waitUntil(choosers.features.isVisible, timeout=PATIENCE)
    assert offered(choosers.mode) == ["disjoint", "authors", "reversed"]
    assert offered(choosers.features) == ["unit norm, detector-weighted", "kept norms, detector-weighted, flips summed"]
    assert window.document.state.rule is FarRule.CONSERVATIVE

    # The rule goes along with the mode, in one step.
    choose(window, choosers.mode, "authors", qtbot)
    state = window.document.state
    assert (state.mode, state.rule) == (FitMode.AUTHORS, FarRule.NEAREST)
    assert window.document.undo.undoText() == "Set fit authors, rule nearest"
    qtbot.waitUntil(lambda: choosers.rule.currentText() == "nearest", timeout=PATIENCE)
    assert window.matrix_view.rule is FarRule.NEAREST
    qtbot.waitUntil(lambda: "mapped templates come from X_V" in window.matrix_view._leak.text(), timeout=PATIENCE)
    authors = matrix_json(window.computing.matrix, FarRule.NEAREST)["tar"]

    choose(window, choosers.features, "kept norms, detector-weighted, flips summed", qtbot)
    assert window.document.state.features is Features.INSIGHTFACE
    assert "flips summed" in window.matrix_view._settings.text()
    assert matrix_json(window.computing.matrix, FarRule.NEAREST)["tar"] != authors
    window.matrix_view.copy_command()
    command = QGuiApplication.clipboard().text()
    assert "--mode authors --features insightface" in command
    assert "--far-rule nearest" in command

    window.document.undo.undo()
    wait_for_matrix(window, qtbot)
    assert window.document.state.features is Features.PAPER
    assert matrix_json(window.computing.matrix, FarRule.NEAREST)["tar"] == authors
    window.document.undo.undo()
    wait_for_matrix(window, qtbot)
    assert (window.document.state.mode, window.document.state.rule) == (FitMode.DISJOINT, FarRule.CONSERVATIVE)
    qtbot.waitUntil(lambda: not window.matrix_view._leak.isVisible(), timeout=PATIENCE)

    # A rule that was chosen by hand stays.
    window.document.change("Read", rule=FarRule.NEAREST)
    choose(window, choosers.mode, "reversed", qtbot)
    assert window.document.state.rule is FarRule.NEAREST
    window.document.change("Read", rule=FarRule.CONSERVATIVE)
    choose(window, choosers.mode, "disjoint", qtbot)
    assert window.document.state.rule is FarRule.CONSERVATIVE


def test_what_is_shown_is_what_the_command_line_computes_and_is_found_again(
    window: MainWindow, templates: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, templates)
    wait_for_matrix(window, qtbot)
    choosers = window.matrix_view.choosers
    choose(window, choosers.mode, "reversed", qtbot)
    choose(window, choosers.features, "kept norms, detector-weighted, flips summed", qtbot)
    seen = window.computing.matrix
    window.document.close()
    qtbot.waitUntil(lambda: not window.document.changing, timeout=PATIENCE)
    with Study.open(templates) as study:
        study.clear_results()
        again = run_matrix(study, seen.settings, JobContext())
    assert matrix_json(again, FarRule.NEAREST)["tar"] == matrix_json(seen, FarRule.NEAREST)["tar"]
    open_study(window, qtbot, templates)
    state = window.document.state
    assert (state.mode, state.features, state.rule) == (FitMode.REVERSED, Features.INSIGHTFACE, FarRule.NEAREST)


def test_another_dataset_gets_a_mode_that_it_can_have(
    window: MainWindow, tmp_path: Path, templates: Path, qtbot: QtBot
) -> None:
    ids = np.array([f"p{number // 2}/{number}" for number in range(40)])
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", embs=rng.standard_normal((40, 8)).astype(np.float32), ids=ids)
    with Study.open(templates) as study:
        study.import_embeddings(tmp_path / "a.npz", model="a", dataset="listed", ctx=JobContext())
    open_study(window, qtbot, templates)
    wait_for_matrix(window, qtbot)
    choosers = window.matrix_view.choosers
    choose(window, choosers.mode, "authors", qtbot)
    choose(window, choosers.features, "kept norms, detector-weighted, flips summed", qtbot)
    window.tree.setCurrentItem(window.tree.item("dataset", "listed"))
    qtbot.waitUntil(lambda: window.document.state.dataset == "listed", timeout=PATIENCE)
    state = window.document.state
    assert (state.mode, state.features, state.rule) == (FitMode.DISJOINT, Features.PAPER, FarRule.CONSERVATIVE)
    qtbot.waitUntil(lambda: offered(choosers.mode) == ["disjoint", "in-sample"], timeout=PATIENCE)
    assert not choosers.features.isVisible()
    window.document.undo.undo()
    assert (window.document.state.mode, window.document.state.dataset) == (FitMode.AUTHORS, "ijbc")


def test_a_matrix_cancelled_in_the_middle_of_a_cell_keeps_the_others_and_goes_on(
    window: MainWindow, templates: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, measured, held = TemplateCells.measure, [], threading.Event()

    def measure(self: TemplateCells, source: str, target: str, ctx: JobContext) -> Measured:
        measured.append((source, target))
        while len(measured) == 3 and not held.is_set():  # the third cell waits to be cancelled
            ctx.check()
            time.sleep(0.005)
        return real(self, source, target, ctx)

    monkeypatch.setattr(TemplateCells, "measure", measure)
    open_study_only(window, qtbot, templates)
    qtbot.waitUntil(lambda: len(measured) == 3, timeout=PATIENCE)
    [number] = window.bridge.batch()
    row = window.jobs.rows[number]
    begun = time.monotonic()
    click(row.button, qtbot)
    qtbot.waitUntil(lambda: not window.bridge.batch(), timeout=PATIENCE)
    assert time.monotonic() - begun < 1
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    found = {pair for pair, cell in window.computing.matrix.cells.items() if cell is not None}
    assert found == {("a", "a"), ("b", "b")}
    held.set()
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    click(row.button, qtbot)  # it says Resume now
    wait_for_matrix(window, qtbot)
    assert measured == [("a", "a"), ("b", "b"), ("a", "b"), ("a", "b"), ("b", "a")]


def open_study_only(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Open a study without waiting for what is computed by itself."""
    window.document.open(path)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)


def test_data_without_images_and_models_without_networks_say_what_they_are(
    window: MainWindow, templates: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, templates)
    wait_for_matrix(window, qtbot)
    tree, actions = window.tree, window.actions_
    assert tree.item("dataset", "ijbc").text(1) == "48"
    assert "576 pairs, 24 of them genuine" in tree.item("dataset", "ijbc").toolTip(0)
    assert tree.item("embedding", "a", "ijbc").text(1) == "imported"
    assert "a.npy, paired by row" in tree.item("embedding", "a", "ijbc").toolTip(0)
    assert "there is no network" in tree.item("model", "a").toolTip(0)
    assert "no images to embed" in actions.refusal("study.embed")
    tree.setCurrentItem(tree.item("model", "a"))
    qtbot.waitUntil(lambda: "embeddings made elsewhere" in window.inspector.text(), timeout=PATIENCE)
    assert "from\ta.npy" in window.inspector.text()
    assert "no network" in actions.refusal("study.preprocessing")
    tree.setCurrentItem(tree.item("dataset", "ijbc"))
    qtbot.waitUntil(lambda: "galleries\tG1, G2" in window.inspector.text(), timeout=PATIENCE)
    window.tabs.setCurrentWidget(window.faces_view)
    qtbot.waitUntil(
        lambda: "There are no images of 'ijbc'" in window.faces_view._empty.accessibleName(), timeout=PATIENCE
    )
    # The cell's own note says it too.
    choose(window, window.matrix_view.choosers.mode, "authors", qtbot)
    window.document.change("Choose", cells=(("a", "b"),), focus="cell")
    qtbot.waitUntil(lambda: "X_V" in window.inspector.text(), timeout=PATIENCE)


def test_from_the_protocol_to_the_matrix_without_an_image(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    with Study.create(tmp_path / "empty"):
        pass
    open_study(window, qtbot, tmp_path / "empty.canon")
    drop(window, [write_meta(tmp_path / "IJBC")])
    dialog = dialog_of(window, AddDatasetDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.look.text().startswith("Recognised"), timeout=PATIENCE)
    click(dialog.add_button, qtbot)
    report = dialog_of(window, ReportDialog, qtbot)
    assert "by name only, of 24 subjects, 48 templates and 576 pairs (24 genuine)" in report.headline.text()
    assert "where 15,658,489 were published" in report.list.toPlainText()
    report.reject()
    # Nothing can be embedded, so embeddings are asked for.
    click(button_of_empty_state(window.matrix_view, "Import embeddings", qtbot), qtbot)
    importing = dialog_of(window, ImportEmbeddingsDialog, qtbot)
    assert importing.dataset_name == "IJBC"
    importing.file.set_path(write_embeddings(tmp_path, "one", 8))
    click(importing.add_button, qtbot)
    qtbot.waitUntil(lambda: window.document.contents.model_names == ("one",), timeout=PATIENCE)
    assert f"Imported {ROWS} embeddings" in window.messages.text.text()
    # Two more, dropped together, are asked for one after the other.
    drop(window, [write_embeddings(tmp_path, "two", 12), write_embeddings(tmp_path, "three", 8)])
    for name in ("two", "three"):
        importing = dialog_of(window, ImportEmbeddingsDialog, qtbot)
        qtbot.waitUntil(lambda name=name: dialog_of(window, ImportEmbeddingsDialog, qtbot).model_name == name)
        click(dialog_of(window, ImportEmbeddingsDialog, qtbot).add_button, qtbot)
        qtbot.waitUntil(lambda name=name: name in window.document.contents.model_names, timeout=PATIENCE)
    wait_for_matrix(window, qtbot)
    assert len(window.computing.matrix.cells) == 9


def test_what_was_left_out_of_a_set_with_images_is_listed_at_once(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    with Study.create(tmp_path / "empty"):
        pass
    root = write_meta(tmp_path / "IJBC", images=True)
    (root / "loose_crop" / "3.jpg").write_bytes(b"\xff\xd8 no picture")
    (root / "loose_crop" / "7.jpg").unlink()
    open_study(window, qtbot, tmp_path / "empty.canon")
    window.commands.adding.add_dataset(root)
    click(dialog_of(window, AddDatasetDialog, qtbot).add_button, qtbot)
    report = dialog_of(window, ReportDialog, qtbot)
    text = report.list.toPlainText()
    assert "2 images (or pairs) were left out" in text
    assert "3.jpg" in text
    assert "7.jpg" in text
    qtbot.mouseClick(report.copy_button, Qt.MouseButton.LeftButton)
    assert "    7.jpg: is not in loose_crop\n" in QGuiApplication.clipboard().text()
    report.reject()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


def test_a_verification_set_and_embeddings_can_be_dropped(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    with Study.create(tmp_path / "empty"):
        pass
    open_study(window, qtbot, tmp_path / "empty.canon")
    drop(window, [write_bin(tmp_path / "small.bin"), write_embeddings(tmp_path, "one", 8)])
    dataset = dialog_of(window, AddDatasetDialog, qtbot)
    qtbot.waitUntil(lambda: dataset.look.text().startswith("Recognised: a verification set"), timeout=PATIENCE)
    dataset.reject()
    embeddings = dialog_of(window, ImportEmbeddingsDialog, qtbot)
    assert embeddings.file.path == tmp_path / "one.npy"
    embeddings.reject()


def test_exports_are_made_with_the_settings_that_are_shown(
    window: MainWindow, tmp_path: Path, templates: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, templates)
    wait_for_matrix(window, qtbot)
    choosers = window.matrix_view.choosers
    choose(window, choosers.mode, "authors", qtbot)
    choose(window, choosers.features, "kept norms, detector-weighted, flips summed", qtbot)
    done: list[object] = []
    window.computing.export(tmp_path / "out", (), ("md",), done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=PATIENCE)
    tables = "\n".join(file.read_text() for file in (tmp_path / "out").rglob("*.md"))
    assert "fit authors" in tables
    assert "flips summed" in tables
    assert "FAR rule nearest" in tables
