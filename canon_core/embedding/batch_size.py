"""How many images a network gets at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.embedding.network import Network, OutOfMemory
from canon_core.jobs import JobContext

Float32 = npt.NDArray[np.float32]

#: Images in a CPU run, where each core computes runs of its own. Larger ones leave its cache: of 1 to 64, 2 and 4 were
#: the fastest for networks from 50 to 900 MFLOPs. A constant, because a trial would let noise decide how files look.
CPU_BATCH: Final = 4
#: Sizes tried on a GPU.
_GPU_SIZES: Final = (8, 16, 32, 64, 128, 256)
#: Bytes of one batch's input; every decoding thread holds one.
_MAX_INPUT_BYTES: Final = 64 * 2**20
#: A larger batch must be this much faster to be worth its memory.
_WORTH: Final = 1.05
#: Seconds that one size is timed at least.
_TRIAL_SECONDS: Final = 0.2


def choose_batch(network: Network, ctx: JobContext) -> int:
    """Batch size for a network: constant on the CPU, found by trial on a GPU, or a multiple of what the graph fixes.

    Raises
    ------
    OutOfMemory
        When not even the smallest batch fits.
    Cancelled
        When the job was cancelled.
    """
    if network.provider.name == "cpu":
        return _rounded(CPU_BATCH, network.fixed_batch)

    def rate(size: int) -> float:
        ctx.check()
        tensor = network.buffer(size)
        network.run(tensor)  # the first run of a shape plans it
        start, runs = time.perf_counter(), 0
        while runs < 3 or time.perf_counter() - start < _TRIAL_SECONDS:
            network.run(tensor)
            runs += 1
        return size * runs / (time.perf_counter() - start)

    one = network.buffer(1).nbytes
    sizes = sorted({_rounded(size, network.fixed_batch) for size in _GPU_SIZES if size * one <= _MAX_INPUT_BYTES})
    return fastest(rate, sizes or [_rounded(1, network.fixed_batch)])


def fastest(rate: Callable[[int], float], sizes: list[int]) -> int:
    """The smallest of the rising ``sizes`` that no larger one beats by more than 5 %.

    Larger ones are not tried any more once two in a row bring nothing, or one does not fit into memory.
    """
    best, best_rate, useless = sizes[0], 0.0, 0
    for size in sizes:
        try:
            found = rate(size)
        except OutOfMemory:
            if best_rate == 0.0:
                raise
            break
        if found > best_rate * _WORTH:
            best, best_rate, useless = size, found, 0
        else:
            useless += 1
            if useless == 2:
                break
    return best


class BackOff:
    """Runs batches, in smaller pieces once one does not fit into memory (another program may have taken some).

    Parameters
    ----------
    run : callable
        Embeds a batch; raises :class:`~canon_core.embedding.network.OutOfMemory`.
    fixed_batch : int or None
        Pieces are multiples of it.
    """

    def __init__(self, run: Callable[[Float32], Float32], fixed_batch: int | None = None) -> None:
        self._run = run
        self._fixed = fixed_batch or 1
        self._limit = math.inf
        self._lock = threading.Lock()

    def run(self, tensor: Float32) -> Float32:
        """Embed a batch of any size.

        Raises
        ------
        OutOfMemory
            When not even the smallest piece fits.
        """
        parts: list[Float32] = []
        done = 0
        while done < len(tensor):
            size = int(min(len(tensor) - done, self._limit))
            try:
                parts.append(self._run(tensor[done : done + size]))
            except OutOfMemory:
                if size <= self._fixed:
                    raise
                with self._lock:
                    self._limit = min(self._limit, _rounded(size // 2, self._fixed))
            else:
                done += size
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _rounded(size: int, fixed: int | None) -> int:
    """The multiple of what the graph fixes nearest to ``size`` from below, at least once that."""
    return size if fixed is None else max(1, size // fixed) * fixed
