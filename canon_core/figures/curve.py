"""Curves to draw: a ROC with its name and part, and its points in the coordinates of a plot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.study.results import FEW_FALSE_ACCEPTS

if TYPE_CHECKING:
    from canon_core.verification.roc import Roc

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Below this many impostor pairs a point of the curve is decided by chance more than by the models.
FEW_IMPOSTORS = FEW_FALSE_ACCEPTS
#: In words, what a shade over a plot then says.
FEW_DECIDE = f"fewer than {FEW_IMPOSTORS} impostor pairs decide"


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
    """A line through stored points of a ROC, in plot coordinates.

    Attributes
    ----------
    x, y : (k,) float64
        ROC: log10 FAR against TAR. DET: log10 FMR (= FAR) against log10 FNMR (= 1 − TAR). ``x`` never falls.
    index : (k,) int64
        Which stored point of the ROC each comes from.
    """

    x: Floats
    y: Floats
    index: Integers


@dataclass(frozen=True)
class Plane:
    """Lower ends of the log axes, on which no rate is 0. ``fnmr`` None is a ROC, else a DET plot."""

    far: float
    fnmr: float | None = None

    def coordinates(self, roc: Roc, index: Integers) -> tuple[Floats, Floats]:
        """Where stored points of a ROC lie; rates below the axes' ends lie on them."""
        x = np.log10(np.maximum(roc.false_accepts[index] / roc.impostors, self.far))
        tar = roc.true_accepts[index] / roc.genuine
        if self.fnmr is None:
            return x, tar
        return x, np.log10(np.maximum(1.0 - tar, self.fnmr))


def plane_of(curves: Iterable[Curve], *, det: bool = False) -> Plane:
    """Axes that begin at the power of ten at or below one pair of the largest curve."""
    rocs = [curve.roc for curve in curves if curve.roc.impostors and curve.roc.genuine]
    far = low_end(max((roc.impostors for roc in rocs), default=1000))
    return Plane(far, low_end(max((roc.genuine for roc in rocs), default=1000)) if det else None)


def trace(roc: Roc, plane: Plane, *, low: float, high: float, columns: int) -> Trace:
    """The line of a ROC as all its points would draw it on ``columns`` pixels between ``low`` and ``high`` (log10 FAR).

    Of each column the first and the last point stay, found by bisection: the cost does not grow with the curve. The
    best TAR without a false accept, which has no place on a log axis, is a level line from the axis' end to the first
    false accept. A DET line ends where nothing is falsely rejected any more. Empty without genuine or impostor pairs.
    """
    if not roc.impostors or not roc.genuine:
        nothing = np.empty(0)
        return Trace(nothing, nothing, np.empty(0, np.int64))
    first = max(int(np.searchsorted(roc.false_accepts, 0, side="right")) - 1, 0)
    last = len(roc.false_accepts) - 1
    if plane.fnmr is not None:
        last = min(last, int(np.searchsorted(roc.true_accepts, roc.genuine)))
        first = min(first, last)
    if last - first <= 2 * columns:
        index = np.arange(first, last + 1)
    else:
        edges = np.searchsorted(roc.false_accepts, 10.0 ** np.linspace(low, high, columns + 1) * roc.impostors)
        index = np.unique(np.clip(np.concatenate([edges - 1, edges, [first, last]]), first, last))
    x, y = plane.coordinates(roc, index)
    if not roc.false_accepts[first] and len(index) > 1:
        x, y, index = np.insert(x, 1, x[1]), np.insert(y, 1, y[0]), np.insert(index, 1, first)
    return Trace(x, y, index)


def low_end(count: int) -> float:
    """The power of ten at or below one pair in ``count``: where a log axis of rates may begin."""
    return float(10.0 ** math.floor(math.log10(1.0 / max(count, 1)) + 1e-9))
