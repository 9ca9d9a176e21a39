"""Scores of a template protocol's pairs, exactly, by blocked products of the rectangle of their templates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.cores import usable_cores
from canon_core.errors import SettingsError
from canon_core.jobs import JobContext
from canon_core.verification.all_pairs import PairScores, pair_scores
from canon_core.verification.exact_points import Sizes, curves_of_scores
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import check_target
from canon_core.verification.score_histogram import ScoreHistogram, bin_counts, bin_edges
from canon_core.verification.threads import share_out

Scores = NDArray[np.float32]
#: Takes columns and gives what writes ``rows @ columns.T`` into an array.
Device = Callable[[Scores], Callable[[Scores, Scores], None]]

#: A strip is multiplied as a whole unless it holds so few pairs that their dot products one by one cost less.
_SPARSE: Final = 100
#: Pairs whose templates are gathered at a time where dot products are taken one by one.
_GATHERED: Final = 16_384


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """The scores of one pool of pairs.

    Attributes
    ----------
    plan : PairPlan
    genuine, impostors : float32 arrays
        In the plan's order.
    cancelled : int
        Templates left out with their pairs, because they are of zeros.
    """

    plan: PairPlan
    genuine: Scores
    impostors: Scores
    cancelled: int = 0

    def in_order(self) -> Scores:
        """(k,) float32 scores in the order of the protocol's pairs, without those that are left out."""
        return self._spread()[self.present]

    def of_pairs(self, plan: PairPlan) -> tuple[Scores, Scores]:
        """Scores of the genuine and the impostor pairs of another plan of the same pool, in that plan's order.

        Cells leave out different pairs, because templates cancel out in one model and not in another; a pair that is
        left out here has NaN.
        """
        if plan is self.plan:
            return self.genuine, self.impostors
        spread = self._spread()
        return np.take(spread, plan.genuine.pair), np.take(spread, plan.impostors.pair)

    @property
    def present(self) -> NDArray[np.bool_] | slice:
        """Which of the pairs that were planned have a score; a slice of all where none is left out."""
        if self.genuine.size + self.impostors.size == self.plan.pairs:
            return slice(None)
        mask = np.zeros(self.plan.pairs, bool)
        mask[self.plan.genuine.pair] = mask[self.plan.impostors.pair] = True
        return mask

    def _spread(self) -> Scores:
        """(pairs,) scores in the order of the protocol's pairs; NaN where one is left out."""
        found = np.full(self.plan.pairs, np.nan, np.float32)
        found[self.plan.genuine.pair] = self.genuine
        found[self.plan.impostors.pair] = self.impostors
        return found

    def genuine_subjects(self) -> NDArray[np.int64]:
        """(g,) subject code of each genuine pair."""
        return self.plan.subjects(self.plan.genuine, np.arange(self.genuine.size))[0]


@dataclass(frozen=True, eq=False)
class TemplateScores:
    """What a cell of a template protocol gives: ``scores`` as of all pairs, and the histograms."""

    scores: PairScores
    histogram: ScoreHistogram


