"""Jobs are folded to a line of state until one takes its time; what the user chose holds, the next time too."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from app import jobs_shown, user_files
from app.main_window import MainWindow
from canon_core.errors import CanonError
from canon_core.jobs import JobContext

from .conftest import PATIENCE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_shown, "_WORTH_MS", 150)


def wait_for(free: threading.Event) -> object:
    """A job that runs until it is let go."""

    def work(ctx: JobContext) -> None:
        while not free.wait(0.02):
            ctx.check()

    return work


def run_one(window: MainWindow, qtbot: QtBot) -> None:
    """A job that takes longer than is worth the room."""
    free = threading.Event()
    window.bridge.submit("Embed faces", wait_for(free))
    qtbot.waitUntil(lambda: window.jobs_shown.button.text().startswith("1 job running"), timeout=PATIENCE)
    qtbot.wait(400)
    free.set()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)


def test_they_are_folded_at_first_and_a_job_that_takes_its_time_opens_them_once(
    window: MainWindow, qtbot: QtBot
) -> None:
    assert not window.jobs.isVisible()
    assert window.jobs_shown.button.text() == "No jobs ▴"
    run_one(window, qtbot)
    assert window.jobs.isVisible()
    assert window.jobs_shown.button.text() == "No jobs ▾"  # nothing moves once more when it ends
    assert not window.jobs_shown.chosen


def test_a_job_that_is_over_at_once_moves_nothing(window: MainWindow, qtbot: QtBot) -> None:
    window.bridge.submit("Read faces", lambda _ctx: None)
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    qtbot.wait(400)
    assert not window.jobs.isVisible()


def test_a_job_that_fails_is_seen(window: MainWindow, qtbot: QtBot) -> None:
    def fail(_ctx: JobContext) -> None:
        raise CanonError("the disk is full")

    window.bridge.submit("Read faces", fail, on_failure=lambda _error: None)
    qtbot.waitUntil(window.jobs.isVisible, timeout=PATIENCE)


def test_where_the_user_closed_them_they_stay_closed_the_next_time_too(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.jobs_shown.button, Qt.MouseButton.LeftButton)
    assert window.jobs.isVisible()
    dock = window.docks[2]
    dock.findChild(QAbstractButton, "qt_dockwidget_closebutton").click()
    window.docks[3].close()
    run_one(window, qtbot)
    assert not window.jobs.isVisible()
    window._save_arrangement()
    qtbot.waitUntil(lambda: user_files.read_window().get("jobs_chosen") is True, timeout=PATIENCE)
    window.jobs_shown.restore(chosen=False)
    window.arrangement.restore()
    run_one(window, qtbot)
    assert not window.jobs.isVisible()
    window.arrangement.as_at_first()
    run_one(window, qtbot)
    assert window.jobs.isVisible()


def test_those_that_a_job_opened_are_folded_the_next_time(window: MainWindow, qtbot: QtBot) -> None:
    run_one(window, qtbot)
    window._save_arrangement()
    qtbot.waitUntil(lambda: "docks" in user_files.read_window(), timeout=PATIENCE)
    window.arrangement.restore()
    QApplication.processEvents()
    assert not window.jobs.isVisible()
