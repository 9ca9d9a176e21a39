"""The command line: everything the window can do, headless (house plan, The command line)."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType
from typing import Final

from canon_core.projection import WORKER_SWITCH

__all__ = ["CANCELLED", "main"]

#: Exit code of a command that Ctrl-C ended.
CANCELLED: Final = 130


def main() -> None:
    """Entry point: exit code 0 done, 1 input or environment at fault, 2 usage, 130 cancelled.

    Loading the commands takes a good part of a second, so it happens in here, where Ctrl-C is answered already:
    nothing has begun by then, so the process simply ends. A shell that started it with Ctrl-C ignored keeps that.
    """
    if sys.argv[1:] == [WORKER_SWITCH]:  # a frozen program's own executable, started again to compute UMAP
        from canon_core.projection.worker import main as serve

        serve()
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, _leave)
    try:
        from canon_core.cli.application import load_commands, run

        load_commands()
        if interruptible:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    finally:
        if interruptible:  # Python's own leave-taking would fill the terminal with tracebacks
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: an exception raised inside an import may be swallowed or turned into another one."""
    os._exit(CANCELLED)
