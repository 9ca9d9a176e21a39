"""Jobs of one kind: what is being made, what was superseded, what the user declined."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pytestqt.qtbot import QtBot

from app.engine_bridge import EngineBridge
from app.running_jobs import RunningJobs
from canon_core.jobs import JobContext


def until_cancelled(ctx: JobContext) -> None:
    while True:
        ctx.check()
        threading.Event().wait(0.005)


def test_a_job_counts_until_it_ends(bridge: EngineBridge, qtbot: QtBot) -> None:
    jobs, gate = RunningJobs[str](bridge), threading.Event()
    with qtbot.waitSignal(jobs.changed):
        jobs.begin("work", lambda ctx: gate.wait(10), "picture")
    assert "picture" in jobs
    with qtbot.waitSignal(jobs.ended):
        gate.set()
    assert not jobs
    assert jobs.declined is None


def test_what_the_user_cancelled_or_what_failed_is_declined(bridge: EngineBridge, qtbot: QtBot) -> None:
    jobs, cancelled = RunningJobs[str](bridge), []
    jobs.begin("work", until_cancelled, "picture", on_cancelled=lambda: cancelled.append(True))
    jobs.cancel()
    qtbot.waitUntil(lambda: not jobs)
    assert (jobs.declined, cancelled) == ("picture", [True])
    jobs.begin("work", lambda ctx: 1 / 0, "another", on_failure=lambda error: None)
    qtbot.waitUntil(lambda: not jobs)
    assert jobs.declined == "another"


def test_a_superseded_job_counts_no_more_and_is_not_declined(bridge: EngineBridge, qtbot: QtBot) -> None:
    jobs, cancelled, ended = RunningJobs[str](bridge), [], []
    jobs.ended.connect(lambda: ended.append(True))
    jobs.begin("work", until_cancelled, "picture", on_cancelled=lambda: cancelled.append(True))
    jobs.supersede("picture")
    assert "picture" in jobs  # it is wanted still
    jobs.supersede("another")
    assert not jobs
    jobs.begin("work", lambda ctx: None, "picture")  # wanted again before the first one ended
    qtbot.waitUntil(lambda: not bridge.busy)
    assert (jobs.declined, cancelled, ended) == (None, [], [True])


def test_a_job_has_ended_when_it_is_known_what_it_changed(bridge: EngineBridge, qtbot: QtBot) -> None:
    waiting: list[Callable[[], None]] = []
    jobs = RunningJobs[str](bridge, settle=waiting.append)
    jobs.begin("work", lambda ctx: None, "embeddings")
    qtbot.waitUntil(lambda: bool(waiting))
    assert "embeddings" in jobs
    waiting.pop()()
    assert not jobs


def test_what_is_being_made_is_not_ordered_twice(bridge: EngineBridge, qtbot: QtBot) -> None:
    jobs, gate = RunningJobs[str](bridge), threading.Event()
    for _ in range(2):
        jobs.begin("work", lambda ctx: gate.wait(10), "picture")
    jobs.begin("work", lambda ctx: None, "another")
    assert len(bridge.batch()) == 2
    gate.set()
    qtbot.waitUntil(lambda: not jobs)
    jobs.begin("work", lambda ctx: None, "picture")  # it is not being made any more
    assert "picture" in jobs
    qtbot.waitUntil(lambda: not jobs)
