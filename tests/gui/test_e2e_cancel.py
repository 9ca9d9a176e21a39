"""End to end: every kind of job can be cancelled with its button, and goes on with the same button."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.jobs_panel import JobPhase
from app.main_window import MainWindow

from .conftest import PATIENCE, open_study
from .gestures import JOBS, Brake, click, prepare, settle

#: Seconds until a job has ended: one on a machine that does nothing else, more on one that does.
LONGEST_S = 4.0


@pytest.mark.parametrize("kind", JOBS)
def test_a_job_is_cancelled_at_once_and_goes_on_when_it_is_asked_to(
    window: MainWindow, demo: Path, kind: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(kind, demo, monkeypatch)
    open_study(window, qtbot, demo)
    settle(window, qtbot)
    brake = Brake(window, monkeypatch)
    JOBS[kind](window, qtbot)
    qtbot.waitUntil(brake.held.is_set, timeout=PATIENCE)
    number, *others = window.bridge.batch()  # curves are a job each
    qtbot.waitUntil(lambda: number in window.jobs.rows, timeout=PATIENCE)
    row = window.jobs.rows[number]
    qtbot.waitUntil(lambda: row.phase is JobPhase.RUNNING, timeout=PATIENCE)
    for other in others:
        qtbot.waitUntil(window.jobs.rows[other].button.isVisible, timeout=PATIENCE)
        click(window.jobs.rows[other].button, qtbot)
    qtbot.waitUntil(row.button.isVisible, timeout=PATIENCE)
    begun = time.monotonic()
    click(row.button, qtbot)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    assert time.monotonic() - begun < LONGEST_S
    settle(window, qtbot)
    assert not window.bridge.batch()  # nor does it begin again by itself
    assert not window.messages.text.text().startswith("Problem")
    assert row.button.text() == "Resume"
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    if kind == "overlay":
        return  # UMAP's worker takes long to start; that it goes on is tested where it is stood in for
    brake.release()
    rows = set(window.jobs.rows)
    click(row.button, qtbot)
    qtbot.waitUntil(lambda: set(window.jobs.rows) > rows and not window.bridge.batch(), timeout=2 * PATIENCE)
    settle(window, qtbot)
    assert all(window.jobs.rows[new].phase is JobPhase.DONE for new in set(window.jobs.rows) - rows)
