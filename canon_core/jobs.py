"""Long work off the calling thread: three lanes, cancellable jobs, one queue of frozen events.

The engine knows neither Qt nor the terminal. Whoever shows progress drains ``Engine.events``: the command line with
rich, the window with one timer.
"""

from __future__ import annotations

import itertools
import logging
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from canon_core.errors import Cancelled, CanonError

log = logging.getLogger(__name__)

#: Seconds between two progress events of one job; more would only be merged again by the reader.
_PROGRESS_INTERVAL = 0.05
#: Seconds over which the rate is averaged (exponentially), so that a stall shows soon and noise does not.
_RATE_WINDOW = 5.0


class Lane(Enum):
    """Where a job runs."""

    BATCH = "batch"  #: first come, first served: embed, fit, matrix
    INTERACTIVE = "interactive"  #: the latest request wins: reading a cell, thumbnails
    #: The latest request wins: previews of figures, and figures written. Matplotlib draws for a second or two and
    #: cannot be interrupted, so that whoever hovers meanwhile must be answered elsewhere.
    DRAWING = "drawing"


@dataclass(frozen=True)
class Event:
    """Something a job says. ``revision`` is the study revision the job was submitted for."""

    job: int
    revision: int


@dataclass(frozen=True)
class Queued(Event):
    """The job waits behind others in its lane."""

    title: str


@dataclass(frozen=True)
class Started(Event):
    """The job's function is running."""

    title: str


@dataclass(frozen=True)
class Progress(Event):
    """``done`` of ``total`` units; ``rate`` in units per second and ``eta`` in seconds, where known."""

    done: int
    total: int
    what: str
    rate: float | None
    eta: float | None


@dataclass(frozen=True)
class Partial(Event):
    """A result that can be shown before the job ends."""

    payload: object


@dataclass(frozen=True)
class Log(Event):
    """One line for the user; ``level`` as in :mod:`logging`."""

    level: int
    text: str


@dataclass(frozen=True)
class Finished(Event):
    """The job's function returned ``result`` after ``seconds``."""

    result: object
    seconds: float


@dataclass(frozen=True)
class Failed(Event):
    """The job raised. ``error`` is shown; ``details`` (a traceback) only goes into the log, and is empty for faults
    of the input."""

    error: CanonError
    details: str


@dataclass(frozen=True)
class Cancellation(Event):
    """The job stopped because it was told to, or because a later request replaced it."""


class JobContext:
    """What a running job sees of the outside: it reports, and it learns that it was cancelled.

    One context belongs to one job; its methods may be called from the job's own worker threads.
    """

    def __init__(self, job: int = 0, revision: int = 0, emit: Callable[[Event], None] | None = None) -> None:
        self.job = job
        self.revision = revision
        self._emit = emit or (lambda event: None)
        self._cancelled = threading.Event()
        self._on_cancel: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._stage = ""
        self._last_report = 0.0
        self._rate: float | None = None
        self._mark: tuple[float, int] = (0.0, 0)

    # -- told from outside ---------------------------------------------------------------------------------------
    def cancel(self) -> None:
        """Ask the job to stop; returns at once. Handlers added with :meth:`on_cancel` run in the caller's thread."""
        with self._lock:
            if self._cancelled.is_set():
                return
            self._cancelled.set()
            handlers = list(self._on_cancel)
        for handler in handlers:
            handler()

    @property
    def cancelled(self) -> bool:
        """Whether the job was told to stop."""
        return self._cancelled.is_set()

    # -- used by the job -----------------------------------------------------------------------------------------
    def quiet(self) -> JobContext:
        """A context for a step of this job: cancelled with it, but its progress and log are not passed on."""
        step = JobContext(self.job, self.revision)
        self.on_cancel(step.cancel)
        return step

    def check(self) -> None:
        """Raise :class:`~canon_core.errors.Cancelled` when the job was told to stop."""
        if self._cancelled.is_set():
            raise Cancelled

    def on_cancel(self, handler: Callable[[], None]) -> None:
        """Run ``handler`` when the job is cancelled (now, if it already was); e.g. to terminate a network's run."""
        with self._lock:
            if not self._cancelled.is_set():
                self._on_cancel.append(handler)
                return
        handler()

    def report(self, done: int, total: int, what: str) -> None:
        """Say how far ``what`` is; rate and remaining time are worked out here. Cheap enough for every block."""
        now = time.monotonic()
        with self._lock:
            if what != self._stage:
                self._stage, self._rate, self._mark, self._last_report = what, None, (now, done), 0.0
            since, before = self._mark
            if now - since >= 0.2 and done > before:
                rate = (done - before) / (now - since)
                weight = min(1.0, (now - since) / _RATE_WINDOW) if self._rate is not None else 1.0
                self._rate = rate if self._rate is None else self._rate + weight * (rate - self._rate)
                self._mark = (now, done)
            if now - self._last_report < _PROGRESS_INTERVAL and done < total:
                return
            self._last_report = now
            rate_now = self._rate
        eta = (total - done) / rate_now if rate_now else None
        self._emit(Progress(self.job, self.revision, done, total, what, rate_now, eta))

    def partial(self, payload: object) -> None:
        """Hand over a result that can be shown already."""
        self._emit(Partial(self.job, self.revision, payload))

    def log(self, text: str, level: int = logging.INFO) -> None:
        """Say one line to the user."""
        self._emit(Log(self.job, self.revision, level, text))


