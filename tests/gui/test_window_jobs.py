"""Cancelling, resuming, closing while something runs; and what is found again afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.contents import Badge, badge_of
from app.jobs_panel import JobPhase, JobRow
from app.main import _open
from app.main_window import MainWindow
from app.user_files import Session, recent_studies, take_cut_off_session, write_session
from app.view_state import ViewState
from canon_core.datasets.options import DatasetOptions
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.store.embeddings import read_info
from canon_core.study.results import Matrix, MatrixSettings
from canon_core.study.study import Study

from .conftest import open_study
from .gestures import Brake

PATIENCE = 30_000


@pytest.fixture
def slow_study(tmp_path: Path, slow_network: Path, small_data: Path) -> Path:
    """A study whose 60 images take some seconds to embed."""
    with Study.create(tmp_path / "slow") as study:
        study.add_model(slow_network)
        study.add_dataset(small_data / "faces", DatasetOptions(), JobContext())
        return study.path


def embed_until_something_is_there(window: MainWindow, path: Path, qtbot: QtBot) -> JobRow:
    """Begin to embed, and wait for the first rows on the disk."""
    open_study(window, qtbot, path)
    window.actions_["study.embed"].trigger()
    file = path / "embeddings" / "slow" / "faces.h5"

    def some_rows() -> bool:
        return file.is_file() and 0 < read_info(file).done < 60

    qtbot.waitUntil(some_rows, timeout=PATIENCE)
    return next(iter(window.jobs.rows.values()))


def answer(window: MainWindow, text: str, qtbot: QtBot) -> None:
    """Click a button of the question that is asked."""
    found: list[QMessageBox] = []

    def look() -> bool:
        found[:] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
        return bool(found)

    qtbot.waitUntil(look, timeout=PATIENCE)
    buttons: dict[str, QPushButton] = {button.text(): button for button in found[0].buttons()}
    qtbot.mouseClick(buttons[text], Qt.MouseButton.LeftButton)


def test_cancel_ends_a_job_within_a_second_and_resume_goes_on_from_there(
    window: MainWindow, slow_study: Path, qtbot: QtBot
) -> None:
    row = embed_until_something_is_there(window, slow_study, qtbot)
    start = time.monotonic()
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert row.phase is JobPhase.CANCELLING
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    assert time.monotonic() - start < 1.5  # a second, and the ticks on the way
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    state = window.document.contents.states["slow", "faces"]
    assert badge_of(state) is Badge.PARTIAL
    assert window.tree.item("embedding", "slow", "faces").text(1) == f"{state.done} of 60"
    assert row.button.text() == "Resume"
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)  # too soon after Cancel: meant for that
    qtbot.wait(50)
    assert row.button.text() == "Resume"
    assert len(window.jobs.rows) == 1
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.document.contents.states["slow", "faces"].complete, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    assert len(window.jobs.rows) == 3  # cancelled, resumed, and the matrix that followed by itself


def test_closing_during_a_job_asks_and_keeps_the_work(window: MainWindow, slow_study: Path, qtbot: QtBot) -> None:
    embed_until_something_is_there(window, slow_study, qtbot)
    window.close()
    assert window.isVisible()
    answer(window, "Keep working", qtbot)
    assert window.bridge.batch()
    window.close()
    start = time.monotonic()
    answer(window, "Cancel the job and quit", qtbot)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
    assert time.monotonic() - start < 4
    with Study.open(slow_study) as study:  # given back, and nothing lost
        study.refresh_states()
        assert 0 < study.embedding_state("slow", "faces").done < 60


def test_opening_another_study_during_a_job_asks(
    window: MainWindow, slow_study: Path, embedded_study: Path, qtbot: QtBot
) -> None:
    embed_until_something_is_there(window, slow_study, qtbot)
    window.commands.open_path(embedded_study)
    answer(window, "Cancel the job", qtbot)
    qtbot.waitUntil(
        lambda: window.document.contents is not None and window.document.contents.name == "done", timeout=PATIENCE
    )
    assert window.computing.embedding is False


def test_a_cancelled_matrix_does_not_begin_again_by_itself(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.matrix as experiment

    real = experiment.run_matrix

    def waits(study: Study, settings: object, ctx: JobContext) -> object:
        while settings.map is MapKind.ROTATION and not allowed:
            ctx.check()
            time.sleep(0.01)
        return real(study, settings, ctx)

    allowed: list[bool] = []
    monkeypatch.setattr(experiment, "run_matrix", waits)
    open_study(window, qtbot, embedded_study)
    window.document.change("Set map rotation", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: bool(window.bridge.batch()), timeout=PATIENCE)
    assert window.computing.pending == {("a", "b"), ("b", "a")}
    window.bridge.cancel_all()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    window.document.refresh()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    assert window.computing.pending == frozenset()
    assert window.computing.matrix.cells["a", "b"] is None
    assert window.matrix_view.compute_button.isVisibleTo(window.matrix_view)
    allowed.append(True)
    qtbot.mouseClick(window.matrix_view.compute_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.computing.matrix.cells["a", "b"] is not None, timeout=PATIENCE)


def test_a_setting_that_changes_while_cells_are_computed_takes_over(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    for kind in (MapKind.ROTATION, MapKind.AFFINE, MapKind.ROTATION, MapKind.AFFINE):
        window.document.change(f"Set map {kind}", map=kind)
        qtbot.wait(30)
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    assert window.computing.matrix.settings.map is MapKind.AFFINE
    assert all(window.computing.matrix.cells.values())


def test_a_study_in_use_opens_read_only_on_request(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    hold = subprocess.Popen(
        [sys.executable, "-c", "import sys\nfrom canon_core.study.study import Study\n"
         "study = Study.open(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()", str(embedded_study)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert hold.stdout is not None
        assert hold.stdout.readline() == b"held\n"
        window.document.open(embedded_study)
        answer(window, "Open read-only", qtbot)
        qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
        qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    finally:
        hold.communicate()
    assert "read-only" in window.windowTitle()
    assert all(window.computing.matrix.cells.values())
    for key in ("study.add_model", "study.embed", "study.compute_all", "study.remove"):
        assert window.actions_.refusal(key) == "The study is open read-only."
    window.document.change("Set map rotation", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: window.computing.matrix.settings.map is MapKind.ROTATION, timeout=PATIENCE)
    qtbot.wait(100)
    assert not window.bridge.batch()  # nothing is computed into a study that another process holds


def test_what_was_shown_is_found_again(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, small_data: Path
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),), far=1e-1, map=MapKind.ROTATION)
    state = window.document.state
    window.document.close()
    assert window.document.contents is None
    assert window.document.state == ViewState()
    open_study(window, qtbot, embedded_study)
    assert window.document.state == state
    qtbot.waitUntil(lambda: window.matrix_view.selection == (("a", "b"),), timeout=PATIENCE)
    assert window.matrix_view.choosers.far.currentText() == "1e-1"
    assert len(window.computing.curves) == 3


def test_after_a_crash_the_study_is_open_again_as_it_was(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, user_folders: Path
) -> None:
    # As a window leaves it that is killed a moment after a change: the study does not have it yet.
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    newer = ViewState(dataset="faces", map=MapKind.ROTATION, cells=(("b", "a"),))
    write_session(Session(str(embedded_study), False, {"state": newer.to_json()}, int(dead.stdout)))
    _open(window, None)
    qtbot.waitUntil(lambda: window.document.contents is not None and not window.bridge.busy, timeout=PATIENCE)
    assert window.document.state == newer
    assert "unexpectedly" in window.messages.text.text()
    assert not (user_folders / "state" / f"session-{int(dead.stdout)}.json").exists()  # told once


def test_a_session_of_a_program_that_still_runs_is_left_alone(embedded_study: Path) -> None:
    write_session(Session(str(embedded_study), False, {"state": {}}, os.getppid()))
    assert take_cut_off_session() is None


def test_a_window_that_is_killed_leaves_its_session(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, user_folders: Path
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Read", far=1e-3)
    session = user_folders / "state" / f"session-{os.getpid()}.json"
    qtbot.waitUntil(lambda: session.is_file() and "0.001" in session.read_text(), timeout=PATIENCE)
    window.document.close()
    qtbot.waitUntil(lambda: not session.exists(), timeout=PATIENCE)


def test_recent_studies_are_listed_and_those_that_are_gone_are_greyed(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, tmp_path: Path, make_study: Callable[[str], Path]
) -> None:
    gone = make_study("gone")
    open_study(window, qtbot, gone)
    open_study(window, qtbot, embedded_study)
    window.document.close()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    assert recent_studies() == (embedded_study, gone)
    gone.rename(tmp_path / "elsewhere")
    window.recent.show(recent_studies())
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    items = [window.start_page.recent.item(row) for row in range(2)]
    enabled = [bool(item.flags() & Qt.ItemFlag.ItemIsEnabled) for item in items]
    assert enabled == [True, False]
    first = window.start_page.recent.visualItemRect(items[0]).center()
    qtbot.mouseClick(window.start_page.recent.viewport(), Qt.MouseButton.LeftButton, pos=first)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    assert window.document.contents.path == embedded_study


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        with Study.create(tmp_path / name) as study:
            return study.path

    return make


def test_a_job_of_a_closed_study_cannot_be_resumed_in_the_next(
    window: MainWindow, small_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(small_study, tmp_path / "other.canon")
    open_study(window, qtbot, small_study)
    window.jobs_shown.button.click()
    brake = Brake(window, monkeypatch)
    window.actions_["study.embed"].trigger()
    qtbot.waitUntil(lambda: brake.held.is_set() and bool(window.jobs.rows), timeout=PATIENCE)
    first = next(iter(window.jobs.rows.values()))
    qtbot.mouseClick(first.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: first.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    assert first.button.isVisible()  # while its study is open
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    window.actions_["study.embed"].trigger()
    qtbot.waitUntil(lambda: len(window.jobs.rows) == 2 and brake.held.is_set(), timeout=PATIENCE)
    open_study(window, qtbot, other)
    brake.release()
    for row in window.jobs.rows.values():
        assert row.phase is JobPhase.CANCELLED
        assert not row.button.isVisible()


def test_the_demo_can_be_resumed_whichever_study_is_open(
    window: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from canon_core.demo import run

    begun: list[Path] = []

    def run_demo(out: Path, ctx: JobContext) -> object:
        begun.append(out)
        while True:
            ctx.check()
            time.sleep(0.01)

    monkeypatch.setattr(run, "run_demo", run_demo)
    window.preferences.change(demo_folder=str(tmp_path / "demo"))
    window.demo.open()
    qtbot.waitUntil(lambda: bool(begun and window.jobs.rows), timeout=PATIENCE)
    row = next(iter(window.jobs.rows.values()))
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    open_study(window, qtbot, embedded_study)
    window.document.close()
    qtbot.waitUntil(lambda: not window.document.changing, timeout=PATIENCE)
    assert row.button.text() == "Resume"
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)  # it takes no second click of the one that cancelled
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(begun) == 2, timeout=PATIENCE)
    window.demo.study.cancel()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


def test_resume_is_not_lost_where_a_cell_is_chosen_before_the_matrix_is_looked_up(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.matrix as experiment

    run, stored, let_go, runs = experiment.run_matrix, experiment.stored_matrix, threading.Event(), []

    def cancelled_at_first(study: Study, settings: MatrixSettings, ctx: JobContext) -> Matrix:
        runs.append(settings)
        while len(runs) == 1:
            ctx.check()
            time.sleep(0.01)
        return run(study, settings, ctx)

    def slow(study: Study, settings: MatrixSettings) -> Matrix:
        let_go.wait(PATIENCE / 1000)
        return stored(study, settings)

    window.actions_["study.automatic"].setChecked(False)
    open_study(window, qtbot, embedded_study)
    window.document.change("Set seed", seed=5)
    qtbot.waitUntil(lambda: not window.bridge.working, timeout=PATIENCE)
    monkeypatch.setattr(experiment, "run_matrix", cancelled_at_first)
    window.computing.compute_matrix()
    qtbot.waitUntil(lambda: bool(runs and window.jobs.rows), timeout=PATIENCE)
    row = next(iter(window.jobs.rows.values()))
    row.button.click()
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED and not window.bridge.working, timeout=PATIENCE)
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    monkeypatch.setattr(experiment, "stored_matrix", slow)
    row.button.click()
    window.document.change("Choose", cells=(("a", "b"),))
    let_go.set()
    qtbot.waitUntil(lambda: len(runs) == 2, timeout=PATIENCE)
    qtbot.waitUntil(lambda: all(window.computing.matrix.cells.values()), timeout=PATIENCE)
    qtbot.waitUntil(lambda: bool(window.computing.curves) and not window.bridge.working, timeout=PATIENCE)
