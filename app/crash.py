"""Faults of the program itself: written to the log with their traceback, told to the user in one sentence."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .user_files import state_folder

log = logging.getLogger(__name__)

_LOG, _LAST = "crash.log", "crash-last.log"
#: Characters of a crash log that are shown: the stacks of all threads are far shorter.
_MOST_CHARACTERS = 200_000


def take_crash_log() -> str:
    """What an earlier run wrote when it crashed; empty when it did not. It is found only once, and kept beside."""
    folder = state_folder()
    try:
        text = (folder / _LOG).read_text("utf-8", "replace")[-_MOST_CHARACTERS:]
        if text.strip():
            (folder / _LOG).replace(folder / _LAST)
    except OSError:
        return ""
    return text.strip()


def crash_log_file() -> Path:
    """Where a crash log lies after it was taken."""
    return state_folder() / _LAST


def log_crashes() -> Callable[[], None]:
    """Have crashes of native libraries write the stacks of all threads into a file, where one can be written; returns
    what ends this."""
    try:
        state_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        stream: TextIO = (state_folder() / _LOG).open("a", encoding="utf-8")
    except OSError:
        return lambda: None
    faulthandler.enable(stream)

    def end() -> None:
        faulthandler.disable()
        with contextlib.suppress(OSError):
            stream.close()

    return end


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
