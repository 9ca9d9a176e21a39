"""How scores are spread: counts of genuine and impostor scores in even bins over [−1, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Counts = NDArray[np.int64]

#: Bins of a histogram of scores over [−1, 1].
HISTOGRAM_BINS: Final = 400


@dataclass(frozen=True, eq=False)
class ScoreHistogram:
    """How scores are spread: ``edges`` (b + 1,) float64 over [−1, 1]; ``genuine`` and ``impostors`` (b,) int64."""

    edges: NDArray[np.float64]
    genuine: NDArray[np.int64]
    impostors: NDArray[np.int64]


def bin_edges() -> NDArray[np.float64]:
    """(b + 1,) edges of all bins."""
    return np.linspace(-1.0, 1.0, HISTOGRAM_BINS + 1)


def inner_edges() -> Scores:
    """(b − 1,) edges between bins, as scores are compared with them. Rounding may carry a score past ±1 by a hair: the
    outer bins take it."""
    return bin_edges()[1:-1].astype(np.float32)


def bin_counts(ascending: Scores) -> Counts:
    """(b,) scores in each bin, of sorted scores."""
    return counts_between(ascending.size - np.searchsorted(ascending, inner_edges()), ascending.size)


def counts_between(at_least: NDArray[np.integer], total: int) -> Counts:
    """(b,) scores in each bin, from the scores that reach each inner edge, and all of them."""
    return np.asarray(-np.diff(np.concatenate([[total], at_least, [0]])), np.int64)
