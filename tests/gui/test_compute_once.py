"""While embeddings are made, the window says what waits for them and orders nothing twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.jobs_panel import JobPhase
from app.main_window import MainWindow
from canon_core.datasets.options import DatasetOptions
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Matrix, MatrixSettings
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .gestures import settle

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def half_slow(tmp_path: Path, small_data: Path, slow_network: Path) -> Path:
    """A study of a quick network and a slow one."""
    with Study.create(tmp_path / "half") as study:
        study.add_model(small_data / "a.onnx")
        study.add_model(slow_network)
        study.add_dataset(small_data / "faces", DatasetOptions(), JobContext())
        return study.path


def notice(window: MainWindow) -> str:
    """What stands above the matrix."""
    return window.matrix_view._notice.label.text()


def test_what_waits_for_embeddings_is_said_and_nothing_is_ordered_twice(
    window: MainWindow, half_slow: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, half_slow)
    window.actions_["study.compute_all"].trigger()
    waits = "3 of 4 cells wait for embeddings of 1 model, which are being made."
    qtbot.waitUntil(lambda: waits in notice(window), timeout=PATIENCE)
    assert "1 of 4 cells is not computed yet for these settings." in notice(window)
    assert not window.matrix_view.compute_button.isVisible()
    assert "the cells are computed after that" in window.actions_.refusal("study.compute_all")
    (row,) = window.jobs.rows.values()
    qtbot.waitUntil(lambda: "embedding with slow, network 2 of 2" in row.says.text(), timeout=PATIENCE)
    assert "of 120" in row.says.text()
    assert row.bar.value() >= 500  # one of two networks is done
    window.computing.compute_everything()
    window.computing.embeddings.embed(("slow", "a"), "faces")
    qtbot.wait(100)
    assert list(window.jobs.rows.values()) == [row]
    window.bridge.cancel(row.number)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    qtbot.waitUntil(lambda: "3 of 4 cells wait for embeddings of 1 model." in notice(window), timeout=PATIENCE)


def test_without_automatic_computing_one_click_during_the_work_orders_the_matrix_too(
    window: MainWindow, half_slow: Path, qtbot: QtBot
) -> None:
    window.computing.automatic = False
    open_study(window, qtbot, half_slow)
    window.actions_["study.embed"].trigger()
    qtbot.waitUntil(lambda: "which are being made" in notice(window), timeout=PATIENCE)
    qtbot.waitUntil(window.matrix_view.compute_button.isVisible, timeout=PATIENCE)
    qtbot.mouseClick(window.matrix_view.compute_button, LEFT)
    qtbot.waitUntil(lambda: not window.matrix_view.compute_button.isVisible(), timeout=PATIENCE)
    assert len(window.jobs.rows) == 1
    qtbot.waitUntil(
        lambda: window.computing.matrix is not None and None not in window.computing.matrix.cells.values(),
        timeout=PATIENCE,
    )
    assert [row.title.split()[0] for row in window.jobs.rows.values()] == ["Embed", "Matrix"]


def test_a_read_only_study_offers_nothing_to_compute(window: MainWindow, half_slow: Path, qtbot: QtBot) -> None:
    with Study.open(half_slow) as study:
        from canon_core.embedding.embed import EmbedOptions
        from canon_core.experiments.embedding import embed_study

        embed_study(study, "faces", ("a",), EmbedOptions(provider="cpu"), JobContext())
    window.document.open(half_slow, read_only=True)
    qtbot.waitUntil(lambda: "not computed yet" in notice(window), timeout=PATIENCE)
    assert not window.matrix_view.compute_button.isVisible()


def test_what_follows_embeddings_goes_when_they_are_cancelled(
    window: MainWindow, half_slow: Path, qtbot: QtBot
) -> None:
    window.computing.automatic = False
    open_study(window, qtbot, half_slow)
    window.actions_["study.compute_all"].trigger()
    qtbot.waitUntil(
        lambda: any("network 2" in row.says.text() for row in window.jobs.rows.values()), timeout=PATIENCE
    )
    (row,) = window.jobs.rows.values()
    window.bridge.cancel(row.number)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    settle(window, qtbot)
    assert list(window.jobs.rows.values()) == [row]


def test_a_matrix_that_is_resumed_when_it_is_there_orders_no_other(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.matrix as experiment

    real, go_on = experiment.run_matrix, threading.Event()

    def slow(study: Study, settings: MatrixSettings, ctx: JobContext) -> Matrix:
        while not go_on.wait(0.01):
            ctx.check()
        return real(study, settings, ctx)

    monkeypatch.setattr(experiment, "run_matrix", slow)
    window.computing.automatic = False
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", map=MapKind.ROTATION)
    settle(window, qtbot)
    window.actions_["study.matrix"].trigger()
    qtbot.waitUntil(lambda: bool(window.jobs.rows), timeout=PATIENCE)
    (row,) = window.jobs.rows.values()
    window.bridge.cancel(row.number)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    go_on.set()
    window.actions_["study.matrix"].trigger()
    settle(window, qtbot)
    assert len(window.jobs.rows) == 2
    for other in (MapKind.AFFINE, MapKind.NONE):  # resumed where its settings are shown, and from others
        row.resumeRequested.emit(row._resume)
        settle(window, qtbot)
        assert window.document.state.map is MapKind.ROTATION
        window.document.change("Choose", map=other)
        settle(window, qtbot)
        assert len(window.jobs.rows) == 2
