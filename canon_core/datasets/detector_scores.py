"""Detector scores that cannot weigh an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike


def unweighted(scores: ArrayLike, path: Path) -> list[str]:
    """A warning where some scores are 0 or below: such an image counts as one without a score, or its template would
    be of zeros, or turned round (:func:`~canon_core.verification.template_rows.template_rows`).

    Parameters
    ----------
    scores : (n,) array_like of float
        NaN where there is none.
    path : Path
        Where they came from.
    """
    given = np.asarray(scores, np.float64)
    weightless = int(np.count_nonzero(given <= 0))
    if not weightless:
        return []
    return [
        f"{path.name}: {weightless:,} of {given.size:,} detector scores are 0 or below; these images count as if they "
        "had none (weight 1)"
    ]
