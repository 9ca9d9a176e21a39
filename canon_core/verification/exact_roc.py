"""The exact ROC of more pairs than can be held: operating points, area and equal error rate of the full curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.verification.brackets import Need, Staircases, allowed_false_accepts, first_plan
from canon_core.verification.roc import Roc, accepted, area_and_equal_error, distinct
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
    everything = tuple(range(len(pools)))
    scopes = [everything] if len(pools) == 1 else [everything, *((index,) for index in everything)]
    ascending = {scope: np.sort(np.concatenate([genuine[index] for index in scope])) for scope in scopes}
    known = Staircases([pool.impostors for pool in pools])
    highest = Need(everything, min(sizes.highest, known.total(everything)) - 1, upwards=True)
    needs = {
        scope: [
            Need(scope, allowed)
            for allowed in sorted({allowed_false_accepts(target, known.total(scope)) for target in targets})
            if allowed < known.total(scope)
        ]
        for scope in scopes
    }
    if highest.allowed >= 0:
        needs[everything].append(highest)
    values = _evenly(distinct(ascending[everything]), sizes.counted)
    search = _Search(pools, known, sizes, threads, done)
    at_least, above = search.run([need for scope in scopes for need in needs[scope]], values)
    auc, eer = area_and_equal_error(ascending[everything], values, at_least, above, known.total(everything))
    operating = {
        scope: [_around(search.found[need], need, ascending[scope]) for need in needs[scope] if not need.upwards]
        + [_loosest(ascending[scope], known, scope)]
        for scope in scopes
    }
    kept = _evenly_spread(values.size, sizes.stored)
    stored = [*operating[everything], (values[kept], at_least[kept])]
    if highest.allowed >= 0:
        stretch = search.found[highest]
        first = _step(stretch, highest)
        stored.append((stretch.values[first:], stretch.at_least[first:]))
    curves = {scope: _curve(operating[scope], ascending[scope], known.total(scope), auc, eer) for scope in scopes}
    return ExactCurves(
        roc=_curve(stored, ascending[everything], known.total(everything), auc, eer),
        pooled=curves[everything],
        parts=tuple(curves[scope] for scope in scopes[1:] or scopes),
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


def _loosest(genuine: Scores, known: Staircases, scope: tuple[int, ...]) -> Points:
    """The point that accepts everything: its threshold is the lowest score of all."""
    lowest = min([*(known.lowest[pool] for pool in scope), *genuine[:1].tolist()])
    thresholds = np.array([lowest] if np.isfinite(lowest) else [], np.float32)
    return thresholds, np.full(thresholds.shape, known.total(scope), np.int64)


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
