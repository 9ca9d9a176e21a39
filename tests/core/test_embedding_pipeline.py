"""Tasks on threads: results in order, bounded, and an end within a second whatever happens."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from canon_core.embedding.pipeline import OrderedTasks, interruptible
from canon_core.errors import Cancelled
from canon_core.jobs import JobContext


def tasks_of(work: Callable[[int], int], count: int = 200, ctx: JobContext | None = None, **more) -> OrderedTasks[int]:
    settings = {"workers": 4, "ahead": 20, "on_stop": lambda: None, **more}
    return OrderedTasks(count, lambda: work, ctx=ctx or JobContext(), **settings)


def collected(tasks: OrderedTasks[int], into: list[int]) -> None:
    for batch in tasks.batches():
        into += batch


@pytest.mark.parametrize(("count", "workers"), [(0, 3), (1, 4), (200, 1), (200, 5)])
def test_results_come_in_order_from_several_threads(count: int, workers: int) -> None:
    threads = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(random.uniform(0, 0.002))
        return number * number

    found: list[int] = []
    collected(tasks_of(work, count, workers=workers, ahead=1000), found)
    assert found == [number * number for number in range(count)]
    assert len(threads) <= workers
    assert (len(threads) > 1) == (workers > 1 and count > 1)


def test_each_thread_has_a_worker_of_its_own() -> None:
    made = []
    everybody = threading.Barrier(3, timeout=10)

    def make_worker() -> Callable[[int], int]:
        made.append(threading.get_ident())
        everybody.wait()
        owner = threading.get_ident()
        return lambda number: number if threading.get_ident() == owner else -1

    found: list[int] = []
    for batch in OrderedTasks(50, make_worker, workers=3, ahead=50, on_stop=lambda: None, ctx=JobContext()).batches():
        found += batch
    assert found == list(range(50))
    assert len(made) == len(set(made)) == 3


def test_no_more_than_so_many_tasks_are_ahead() -> None:
    delivered, furthest = 0, 0

    def work(number: int) -> int:
        nonlocal furthest
        furthest = max(furthest, number - delivered)
        return number

    for batch in tasks_of(work, 60, ahead=15).batches():
        delivered += len(batch)
    assert delivered == 60
    assert furthest < 15 + 15  # a list that is about to be handed over counts as well


def test_a_fault_comes_after_every_result_before_it() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number == 7 else 0.001)
        if number in (8, 9):
            raise ValueError(f"task {number}")
        return number

    found: list[int] = []
    with pytest.raises(ValueError, match="task 8"):
        collected(tasks_of(work), found)
    assert found == list(range(8))


def test_a_worker_that_cannot_start_is_a_fault() -> None:
    def make_worker() -> Callable[[int], int]:
        raise MemoryError("no buffer")

    tasks = OrderedTasks(5, make_worker, workers=2, ahead=5, on_stop=lambda: None, ctx=JobContext())
    with pytest.raises(MemoryError, match="no buffer"):
        list(tasks.batches())


def test_cancelling_stops_at_once_and_keeps_what_is_finished() -> None:
    ctx, stopped = JobContext(), threading.Event()

    def work(number: int) -> int:
        if number == 12:
            assert stopped.wait(10)  # as a network whose run is terminated
            raise Cancelled
        return number

    found: list[int] = []
    timer = threading.Timer(0.3, ctx.cancel)
    timer.start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        collected(tasks_of(work, ctx=ctx, on_stop=stopped.set), found)
    assert 0.3 <= time.monotonic() - start < 0.8
    assert found == list(range(12))
    timer.join()


def test_cancelling_does_not_wait_for_what_cannot_be_interrupted() -> None:
    ctx, release = JobContext(), threading.Event()
    timer = threading.Timer(0.1, ctx.cancel)
    timer.start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        list(tasks_of(lambda number: number if release.wait(30) else -1, ctx=ctx).batches())
    assert time.monotonic() - start < 1
    release.set()
    timer.join()


def test_a_reader_that_gives_up_ends_the_threads() -> None:
    before = threading.enumerate()
    batches = tasks_of(lambda number: number, 10_000, ahead=10).batches()
    next(batches)
    batches.close()
    assert set(threading.enumerate()) <= set(before)


def test_a_long_call_is_left_behind_when_cancelled() -> None:
    ctx, release = JobContext(), threading.Event()
    assert interruptible(lambda: 42, ctx) == 42
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 // 0, ctx)
    timer = threading.Timer(0.1, ctx.cancel)
    timer.start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        interruptible(lambda: release.wait(30), ctx)
    assert time.monotonic() - start < 1
    release.set()
    timer.join()
    with pytest.raises(Cancelled):
        interruptible(lambda: 42, ctx)
