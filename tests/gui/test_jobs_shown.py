"""Jobs are folded to a line of state until one takes its time; closed, they stay so while those jobs run."""

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
    monkeypatch.setattr(jobs_shown, "_OTHER_WORK_MS", 300)


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


def close(window: MainWindow, number: int) -> None:
    """By the button of a dock."""
    window.docks[number].findChild(QAbstractButton, "qt_dockwidget_closebutton").click()
    for _ in range(3):
        QApplication.processEvents()


@pytest.mark.parametrize("number", [2, 3])
def test_closing_one_closes_the_panel_and_the_arrow_follows(window: MainWindow, qtbot: QtBot, number: int) -> None:
    qtbot.mouseClick(window.jobs_shown.button, Qt.MouseButton.LeftButton)
    window.docks[number].raise_()
    assert window.jobs_shown.button.text() == "No jobs ▾"
    close(window, number)
    assert not window.jobs.isVisible()
    assert not window.log.isVisible()
    assert window.jobs_shown.button.text() == "No jobs ▴"


def test_by_the_menu_each_goes_by_itself(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.jobs_shown.button, Qt.MouseButton.LeftButton)
    window.docks[3].toggleViewAction().trigger()
    assert window.jobs.isVisible()
    window.docks[2].toggleViewAction().trigger()
    qtbot.waitUntil(lambda: window.jobs_shown.button.text() == "No jobs ▴")
    window.docks[3].toggleViewAction().trigger()
    qtbot.waitUntil(lambda: window.jobs_shown.button.text() == "No jobs ▾")
    close(window, 3)  # alone, it hides no other
    assert window.jobs_shown.button.text() == "No jobs ▴"


def test_closed_they_stay_closed_for_the_jobs_that_run_which_the_button_follows(
    window: MainWindow, qtbot: QtBot
) -> None:
    free, further = threading.Event(), threading.Event()

    def work(ctx: JobContext) -> None:
        ctx.report(0, 50, "embedding")
        while not free.wait(0.02):
            ctx.check()
            if further.is_set():
                ctx.report(21, 50, "embedding")

    window.bridge.submit("Embed faces", work)
    qtbot.waitUntil(window.jobs.isVisible, timeout=PATIENCE)
    close(window, 2)
    window.bridge.submit("Matrix", lambda _ctx: None)  # of the same work
    further.set()
    button = window.jobs_shown.button
    qtbot.waitUntil(lambda: button.text() == "2 jobs running · 42 % ▴", timeout=PATIENCE)
    assert "42 %" in button.accessibleName()
    qtbot.wait(400)
    assert not window.jobs.isVisible()
    free.set()
    qtbot.waitUntil(lambda: button.text() == "No jobs ▴", timeout=PATIENCE)
    qtbot.wait(500)
    run_one(window, qtbot)
    assert window.jobs.isVisible()  # other work


def test_where_the_user_opened_them_they_are_open_the_next_time_with_the_right_arrow(
    window: MainWindow, qtbot: QtBot
) -> None:
    qtbot.mouseClick(window.jobs_shown.button, Qt.MouseButton.LeftButton)
    window._save_arrangement()
    qtbot.waitUntil(lambda: user_files.read_window().get("jobs_chosen") is True, timeout=PATIENCE)
    qtbot.mouseClick(window.jobs_shown.button, Qt.MouseButton.LeftButton)
    window.arrangement.restore()
    assert window.jobs.isVisible()
    assert window.jobs_shown.button.text() == "No jobs ▾"
    close(window, 2)
    window._save_arrangement()
    qtbot.waitUntil(lambda: user_files.read_window().get("jobs_chosen") is False, timeout=PATIENCE)
    window.arrangement.restore()
    assert window.jobs_shown.button.text() == "No jobs ▴"
    window.arrangement.as_at_first()
    assert not window.jobs.isVisible()


def test_those_that_a_job_opened_are_folded_the_next_time(window: MainWindow, qtbot: QtBot) -> None:
    run_one(window, qtbot)
    window._save_arrangement()
    qtbot.waitUntil(lambda: "docks" in user_files.read_window(), timeout=PATIENCE)
    window.arrangement.restore()
    QApplication.processEvents()
    assert not window.jobs.isVisible()
