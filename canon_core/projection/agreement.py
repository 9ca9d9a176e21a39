"""The score that goes with an overlay: whose face is nearest, asked in the embedding space and never in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from canon_core.jobs import JobContext
from canon_core.projection.nearest import scores_of_others

Float32 = NDArray[np.float32]

#: Numbers in one block of products: 64 MB.
_BLOCK = 2**24


@dataclass(frozen=True)
class Agreement:
    """How often the nearest target point is of the same subject.

    Attributes
    ----------
    asked : int
        Source points that have a partner: a target point of their subject that shares no image and no medium with them.
    hits : int
        Those whose nearest target point, among all that share no image and no medium with them, is of their subject.
    chance : float
        Share of hits to expect where the nearest is any of them with the same probability; NaN where none is asked.
    """

    asked: int
    hits: int
    chance: float

    @property
    def share(self) -> float:
        """Hits over asked; NaN where none is asked."""
        return self.hits / self.asked if self.asked else math.nan


def subject_agreement(
    source: Float32,
    target: Float32,
    subjects: NDArray[np.integer],
    belongs: sparse.csr_array,
    ctx: JobContext | None = None,
) -> Agreement:
    """Ask every source point for its nearest target point by cosine.

    Parameters
    ----------
    source : (n, d_source) float32
        Unit rows. Where dimensions differ, the narrower space is padded with zeros.
    target : (n, d_target) float32
        Of the same images (or templates) in the same order.
    subjects : (n,) int
        Code of the subject of each.
    belongs : (n, g) sparse
        Which images and media each belongs to. What shares one is not compared.
    ctx : JobContext, optional
        Checked at every block.

    Raises
    ------
    Cancelled
    """
    count = len(source)
    codes = np.asarray(subjects)
    sizes = np.bincount(codes, minlength=int(codes.max()) + 1) if count else np.zeros(0, np.int64)
    asked = hits = 0
    chance = 0.0
    for part, scores, out in scores_of_others(source, target, belongs, _BLOCK, ctx or JobContext()):
        own = codes[part]
        rows = np.arange(part.stop - part.start)
        excluded = np.bincount(out.row, minlength=len(rows))
        same_excluded = np.bincount(out.row[own[out.row] == codes[out.col]], minlength=len(rows))
        partners = sizes[own] - same_excluded
        has = partners > 0
        nearest = scores.argmax(axis=1)
        asked += int(has.sum())
        hits += int((codes[nearest] == own)[has].sum())
        chance += float((partners[has] / (count - excluded[has])).sum())
    return Agreement(asked, hits, chance / asked if asked else math.nan)