def score_pairs(
    source: ArrayLike,
    target: ArrayLike,
    plan: PairPlan,
    *,
    threads: int | None = None,
    ctx: JobContext | None = None,
    device: Device | None = None,
) -> ScoredPairs:
    """Score every pair: the dot product of its templates.

    Parameters
    ----------
    source : (m, d) float32
        Templates ``plan.first``, through the source and its map; unit rows.
    target : (n, d) float32
        Templates ``plan.second``, of the target; unit rows.
    plan : PairPlan
    threads : int, optional
        The usable cores unless given. The result does not depend on it.
    ctx : JobContext, optional
        Checked at every strip; told of the pairs scored.
    device : callable, optional
        Takes the target's templates and gives what computes ``rows @ templates.T`` into an array, such as on a GPU;
        NumPy's product unless given. Used by several threads.

    Raises
    ------
    SettingsError
        When shapes do not fit each other or the plan.
    Cancelled
    """
    context = ctx or JobContext()
    rows, columns = (np.ascontiguousarray(side, np.float32) for side in (source, target))
    if rows.ndim != 2 or columns.ndim != 2 or (len(rows) and len(columns) and rows.shape[1] != columns.shape[1]):
        raise SettingsError(f"templates of shapes {rows.shape} and {columns.shape} cannot be compared")
    if (len(rows), len(columns)) != (plan.first.size, plan.second.size):
        raise SettingsError(
            f"{len(rows)} and {len(columns)} templates are not the {plan.first.size} and {plan.second.size} "
            "that the pairs name"
        )
    kinds = plan.genuine, plan.impostors
    found = [np.empty(kind.size, np.float32) for kind in kinds]
    total = sum(kind.size for kind in kinds)
    lock, done = threading.Lock(), 0
    product = device(columns) if device is not None and rows.size and columns.size else None

    def worker() -> Callable[[int], None]:
        buffer = np.empty(min(plan.side, max(len(rows), 1)) * len(columns), np.float32)

        def score(strip: int) -> None:
            nonlocal done
            context.check()
            part = rows[strip * plan.side : (strip + 1) * plan.side]
            entries = [plan.entries(kind, strip) for kind in kinds]
            outs = [
                scores[kind.starts[strip] : kind.starts[strip + 1]] for scores, kind in zip(found, kinds, strict=True)
            ]
            pairs = sum(entry.size for entry in entries)
            size = len(part) * len(columns)
            if pairs * _SPARSE >= size:
                block = buffer[:size]
                view = block.reshape(len(part), len(columns))
                if product is None:
                    np.matmul(part, columns.T, out=view)
                else:
                    product(part, view)
                for entry, out in zip(entries, outs, strict=True):
                    np.take(block, entry, out=out, mode="clip")  # unlike "raise" it needs no copy
            else:
                for entry, out in zip(entries, outs, strict=True):
                    _dot_products(part, columns, entry, out)
            with lock:
                done += pairs
                context.report(done, total, "pairs scored")

        return score

    share_out(range(plan.strips), worker, threads or usable_cores())
    return ScoredPairs(plan, found[0], found[1])


def without_cancelled(scored: ScoredPairs, source: Scores, target: Scores) -> ScoredPairs:
    """The scores without the pairs of templates of zeros, which are counted.

    The images of such a template cancel out: it is like nobody and unlike nobody, and its score of exactly 0 in every
    pair would be taken for a measurement.

    Parameters
    ----------
    scored : ScoredPairs
    source, target : (m, d) and (n, d) float32
        The templates that were scored.
    """
    rows, columns = _of_zeros(source), _of_zeros(target)
    if not rows.any() and not columns.any():
        return scored
    plan = scored.plan
    kept = []
    for pairs in (plan.genuine, plan.impostors):
        row, column = plan.rows_and_columns(pairs, np.arange(pairs.size))
        kept.append(~(rows[row] | columns[column]))
    return ScoredPairs(
        plan.keep(kept[0], kept[1]),
        scored.genuine[kept[0]],
        scored.impostors[kept[1]],
        cancelled=len(np.union1d(plan.first[rows], plan.second[columns])),
    )


def template_scores(scored: Sequence[ScoredPairs], far: Sequence[float]) -> TemplateScores:
    """Read TARs at target FARs, the ROC and the histograms off the scores of all pools.

    Parameters
    ----------
    scored : sequence of ScoredPairs
        One, or one a half of the subjects.
    far : sequence of float
        Target FARs in [0, 1].

    Raises
    ------
    SettingsError
        Without pools, when a target is not a rate, or a score is NaN or infinite.
    """
    return _template_scores(scored, far, Sizes())


def _template_scores(scored: Sequence[ScoredPairs], far: Sequence[float], sizes: Sizes) -> TemplateScores:
    targets = tuple(float(target) for target in far)
    for target in targets:
        check_target(target)
    if not scored:
        raise SettingsError("no pairs to compare")
    curves, impostors = curves_of_scores(
        [one.genuine for one in scored], [one.impostors for one in scored], targets, sizes
    )
    genuine = np.concatenate([one.genuine for one in scored])
    codes = np.concatenate([one.genuine_subjects() for one in scored])
    return TemplateScores(
        scores=pair_scores(genuine, codes, np.unique(codes), curves, targets),
        histogram=ScoreHistogram(bin_edges(), bin_counts(np.sort(genuine)), bin_counts(impostors)),
    )


def _of_zeros(templates: Scores) -> NDArray[np.bool_]:
    """(n,) bool: templates of zeros."""
    mask = np.zeros(len(templates), bool)
    if templates.shape[1]:
        suspect = np.flatnonzero(templates[:, 0] == 0)
        mask[suspect] = ~templates[suspect].any(axis=1)
    return mask


def _dot_products(rows: Scores, columns: Scores, entries: NDArray[np.int32], out: Scores) -> None:
    for start in range(0, entries.size, _GATHERED):
        row, column = np.divmod(entries[start : start + _GATHERED], len(columns))
        np.einsum("ij,ij->i", rows[row], columns[column], out=out[start : start + _GATHERED])
