"""Embeddings on the unit sphere: what every map is fitted on and every score is computed from (paper §3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.errors import SettingsError

#: Magnitudes up to this and down to its inverse have squares, summed over any embedding's dimensions, that float64
#: holds without overflow or underflow.
_SAFE_MAGNITUDE = 1e100
#: Sums of squares that only such magnitudes have.
_SAFE_SQUARES = (1e-190, 1e190)
#: Rows worked on at a time: few enough for the processor's cache.
_CHUNK = 512


def checked_rows(embeddings: ArrayLike) -> NDArray[np.floating]:
    """Embeddings as a finite float matrix, float64 kept and everything else made float32; not copied if it is one.

    Parameters
    ----------
    embeddings : (n, d) array_like

    Raises
    ------
    SettingsError
        When it is not a matrix, or holds NaN or infinite numbers.
    """
    rows = np.asarray(embeddings)
    if rows.dtype != np.float64:
        rows = rows.astype(np.float32, copy=False)
    if rows.ndim != 2:
        raise SettingsError(f"embeddings must be a matrix (images, dimensions), not an array of shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise SettingsError("embeddings hold NaN or infinite numbers", remedy="leave those images out")
    return rows


def unit_rows(embeddings: ArrayLike) -> NDArray[np.floating]:
    """A copy with rows of Euclidean norm 1; rows of zeros stay zero.

    Parameters
    ----------
    embeddings : (n, d) array_like
        float64 stays float64, everything else becomes float32. Norms are taken in float64 either way.

    Returns
    -------
    (n, d) float32 or float64 ndarray

    Raises
    ------
    SettingsError
        When it is not a matrix, or holds NaN or infinite numbers.
    """
    rows = checked_rows(embeddings)
    unit = np.empty_like(rows)
    for start in range(0, len(rows), _CHUNK):  # the float64 copies stay small
        unit[start : start + _CHUNK] = _unit(rows[start : start + _CHUNK].astype(np.float64, copy=False))
    return unit


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.einsum("ij,ij->i", rows, rows)
    if not ((squares > _SAFE_SQUARES[0]) & (squares < _SAFE_SQUARES[1])).all():
        largest = np.max(np.abs(rows), axis=1, initial=0.0)
        if ((largest > _SAFE_MAGNITUDE) | ((largest > 0) & (largest < 1 / _SAFE_MAGNITUDE))).any():
            rows = rows / np.where(largest > 0, largest, 1.0)[:, None]
            squares = np.einsum("ij,ij->i", rows, rows)
    norms = np.sqrt(squares)[:, None]
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))