@dataclass(frozen=True)
class _Work:
    context: JobContext
    title: str
    function: Callable[[JobContext], object]


class Engine:
    """Runs jobs on three lanes and puts their events on one queue.

    Attributes
    ----------
    events : queue.SimpleQueue[Event]
        Every event of every job, in order; drain it from one thread.
    """

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._ready = threading.Condition()
        self._waiting: dict[Lane, list[_Work]] = {lane: [] for lane in Lane}
        self._running: dict[Lane, _Work | None] = dict.fromkeys(Lane)
        self._closing = False
        self._threads = [
            threading.Thread(target=self._serve, args=(lane,), name=f"canon-{lane.value}", daemon=True)
            for lane in Lane
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, title: str, function: Callable[[JobContext], Any], *, lane: Lane = Lane.BATCH, revision: int = 0
    ) -> int:
        """Run ``function(context)`` on a lane; returns the job's number. On all but the batch lane what waits or runs
        is cancelled first."""
        with self._ready:
            if self._closing:
                raise RuntimeError("the engine is closed")
            number = next(self._numbers)
            context = JobContext(number, revision, self.events.put)
            superseded: list[_Work] = []
            if lane is not Lane.BATCH:
                superseded = self._waiting[lane]
                self._waiting[lane] = []
                running = self._running[lane]
                if running is not None:
                    running.context.cancel()
            for work in superseded:
                self.events.put(Cancellation(work.context.job, work.context.revision))
            self._waiting[lane].append(_Work(context, title, function))
            self.events.put(Queued(number, revision, title))
            self._ready.notify_all()
        return number

    def cancel(self, job: int) -> bool:
        """Cancel a waiting or running job; False when it is neither."""
        with self._ready:
            for lane in Lane:
                running = self._running[lane]
                if running is not None and running.context.job == job:
                    running.context.cancel()
                    return True
                for work in self._waiting[lane]:
                    if work.context.job == job:
                        self._waiting[lane].remove(work)
                        self.events.put(Cancellation(job, work.context.revision))
                        return True
        return False

    def busy(self, lane: Lane = Lane.BATCH) -> bool:
        """Whether a lane has anything waiting or running."""
        with self._ready:
            return bool(self._waiting[lane]) or self._running[lane] is not None

    def close(self, timeout: float = 5.0) -> None:
        """Cancel everything and wait for the lanes to end."""
        with self._ready:
            self._closing = True
            for lane in Lane:
                for work in self._waiting[lane]:
                    self.events.put(Cancellation(work.context.job, work.context.revision))
                self._waiting[lane] = []
                running = self._running[lane]
                if running is not None:
                    running.context.cancel()
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _serve(self, lane: Lane) -> None:
        while True:
            with self._ready:
                while not self._waiting[lane] and not self._closing:
                    self._ready.wait()
                if self._closing:
                    return
                work = self._waiting[lane].pop(0)
                self._running[lane] = work
            self._run(work)
            with self._ready:
                self._running[lane] = None

    def _run(self, work: _Work) -> None:
        context = work.context
        job, revision = context.job, context.revision
        self.events.put(Started(job, revision, work.title))
        start = time.monotonic()
        try:
            context.check()
            result = work.function(context)
        except Cancelled:
            self.events.put(Cancellation(job, revision))
        except CanonError as error:
            self.events.put(Failed(job, revision, error, ""))
        except OSError as error:
            self.events.put(Failed(job, revision, system_error(error), traceback.format_exc()))
        except MemoryError:
            fault = CanonError("not enough memory for this step", remedy="close other programs or use fewer images")
            self.events.put(Failed(job, revision, fault, traceback.format_exc()))
        except Exception as error:
            log.exception("job %d (%s) failed", job, work.title)
            fault = CanonError(
                f"an internal error stopped '{work.title}' ({type(error).__name__}: {error})",
                remedy="what was finished before is kept; please report it with the log",
            )
            self.events.put(Failed(job, revision, fault, traceback.format_exc()))
        else:
            self.events.put(Finished(job, revision, result, time.monotonic() - start))


def apart_from_terminal() -> dict[str, Any]:
    """What ``subprocess.Popen`` is given so that Ctrl-C reaches this program alone.

    A terminal interrupts every process of its group; a worker that ends by itself then looks like a failure before this
    program has cancelled the job that the worker serves.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def system_error(error: OSError) -> CanonError:
    """An operating system's refusal as one sentence with a remedy (full disk, no permission, …)."""
    import errno

    remedies = {
        errno.ENOSPC: "free space on that disk and run it again: what was done is kept",
        errno.EDQUOT: "free space in your quota and run it again: what was done is kept",
        errno.EACCES: "change its permissions or choose another folder",
        errno.EPERM: "change its permissions or choose another folder",
        errno.EROFS: "the disk is read-only: choose another folder",
        errno.ENOENT: "check the path",
        errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose a disk that holds larger ones",
        errno.EMFILE: "close other programs: too many files are open",
    }
    what = error.strerror or str(error) or type(error).__name__
    return CanonError(what[:1].lower() + what[1:], path=error.filename, remedy=remedies.get(error.errno or 0, ""))
