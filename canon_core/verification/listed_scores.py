"""Every score of a pool of single images, pair by pair: the very numbers that its points and curves were read off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from canon_core.cores import usable_cores
from canon_core.jobs import JobContext
from canon_core.verification.exact_points import Sizes
from canon_core.verification.pair_plan import PairPlan, PlannedPairs
from canon_core.verification.template_scores import ScoredPairs
from canon_core.verification.threads import share_out
from canon_core.verification.tiles import Pool, Scores, TiledPool

#: Pairs gathered at a time.
_GATHERED: Final = 1 << 20


def listed_scores(
    pool: Pool, plan: PairPlan, *, threads: int | None = None, ctx: JobContext | None = None
) -> ScoredPairs:
    """Score pairs of a pool by the tiles that :func:`~canon_core.verification.all_pairs.score_all_pairs` scores.

    A product of other rows and columns rounds otherwise, and a score that decides a threshold would fall on its other
    side. Holds (n, n) float32.

    Parameters
    ----------
    pool : Pool
    plan : PairPlan
        Pairs of the pool's images, by position; of an unordered pool in either order.
    threads : int, optional
        The usable cores unless given. The result does not depend on it.
    ctx : JobContext, optional
        Checked at every tile.

    Raises
    ------
    SettingsError
        When the pool's arrays do not fit each other or are not finite.
    Cancelled
    """
    context = ctx or JobContext()
    tiled = TiledPool(pool, Sizes().side)
    every = np.empty((tiled.images, tiled.images), np.float32)

    def worker() -> Callable[[int], None]:
        buffer = np.empty(tiled.block_size(1), np.float32)

        def score(top: int) -> None:
            for tile in tiled.tiles(top):
                context.check()
                every[tile.top : tile.bottom, tile.left : tile.right] = tiled.scores(tile, buffer)

        return score

    share_out(tiled.row_blocks(), worker, threads or usable_cores())
    place = np.argsort(tiled.order)

    def gathered(pairs: PlannedPairs) -> Scores:
        found = np.empty(pairs.size, np.float32)
        for start in range(0, pairs.size, _GATHERED):
            context.check()
            chosen = np.arange(start, min(start + _GATHERED, pairs.size))
            row, column = plan.rows_and_columns(pairs, chosen)
            one, other = place[plan.first[row]], place[plan.second[column]]
            if not pool.ordered:  # only tiles on and above the diagonal are scored
                one, other = np.minimum(one, other), np.maximum(one, other)
            found[chosen] = every[one, other]
        return found

    return ScoredPairs(plan, gathered(plan.genuine), gathered(plan.impostors))
