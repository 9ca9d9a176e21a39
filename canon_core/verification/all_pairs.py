"""TAR@FAR over every pair of images of a dataset, exactly, without holding all scores (house plan, Protocols)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import blas_threads, usable_cores
from canon_core.errors import SettingsError
from canon_core.jobs import JobContext
from canon_core.limits import MAX_GENUINE_PAIRS
from canon_core.verification.exact_points import ExactCurves, Sizes
from canon_core.verification.exact_roc import large_curves
from canon_core.verification.roc import FarRule, OperatingPoint, Roc, check_target, roc_of_scores
from canon_core.verification.score_histogram import ScoreHistogram, bin_counts, bin_edges
from canon_core.verification.threads import share_out
from canon_core.verification.tiles import Codes, Pool, Scores, TiledPool

__all__ = ["PairScores", "Pool", "score_all_pairs"]

#: Threads beyond this would only add buffers: the tiles then wait for memory.
_MOST_THREADS = 16
#: Seconds of scoring before progress is reported: most cells are done by then.
_QUIET = 1.0


@dataclass(frozen=True, eq=False)
class PairScores:
    """What all pairs of some pools together give.

    Attributes
    ----------
    roc : Roc
        Of all pools' scores together: complete below a million pairs, else exact points of the full curve.
    points : mapping of FarRule to tuple of OperatingPoint
        Aligned with the FAR targets asked for; exact.
    subject_tar : mapping of FarRule to tuple of float
        TAR at the same thresholds, the mean over subjects with genuine pairs; NaN where the point's TAR is.
    largest_subject : int
        Code of the subject with most genuine pairs (the lowest such code); −1 without genuine pairs.
    largest_subject_share : float
        Its share of all genuine pairs; NaN without any.
    parts : tuple of mappings
        Each pool by itself, with thresholds of its own; as ``points``.
    histogram : ScoreHistogram or None
        Of all pools together; None where whoever has the scores makes it.
    """

    roc: Roc
    points: Mapping[FarRule, tuple[OperatingPoint, ...]]
    subject_tar: Mapping[FarRule, tuple[float, ...]]
    largest_subject: int
    largest_subject_share: float
    parts: tuple[Mapping[FarRule, tuple[OperatingPoint, ...]], ...]
    histogram: ScoreHistogram | None = None


def score_all_pairs(
    pools: Sequence[Pool], far: Sequence[float], ctx: JobContext | None = None, threads: int | None = None
) -> PairScores:
    """Score every pair of images within each pool, and read TARs at target FARs off the scores of all pools.

    The result is exact for the float32 scores it computes: what one sorted list of them all would give.

    Parameters
    ----------
    pools : sequence of Pool
        One, or one a half of the subjects.
    far : sequence of float
        Target FARs in [0, 1].
    ctx : JobContext, optional
        Checked between tiles (milliseconds).
    threads : int, optional
        The usable cores unless given. The result does not depend on it.

    Raises
    ------
    SettingsError
        Without pools, when a pool's arrays do not fit each other or are not finite, when a target is not a rate, or
        when there are more genuine pairs than ``limits.MAX_GENUINE_PAIRS``.
    Cancelled
    """
    return _score(pools, far, ctx or JobContext(), threads, Sizes())


def _score(
    pools: Sequence[Pool], far: Sequence[float], ctx: JobContext, threads: int | None, sizes: Sizes
) -> PairScores:
    targets = tuple(float(target) for target in far)
    for target in targets:
        check_target(target)
    if not pools:
        raise SettingsError("no images to compare")
    tiled = [TiledPool(pool, sizes.side) for pool in pools]
    genuine = sum(pool.genuine for pool in tiled)
    if genuine > MAX_GENUINE_PAIRS:
        raise SettingsError(
            f"{genuine:,} genuine pairs are more than the {MAX_GENUINE_PAIRS:,} that are scored at once",
            remedy="add the dataset again with --max-per-subject N to draw fewer images of each subject",
        )
    workers = min(threads or usable_cores(), _MOST_THREADS)
    if genuine + sum(pool.impostors for pool in tiled) < sizes.whole:
        with blas_threads(1):  # as in the blocks of many pairs: several threads would round differently
            scores, codes, curves = _whole_curves(tiled, ctx)
    else:
        progress = _Progress(ctx, sum(pool.scored for pool in tiled))
        scores, codes = _genuine_scores(tiled, ctx, workers)
        curves = large_curves(tiled, scores, targets, sizes, workers, progress.done)
    subjects = np.unique(np.concatenate([pool.subjects for pool in tiled]))
    return pair_scores(np.concatenate(scores), np.concatenate(codes), subjects, curves, targets)


def _whole_curves(pools: Sequence[TiledPool], ctx: JobContext) -> tuple[list[Scores], list[Codes], ExactCurves]:
    """Keep every score: for few pairs."""
    genuine: list[Scores] = []
    codes: list[Codes] = []
    impostors: list[Scores] = []
    for pool in pools:
        buffer = np.empty(pool.block_size(1), np.float32)
        own, subjects, others = [buffer[:0]], [pool.codes[:0]], [buffer[:0]]
        for top in pool.row_blocks():
            for tile in pool.tiles(top):
                ctx.check()
                scores = pool.scores(tile, buffer)
                mask = pool.no_impostor(tile)
                others.append(scores.ravel().copy() if mask is None else scores[~mask])
                if mask is not None:
                    found = pool.genuine_scores(tile, scores)
                    own.append(found[0])
                    subjects.append(found[1])
        genuine.append(np.concatenate(own))
        codes.append(np.concatenate(subjects))
        impostors.append(np.concatenate(others))
    every = np.sort(np.concatenate(impostors))
    together = roc_of_scores(np.concatenate(genuine), every)
    parts = [together] if len(pools) == 1 else list(map(roc_of_scores, genuine, impostors))
    return genuine, codes, ExactCurves(together, together, tuple(parts), bin_counts(every))


def _genuine_scores(pools: Sequence[TiledPool], ctx: JobContext, threads: int) -> tuple[list[Scores], list[Codes]]:
    """Genuine scores and subject codes of each pool, from the same products that later give its impostor scores."""
    found: dict[tuple[int, int], list[tuple[Scores, Codes]]] = {}
    for index, pool in enumerate(pools):
        found[index, -1] = [(np.empty(0, np.float32), pool.codes[:0])]

    def worker() -> Callable[[tuple[int, int]], None]:
        buffer = np.empty(max(pool.block_size(1) for pool in pools), np.float32)

        def extract(block: tuple[int, int]) -> None:
            pool = pools[block[0]]
            found[block] = []
            for tile in pool.tiles(block[1]):
                if pool.holds_genuine(tile):
                    ctx.check()
                    found[block].append(pool.genuine_scores(tile, pool.scores(tile, buffer)))

        return extract

    share_out([(index, top) for index, pool in enumerate(pools) for top in pool.row_blocks()], worker, threads)
    scores, codes = [], []
    for index in range(len(pools)):
        pieces = [piece for block in sorted(found) if block[0] == index for piece in found[block]]
        scores.append(np.concatenate([piece[0] for piece in pieces]))
        codes.append(np.concatenate([piece[1] for piece in pieces]))
    return scores, codes


def pair_scores(
    genuine: Scores, codes: Codes, subjects: Codes, curves: ExactCurves, targets: Sequence[float]
) -> PairScores:
    """What curves and genuine scores together give.

    Parameters
    ----------
    genuine : (g,) float32
        Genuine scores of all pools.
    codes : (g,) int
        Subject of each.
    subjects : (s,) int, ascending and distinct
        Every subject, at least those of genuine pairs.
    curves : ExactCurves
    targets : sequence of float
    """
    order = np.argsort(genuine)
    ascending = genuine[order]
    of_pair = np.searchsorted(subjects, codes[order])
    pairs = np.bincount(of_pair, minlength=subjects.size)
    points = _read(curves.pooled, targets)
    subject_tar = {
        rule: tuple(_subject_tar(ascending, of_pair, pairs, point) for point in points[rule]) for rule in FarRule
    }
    largest = int(np.argmax(pairs)) if genuine.size else -1
    return PairScores(
        roc=curves.roc,
        points=points,
        subject_tar=subject_tar,
        largest_subject=int(subjects[largest]) if genuine.size else -1,
        largest_subject_share=float(pairs[largest] / genuine.size) if genuine.size else float("nan"),
        parts=tuple(_read(part, targets) for part in curves.parts),
        histogram=None
        if curves.impostor_bins is None
        else ScoreHistogram(bin_edges(), bin_counts(ascending), curves.impostor_bins),
    )


def _read(curve: Roc, targets: Sequence[float]) -> dict[FarRule, tuple[OperatingPoint, ...]]:
    return {rule: tuple(curve.at(target, rule) for target in targets) for rule in FarRule}


def _subject_tar(ascending: Scores, of_pair: NDArray[np.intp], pairs: NDArray[np.intp], point: OperatingPoint) -> float:
    """Mean over subjects with genuine pairs of the part of them at or above the point's threshold."""
    if not ascending.size or not point.impostors:
        return float("nan")
    start = int(np.searchsorted(ascending, np.float32(point.threshold), side="left"))
    accepted = np.bincount(of_pair[start:], minlength=pairs.size)
    having = pairs > 0
    return float(np.mean(accepted[having] / pairs[having]))


class _Progress:
    """Counts scored pairs, tells the job, and raises where it was cancelled."""

    def __init__(self, ctx: JobContext, total: int) -> None:
        self._start = time.monotonic()
        self._ctx, self._once, self._total, self._done = ctx, total, total, 0
        self._lock = threading.Lock()

    def done(self, pairs: int) -> None:
        self._ctx.check()
        with self._lock:
            self._done += pairs
            if self._done > self._total:  # another pass
                self._total += self._once
            done, total = self._done, self._total
        if time.monotonic() - self._start > _QUIET:
            self._ctx.report(done, total, "pairs scored")
