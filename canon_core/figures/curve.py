"""Curves to draw: a ROC with its name and part, and its points in the coordinates of a plot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from canon_core.verification.roc import Roc

#: Below this many impostor pairs a point of the curve is decided by chance more than by the models.
FEW_IMPOSTORS = 30


class CurveRole(StrEnum):
    """What a curve is to the reader; each has its own line."""

    CELL = "cell"  #: source against target, through the map
    SOURCE = "source"  #: the source model by itself
    TARGET = "target"  #: the target model by itself


@dataclass(frozen=True, eq=False)
class Curve:
    """One ROC to draw. ``colour`` numbers its colour and marker (:func:`~canon_core.figures.palette.series_style`)."""

    label: str
    roc: Roc
    role: CurveRole = CurveRole.CELL
    colour: int = 0


@dataclass(frozen=True, eq=False)
class Trace:
    """A curve in plot coordinates.

    Attributes
    ----------
    x, y : (k,) float64
        ROC: log10 FAR against TAR. DET: log10 FMR (= FAR) against log10 FNMR (= 1 − TAR). ``x`` never falls.
    index : (k,) int64
        Which stored point of the ROC each comes from.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    index: NDArray[np.int64]


def trace(roc: Roc, *, low_far: float, low_fnmr: float | None = None) -> Trace:
    """A ROC as a line over log FAR, or where ``low_fnmr`` is given its DET line.

    FAR 0 has no place on a log axis: the best TAR without a false accept becomes a level line from ``low_far`` to the
    first false accept. Likewise a DET line falls straight to ``low_fnmr`` where nothing is falsely rejected any more.
    """
    if not roc.impostors or not roc.genuine:
        empty = np.empty(0)
        return Trace(empty, empty, np.empty(0, np.int64))
    zeros = int(np.count_nonzero(np.asarray(roc.false_accepts) == 0))
    index = np.arange(max(zeros - 1, 0), len(roc.false_accepts), dtype=np.int64)
    far = np.asarray(roc.false_accepts)[index] / roc.impostors
    tar = np.asarray(roc.true_accepts)[index] / roc.genuine
    if zeros:
        far[0] = low_far
        if len(index) > 1:
            far = np.insert(far, 1, max(far[1], low_far))
            tar = np.insert(tar, 1, tar[0])
            index = np.insert(index, 1, index[0])
    x = np.log10(np.maximum(far, low_far))
    if low_fnmr is None:
        return Trace(x, tar, index)
    perfect = int(np.searchsorted(tar, 1.0))
    stop = min(perfect + 1, len(tar))
    fnmr = np.maximum(1.0 - tar[:stop], low_fnmr)
    x, index = x[:stop], index[:stop]
    return Trace(x, np.log10(fnmr), index)


def low_end(count: int) -> float:
    """The power of ten at or below one pair in ``count``: where a log axis of rates may begin."""
    return float(10.0 ** math.floor(math.log10(1.0 / max(count, 1)) + 1e-9))


def thinned(x: NDArray[np.float64], low: float, high: float, columns: int) -> NDArray[np.int64]:
    """Indices that draw a rising line over ``low``…``high`` as all its points would, at ``columns`` pixel columns.

    Of each column the first and the last point stay; a line whose ``x`` and ``y`` both never fall looks the same.
    """
    if len(x) <= 2 * columns:
        return np.arange(len(x), dtype=np.int64)
    edges = np.searchsorted(x, np.linspace(low, high, columns + 1))
    keep = np.concatenate([edges - 1, edges, [0, len(x) - 1]])
    return np.unique(np.clip(keep, 0, len(x) - 1)).astype(np.int64)
