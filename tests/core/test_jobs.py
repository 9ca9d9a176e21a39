"""Jobs: order, cancellation, progress, and what becomes of errors."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Iterator

import pytest

from canon_core.errors import Cancelled, DatasetError
from canon_core.jobs import (
    Cancellation,
    Engine,
    Event,
    Failed,
    Finished,
    JobContext,
    Lane,
    Partial,
    Progress,
    Started,
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def events_until_end(engine: Engine, job: int) -> list[Event]:
    seen: list[Event] = []
    while True:
        event = engine.events.get(timeout=10)
        seen.append(event)
        if event.job == job and isinstance(event, Finished | Failed | Cancellation):
            return seen


def test_a_job_is_started_and_its_result_arrives(engine: Engine) -> None:
    def work(ctx: JobContext) -> int:
        ctx.partial("half")
        return 42

    job = engine.submit("count", work, revision=7)
    mine = [event for event in events_until_end(engine, job) if event.job == job]
    assert [type(event) for event in mine][1:] == [Started, Partial, Finished]
    assert isinstance(mine[-1], Finished)
    assert mine[-1].result == 42
    assert all(event.revision == 7 for event in mine)


def test_batch_jobs_run_one_after_the_other_in_order(engine: Engine) -> None:
    ran: list[int] = []
    running = threading.Semaphore(1)

    def work(number: int) -> None:
        assert running.acquire(blocking=False), "two batch jobs ran at once"
        time.sleep(0.01)
        ran.append(number)
        running.release()

    jobs = [engine.submit(f"{number}", lambda ctx, number=number: work(number)) for number in range(5)]
    last = events_until_end(engine, jobs[-1])
    assert ran == [0, 1, 2, 3, 4]
    assert isinstance(last[-1], Finished)


def test_the_latest_interactive_request_wins(engine: Engine) -> None:
    begun = threading.Event()

    def slow(ctx: JobContext) -> str:
        begun.set()
        while True:
            ctx.check()
            time.sleep(0.005)

    first = engine.submit("first", slow, lane=Lane.INTERACTIVE)
    assert begun.wait(5)
    second = engine.submit("second", slow, lane=Lane.INTERACTIVE)
    third = engine.submit("third", lambda ctx: "answer", lane=Lane.INTERACTIVE)
    ends = {
        event.job: event for event in events_until_end(engine, third) if isinstance(event, Finished | Cancellation)
    }
    assert isinstance(ends[first], Cancellation)
    assert isinstance(ends[second], Cancellation)
    assert isinstance(ends[third], Finished)


def test_a_running_job_is_cancelled_within_a_second(engine: Engine) -> None:
    begun = threading.Event()
    told: list[str] = []

    def work(ctx: JobContext) -> None:
        ctx.on_cancel(lambda: told.append("terminate"))
        begun.set()
        while True:
            ctx.check()
            time.sleep(0.01)

    job = engine.submit("endless", work)
    assert begun.wait(5)
    start = time.monotonic()
    assert engine.cancel(job)
    assert isinstance(events_until_end(engine, job)[-1], Cancellation)
    assert time.monotonic() - start < 1
    assert told == ["terminate"]


def test_a_waiting_job_can_be_cancelled_without_ever_running(engine: Engine) -> None:
    hold = threading.Event()
    first = engine.submit("first", lambda ctx: hold.wait(10))
    ran: list[int] = []
    second = engine.submit("second", lambda ctx: ran.append(1))
    assert engine.cancel(second)
    hold.set()
    events_until_end(engine, first)
    third = engine.submit("third", lambda ctx: None)
    events_until_end(engine, third)
    assert ran == []
    assert not engine.cancel(second)


def test_a_fault_of_the_input_arrives_without_a_traceback(engine: Engine) -> None:
    def work(ctx: JobContext) -> None:
        raise DatasetError("holds no images", path="faces", remedy="choose another folder")

    failed = events_until_end(engine, engine.submit("read", work))[-1]
    assert isinstance(failed, Failed)
    assert failed.error.sentence() == "faces: holds no images; choose another folder."
    assert failed.details == ""


def test_a_full_disk_is_a_sentence_with_a_remedy(engine: Engine) -> None:
    def work(ctx: JobContext) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "study.canon/x.h5")

    failed = events_until_end(engine, engine.submit("write", work))[-1]
    assert isinstance(failed, Failed)
    assert "study.canon/x.h5: no space left on device" in failed.error.sentence()
    assert "free space" in failed.error.sentence()


def test_an_internal_error_keeps_its_traceback_for_the_log_only(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def work(ctx: JobContext) -> None:
        raise ZeroDivisionError("oops")

    failed = events_until_end(engine, engine.submit("divide", work))[-1]
    assert isinstance(failed, Failed)
    assert "Traceback" in failed.details
    assert "Traceback" not in failed.error.sentence()


def test_progress_gives_a_rate_and_the_time_left() -> None:
    seen: list[Progress] = []
    ctx = JobContext(emit=lambda event: seen.append(event) if isinstance(event, Progress) else None)
    for done in range(0, 101, 10):
        ctx.report(done, 100, "counting")
        time.sleep(0.06)
    assert seen[-1].done == 100
    rates = [event.rate for event in seen if event.rate is not None]
    assert rates, "no rate was ever reported"
    assert 40 < rates[-1] < 400  # 10 units every 0.06 s, on a busy machine
    assert seen[-1].eta == 0


def test_reports_are_merged_so_that_a_fast_loop_does_not_flood_the_queue() -> None:
    seen: list[Event] = []
    ctx = JobContext(emit=seen.append)
    for done in range(100_001):
        ctx.report(done, 100_000, "spinning")
    assert len(seen) < 1000
    assert isinstance(seen[-1], Progress)
    assert seen[-1].done == 100_000


def test_a_handler_added_after_the_cancellation_runs_at_once() -> None:
    ctx = JobContext()
    ctx.cancel()
    told: list[int] = []
    ctx.on_cancel(lambda: told.append(1))
    assert told == [1]
    with pytest.raises(Cancelled):
        ctx.check()


def test_closing_the_engine_ends_what_runs() -> None:
    engine = Engine()
    begun = threading.Event()

    def work(ctx: JobContext) -> None:
        begun.set()
        while True:
            ctx.check()
            time.sleep(0.005)

    engine.submit("endless", work)
    assert begun.wait(5)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 2
    with pytest.raises(RuntimeError):
        engine.submit("late", work)
