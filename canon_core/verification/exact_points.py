"""What must be known of impostor scores for exact operating points, area and equal error rate, and the curves then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.verification.brackets import Need, allowed_false_accepts
from canon_core.verification.roc import Roc, accepted, area_and_equal_error, distinct, roc_of_scores
from canon_core.verification.staircase import Counts, Stretch
from canon_core.verification.tiles import Scores

Points = tuple[Scores, Counts]  #: thresholds, and the false accepts at each


@dataclass(frozen=True)
class Sizes:
    """What is held and what is kept; tests make them small.

    Attributes
    ----------
    whole : int
        Pairs below which every score is kept.
    side, block : int
        Rows and columns of a tile, and tiles sorted together: 16 MB a thread.
    highest : int
        Impostor scores that the stored curve keeps.
    stored : int
        Distinct genuine scores that it keeps; evenly thinned beyond.
    counted : int
        Distinct genuine scores at which impostors are counted, for area and equal error rate; evenly thinned beyond,
        which changes either by no more than the largest share of genuine scores between two of them (one in a
        million, unless many tie).
    kept : int
        Distinct impostor scores held around one operating point; at least twice ``highest``.
    stride, sampled : int
        A sample takes every ``stride``-th row and column, or fewer: no more than ``sampled`` of each.
    """

    whole: int = 1_000_000
    side: int = 512
    block: int = 16
    highest: int = 100_000
    stored: int = 20_000
    counted: int = 1_000_000
    kept: int = 8_000_000
    stride: int = 4
    sampled: int = 4_096


@dataclass(frozen=True, eq=False)
class ExactCurves:
    """The curve to store, and curves that give the operating points of all pools and of each pool by itself.

    ``impostor_bins`` counts the impostor scores in each bin of a histogram, where they are not at hand any more.
    """

    roc: Roc
    pooled: Roc
    parts: tuple[Roc, ...]
    impostor_bins: Counts | None = None


def curves_of_scores(
    genuine: Sequence[Scores], impostors: Sequence[Scores], targets: Sequence[float], sizes: Sizes
) -> tuple[ExactCurves, Scores]:
    """Curves of scores that are all at hand: whole below ``sizes.whole`` pairs, else with the points that
    :func:`~canon_core.verification.exact_roc.large_curves` would keep.

    Parameters
    ----------
    genuine, impostors : sequences of float32 arrays
        Scores of each pool, in any order.
    targets : sequence of float
    sizes : Sizes

    Returns
    -------
    curves : ExactCurves
    ascending : float32 array
        The impostor scores of all pools together, sorted.

    Raises
    ------
    SettingsError
        When a score is NaN or infinite.
    """
    wanted = WantedPoints(genuine, [len(scores) for scores in impostors], targets, sizes)
    ascending = {scope: _sorted([impostors[index] for index in scope]) for scope in wanted.scopes}
    pooled = ascending[wanted.scopes[0]]
    if sum(map(len, genuine)) + pooled.size < sizes.whole:
        together = roc_of_scores(np.concatenate(genuine), pooled)
        parts = [together] if len(genuine) == 1 else list(map(roc_of_scores, genuine, impostors))
        return ExactCurves(roc=together, pooled=together, parts=tuple(parts)), pooled
    for scores in (pooled, wanted.ascending[wanted.scopes[0]]):
        if not np.isfinite([*scores[:1], *scores[-1:]]).all():  # NaN is sorted last
            raise SettingsError("scores hold NaN or infinite numbers")
    found = {need: _stretch_at(ascending[scope], need) for scope in wanted.scopes for need in wanted.needs[scope]}
    at_least = accepted(pooled, wanted.values)
    above = np.asarray(pooled.size - np.searchsorted(pooled, wanted.values, side="right"), np.int64)
    lowest = {scope: float(scores[0]) if scores.size else float("inf") for scope, scores in ascending.items()}
    return wanted.curves(found, lowest, at_least, above), pooled


class WantedPoints:
    """What must be known of the impostor scores of some pools, together and of each by itself, and the curves that
    follow from it.

    Attributes
    ----------
    impostors : tuple of int
        Impostor scores of each pool.
    scopes : list of tuple of int
        All pools together, then each by itself where there are several.
    ascending : mapping of scope to float32 array
        Genuine scores.
    needs : mapping of scope to list of Need
    values : (m,) float32, ascending and distinct
        Genuine scores of all pools where impostors are counted.
    """

    def __init__(
        self, genuine: Sequence[Scores], impostors: Sequence[int], targets: Sequence[float], sizes: Sizes
    ) -> None:
        self.impostors = tuple(impostors)
        self._sizes = sizes
        self._all = tuple(range(len(genuine)))
        self.scopes = [self._all] if len(genuine) == 1 else [self._all, *((index,) for index in self._all)]
        self.ascending = {scope: _sorted([genuine[index] for index in scope]) for scope in self.scopes}
        self._totals = {scope: sum(self.impostors[index] for index in scope) for scope in self.scopes}
        self._highest = Need(self._all, min(sizes.highest, self._totals[self._all]) - 1, upwards=True)
        self.needs = {
            scope: [
                Need(scope, allowed)
                for allowed in sorted({allowed_false_accepts(target, total) for target in targets})
                if allowed < total
            ]
            for scope, total in self._totals.items()
        }
        if self._highest.allowed >= 0:
            self.needs[self._all].append(self._highest)
        self.values = _evenly(distinct(self.ascending[self._all]), sizes.counted)

    def curves(
        self, found: Mapping[Need, Stretch], lowest: Mapping[tuple[int, ...], float], at_least: Counts, above: Counts
    ) -> ExactCurves:
        """Curves from the stretch around each need, the lowest impostor score of each scope (+inf: none), and the
        impostor scores of all pools ≥ and > each of ``values``."""
        everything = self.ascending[self._all]
        auc, eer = area_and_equal_error(everything, self.values, at_least, above, self._totals[self._all])
        operating = {
            scope: [_around(found[need], need, self.ascending[scope]) for need in self.needs[scope] if not need.upwards]
            + [_loosest(self.ascending[scope], lowest[scope], self._totals[scope])]
            for scope in self.scopes
        }
        kept = _evenly_spread(self.values.size, self._sizes.stored)
        stored = [*operating[self._all], (self.values[kept], at_least[kept])]
        if self._highest.allowed >= 0:
            stretch = found[self._highest]
            first = _step(stretch, self._highest)
            stored.append((stretch.values[first:], stretch.at_least[first:]))
        curves = {
            scope: _curve(operating[scope], self.ascending[scope], self._totals[scope], auc, eer)
            for scope in self.scopes
        }
        return ExactCurves(
            roc=_curve(stored, everything, self._totals[self._all], auc, eer),
            pooled=curves[self._all],
            parts=tuple(curves[scope] for scope in self.scopes[1:] or self.scopes),
        )


def _sorted(scores: Sequence[Scores]) -> Scores:
    """Scores of some pools together, ascending."""
    together = np.concatenate(scores)  # a copy in any case
    together.sort()
    return together


def _step(stretch: Stretch, need: Need) -> int:
    """Position of the highest value with more than the allowed impostor scores at or above it."""
    return int(np.count_nonzero(stretch.at_least > need.allowed)) - 1


def _around(stretch: Stretch, need: Need, genuine: Scores) -> Points:
    """The points of the full curve on both sides of the step that an operating point can be: of the two false accept
    counts there, the smallest threshold, and the impostor scores themselves."""
    step = _step(stretch, need)
    value = stretch.values[step]
    before = stretch.values[step - 1] if step else np.float32(stretch.below)
    after = stretch.values[step + 1] if step + 1 < stretch.values.size else np.float32(stretch.beyond)
    candidates = [value, after]
    for low, high in ((before, value), (value, after)):
        position = int(np.searchsorted(genuine, low, side="right"))
        if position < genuine.size and genuine[position] <= high:
            candidates.append(genuine[position])
    thresholds = np.array([score for score in candidates if np.isfinite(score)], np.float32)
    return thresholds, stretch.false_accepts(thresholds)


def _stretch_at(ascending: Scores, need: Need) -> Stretch:
    """The stretch of sorted impostor scores that holds the step a need names, and all above it where that is needed."""
    step = ascending[ascending.size - 1 - need.allowed]
    first = int(np.searchsorted(ascending, step, side="left"))
    last = ascending.size if need.upwards else int(np.searchsorted(ascending, step, side="right"))
    values = distinct(ascending[first:last])
    return Stretch(
        values=values,
        at_least=accepted(ascending, values),
        below=float(ascending[first - 1]) if first else float("-inf"),
        beyond=float(ascending[last]) if last < ascending.size else float("inf"),
        above=ascending.size - last,
        from_low=ascending.size - first,
    )


def _loosest(genuine: Scores, lowest_impostor: float, impostors: int) -> Points:
    """The point that accepts everything: its threshold is the lowest score of all."""
    lowest = min([lowest_impostor, *genuine[:1].tolist()])
    thresholds = np.array([lowest] if np.isfinite(lowest) else [], np.float32)
    return thresholds, np.full(thresholds.shape, impostors, np.int64)


def _curve(points: Sequence[Points], genuine: Scores, impostors: int, auc: float, eer: float) -> Roc:
    """Points in order, each once, behind the one that accepts nothing."""
    thresholds = np.concatenate([np.array([np.inf], np.float32), *(point[0] for point in points)])
    false_accepts = np.concatenate([np.zeros(1, np.int64), *(point[1] for point in points)])
    ascending, first = np.unique(thresholds, return_index=True)
    falling = ascending[::-1]
    return Roc(
        thresholds=falling,
        false_accepts=false_accepts[first[::-1]],
        true_accepts=accepted(genuine, falling),
        genuine=genuine.size,
        impostors=impostors,
        auc=auc,
        eer=eer,
        complete=False,
    )


def _evenly(values: Scores, most: int) -> Scores:
    """At most ``most`` of some values in even steps, the first and the last among them."""
    return values[_evenly_spread(values.size, most)]


def _evenly_spread(count: int, most: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)
