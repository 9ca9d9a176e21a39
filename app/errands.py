"""Small writes to the study and to the user's own files, in one plain thread, because a disk may stall.

Neither lane of the engine suits them: the batch lane may be embedding for an hour, and on the interactive lane the next
request would cancel them. Results are handed over on a queue that :mod:`.engine_bridge` drains in the GUI thread.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from canon_core.errors import CanonError
from canon_core.jobs import system_error

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of an errand: ``error`` is None where it succeeded."""

    then: Callable[[Any], None] | None
    failed: Callable[[CanonError], None] | None
    result: object
    error: CanonError | None


@dataclass(frozen=True)
class _Errand:
    function: Callable[[], Any]
    then: Callable[[Any], None] | None
    failed: Callable[[CanonError], None] | None


class Errands:
    """Runs functions one after the other in a thread of its own; ``outcomes`` is drained by the GUI thread."""

    def __init__(self) -> None:
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._errands: queue.SimpleQueue[_Errand | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="canon-errands", daemon=True)
        self._thread.start()

    def run(
        self,
        function: Callable[[], Any],
        then: Callable[[Any], None] | None = None,
        failed: Callable[[CanonError], None] | None = None,
    ) -> None:
        """Run ``function`` soon; ``then(result)`` or ``failed(error)`` is called by whoever drains ``outcomes``."""
        if self._closed:
            raise RuntimeError("the errands are closed")
        self._errands.put(_Errand(function, then, failed))

    def close(self, timeout: float = 5.0) -> bool:
        """Finish what was asked for and end the thread; False when it did not end in time (a stalled disk)."""
        if not self._closed:
            self._closed = True
            self._errands.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        while (errand := self._errands.get()) is not None:
            result: object = None
            error: CanonError | None = None
            try:
                result = errand.function()
            except CanonError as fault:
                error = fault
            except OSError as fault:
                error = system_error(fault)
            except Exception as fault:
                log.exception("an errand failed")
                error = CanonError(
                    f"an internal error stopped this step ({type(fault).__name__}: {fault})",
                    remedy="please report it with the log",
                )
            self.outcomes.put(Outcome(errand.then, errand.failed, result, error))
