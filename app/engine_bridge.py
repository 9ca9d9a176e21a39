"""The one place where the engine's events enter the GUI thread.

A timer drains the engine's queue, merges what would only be drawn over, drops answers nobody waits for any more, and
emits Qt signals. No other thread ever touches a QObject.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from canon_core.errors import CanonError
from canon_core.jobs import (
    Cancellation,
    Engine,
    Event,
    Failed,
    Finished,
    JobContext,
    Lane,
    Log,
    Partial,
    Progress,
    Queued,
    Started,
)

from .errands import Errands

log = logging.getLogger(__name__)

#: Milliseconds between two drains: shorter is not seen, longer is felt.
DRAIN_INTERVAL_MS = 40
#: Seconds one drain may take before the rest waits for the next tick, so that a flood of events cannot hold the window.
_DRAIN_BUDGET_S = 0.010

Callback = Callable[[Any], None]


@dataclass(frozen=True)
class Job:
    """A job as the window submitted it; enough to run it once more."""

    number: int
    title: str
    function: Callable[[JobContext], Any]
    lane: Lane
    revision: int
    on_result: Callback | None = None
    on_failure: Callback | None = None
    on_cancelled: Callable[[], None] | None = None
    on_partial: Callback | None = None


class EngineBridge(QObject):
    """Submits jobs for the window and tells it what became of them.

    Signals carry the job's number first; ``progress`` carries the newest :class:`canon_core.jobs.Progress` of a job
    only, ``partial`` the list of everything that arrived since the last drain. ``idle`` says that no job and no errand
    is under way any more.
    """

    queued = Signal(int, str)
    started = Signal(int, str)
    progress = Signal(object)
    partial = Signal(int, list)
    finished = Signal(int, object, float)
    failed = Signal(int, object, str)
    cancelled = Signal(int)
    log = Signal(int, int, str)
    idle = Signal()

    def __init__(self, parent: QObject | None = None, engine: Engine | None = None) -> None:
        super().__init__(parent)
        self.engine = engine or Engine()
        self.errands = Errands()
        self.revision = 0
        self._jobs: dict[int, Job] = {}
        self._latest_interactive = 0
        self._errands_out = 0
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_INTERVAL_MS)
        self._timer.timeout.connect(self.drain)

    # -- asking ----------------------------------------------------------------------------------------------------
    def submit(
        self,
        title: str,
        function: Callable[[JobContext], Any],
        *,
        lane: Lane = Lane.BATCH,
        on_result: Callback | None = None,
        on_failure: Callback | None = None,
        on_cancelled: Callable[[], None] | None = None,
        on_partial: Callback | None = None,
    ) -> int:
        """Run ``function(context)`` in a lane; the callbacks are called in the GUI thread, the first three at most
        once and only one of them. On the interactive lane a later request silences the earlier one's result."""
        number = self.engine.submit(title, function, lane=lane, revision=self.revision)
        self._jobs[number] = Job(
            number, title, function, lane, self.revision, on_result, on_failure, on_cancelled, on_partial
        )
        if lane is Lane.INTERACTIVE:
            self._latest_interactive = number
        self._timer.start()
        return number

    def submit_again(self, job: Job) -> int:
        """Run a job that ended once more; what it had finished before it reads from the study."""
        return self.submit(
            job.title,
            job.function,
            lane=job.lane,
            on_result=job.on_result,
            on_failure=job.on_failure,
            on_cancelled=job.on_cancelled,
            on_partial=job.on_partial,
        )

    def run_errand(
        self, function: Callable[[], Any], then: Callback | None = None, failed: Callback | None = None
    ) -> None:
        """Run a small write in the errands' thread; ``then`` or ``failed`` is called in the GUI thread."""
        self.errands.run(function, then, failed)
        self._errands_out += 1
        self._timer.start()

    def job(self, number: int) -> Job | None:
        """A job that has not ended yet."""
        return self._jobs.get(number)

    def cancel(self, number: int) -> bool:
        """Cancel a waiting or running job."""
        return self.engine.cancel(number)

    def cancel_all(self) -> None:
        """Cancel every job."""
        for number in sorted(self._jobs, reverse=True):  # the waiting ones first: none of them starts meanwhile
            self.engine.cancel(number)

    def jobs(self, lane: Lane | None = None) -> list[Job]:
        """Jobs under way, in the order they were submitted."""
        return [job for job in self._jobs.values() if lane is None or job.lane is lane]

    @property
    def busy(self) -> bool:
        """Whether any job or errand is under way."""
        return bool(self._jobs) or self._errands_out > 0

    def close(self, timeout: float = 5.0) -> bool:
        """Cancel what runs, wait, and end the threads; False when one did not end in time (threads are daemons: they
        end with the program)."""
        if self._closed:
            return True
        self._closed = True
        self._timer.stop()
        deadline = time.monotonic() + timeout
        self.engine.close(timeout / 2)
        ended = self.errands.close(max(0.1, deadline - time.monotonic()))
        self._jobs.clear()
        self._errands_out = 0
        return ended

    # -- being told ------------------------------------------------------------------------------------------------
    def drain(self) -> None:
        """Take events off the queues and pass them on; called by the timer."""
        start = time.monotonic()
        progress: dict[int, Progress] = {}
        partial: dict[int, list[object]] = {}

        def flush(number: int) -> None:
            if (event := progress.pop(number, None)) is not None:
                self.progress.emit(event)
            if payloads := partial.pop(number, None):
                job = self._jobs.get(number)
                if job is not None and job.on_partial is not None:
                    job.on_partial(payloads)
                self.partial.emit(number, payloads)

        while time.monotonic() - start < _DRAIN_BUDGET_S:
            try:
                event = self.engine.events.get_nowait()
            except queue.Empty:
                break
            if self._stale(event):
                continue
            if isinstance(event, Progress):
                progress[event.job] = event
            elif isinstance(event, Partial):
                partial.setdefault(event.job, []).append(event.payload)
            else:
                flush(event.job)
                self._pass_on(event)
            if self._closed:  # a slot closed the window
                return
        for number in list(progress | partial):
            flush(number)
        self._drain_errands(start)
        if not self.busy and not self._closed:
            self._timer.stop()
            self.idle.emit()

    def _stale(self, event: Event) -> bool:
        """Whether nobody waits for this any more; then only the job's end is recorded."""
        job = self._jobs.get(event.job)
        if job is None:
            return True  # its end was passed on already
        if job.lane is Lane.BATCH:
            return False
        if event.job == self._latest_interactive and event.revision == self.revision:
            return False
        if isinstance(event, Finished | Failed | Cancellation):
            self._pass_on(Cancellation(event.job, event.revision))
        return True

    def _pass_on(self, event: Event) -> None:
        number = event.job
        match event:
            case Queued(title=title):
                self.queued.emit(number, title)
            case Started(title=title):
                self.started.emit(number, title)
            case Log(level=level, text=text):
                self.log.emit(number, level, text)
            case Finished(result=result, seconds=seconds):
                job = self._jobs.pop(number)
                if job.on_result is not None:
                    job.on_result(result)
                self.finished.emit(number, result, seconds)
            case Failed(error=error, details=details):
                job = self._jobs.pop(number)
                if details:
                    log.error("job %d (%s): %s\n%s", number, job.title, error, details)
                if job.on_failure is not None:
                    job.on_failure(error)
                self.failed.emit(number, error, details)
            case Cancellation():
                job = self._jobs.pop(number)
                if job.on_cancelled is not None:
                    job.on_cancelled()
                self.cancelled.emit(number)

    def _drain_errands(self, start: float) -> None:
        while not self._closed and time.monotonic() - start < 2 * _DRAIN_BUDGET_S:
            try:
                outcome = self.errands.outcomes.get_nowait()
            except queue.Empty:
                return
            self._errands_out -= 1
            if outcome.error is not None:
                if outcome.failed is not None:
                    outcome.failed(outcome.error)
                else:
                    self.failed.emit(0, outcome.error, "")
            elif outcome.then is not None:
                outcome.then(outcome.result)


def internal_error(text: str) -> CanonError:
    """A fault of the program itself, worded for the user."""
    return CanonError(f"an internal error occurred ({text})", remedy="please report it with the log")
