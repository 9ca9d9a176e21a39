"""Straight looks at a joint cloud of points: instant, and the target stays where it is, before the map and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

#: Singular values whose squares are this near to one another do not single out two directions.
_FLAT = 1e-3


@dataclass(frozen=True, eq=False)
class LinearAxes:
    """Two directions of the target space.

    Attributes
    ----------
    axes : (d_target, 2) float64
        Of norm 1 and at right angles.
    centre : (d_target,) float64
        Falls on the origin.
    """

    axes: Float64
    centre: Float64

    def place(self, rows: Float32) -> Float32:
        """(n, 2) positions of rows of d numbers; what lies beyond the target's dimensions is cut off, what is missing
        is zero, as if both spaces had been padded with zeros to the same width."""
        shared = min(rows.shape[1], len(self.axes))
        placed = rows[:, :shared].astype(np.float64) @ self.axes[:shared] - self.centre @ self.axes
        return placed.astype(np.float32)

    def share(self, rows: Float32) -> float:
        """Part of some rows' variance that the two axes show; NaN where there is none."""
        centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
        total = float((centred**2).sum())
        shared = min(rows.shape[1], len(self.axes))
        return float(((centred[:, :shared] @ self.axes[:shared]) ** 2).sum()) / total if total > 0 else float("nan")


def principal_axes(target: Float32) -> LinearAxes:
    """The two principal axes of the target's points.

    They are fitted on the target alone: fitted on all points they would turn with the map, and the target with them.
    Raw points of an unrelated source shrink to a blob on them, because the target's axes mean nothing to it.

    Parameters
    ----------
    target : (n, d) float32
    """
    centre = target.mean(axis=0, dtype=np.float64)
    centred = target.astype(np.float64) - centre
    return LinearAxes(_leading(centred.T @ centred), centre)


def singular_axes(matrices: Sequence[Float64], mapped: Sequence[Float32]) -> tuple[LinearAxes, bool]:
    """The two directions of the target space that some maps stretch most: their leading right singular vectors.

    Parameters
    ----------
    matrices : sequence of (d_source, d_target) float64
        All maps behind a picture, taken together.
    mapped : sequence of (n, d_target) float32
        What they make of the source points. Where all singular values are alike (a rotation), the directions in which
        these points spread most stand in for the maps' own.

    Returns
    -------
    LinearAxes, bool
        And whether the maps single out directions of their own.
    """
    product: Float64 = np.sum([matrix.T @ matrix for matrix in matrices], axis=0)
    values = np.linalg.eigvalsh(product)[::-1]
    third = values[2] if len(values) > 2 else 0.0
    own = bool(values[0] - third > _FLAT * values[0])
    if not own:
        product = np.sum([rows.astype(np.float64).T @ rows.astype(np.float64) for rows in mapped], axis=0)
    return LinearAxes(_leading(product), np.zeros(len(product))), own


def _leading(product: Float64) -> Float64:
    """(d, 2) eigenvectors of the two largest eigenvalues, each with its largest entry positive: one picture, not any of
    four mirror images. A space of one dimension has a second axis of zeros."""
    _, vectors = np.linalg.eigh(product)
    axes = np.zeros((len(product), 2))
    found = vectors[:, ::-1][:, :2]
    signs = np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])
    axes[:, : found.shape[1]] = found * np.where(signs == 0, 1.0, signs)
    return axes
