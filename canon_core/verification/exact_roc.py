"""The exact ROC of more pairs than can be held: operating points, area and equal error rate of the full curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.verification.brackets import Need, Staircases, allowed_false_accepts, first_plan
from canon_core.verification.roc import Roc, accepted, area_and_equal_error, distinct, roc_of_scores
from canon_core.verification.staircase import Counts, Stretch, Tally, count_impostors, stretch_of
from canon_core.verification.threads import share_out
from canon_core.verification.tiles import Scores, TiledPool

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
    """The curve to store, and curves that give the operating points of all pools and of each pool by itself."""

    roc: Roc
    pooled: Roc
    parts: tuple[Roc, ...]


def large_curves(
    pools: Sequence[TiledPool],
    genuine: Sequence[Scores],
    targets: Sequence[float],
    sizes: Sizes,
    threads: int,
    done: Callable[[int], None],
) -> ExactCurves:
    """Exact curves of scores that are never all held.

    One pass over all scores, as a rule: a sample tells beforehand where the operating points will lie, and the pass
    keeps the impostor scores around there. Where the sample misled, what was counted leads a second (at most third)
    pass to the right place.

    Parameters
    ----------
    pools : sequence of TiledPool
    genuine : sequence of (g,) float32
        Genuine scores of each pool.
    targets : sequence of float
    sizes : Sizes
    threads : int
    done : callable
        As in :func:`~canon_core.verification.staircase.count_impostors`.
    """
    wanted = _Wanted(genuine, [pool.impostors for pool in pools], targets, sizes)
    known = Staircases(wanted.impostors)
    search = _Search(pools, known, sizes, threads, done)
    at_least, above = search.run([need for scope in wanted.scopes for need in wanted.needs[scope]], wanted.values)
    lowest = {scope: min(known.lowest[pool] for pool in scope) for scope in wanted.scopes}
    return wanted.curves(search.found, lowest, at_least, above)


def curves_of_scores(
    genuine: Sequence[Scores], impostors: Sequence[Scores], targets: Sequence[float], sizes: Sizes
) -> tuple[ExactCurves, Scores]:
    """Curves of scores that are all at hand: whole below ``sizes.whole`` pairs, else with the points that
    :func:`large_curves` would keep.

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
    wanted = _Wanted(genuine, [len(scores) for scores in impostors], targets, sizes)
    ascending = {scope: np.sort(np.concatenate([impostors[index] for index in scope])) for scope in wanted.scopes}
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


class _Wanted:
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
        self.ascending = {scope: np.sort(np.concatenate([genuine[index] for index in scope])) for scope in self.scopes}
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


class _Search:
    """Passes over all scores until every need is met."""

    def __init__(
        self,
        pools: Sequence[TiledPool],
        known: Staircases,
        sizes: Sizes,
        threads: int,
        done: Callable[[int], None],
    ) -> None:
        self._pools, self._known, self._sizes, self._threads, self._done = pools, known, sizes, threads, done
        self.found: dict[Need, Stretch] = {}
        self.passes = 0

    def run(self, needs: Sequence[Need], genuine: Scores) -> tuple[Counts, Counts]:
        """Fill ``found``; gives the impostor scores of all pools ≥ and > each of some genuine scores."""
        scopes = {need.pools for need in needs}
        sampled = _samples(self._pools, self._sizes, self._threads)
        samples = {scope: np.sort(np.concatenate([sampled[index] for index in scope])) for scope in scopes}
        totals = [self._known.total(need.pools) for need in needs]
        plan = first_plan(needs, totals, [samples[need.pools] for need in needs], genuine, self._sizes.kept)
        del sampled, samples
        while True:
            tallies = count_impostors(
                self._pools,
                plan.thresholds,
                plan.intervals,
                block=self._sizes.block,
                most=2 * self._sizes.kept,
                threads=self._threads,
                done=self._done,
            )
            self.passes += 1
            self._known.learn(plan.thresholds, tallies)
            self._meet(needs, tallies, len(plan.intervals))
            missing = [need for need in needs if need not in self.found]
            if not missing:
                break
            plan = self._known.plan(missing, self._sizes.kept // 4)
        positions = np.searchsorted(self._known.thresholds, genuine)
        return (
            self._known.at_least[:, positions].sum(axis=0, dtype=np.int64),
            self._known.above[:, positions].sum(axis=0, dtype=np.int64),
        )

    def _meet(self, needs: Sequence[Need], tallies: Sequence[Tally], intervals: int) -> None:
        for scope in {need.pools for need in needs}:
            for index in range(intervals):
                kept = [tallies[pool].kept[index] for pool in scope]
                over = sum(one.above for one in kept)
                from_low = over + sum(one.inside for one in kept)
                met = [
                    need
                    for need in needs
                    if need.pools == scope
                    and need not in self.found
                    and over <= (0 if need.upwards else need.allowed)
                    and need.allowed < from_low
                ]
                stretch = stretch_of(kept) if met else None
                if stretch is not None:
                    self.found.update(dict.fromkeys(met, stretch))


def _samples(pools: Sequence[TiledPool], sizes: Sizes, threads: int) -> list[Scores]:
    """Some of each pool's impostor scores, the same part of each pool: rows and columns in even steps."""
    largest = max(pool.images for pool in pools)
    stride = max(sizes.stride, -(-largest // sizes.sampled))
    found: dict[tuple[int, int], Scores] = {}

    def worker() -> Callable[[tuple[int, int]], None]:
        def take(block: tuple[int, int]) -> None:
            found[block] = pools[block[0]].sample(stride, block[1])

        return take

    blocks = [(index, top) for index, pool in enumerate(pools) for top in range(0, pool.images, sizes.side * stride)]
    share_out(blocks, worker, threads)
    empty = np.empty(0, np.float32)
    return [
        np.concatenate([empty, *(found[block] for block in blocks if block[0] == index)]) for index in range(len(pools))
    ]


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
