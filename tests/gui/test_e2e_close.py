"""End to end: the window is closed during a job of each kind; the study is whole when it is opened again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.demo.networks import DATASET
from canon_core.embedding.embed import EmbedOptions
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import matrix_json, run_matrix
from canon_core.jobs import JobContext
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from .conftest import PATIENCE, open_study
from .gestures import JOBS, SMALL_DEMO, Brake, answer, prepare, settle


@pytest.mark.parametrize("kind", JOBS)
def test_closing_during_a_job_asks_gives_up_the_job_and_leaves_a_whole_study(
    window: MainWindow, demo: Path, kind: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tars(demo)
    prepare(kind, demo, monkeypatch)
    open_study(window, qtbot, demo)
    settle(window, qtbot)
    brake = Brake(window, monkeypatch)
    JOBS[kind](window, qtbot)
    qtbot.waitUntil(brake.held.is_set, timeout=PATIENCE)
    window.close()
    begun = time.monotonic()
    answer(window, "Cancel the job and quit", qtbot)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
    assert time.monotonic() - begun < 4
    brake.release()
    assert not [path for path in demo.rglob("*") if path.name.endswith(".tmp")]
    assert tars(demo) == before


def tars(path: Path) -> object:
    """The study's linear matrix: read where it is stored, computed where it is not."""
    with Study.open(path) as study:  # nobody holds it any more
        study.refresh_states()
        assert {entry.name for entry in study.models} == set(SMALL_DEMO.networks)
        embed_study(study, DATASET, SMALL_DEMO.networks, EmbedOptions(), JobContext())
        matrix = run_matrix(study, MatrixSettings(DATASET, SMALL_DEMO.networks), JobContext())
        return matrix_json(matrix, FarRule.CONSERVATIVE)["tar"]
