"""How sure a TAR is: subjects drawn again with replacement, and the threshold found again in every draw.

A subject drawn w times counts w times: a genuine pair of subject s weighs w_s, an impostor pair (s, t) w_s · w_t, and
copies of one subject form no impostor pairs. The map is held fixed. Two cells resampled with the same draws can be
subtracted draw by draw.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.errors import SettingsError
from canon_core.jobs import JobContext
from canon_core.verification.brackets import allowed_false_accepts
from canon_core.verification.roc import FarRule, check_target
from canon_core.verification.template_scores import ScoredPairs
from canon_core.verification.threads import share_out

Draws = NDArray[np.uint8]
Rates = NDArray[np.float64]
Scores = NDArray[np.float32]

#: Draws, and the level of intervals, unless others are asked for.
DEFAULT_RESAMPLES: Final = 1000
DEFAULT_LEVEL: Final = 0.95
#: Impostor scores summed together on the way to a threshold; their weights' sum is exact in float32.
_CHUNK: Final = 1024
#: Weights worked on at a time by one thread.
_BATCH: Final = 1 << 19
#: Counts of impostor pairs by subject held at a time: 256 MB.
_TABLE: Final = 1 << 25


def draw_subjects(subjects: int, resamples: int = 1000, seed: int = 0) -> Draws:
    """How often each subject is drawn: (resamples, subjects) uint8, every row of sum ``subjects``.

    Raises
    ------
    SettingsError
        With fewer than two subjects.
    """
    if subjects < 2:
        raise SettingsError("a bootstrap needs two subjects at least")
    rng = np.random.default_rng(seed)
    drawn = np.zeros((resamples, subjects), np.uint8)
    for draw in drawn:
        draw[:] = np.bincount(rng.integers(0, subjects, subjects), minlength=subjects)
    return drawn


def check_resampling(resamples: int, level: float) -> None:
    """Refuse draws and levels that give no interval.

    Raises
    ------
    SettingsError
    """
    if resamples < 2:
        raise SettingsError("an interval needs two draws at least", remedy="use 1000")
    if not 0 < level < 1:
        raise SettingsError(f"an interval has no level of {level:g}", remedy="give one between 0 and 1, such as 0.95")


def impostor_weights(scored: Sequence[ScoredPairs], draws: Draws, ctx: JobContext | None = None) -> Rates:
    """(resamples,) weight of all impostor pairs in each draw: Σ n_st w_s w_t over the n_st pairs of subjects s, t.

    Depends on the plans alone: the same for every cell of a protocol and mode. ``ctx`` is checked at every block.
    """
    context = ctx or JobContext()
    subjects = draws.shape[1]
    weights = draws.astype(np.float64)
    found = np.zeros(len(draws))
    for one in scored:
        plan = one.plan
        # As many templates at a time as there are subjects tables of which fit: where every template is a subject of
        # its own, one table for all would take gigabytes.
        held = max(1, _TABLE // max(plan.side * subjects, 1))
        for low in range(0, plan.strips, held):
            codes = plan.first_subjects[low * plan.side : (low + held) * plan.side]
            distinct, place_of = np.unique(codes, return_inverse=True)
            table = np.zeros((distinct.size, subjects))
            for strip in range(low, min(low + held, plan.strips)):
                context.check()
                row, column = np.divmod(plan.entries(plan.impostors, strip), max(plan.second.size, 1))
                rows = place_of[(strip - low) * plan.side : (strip - low + 1) * plan.side]
                place = row * np.int64(subjects) + plan.second_subjects[column]
                counts = np.bincount(place, minlength=rows.size * subjects).reshape(rows.size, subjects)
                for code, pairs in zip(rows.tolist(), counts, strict=True):
                    table[code] += pairs
            context.check()
            found += np.einsum("rs,rs->r", weights[:, distinct] @ table, weights)
    return found


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Scores of all pools in falling order, padded to whole chunks; pairs that only pad weigh nothing.

    ``negated`` are the scores × −1, rising; ``first`` and ``second`` the subjects (the last code: nobody).
    """

    negated: Scores
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    kept: int


