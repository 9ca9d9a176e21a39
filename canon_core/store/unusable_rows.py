"""Rows of embeddings that are no embedding: not finite, or nothing but zeros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from canon_core.jobs import JobContext
from canon_core.store.embeddings import Array, iterate_embeddings


def unusable(rows: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(k,) bool: which of the (k, d) or (k, 2, d) rows hold a number that is not finite, or (in one of both flips)
    nothing but zeros."""
    each = rows.reshape(-1, rows.shape[-1])  # flips apart
    with np.errstate(all="ignore"):
        energy = np.einsum("ij,ij->i", each, each)
    bad = np.zeros(len(each), dtype=np.bool_)
    # one pass over all numbers; then the few rows whose sum of squares decides nothing: it may overflow, or vanish
    doubtful = np.flatnonzero(~(np.isfinite(energy) & (energy > 0)))
    bad[doubtful] = ~(np.isfinite(each[doubtful]).all(axis=1) & each[doubtful].any(axis=1))
    return np.asarray(bad.reshape(len(rows), -1).any(axis=1)) if rows.ndim == 3 else bad


def bad_rows(path: Path, ctx: JobContext | None = None) -> tuple[int, ...]:
    """Written rows of a file of embeddings that are no embedding: not finite, or nothing but zeros (see
    :func:`unusable`), read block by block.

    Raises
    ------
    StoreError
        For a file that cannot be used.
    Cancelled
        When the job was cancelled.
    """
    found: list[int] = []
    for start, rows in iterate_embeddings(path):
        if ctx is not None:
            ctx.check()
        found += (start + np.flatnonzero(unusable(rows))).tolist()
    return tuple(found)
