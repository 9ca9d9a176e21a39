"""Processes that end with the one that started them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType


class Children:
    """Runs Python programs, from several threads; leaving the block ends those that still run.

    Attributes
    ----------
    over : bool
        Whether the block was left; nothing runs any more then.
    """

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._turn = threading.Lock()
        self.over = False

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._turn:
            self.over = True
            running = list(self._running)
        for process in running:
            process.terminate()

    def run(self, arguments: Sequence[str], heard: Callable[[str], None]) -> int:
        """Run ``python arguments`` and hand over each line it prints; its exit code."""
        with self._turn:
            if self.over:
                return 1
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._running.add(process)
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                heard(line.rstrip())
        with self._turn:
            self._running.discard(process)
        return process.returncode
