"""Clearing results, locating files that moved, and studies that another process holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app import file_choosers
from app.dialogs.clear_results import ClearResultsDialog
from app.main_window import MainWindow
from canon_core.jobs import JobContext
from canon_core.study.cached_files import CacheKind, bytes_text
from canon_core.study.overlay_results import Overlay
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .gestures import settle
from .overlaid import Slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own_study(tmp_path: Path, embedded_template: Path, small_data: Path) -> Path:
    """A study whose data lie beside it, to be moved: relative paths lead there."""
    from canon_core.datasets.options import DatasetOptions
    from canon_core.embedding.embed import EmbedOptions
    from canon_core.experiments.embedding import embed_study
    from canon_core.jobs import JobContext
    from canon_core.study.study import Study

    shutil.copytree(small_data, tmp_path / "data")
    with Study.create(tmp_path / "own") as study:
        for name in ("a", "b"):
            study.add_model(tmp_path / "data" / f"{name}.onnx")
        study.add_dataset(tmp_path / "data" / "faces", DatasetOptions(), JobContext())
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
        return study.path


def tick(dialog: ClearResultsDialog, kind: CacheKind, qtbot: QtBot) -> None:
    where = dialog.table.visualItemRect(dialog.item(kind))
    point = QPoint(where.left() + 9, where.center().y())
    qtbot.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=point)


def test_results_are_listed_with_sizes_and_cleared(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    assert window.actions_.refusal("study.clear") == "Open or make a study first."
    open_study(window, qtbot, embedded_study)
    window.actions_["study.clear"].trigger()
    dialog = window.findChild(ClearResultsDialog)
    qtbot.waitUntil(lambda: dialog.table.topLevelItemCount() == 3, timeout=PATIENCE)
    cells = sum(path.stat().st_size for path in (embedded_study / "results").glob("*.h5"))
    maps = sum(path.stat().st_size for path in (embedded_study / "maps").glob("*.h5"))
    row = dialog.item(CacheKind.CELLS)
    assert [row.text(1), row.text(2)] == ["4", bytes_text(cells)]
    assert dialog.total.text() == f"{bytes_text(cells + maps)} will be freed."
    assert dialog.kinds == {CacheKind.CELLS, CacheKind.MAPS}  # embeddings are not ticked
    assert not dialog.warning.isVisible()
    tick(dialog, CacheKind.MAPS, qtbot)
    assert dialog.kinds == {CacheKind.CELLS}
    qtbot.mouseClick(dialog.clear_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.document.contents.results == 0, timeout=PATIENCE)
    qtbot.waitUntil(
        lambda: not any(window.computing.matrix.cells.values()) and not window.bridge.busy, timeout=PATIENCE
    )
    assert window.document.contents.maps == 4
    assert window.document.contents.states["a", "faces"].complete
    assert f"{bytes_text(cells)} were freed" in window.messages.text.text()
    assert window.tree.item("results").text(1) == "0"
    window.actions_["study.matrix"].trigger()  # they come back when they are asked for
    qtbot.waitUntil(lambda: all(window.computing.matrix.cells.values()), timeout=PATIENCE)


def test_embeddings_are_cleared_only_with_a_tick_and_a_warning(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["study.clear"].trigger()
    dialog = window.findChild(ClearResultsDialog)
    qtbot.waitUntil(lambda: dialog.table.topLevelItemCount() == 3, timeout=PATIENCE)
    tick(dialog, CacheKind.EMBEDDINGS, qtbot)
    assert dialog.warning.isVisible()
    assert "every network must run over every image again" in dialog.warning.label.text()
    qtbot.mouseClick(dialog.clear_button, Qt.MouseButton.LeftButton)
    asked = dialog.findChild(QMessageBox)
    assert asked.text().startswith("Delete 2 files of embeddings (")
    qtbot.keyClick(asked, Qt.Key.Key_Escape)  # means no harm
    assert dialog.isVisible()
    assert window.document.contents.states["a", "faces"].complete
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox) is None)
    qtbot.mouseClick(dialog.clear_button, Qt.MouseButton.LeftButton)
    asked = dialog.findChild(QMessageBox)
    qtbot.mouseClick(
        next(button for button in asked.buttons() if button.text() == "Delete them"), Qt.MouseButton.LeftButton
    )
    qtbot.waitUntil(lambda: not window.document.contents.states["a", "faces"].done, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.tree.item("embedding", "a", "faces").text(1) == "not embedded", timeout=PATIENCE)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (820, "820 bytes"),
        (4100, "4.1 kB"),
        (12_345_678, "12.3 MB"),
        (3_000_000_000, "3.0 GB"),
        (2_500_000_000_000, "2.5 TB"),
    ],
)
def test_sizes_in_words(count: int, text: str) -> None:
    assert bytes_text(count) == text


# -- files that moved ----------------------------------------------------------------------------------------------
def test_a_model_that_moved_is_offered_and_located(
    window: MainWindow, own_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Path(shutil.move(tmp_path / "data" / "a.onnx", tmp_path / "moved.onnx"))
    open_study(window, qtbot, own_study)
    assert window.tree.item("model", "a").text(1) == "file is gone"
    assert window.messages.text.text().startswith("The file of model 'a' is not where it was.")
    monkeypatch.setattr(file_choosers, "choose_network", lambda *_: tmp_path / "data" / "b.onnx")
    qtbot.mouseClick(window.messages.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "not the network 'a'" in window.messages.text.text(), timeout=PATIENCE)

    assert window.actions_.refusal("study.locate") == ""
    monkeypatch.setattr(file_choosers, "choose_network", lambda *_: moved)
    window.actions_["study.locate"].trigger()
    qtbot.waitUntil(lambda: "was found again" in window.messages.text.text(), timeout=PATIENCE)
    assert window.tree.item("model", "a").text(1) == "24-d"
    assert window.document.contents.model("a").file == moved
    assert window.actions_.refusal("study.locate") == "'a' is where it was."
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


def test_models_that_moved_together_are_located_with_one_choice(
    window: MainWindow, own_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(tmp_path / "data", tmp_path / "moved")
    open_study(window, qtbot, own_study)
    monkeypatch.setattr(file_choosers, "choose_network", lambda *_: tmp_path / "moved" / "a.onnx")
    qtbot.mouseClick(window.messages.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "beside it 'b'" in window.messages.text.text(), timeout=PATIENCE)
    assert window.document.contents.model("b").file == tmp_path / "moved" / "b.onnx"
    assert "Still gone: faces." in window.messages.text.text()
    assert window.messages.button.text() == "Locate faces…"
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


def test_a_dataset_that_moved_is_located_by_a_job(
    window: MainWindow, own_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Path(shutil.move(tmp_path / "data" / "faces", tmp_path / "people"))
    open_study(window, qtbot, own_study)
    assert window.tree.item("dataset", "faces").text(1) == "folder is gone"
    monkeypatch.setattr(file_choosers, "choose_faces", lambda *_: moved)
    qtbot.mouseClick(window.messages.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.tree.item("dataset", "faces").text(1) == "60", timeout=PATIENCE)
    assert any(row.title == "Locate faces" for row in window.jobs.rows.values())
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


# -- studies of others ---------------------------------------------------------------------------------------------
def test_a_study_that_another_process_holds_opens_read_only_on_request(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys; from canon_core.study.study import Study;"
         "study = Study.open(sys.argv[1], owner='somebody else'); print('held', flush=True); sys.stdin.read()",
         str(embedded_study)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        window.document.open(embedded_study)
        qtbot.waitUntil(lambda: window.findChild(QMessageBox) is not None, timeout=PATIENCE)
        box = window.findChild(QMessageBox)
        assert "somebody else" in box.text()
        button = next(button for button in box.buttons() if button.text() == "Open read-only")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(
            lambda: window.computing.matrix is not None and not window.bridge.busy, timeout=PATIENCE
        )
        assert all(window.computing.matrix.cells.values())  # what is stored is shown
        assert "(read-only)" in window.windowTitle()
        for key in ("study.clear", "study.add_model", "study.compute_all", "study.remove"):
            assert window.actions_.refusal(key) == "The study is open read-only."
    finally:
        holder.communicate("", timeout=20)


def test_faces_are_shown_under_the_dataset_s_new_name(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.faces"].trigger()
    qtbot.waitUntil(lambda: "of faces" in window.faces_view.settings_line, timeout=PATIENCE)
    window.document.changes.rename_dataset("faces", "people")
    qtbot.waitUntil(lambda: "of people" in window.faces_view.settings_line, timeout=PATIENCE)


def test_renaming_what_is_being_looked_into_is_no_fault(
    overlaid: MainWindow, umap: Slow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.overlay_details as experiment

    window, let_go = overlaid, threading.Event()
    umap.let_go.set()
    look = experiment.overlay_details

    def slow(study: Study, found: Overlay, ctx: JobContext, **more: object) -> object:
        while not let_go.wait(0.01):
            ctx.check()
        return look(study, found, ctx, **more)

    monkeypatch.setattr(experiment, "overlay_details", slow)
    window.presenter.choose_cells((("b", "a"),))
    qtbot.waitUntil(lambda: window.overlays.shown.settings.sources == ("b",), timeout=PATIENCE)
    window.document.changes.rename_model("b", "bee")
    qtbot.waitUntil(lambda: "bee" in window.document.contents.model_names, timeout=PATIENCE)
    let_go.set()
    qtbot.waitUntil(lambda: window.overlays.details is not None and not window.bridge.busy, timeout=PATIENCE)
    assert window.overlays.shown.settings.sources == ("bee",)
    assert not window.messages.isVisible(), window.messages.text.text()


def test_cleared_curves_are_to_be_computed_again(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["view.sensitivity"].trigger()
    settle(window, qtbot)
    window.actions_["experiment.sensitivity"].trigger()
    qtbot.waitUntil(lambda: window.sensitivity_view.shown is not None and not window.bridge.busy, timeout=PATIENCE)
    settle(window, qtbot)
    assert "computed" in window.actions_.refusal("experiment.sensitivity")
    window.document.changes.clear_cached([CacheKind.SENSITIVITY], window.management._cleared)
    qtbot.waitUntil(lambda: "were freed" in window.messages.text.text(), timeout=PATIENCE)
    settle(window, qtbot)
    assert window.sensitivity_view.shown is None
    assert window.actions_.refusal("experiment.sensitivity") == ""
