"""An end to what would hang inside C, where no signal and no timeout of Python's own comes through."""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def watchdog(seconds: float = 60) -> Iterator[None]:
    """End the whole test run when the block takes longer: a hang is a failure. ``pytest -s`` shows where it hung."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
