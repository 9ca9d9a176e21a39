"""The subject bootstrap, against ROCs of scores that are really repeated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.verification import bootstrap
from canon_core.verification.bootstrap import (
    draw_subjects,
    impostor_weights,
    percentile_interval,
    resampled_tar,
    resampled_tar_at,
)
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule, roc_of_scores
from canon_core.verification.template_scores import ScoredPairs

FAR = (1.0, 0.4, 0.1, 0.03, 1e-3, 0.0)


def cell(rng: np.random.Generator, subjects: int, templates: int, pairs: int, levels: int) -> ScoredPairs:
    """Scores that are given numbers, for pairs drawn at random."""
    codes = rng.integers(0, subjects, templates)
    first, second = rng.integers(0, templates, pairs), rng.integers(0, templates, pairs)
    plan = PairPlan.of(first, second, codes[first] == codes[second], codes)
    draw = [(rng.integers(-levels, levels + 1, kind.size) / levels) for kind in (plan.genuine, plan.impostors)]
    return ScoredPairs(plan, (draw[0] + 0.3).astype(np.float32), draw[1].astype(np.float32))


def repeated(scored: list[ScoredPairs], drawn: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Genuine and impostor scores, each as often as its pair occurs among the subjects drawn."""
    genuine, impostors = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for one in scored:
        genuine.append(np.repeat(one.genuine, drawn[one.genuine_subjects()]))
        first, second = one.plan.subjects(one.plan.impostors, np.arange(one.impostors.size))
        impostors.append(np.repeat(one.impostors, drawn[first].astype(int) * drawn[second]))
    return np.concatenate(genuine), np.concatenate(impostors)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    subjects=st.integers(2, 12),
    templates=st.integers(2, 40),
    pairs=st.integers(1, 3000),
    levels=st.sampled_from([1, 5, 100, 10**6]),
    pools=st.integers(1, 2),
    far=st.sampled_from([FAR, FAR[2:], FAR[4:]]),
)
def test_every_draw_has_the_tar_of_its_repeated_scores(
    seed: int, subjects: int, templates: int, pairs: int, levels: int, pools: int, far: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(seed)
    scored = [cell(rng, subjects, templates, pairs, levels) for _ in range(pools)]
    draws = draw_subjects(subjects, 12, seed)
    assert (draws.sum(axis=1) == subjects).all()
    weights = impostor_weights(scored, draws)
    found = resampled_tar(scored, far, draws, weights=weights)
    for number, drawn in enumerate(draws):
        genuine, impostors = repeated(scored, drawn)
        assert weights[number] == impostors.size
        roc = roc_of_scores(genuine, impostors)
        for rule in FarRule:
            expected = [roc.at(target, rule).tar for target in far]
            np.testing.assert_allclose(found[rule][:, number], expected, rtol=1e-12)
        fixed = resampled_tar_at(scored, [0.2, 0.8], draws)[:, number]
        if genuine.size:
            np.testing.assert_allclose(fixed, [(genuine >= np.float32(x)).mean() for x in (0.2, 0.8)], rtol=1e-12)
        else:
            assert np.isnan(fixed).all()


def test_draws_whose_threshold_lies_lower_than_expected_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One subject has all the high impostor scores: where it is not drawn, the threshold is far down."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(8), 20)
    first, second = (side.ravel() for side in np.meshgrid(np.arange(160), np.arange(160), indexing="ij"))
    plan = PairPlan.of(first, second, codes[first] == codes[second], codes)
    impostors = rng.uniform(-1, 0, plan.impostors.size).astype(np.float32)
    pair = plan.subjects(plan.impostors, np.arange(impostors.size))
    impostors[(pair[0] == 3) | (pair[1] == 3)] += 1
    scored = [ScoredPairs(plan, rng.uniform(-1, 1, plan.genuine.size).astype(np.float32), impostors)]
    draws = draw_subjects(8, 30, 1)
    passes = []
    ranked = bootstrap._ranked_impostors

    def counted(scored: list[ScoredPairs], keep: int, nobody: int) -> bootstrap._Ranked:
        passes.append(keep)
        return ranked(scored, keep, nobody)

    monkeypatch.setattr(bootstrap, "_ranked_impostors", counted)
    found = resampled_tar(scored, [0.15], draws)
    assert len(passes) > 1
    assert passes[0] < impostors.size
    for number, drawn in enumerate(draws):
        roc = roc_of_scores(*repeated(scored, drawn))
        for rule in FarRule:
            assert found[rule][0, number] == pytest.approx(roc.at(0.15, rule).tar, rel=1e-12)


def test_the_result_does_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_BATCH", 1)
    scored = [cell(np.random.default_rng(2), 9, 50, 4000, 1000)]
    draws = draw_subjects(9, 20, 3)
    one, two = (resampled_tar(scored, FAR, draws, threads=threads) for threads in (1, 3))
    for rule in FarRule:
        np.testing.assert_array_equal(one[rule], two[rule])


def test_intervals_leave_out_draws_without_a_number() -> None:
    values = np.vstack([np.arange(101.0), np.full(101, np.nan)])
    values[0, 100] = np.nan
    interval = percentile_interval(values, 0.9)
    np.testing.assert_allclose(interval[0], [0.05 * 99, 0.95 * 99])
    assert np.isnan(interval[1]).all()


def test_what_cannot_be_resampled_is_refused() -> None:
    scored = [cell(np.random.default_rng(4), 5, 20, 200, 10)]
    with pytest.raises(SettingsError, match="two subjects"):
        draw_subjects(1)
    with pytest.raises(SettingsError, match="none of the 3 that are drawn"):
        resampled_tar(scored, FAR, draw_subjects(3, 4))
    with pytest.raises(SettingsError, match="not a rate"):
        resampled_tar(scored, [2.0], draw_subjects(5, 4))
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        resampled_tar(scored, FAR, draw_subjects(5, 4), ctx=ctx)
