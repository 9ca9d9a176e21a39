"""Which impostor scores must be kept, so that operating points are exact: brackets around wanted counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from canon_core.verification.roc import distinct
from canon_core.verification.staircase import Counts, Interval, Tally
from canon_core.verification.tiles import Scores

#: Thresholds that split a bracket which holds too many scores to keep them all; two rounds split all of float32.
_SPLIT: Final = 65_536


@dataclass(frozen=True)
class Need:
    """The step of the staircase where more than ``allowed`` impostor scores of some pools are accepted at last: the
    highest score v with more than ``allowed`` scores ≥ v. ``upwards``: every score above v is needed too."""

    pools: tuple[int, ...]
    allowed: int
    upwards: bool = False


@dataclass(frozen=True)
class Plan:
    """What the next pass counts and keeps."""

    thresholds: Scores
    intervals: tuple[Interval, ...]


def allowed_false_accepts(target: float, impostors: int) -> int:
    """The most false accepts whose rate, as a float64 quotient, does not exceed the target FAR."""
    count = min(int(target * impostors), impostors)
    while count < impostors and (count + 1) / impostors <= target:
        count += 1
    while count > 0 and count / impostors > target:
        count -= 1
    return count


class Staircases:
    """What is known of each pool's staircase: its height at thresholds counted so far.

    Parameters
    ----------
    impostors : sequence of int
        Impostor scores of each pool.
    """

    def __init__(self, impostors: Sequence[int]) -> None:
        self.impostors = tuple(impostors)
        self.thresholds: Scores = np.empty(0, np.float32)
        self.at_least: Counts = np.empty((len(impostors), 0), np.int64)
        self.above: Counts = np.empty((len(impostors), 0), np.int64)
        self.lowest = [float("inf")] * len(impostors)
        self.highest = [float("-inf")] * len(impostors)

    def learn(self, thresholds: Scores, tallies: Sequence[Tally]) -> None:
        """Add what a pass counted."""
        self.thresholds, first = np.unique(np.concatenate([self.thresholds, thresholds]), return_index=True)
        for name in ("at_least", "above"):
            counted = np.stack([getattr(tally, name) for tally in tallies])
            setattr(self, name, np.concatenate([getattr(self, name), counted], axis=1)[:, first])
        self.lowest = [tally.lowest for tally in tallies]
        self.highest = [tally.highest for tally in tallies]

    def total(self, pools: tuple[int, ...]) -> int:
        """Impostor scores of some pools together."""
        return sum(self.impostors[pool] for pool in pools)

    def bracket(self, need: Need) -> tuple[float, float, int, int]:
        """The nearest known scores around what is needed, and the impostor scores ≥ the lower and > the higher one."""
        pools = list(need.pools)
        at_least, above = self.at_least[pools].sum(axis=0), self.above[pools].sum(axis=0)
        low, from_low = min(self.lowest[pool] for pool in pools), self.total(need.pools)
        high, over = max(self.highest[pool] for pool in pools), 0
        enough = int(np.count_nonzero(at_least > need.allowed))  # thresholds rise, counts fall
        if enough and self.thresholds[enough - 1] > low:
            low, from_low = float(self.thresholds[enough - 1]), int(at_least[enough - 1])
        strict = int(np.count_nonzero(above > need.allowed))
        if strict < self.thresholds.size and self.thresholds[strict] < high:
            high, over = float(self.thresholds[strict]), int(above[strict])
        return low, high, from_low, over

    def plan(self, needs: Sequence[Need], most: int) -> Plan:
        """What the next pass must count and keep for needs that the last one left open.

        A bracket around no more than ``most`` scores is kept; a fuller one is split by thresholds. Each need has an
        interval of its own here, so that none is ever too full.
        """
        grid: list[Scores] = []
        intervals = set()
        for need in needs:
            low, high, from_low, over = self.bracket(need)
            ends = _ordinal(low), _ordinal(high)
            inside = from_low if need.upwards else from_low - over
            if inside <= most or ends[1] - ends[0] <= most // 4:
                intervals.add(Interval(low, float("inf") if need.upwards else high))
            else:
                grid.append(_at_ordinals(np.linspace(*ends, _SPLIT).astype(np.int64)))
        return _plan(grid, sorted(intervals, key=lambda one: one.low))


def first_plan(
    needs: Sequence[Need], totals: Sequence[int], samples: Sequence[Scores], genuine: Scores, most: int
) -> Plan:
    """What the first pass must count and keep, guessed from a sample of each pool.

    Parameters
    ----------
    needs : sequence of Need
    totals : sequence of int
        Impostor scores of each need's pools together.
    samples : sequence of float32 arrays
        Impostor scores of each need's pools together, ascending: the same part of each pool.
    genuine : (m,) float32, ascending and distinct
        Where everything is counted in any case.
    most : int
        Distinct scores kept of one interval.
    """
    grid: list[Scores] = [genuine]
    intervals = []
    for need, total, sample in zip(needs, totals, samples, strict=True):
        size = sample.size
        rank = need.allowed / total * size
        # The sample's own noise, and as much again as rows that score high or low all along may add.
        margin = 8 * rank**0.5 + 0.1 * rank + 30
        nearest, farthest = int(rank - margin), int(rank + margin) + 1
        high = float("inf") if nearest < 0 or need.upwards else float(sample[size - 1 - nearest])
        low = float("-inf") if farthest >= size else float(sample[size - 1 - farthest])
        expected = total * (min(farthest, size) - (0 if need.upwards else max(nearest, 0))) / max(size, 1)
        if expected <= most or low == high:
            intervals.append(Interval(low, high))
        else:
            window = sample[max(size - 1 - farthest, 0) : size - max(nearest, 0)]
            grid.append(window[:: max(1, window.size // 1024)])
    return _plan(grid, _joined(intervals))


def _joined(intervals: Sequence[Interval]) -> list[Interval]:
    """Overlapping intervals as one."""
    joined: list[Interval] = []
    for interval in sorted(intervals, key=lambda one: one.low):
        if joined and interval.low <= joined[-1].high:
            joined[-1] = Interval(joined[-1].low, max(joined[-1].high, interval.high))
        else:
            joined.append(interval)
    return joined


def _plan(grid: Sequence[Scores], intervals: Sequence[Interval]) -> Plan:
    """The ends of intervals are counted too: if one is too full, the next plan starts from them."""
    ends = np.array([end for one in intervals for end in (one.low, one.high)], np.float32)
    counted = np.sort(np.concatenate([*grid, ends[np.isfinite(ends)]]))
    return Plan(distinct(counted), tuple(intervals))


def _ordinal(score: float) -> int:
    """Position of a float32 among all of them."""
    bits = int(np.float32(score).view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _at_ordinals(ordinals: Counts) -> Scores:
    """The float32 at each position."""
    bits = np.abs(ordinals).astype(np.uint32) | np.where(ordinals < 0, 0x80000000, 0).astype(np.uint32)
    return bits.view(np.float32)
