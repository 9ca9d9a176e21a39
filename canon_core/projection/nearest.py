"""Which target point is nearest to each source point, by cosine, among those that are no copy of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from canon_core.jobs import JobContext

#: Numbers in one block of products: 32 MB.
_BLOCK = 2**23


def scores_of_others(
    source: NDArray[np.float32], target: NDArray[np.float32], belongs: sparse.csr_array, block: int, ctx: JobContext
) -> Iterator[tuple[slice, NDArray[np.float32], sparse.coo_array]]:
    """Cosines of source points with all target points, some ``block`` numbers at a time.

    Parameters are those of :func:`nearest_others`.

    Yields
    ------
    slice, (rows, n) float32, sparse
        Which source points; their cosines, −inf where both share an image or a medium; where they do.
    """
    count = len(source)
    shared = min(source.shape[1], target.shape[1])
    aims = np.ascontiguousarray(target[:, :shared].T)
    groups = sparse.csr_array(belongs, dtype=np.int32)
    across = sparse.csc_array(groups.T)
    step = max(1, block // max(count, 1))
    for low in range(0, count, step):
        ctx.check()
        part = slice(low, min(low + step, count))
        scores = source[part, :shared] @ aims
        copies = sparse.coo_array(groups[part] @ across)
        scores[copies.row, copies.col] = -np.inf
        yield part, scores, copies


def nearest_others(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    belongs: sparse.csr_array,
    ctx: JobContext | None = None,
) -> NDArray[np.int32]:
    """Row of the nearest target point that shares no image and no medium with each source point.

    Parameters
    ----------
    source : (n, d_source) float32
        Unit rows; where dimensions differ, the narrower space is padded with zeros.
    target : (n, d_target) float32
        Of the same images (or templates) in the same order.
    belongs : (n, g) sparse
        Which images and media each belongs to.
    ctx : JobContext, optional
        Checked at every block.

    Returns
    -------
    (n,) int32
        −1 where every target point shares something with it.

    Raises
    ------
    Cancelled
    """
    nearest = np.full(len(source), -1, np.int32)
    for part, scores, _ in scores_of_others(source, target, belongs, _BLOCK, ctx or JobContext()):
        found = scores.argmax(axis=1)
        there = np.isfinite(scores[np.arange(len(found)), found])
        nearest[part] = np.where(there, found, -1)
    return nearest


def margins(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    subjects: NDArray[np.integer],
    belongs: sparse.csr_array,
    ctx: JobContext | None = None,
) -> NDArray[np.float32]:
    """How much nearer each source point is to its subject than to anybody else: its best genuine score less its best
    impostor score, among the target points that share no image and no medium with it.

    Below zero exactly where :func:`nearest_others` finds another subject.

    Parameters
    ----------
    source, target, belongs, ctx :
        As :func:`nearest_others`.
    subjects : (n,) int
        Code of the subject of each.

    Returns
    -------
    (n,) float32
        Differences of cosines, −2…2; NaN where there is no genuine or no impostor point to compare with.

    Raises
    ------
    Cancelled
    """
    context = ctx or JobContext()
    count = len(source)
    shared = min(source.shape[1], target.shape[1])
    order = np.argsort(subjects, kind="stable")  # a subject's target points lie side by side
    aims = np.ascontiguousarray(target[order, :shared].T)
    groups = sparse.csr_array(belongs, dtype=np.int32)
    across = sparse.csc_array(groups[order].T)
    firsts, lasts = (np.searchsorted(subjects[order], subjects, side=side) for side in ("left", "right"))
    found = np.full(count, np.nan, np.float32)
    step = max(1, _BLOCK // max(count, 1))
    for low in range(0, count, step):
        context.check()
        part = slice(low, min(low + step, count))
        scores = source[part, :shared] @ aims
        copies = sparse.coo_array(groups[part] @ across)
        scores[copies.row, copies.col] = -np.inf
        for row, (own, first, last) in enumerate(zip(scores, firsts[part].tolist(), lasts[part].tolist(), strict=True)):
            genuine = own[first:last].max(initial=-np.inf)
            impostor = max(own[:first].max(initial=-np.inf), own[last:].max(initial=-np.inf))
            if np.isfinite(genuine) and np.isfinite(impostor):
                found[low + row] = genuine - impostor
    return found


def have_partners(subjects: NDArray[np.integer], belongs: sparse.csr_array) -> NDArray[np.bool_]:
    """Which points have another one of their subject that shares no image and no medium with them.

    Parameters
    ----------
    subjects : (n,) int
        Code of the subject of each.
    belongs : (n, g) sparse
        Which images and media each belongs to.
    """
    groups = sparse.csr_array(belongs, dtype=np.int32)
    copies = sparse.coo_array(groups @ groups.T)
    same = subjects[copies.row] == subjects[copies.col]
    sizes = np.bincount(subjects)[subjects]
    partners: NDArray[np.bool_] = sizes > np.bincount(copies.row[same], minlength=len(subjects))
    return partners
