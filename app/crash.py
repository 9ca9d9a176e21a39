"""Faults of the program itself: written to the log with their traceback, told to the user in one sentence."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType

log = logging.getLogger(__name__)


def watch(tell: Callable[[str], None]) -> Callable[[], None]:
    """Log what nobody handled; ``tell(sentence)`` is called for faults in the GUI thread. Returns what ends this."""
    before, before_threads = sys.excepthook, threading.excepthook

    def fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)
            return
        log.critical("unhandled fault", exc_info=(kind, error, trace))
        tell(
            f"An internal error occurred ({kind.__name__}). Your study is saved; details are in the log, please report"
            " them."
        )

    def fault_in_thread(args: threading.ExceptHookArgs) -> None:
        # No widget may be touched here; the job that failed, if it was one, tells by itself.
        if args.exc_value is not None:
            log.critical("unhandled fault in a thread", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    sys.excepthook = fault
    threading.excepthook = fault_in_thread

    def end() -> None:
        sys.excepthook, threading.excepthook = before, before_threads

    return end
