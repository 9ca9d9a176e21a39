"""Two pictures of the same points laid over each other: turned, mirrored, scaled and moved, nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def aligned(points: NDArray[np.floating], anchors: NDArray[np.floating]) -> tuple[Float64, float]:
    """Bring a layout over another one, by the points that both have (Procrustes; Schönemann 1966).

    Parameters
    ----------
    points : (n, 2)
        The first k of them are also in the other layout.
    anchors : (k, 2)
        Where those lie there.

    Returns
    -------
    (n, 2) float64, float
        All points, and how far the shared ones still are from their anchors: root mean square, in units of the anchors'
        root mean square distance from their centre.
    """
    shared = np.asarray(points[: len(anchors)], np.float64)
    wanted = np.asarray(anchors, np.float64)
    centre, aim = shared.mean(axis=0), wanted.mean(axis=0)
    own, other = shared - centre, wanted - aim
    left, strengths, right = np.linalg.svd(own.T @ other)
    spread, radius = float((own**2).sum()), float((other**2).sum())
    scale = float(strengths.sum()) / spread if spread > 0 else 1.0
    turn = left @ right * scale
    rest = float(((own @ turn - other) ** 2).sum())
    return (np.asarray(points, np.float64) - centre) @ turn + aim, np.sqrt(rest / radius) if radius > 0 else 0.0
