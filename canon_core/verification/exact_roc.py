"""The exact ROC of more pairs than can be held: passes over all scores until every operating point is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from canon_core.verification.brackets import Need, Staircases, first_plan
from canon_core.verification.exact_points import ExactCurves, Sizes, WantedPoints
from canon_core.verification.score_histogram import counts_between, inner_edges
from canon_core.verification.staircase import Counts, Stretch, Tally, count_impostors, stretch_of
from canon_core.verification.threads import share_out
from canon_core.verification.tiles import Scores, TiledPool


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
    wanted = WantedPoints(genuine, [pool.impostors for pool in pools], targets, sizes)
    known = Staircases(wanted.impostors)
    search = _Search(pools, known, sizes, threads, done)
    # The edges of a histogram are counted along with the genuine scores.
    values, places = np.unique(np.concatenate([wanted.values, inner_edges()]), return_inverse=True)
    at_least, above = search.run([need for scope in wanted.scopes for need in wanted.needs[scope]], values)
    lowest = {scope: min(known.lowest[pool] for pool in scope) for scope in wanted.scopes}
    own, edges = places[: wanted.values.size], places[wanted.values.size :]
    curves = wanted.curves(search.found, lowest, at_least[own], above[own])
    return replace(curves, impostor_bins=counts_between(at_least[edges], sum(wanted.impostors)))


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
