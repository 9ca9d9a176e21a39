"""One place that shares the processor's cores between ONNX Runtime, BLAS and the decoders."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def usable_cores() -> int:
    """Cores this process may run on (its affinity mask, not the machine's total)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Limit BLAS to ``count`` threads inside the block, so that our own worker threads can each own a core.

    BLAS has one limit for the whole process. While several threads are inside such blocks at once, the least of their
    counts holds; when the last of them leaves, BLAS has as many threads as before the first one entered.
    """
    _BLAS.enter(count)
    try:
        yield
    finally:
        _BLAS.leave(count)


class _BlasLimit:
    """The process's one limit, whoever asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: list[int] = []
        self._before: dict[str, tuple[Any, int]] = {}

    def enter(self, count: int) -> None:
        with self._lock:
            self._counts.append(count)
            self._apply()

    def leave(self, count: int) -> None:
        with self._lock:
            self._counts.remove(count)
            if self._counts:
                self._apply()
                return
            for library, threads in self._before.values():
                _set(library, threads)
            self._before.clear()

    def _apply(self) -> None:
        from threadpoolctl import ThreadpoolController

        for library in ThreadpoolController().select(user_api="blas").lib_controllers:
            if library.filepath not in self._before:  # SciPy brings a BLAS of its own, whenever it is first used
                self._before[library.filepath] = (library, library.num_threads)
            _set(library, min(self._counts))


def _set(library: Any, threads: int) -> None:
    # From version 3.8 on threadpoolctl lets only the first living thread that ever set a limit set another, and does
    # nothing for the others. Here they take turns.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(threads)


_BLAS = _BlasLimit()