def resampled_tar(
    scored: Sequence[ScoredPairs],
    far: Sequence[float],
    draws: Draws,
    *,
    weights: Rates | None = None,
    threads: int | None = None,
    ctx: JobContext | None = None,
) -> Mapping[FarRule, Rates]:
    """TAR at target FARs in every draw, exactly what a ROC of the repeated scores would give.

    Only the highest impostor scores are looked at, as many as the largest target needs.

    Parameters
    ----------
    scored : sequence of ScoredPairs
        The pools of one cell; subjects are columns of ``draws``.
    far : sequence of float
        Target FARs in [0, 1].
    draws : (r, s) uint8
        :func:`draw_subjects`.
    weights : (r,) float64, optional
        :func:`impostor_weights`, where it was worked out before.
    threads : int, optional
        The usable cores unless given. The result does not depend on it.
    ctx : JobContext, optional
        Checked at every batch of draws; told of the draws done.

    Returns
    -------
    mapping of FarRule to (targets, r) float64
        NaN where a draw has no genuine or no impostor pairs.

    Raises
    ------
    SettingsError
        When a target is not a rate, or a subject is no column of ``draws``.
    Cancelled
    """
    context = ctx or JobContext()
    targets = [float(target) for target in far]
    for target in targets:
        check_target(target)
    subjects = draws.shape[1]
    for one in scored:
        codes = np.concatenate([one.plan.first_subjects, one.plan.second_subjects])
        if codes.size and (codes.min() < 0 or codes.max() >= subjects):
            raise SettingsError(f"a template's subject is none of the {subjects} that are drawn")
    totals = impostor_weights(scored, draws, context) if weights is None else weights
    allowed = np.array([[allowed_false_accepts(target, int(total)) for total in totals] for target in targets])
    genuine = _ranked_genuine(scored)
    impostors = sum(one.impostors.size for one in scored)
    found = {rule: np.full((len(targets), len(draws)), np.nan) for rule in FarRule}
    share = max(targets, default=0.0) * impostors
    keep = min(impostors, int(1.2 * share + 10 * share**0.5) + 1000)
    open_draws = np.flatnonzero(totals > 0)
    lock, settled = threading.Lock(), [len(draws) - open_draws.size]
    while open_draws.size:
        ranked = _ranked_impostors(scored, keep, subjects)
        step = max(1, _BATCH // max(ranked.negated.size, 1))
        batches = [open_draws[start : start + step] for start in range(0, open_draws.size, step)]
        unmet: list[NDArray[np.intp]] = []

        def worker(ranked: _Ranked = ranked, unmet: list[NDArray[np.intp]] = unmet) -> Callable[..., None]:
            def resample(batch: NDArray[np.intp]) -> None:
                context.check()
                drawn = np.zeros((batch.size, subjects + 1), np.float32)
                drawn[:, :-1] = draws[batch]
                done = _batch_tar(genuine, ranked, drawn, targets, allowed[:, batch], totals[batch], impostors)
                for rule in FarRule:
                    found[rule][:, batch] = done[rule]
                again = np.isneginf(done[FarRule.NEAREST]).any(axis=0)
                unmet.append(batch[again])
                with lock:
                    settled[0] += int(batch.size - np.count_nonzero(again))
                    context.report(settled[0], len(draws), "draws")

            return resample

        share_out(batches, worker, threads or usable_cores())
        open_draws = np.sort(np.concatenate(unmet))
        keep = min(impostors, 2 * keep)
    return found


def resampled_tar_at(scored: Sequence[ScoredPairs], thresholds: Sequence[float], draws: Draws) -> Rates:
    """(thresholds, r) TAR in every draw at thresholds that are held fixed; NaN where a draw has no genuine pairs."""
    subjects = np.concatenate([one.genuine_subjects() for one in scored])
    scores = np.concatenate([one.genuine for one in scored])
    pairs = np.bincount(subjects, minlength=draws.shape[1])
    accepted = np.stack(
        [np.bincount(subjects[scores >= np.float32(one)], minlength=draws.shape[1]) for one in thresholds]
    )
    weights = draws.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray((accepted @ weights.T) / (pairs @ weights.T))


def percentile_interval(resampled: Rates, level: float = 0.95) -> Rates:
    """(…, 2) interval between percentiles of the last axis, such as TARs, or differences of two cells' TARs; draws that
    are NaN are left out."""
    tail = (1.0 - level) / 2
    kept = np.where(np.isnan(resampled).all(axis=-1, keepdims=True), 0.0, resampled)
    interval = np.nanquantile(kept, [tail, 1.0 - tail], axis=-1)
    interval[:, np.isnan(resampled).all(axis=-1)] = np.nan
    return np.asarray(np.moveaxis(interval, 0, -1))


def _ranked_genuine(scored: Sequence[ScoredPairs]) -> _Ranked:
    scores = np.concatenate([np.empty(0, np.float32), *(one.genuine for one in scored)])
    subjects = np.concatenate([np.empty(0, np.int64), *(one.genuine_subjects() for one in scored)])
    order = np.argsort(-scores, kind="stable")
    return _Ranked(-scores[order], subjects[order].astype(np.intp), np.empty(0, np.intp), scores.size)


def _ranked_impostors(scored: Sequence[ScoredPairs], keep: int, nobody: int) -> _Ranked:
    """The highest ``keep`` impostor scores and those that tie with the lowest of them."""
    everything = np.concatenate([one.impostors for one in scored])
    cut = np.partition(everything, everything.size - keep)[everything.size - keep] if keep else np.float32(np.inf)
    del everything
    scores, first, second = [], [], []
    for one in scored:
        which = np.flatnonzero(one.impostors >= cut)
        pair = one.plan.subjects(one.plan.impostors, which)
        scores.append(one.impostors[which])
        first.append(pair[0])
        second.append(pair[1])
    negated = -np.concatenate(scores)
    order = np.argsort(negated, kind="stable")
    padding = -order.size % _CHUNK
    nowhere = np.full(padding, nobody)
    return _Ranked(
        negated=np.concatenate([negated[order], np.full(padding, np.inf, np.float32)]),
        first=np.concatenate([np.concatenate(first)[order], nowhere]).astype(np.intp),
        second=np.concatenate([np.concatenate(second)[order], nowhere]).astype(np.intp),
        kept=order.size,
    )


def _batch_tar(
    genuine: _Ranked,
    ranked: _Ranked,
    drawn: NDArray[np.float32],
    targets: Sequence[float],
    allowed: NDArray[np.int64],
    totals: Rates,
    impostors: int,
) -> dict[FarRule, Rates]:
    """(targets, draws) TAR; −inf where the ranked impostor scores do not reach far enough down."""
    weight = np.take(drawn, ranked.first, axis=1)
    weight *= np.take(drawn, ranked.second, axis=1)
    chunks = weight.reshape(len(drawn), -1, _CHUNK).sum(axis=2, dtype=np.float32)
    before = np.zeros((len(drawn), chunks.shape[1] + 1))
    np.cumsum(chunks, axis=1, out=before[:, 1:], dtype=np.float64)
    accepted = np.zeros((len(drawn), genuine.kept + 1))
    np.cumsum(np.take(drawn, genuine.first, axis=1), axis=1, out=accepted[:, 1:], dtype=np.float64)
    result = {rule: np.empty((len(targets), len(drawn))) for rule in FarRule}
    draw = np.arange(len(drawn))
    rest = impostors == ranked.kept

    def weight_before(position: NDArray[np.intp]) -> Rates:
        chunk, inside = np.divmod(position, _CHUNK)
        piece = _pieces(weight, chunk)
        part = np.where(np.arange(_CHUNK) < inside[:, None], piece, 0).sum(axis=1)
        return np.asarray(before[draw, chunk] + part, np.float64)

    for number, target in enumerate(targets):
        # The highest score at which more is accepted than allowed, and all that tie with it.
        chunk = (before[:, 1:] <= allowed[number][:, None]).sum(axis=1)
        reached = chunk < chunks.shape[1]
        chunk[~reached] = 0
        within = before[draw, chunk][:, None] + np.cumsum(_pieces(weight, chunk), axis=1, dtype=np.float64)
        step = chunk * _CHUNK + np.argmax(within > allowed[number][:, None], axis=1)
        score = ranked.negated[step]
        start = np.searchsorted(ranked.negated, score, side="left")
        end = np.searchsorted(ranked.negated, score, side="right")
        strict = accepted[draw, np.searchsorted(genuine.negated, score, side="left")]
        strict[~reached] = accepted[~reached, -1]  # a target of 1: everything is accepted
        tar, far = strict.copy(), weight_before(start) / totals
        far_loose = weight_before(end) / totals
        following = _next_positive(weight, end, ranked.kept)
        last = following >= ranked.kept
        loose = accepted[
            draw,
            np.searchsorted(genuine.negated, ranked.negated[np.minimum(following, ranked.kept - 1)], side="left"),
        ]
        loose[last] = accepted[last, -1]
        nearer = (far_loose - target < target - far) | ((far_loose - target == target - far) & (loose > strict))
        tar[nearer & reached] = loose[nearer & reached]
        with np.errstate(invalid="ignore"):
            result[FarRule.CONSERVATIVE][number] = strict / accepted[:, -1]
            result[FarRule.NEAREST][number] = tar / accepted[:, -1]
        if not rest:
            result[FarRule.NEAREST][number, ~reached | last] = -np.inf
    return result


def _pieces(weight: NDArray[np.float32], chunk: NDArray[np.intp]) -> NDArray[np.float32]:
    """(draws, chunk size) weights of one chunk of each draw; zeros behind the last."""
    chunks = weight.shape[1] // _CHUNK
    split = weight.reshape(len(weight), chunks, _CHUNK)
    return np.where(chunk[:, None] < chunks, split[np.arange(len(weight)), np.minimum(chunk, chunks - 1)], 0)


def _next_positive(weight: NDArray[np.float32], start: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """First position from ``start`` where each draw's weight is positive; ``size`` where there is none."""
    found = start.copy()
    draw = np.arange(len(weight))
    while True:
        inside = found < size
        waiting = np.flatnonzero(inside & (weight[draw, np.minimum(found, size - 1)] == 0))
        if not waiting.size:
            return found
        found[waiting] += 1
