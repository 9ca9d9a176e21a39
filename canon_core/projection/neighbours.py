"""Nearest neighbours of every point among all, exactly: UMAP's graph then does not depend on a search that guesses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

#: Points up to which every pair is compared: some 15 s on two cores. Beyond it UMAP's own search is quicker.
EXACT_POINTS = 20_000
#: Numbers in one block of products: 64 MB.
_BLOCK = 2**24


def exact_neighbours(rows: Float32, count: int) -> tuple[NDArray[np.int32], Float32]:
    """Every point's nearest points by cosine, itself first, as UMAP wants them.

    Parameters
    ----------
    rows : (n, d) float32
        Of norm 1 (or zero).
    count : int
        At most n; the point itself counts.

    Returns
    -------
    (n, count) int32, (n, count) float32
        Which, the nearest first, and 1 − cosine.
    """
    total = len(rows)
    found = np.empty((total, count), np.int32)
    distance = np.empty((total, count), np.float32)
    columns = np.ascontiguousarray(rows.T)
    step = max(1, _BLOCK // max(total, 1))
    for low in range(0, total, step):
        part = slice(low, min(low + step, total))
        far = 1 - rows[part] @ columns
        own = np.arange(part.stop - part.start)
        far[own, low + own] = -1.0  # first, whatever rounding makes of it and however many copies of it there are
        nearest = np.argpartition(far, count - 1, axis=1)[:, :count]
        nearest.sort(axis=1)  # among equals the first wins
        values = np.take_along_axis(far, nearest, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        found[part] = np.take_along_axis(nearest, order, axis=1)
        distance[part] = np.maximum(np.take_along_axis(values, order, axis=1), 0.0)
    return found, distance
