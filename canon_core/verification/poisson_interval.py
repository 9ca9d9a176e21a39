"""Exact intervals of rare counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rates = NDArray[np.float64]


def poisson_interval(count: ArrayLike, level: float = 0.95) -> tuple[Rates, Rates]:
    """Exact interval of a Poisson mean from its observed count (Garwood 1936): lower and upper ends.

    Parameters
    ----------
    count : array_like of int
    level : float
        In (0, 1).
    """
    from scipy import special  # a tenth of the window's start, which needs no interval yet

    observed = np.asarray(count, np.float64)
    tail = (1.0 - level) / 2
    low = np.where(observed > 0, special.gammaincinv(np.maximum(observed, 1), tail), 0.0)
    return low, np.asarray(special.gammaincinv(observed + 1, 1.0 - tail))


def plausible_counts(expected: float, level: float = 0.95) -> tuple[int, int]:
    """Smallest and largest count whose exact interval holds an expected one."""
    counts = np.arange(int(expected + 10 * expected**0.5) + 20)
    low, high = poisson_interval(counts, level)
    holding = np.flatnonzero((low <= expected) & (expected <= high))
    return int(holding[0]), int(holding[-1])
