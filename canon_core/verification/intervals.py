"""Intervals of TARs and of their differences, by what decides them: many impostor scores, or few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.verification.bootstrap import Draws, percentile_interval, resampled_tar_at
from canon_core.verification.poisson_interval import plausible_counts
from canon_core.verification.roc import OperatingPoint
from canon_core.verification.template_scores import ScoredPairs

Rates = NDArray[np.float64]

#: Impostor scores expected above the threshold (target FAR × impostor pairs) below which resampling gives bounds that
#: are far too narrow (measured: Wilson bounds cover 19 % there instead of 95 %) ...
FEW_DECIDE: Final = 100.0
#: ... and below which the number itself is not to be trusted.
UNRESOLVED: Final = 30.0
#: Impostor scores, from the highest down, that can bound a threshold which fewer than :data:`FEW_DECIDE` decide.
_HIGHEST: Final = 256


@dataclass(frozen=True)
class TarInterval:
    """Interval of a TAR at a target FAR.

    Attributes
    ----------
    tar, low, high : float
        As measured, and the interval's ends; NaN where there is nothing to measure.
    deciding : float
        Impostor scores that decide: target FAR × impostor pairs.
    """

    tar: float
    low: float
    high: float
    deciding: float

    @property
    def few_decide(self) -> bool:
        """Whether fewer than 100 impostor scores decide, so that the threshold's share of the interval is the exact
        Poisson one."""
        return self.deciding < FEW_DECIDE

    @property
    def unresolved(self) -> bool:
        """Whether fewer than 30 impostor scores decide."""
        return self.deciding < UNRESOLVED


@dataclass(frozen=True, eq=False)
class ThresholdEvidence:
    """What a cell says of how sure its thresholds are where few impostor scores decide, for intervals of any level.

    Attributes
    ----------
    at_least, above : (k,) float64
        Part of the genuine pairs whose score is ≥, and >, the k-th highest impostor score of all pools.
    impostors : int
        Impostor scores in all.
    fixed : (targets, r) float64
        TARs in every draw at the points' thresholds held fixed; NaN where 100 impostor scores or more decide.
    """

    at_least: Rates
    above: Rates
    impostors: int
    fixed: Rates

    def between(self, fewest: int, most: int) -> tuple[float, float]:
        """TAR at the strictest and at the loosest threshold of those that accept ``fewest`` to ``most`` impostors."""
        strict = float(self.at_least[fewest - 1]) if 0 < fewest <= self.at_least.size else 0.0
        loose = float(self.above[most]) if most < self.impostors else 1.0
        return strict, loose


def threshold_evidence(
    scored: Sequence[ScoredPairs], points: Sequence[OperatingPoint], draws: Draws
) -> ThresholdEvidence:
    """Look at a cell's highest impostor scores.

    Parameters
    ----------
    scored : sequence of ScoredPairs
        The cell's pools.
    points : sequence of OperatingPoint
        Of all pools together, by one rule.
    draws : (r, s) uint8
        Of subjects, for the points that few impostor scores decide.
    """
    genuine = np.sort(np.concatenate([one.genuine for one in scored]))
    highest = _highest([one.impostors for one in scored], _HIGHEST)
    fixed = np.full((len(points), len(draws)), np.nan)
    few = [number for number, point in enumerate(points) if point.target * point.impostors < FEW_DECIDE]
    if few and genuine.size:
        fixed[few] = resampled_tar_at(scored, [points[number].threshold for number in few], draws)
    with np.errstate(invalid="ignore"):
        at_least, above = (
            (genuine.size - np.searchsorted(genuine, highest, side=side)) / np.float64(genuine.size)
            for side in ("left", "right")
        )
    return ThresholdEvidence(at_least, above, sum(one.impostors.size for one in scored), fixed)


def intervals_of(
    points: Sequence[OperatingPoint], resampled: Rates, evidence: ThresholdEvidence, level: float = 0.95
) -> tuple[TarInterval, ...]:
    """Interval of the TAR at each operating point of a cell.

    Where 100 impostor scores or more decide, between percentiles of the resampled TARs. Where fewer do: the counts of
    impostor scores above the true threshold that the exact Poisson interval allows give an interval of thresholds and
    so of TAR; it is joined with the bootstrap of the genuine pairs at the threshold found.

    Parameters
    ----------
    points : sequence of OperatingPoint
        Of all pools together, by one rule.
    resampled : (targets, r) float64
        :func:`~canon_core.verification.bootstrap.resampled_tar` by the same rule, for the points' targets.
    evidence : ThresholdEvidence
        From the same draws.
    level : float
    """
    percentiles = percentile_interval(resampled, level)
    found = []
    for number, point in enumerate(points):
        ends = float(percentiles[number, 0]), float(percentiles[number, 1])
        deciding = point.target * point.impostors
        if deciding < FEW_DECIDE and point.genuine and point.impostors:
            by_threshold = evidence.between(*plausible_counts(deciding, level))
            by_subjects = percentile_interval(evidence.fixed[number], level)
            low, high = joined(point.tar, by_threshold, (float(by_subjects[0]), float(by_subjects[1])))
            ends = max(low, 0.0), min(high, 1.0)
        found.append(TarInterval(point.tar, *ends, deciding))
    return tuple(found)


def difference_interval(
    one: TarInterval, other: TarInterval, resampled: Rates, resampled_other: Rates, level: float = 0.95
) -> tuple[float, float]:
    """Interval of ``one.tar − other.tar``.

    Between percentiles of the differences draw by draw (both resampled with the same draws). Where few impostor
    scores decide either, the two intervals joined as of independent cells: rather too wide than too narrow.

    Parameters
    ----------
    one, other : TarInterval
    resampled, resampled_other : (r,) float64
        Their TARs in the same draws.
    level : float
    """
    if not (one.few_decide or other.few_decide):
        low, high = percentile_interval(resampled - resampled_other, level)
        return float(low), float(high)
    return joined(
        one.tar - other.tar,
        (one.low - other.tar, one.high - other.tar),
        (one.tar - other.high, one.tar - other.low),
    )


def joined(value: float, *intervals: tuple[float, float]) -> tuple[float, float]:
    """Interval of a value from those that independent causes give it: distances to the ends add up as squares
    (MOVER, Zou and Donner 2008)."""
    below = sum(max(value - low, 0.0) ** 2 for low, _ in intervals) ** 0.5
    above = sum(max(high - value, 0.0) ** 2 for _, high in intervals) ** 0.5
    return value - below, value + above


def _highest(pools: Sequence[NDArray[np.float32]], count: int) -> NDArray[np.float32]:
    """The highest scores of all pools together, falling."""
    each = [scores if scores.size <= count else np.partition(scores, scores.size - count)[-count:] for scores in pools]
    return np.asarray(np.sort(np.concatenate(each))[::-1][:count])
