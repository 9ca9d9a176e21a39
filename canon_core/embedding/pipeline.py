"""Equal tasks on several threads, results in order: what keeps the cores busy while blocks reach the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from canon_core.jobs import JobContext

R = TypeVar("R")

#: Seconds between two looks at what is finished. Waking at every result would make the workers wait for the
#: interpreter's lock thousands of times a second with a small network.
_INTERVAL: Final = 0.2
#: Seconds for workers to end after a cancellation; they are left behind then, in something that cannot be interrupted.
_PATIENCE: Final = 0.5


class OrderedTasks(Generic[R]):
    """Runs ``work(0) … work(count − 1)`` on threads and hands the results over in order.

    Parameters
    ----------
    count : int
        Number of tasks.
    make_worker : callable
        Called once in every thread; returns the function that does one task there.
    workers : int
        Threads.
    ahead : int
        Tasks that may be finished or under way beyond the last result handed over; bounds the memory.
    on_stop : callable
        Called when the tasks must end early, to interrupt what is under way.
    ctx : JobContext
        Whose cancellation ends everything.
    """

    def __init__(
        self,
        count: int,
        make_worker: Callable[[], Callable[[int], R]],
        *,
        workers: int,
        ahead: int,
        on_stop: Callable[[], None],
        ctx: JobContext,
    ) -> None:
        self._count = count
        self._make_worker = make_worker
        self._ahead = max(ahead, workers)
        self._on_stop = on_stop
        self._ctx = ctx
        self._changed = threading.Condition()
        self._results: dict[int, R] = {}
        self._claimed = 0
        self._delivered = 0
        self._stopping = False
        self._running = 0
        self._fault: tuple[int, BaseException] | None = None
        self._threads = [
            threading.Thread(target=self._serve, name=f"canon-embed-{number}", daemon=True)
            for number in range(min(workers, count))
        ]

    def batches(self) -> Iterator[list[R]]:
        """Lists of consecutive results, in order, a few times a second.

        When a task fails, those under way are finished; whatever ends it, the finished results before the first
        missing one are handed over before the error is raised.

        Raises
        ------
        Cancelled
            When the job was cancelled.
        Exception
            What the first task (by number) that failed raised.
        """
        changed = self._changed

        def wake() -> None:  # the context outlives this object and must not hold it
            with changed:
                changed.notify_all()

        self._ctx.on_cancel(wake)
        self._running = len(self._threads)
        for thread in self._threads:
            thread.start()
        try:
            while self._delivered < self._count:
                ready, ended = self._wait()
                if ready:
                    yield ready
                if ended:
                    break
        finally:
            self._stop()
        if self._delivered < self._count:
            self._ctx.check()
            if self._fault is not None:
                raise self._fault[1]

    def _wait(self) -> tuple[list[R], bool]:
        """What has become ready, after a pause unless everything is finished, and whether nothing more will come."""
        with self._changed:
            until = time.monotonic() + _INTERVAL
            while self._running and not self._ctx.cancelled:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            ready = []
            while self._delivered in self._results:
                ready.append(self._results.pop(self._delivered))
                self._delivered += 1
            self._changed.notify_all()  # there is room for further tasks
            return ready, self._ctx.cancelled or not self._running

    def _stop(self) -> None:
        with self._changed:
            early = self._delivered < self._count
            self._stopping = True
            self._changed.notify_all()
        if early:
            self._on_stop()
        until = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _serve(self) -> None:
        number = -1
        try:
            work = self._make_worker()
            while (number := self._claim()) >= 0:
                result = work(number)
                with self._changed:
                    self._results[number] = result
        except BaseException as error:  # noqa: BLE001 (raised again by the job)
            with self._changed:
                if self._fault is None or number < self._fault[0]:
                    self._fault = (number, error)
                self._stopping = True
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _claim(self) -> int:
        """The next task's number, or −1 when there is none left."""
        with self._changed:
            while not self._stopping and self._claimed < self._count:
                if self._claimed < self._delivered + self._ahead:
                    self._claimed += 1
                    return self._claimed - 1
                self._changed.wait()
            return -1


def interruptible(function: Callable[[], R], ctx: JobContext) -> R:
    """Call something that cannot be interrupted, and leave it behind when the job is cancelled meanwhile.

    Raises
    ------
    Cancelled
        Within a moment of the cancellation; the call itself runs on to its end, unobserved.
    """
    done = threading.Event()
    outcome: list[R] = []
    fault: list[BaseException] = []

    def call() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # noqa: BLE001 (raised again by the job)
            fault.append(error)
        done.set()

    ctx.on_cancel(done.set)
    threading.Thread(target=call, name="canon-load", daemon=True).start()
    done.wait()
    ctx.check()
    if fault:
        raise fault[0]
    return outcome[0]
