"""Receiver operating characteristic: exact points, and what is read off them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.errors import SettingsError

Scores = NDArray[np.float32]
Counts = NDArray[np.int64]
Rates = NDArray[np.float64]


#: What rounding may take from a score that is computed by itself instead of among all others.
_ROUNDING: Final = 5e-7


def accepts(score: float, threshold: float) -> bool:
    """Whether a score that was computed by itself is accepted: score ≥ threshold, but for rounding.

    The threshold was observed among all scores, whose products are summed in another order.
    """
    return score >= threshold - _ROUNDING


class FarRule(StrEnum):
    """How a point of the ROC is chosen for a target FAR (house plan, Words: *threshold*)."""

    NEAREST = "nearest"  #: the point whose FAR is nearest, the larger TAR where tied (the paper's)
    CONSERVATIVE = "conservative"  #: the smallest threshold whose FAR does not exceed the target


@dataclass(frozen=True)
class OperatingPoint:
    """One point of a ROC: pairs are accepted iff score ≥ ``threshold`` (an observed score, or +inf).

    ``target`` is the FAR that was asked for, ``far`` the one achieved. Without impostor pairs no threshold can be
    chosen: it is +inf, and both rates are NaN.
    """

    target: float
    threshold: float
    false_accepts: int
    impostors: int
    true_accepts: int
    genuine: int

    @property
    def far(self) -> float:
        """Achieved false accept rate; NaN without impostor pairs."""
        return self.false_accepts / self.impostors if self.impostors else float("nan")

    @property
    def tar(self) -> float:
        """True accept rate; NaN without genuine pairs, and without impostor pairs to choose the threshold by."""
        return self.true_accepts / self.genuine if self.genuine and self.impostors else float("nan")


@dataclass(frozen=True, eq=False)
class Roc:
    """Exact points of a ROC curve, from the strictest threshold to the loosest.

    A pair is accepted iff its score ≥ the threshold. The convention of scikit-learn's ``roc_curve`` with
    ``drop_intermediate=False``: every threshold is an observed score, but for the first, +inf, that accepts nothing.

    Attributes
    ----------
    thresholds : (k,) float32
        Strictly falling; the first is +inf.
    false_accepts, true_accepts : (k,) int64
        Impostor and genuine pairs accepted at each threshold.
    genuine, impostors : int
        Pairs in all.
    auc : float
        Area under the full curve (a tie counts half), whatever points are stored; NaN where either kind is missing.
    eer : float
        Equal error rate, where FAR = 1 − TAR on the full curve with straight lines between its points; NaN as ``auc``.
    complete : bool
        Whether every distinct score is a point. If not, points that are missing lie between the stored ones.
    """

    thresholds: Scores
    false_accepts: Counts
    true_accepts: Counts
    genuine: int
    impostors: int
    auc: float
    eer: float
    complete: bool

    @cached_property
    def far(self) -> Rates:
        """(k,) false accept rates; NaN without impostor pairs."""
        return _rates(self.false_accepts, self.impostors)

    @cached_property
    def tar(self) -> Rates:
        """(k,) true accept rates; NaN without genuine pairs."""
        return _rates(self.true_accepts, self.genuine)

    def at(self, target: float, rule: FarRule) -> OperatingPoint:
        """The stored point for a target FAR.

        Rates are compared as float64 quotients, as scikit-learn's ``fpr`` are. Where two points are equally near to
        the target with the same TAR, the one of lower FAR is taken.

        On a complete curve this is the answer. On the points kept of a large one it is too for the FARs the curve
        was computed for, and for those that fall among the highest impostor scores it keeps; for others,
        ``conservative`` gives the right TAR as long as every distinct genuine score was kept (no more than 20,000),
        at a threshold that can be the next higher one; beyond that, and for ``nearest``, it is the choice among
        the stored points, each of which is exact.

        Parameters
        ----------
        target : float
            In [0, 1].
        rule : FarRule

        Raises
        ------
        SettingsError
            When the target is not in [0, 1].
        """
        check_target(target)
        if not self.impostors:
            return OperatingPoint(target, float("inf"), 0, 0, 0, self.genuine)
        far = self.far
        # The last point of those with equal FAR has the largest TAR.
        chosen = int(np.searchsorted(far, target, side="right")) - 1
        if rule is FarRule.NEAREST and chosen + 1 < len(far):
            above = int(np.searchsorted(far, far[chosen + 1], side="right")) - 1
            below_by, above_by = target - far[chosen], far[above] - target
            better = self.true_accepts[above] > self.true_accepts[chosen]
            if above_by < below_by or (above_by == below_by and better):
                chosen = above
        return OperatingPoint(
            target=target,
            threshold=float(self.thresholds[chosen]),
            false_accepts=int(self.false_accepts[chosen]),
            impostors=self.impostors,
            true_accepts=int(self.true_accepts[chosen]),
            genuine=self.genuine,
        )


def roc_of_scores(genuine_scores: ArrayLike, impostor_scores: ArrayLike) -> Roc:
    """The whole curve of scores that are all at hand.

    Parameters
    ----------
    genuine_scores : (g,) array_like
    impostor_scores : (n,) array_like
        Taken as float32.

    Raises
    ------
    SettingsError
        When a score is NaN or infinite.
    """
    genuine, impostors = _sorted_scores(genuine_scores), _sorted_scores(impostor_scores)
    observed = distinct(np.sort(np.concatenate([genuine, impostors])))[::-1]
    thresholds = np.concatenate([np.array([np.inf], np.float32), observed])
    values = distinct(genuine)
    at_least = impostors.size - np.searchsorted(impostors, values, side="left")
    above = impostors.size - np.searchsorted(impostors, values, side="right")
    auc, eer = area_and_equal_error(genuine, values, at_least, above, impostors.size)
    return Roc(
        thresholds=thresholds,
        false_accepts=accepted(impostors, thresholds),
        true_accepts=accepted(genuine, thresholds),
        genuine=genuine.size,
        impostors=impostors.size,
        auc=auc,
        eer=eer,
        complete=True,
    )


def accepted(ascending: Scores, thresholds: Scores) -> Counts:
    """How many of the scores (in ascending order) are ≥ each threshold; (k,) int64."""
    return np.asarray(ascending.size - np.searchsorted(ascending, thresholds, side="left"), np.int64)


def distinct(ascending: Scores) -> Scores:
    """Scores in ascending order without repetitions."""
    if not ascending.size:
        return ascending
    return np.asarray(ascending[np.concatenate([[True], ascending[1:] != ascending[:-1]])])


def area_and_equal_error(
    genuine: Scores, values: Scores, at_least: Counts, above: Counts, impostors: int
) -> tuple[float, float]:
    """AUC and EER of the full curve from what is known at genuine scores alone: between two of them only the FAR
    changes, so that the curve is level there.

    Parameters
    ----------
    genuine : (g,) float32, ascending
        All genuine scores.
    values : (m,) float32, ascending
        Distinct genuine scores, the highest and the lowest among them. Where some are left out, a straight line
        takes their place: the AUC is off by at most half of what the largest gap holds of all genuine scores.
    at_least, above : (m,) int64
        Impostor scores ≥ and > each of ``values``.
    impostors : int
        Impostor scores in all.
    """
    if not genuine.size or not impostors:
        return float("nan"), float("nan")
    tar_at_least = accepted(genuine, values) / genuine.size
    tar_above = (genuine.size - np.searchsorted(genuine, values, side="right")) / genuine.size
    # The curve's corners as thresholds fall: just above a genuine score, then at it; at last everything is accepted.
    far = np.append(np.column_stack([above[::-1], at_least[::-1]]).ravel() / impostors, 1.0)
    tar = np.append(np.column_stack([tar_above[::-1], tar_at_least[::-1]]).ravel(), 1.0)
    area = float(np.dot(np.diff(far, prepend=0.0), (tar + np.concatenate([[0.0], tar[:-1]])) / 2))
    excess = far + tar - 1.0
    after = int(np.argmax(excess >= 0))
    if after == 0 or excess[after] == 0:
        return area, float(far[after])
    before = after - 1
    part = -excess[before] / (excess[after] - excess[before])
    return area, float(far[before] + part * (far[after] - far[before]))


def check_target(target: float) -> None:
    """Refuse a target FAR outside [0, 1].

    Raises
    ------
    SettingsError
    """
    if not 0.0 <= target <= 1.0:
        raise SettingsError(f"a FAR target of {target} is not a rate", remedy="give one between 0 and 1")


def _rates(counts: Counts, total: int) -> Rates:
    return counts / total if total else np.full(counts.shape, np.nan)


def _sorted_scores(scores: ArrayLike) -> Scores:
    values = np.sort(np.asarray(scores, np.float32).ravel())
    if not np.isfinite(values).all():
        raise SettingsError("scores hold NaN or infinite numbers")
    return values
