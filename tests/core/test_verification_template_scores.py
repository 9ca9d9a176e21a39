"""Scores of a list of template pairs, and what is read off them, against a loop over pairs and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.verification import pair_plan, template_scores
from canon_core.verification.exact_points import Sizes
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule
from canon_core.verification.template_scores import ScoredPairs, score_pairs, without_cancelled

FAR = (1.0, 0.3, 0.1, 0.05, 1e-2, 1e-3, 1e-6, 0.0)
#: As where there are more than a million pairs, with little kept.
LARGE = Sizes(whole=0, highest=20)


def planted(
    rng: np.random.Generator, templates: int, pairs: int, levels: int
) -> tuple[ScoredPairs, NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """Pairs whose scores are given numbers that tie often: the source is the identity."""
    matrix = (rng.integers(-levels, levels + 1, (templates, templates)) / levels).astype(np.float32)
    subjects = rng.integers(0, 5, templates) * 3
    chosen = rng.permutation(templates * templates)[:pairs]
    first, second = np.divmod(chosen, templates)
    genuine = subjects[first] == subjects[second]
    plan = PairPlan.of(first, second, genuine, subjects)
    source = np.eye(templates, dtype=np.float32)[plan.first]
    scored = score_pairs(source, np.ascontiguousarray(matrix.T[plan.second]), plan)
    return scored, matrix[first, second], genuine, subjects[first]


def read_off(
    scores: NDArray[np.float32], genuine: NDArray[np.bool_], target: float, rule: FarRule
) -> tuple[float, float, float]:
    far, tar, thresholds = roc_curve(genuine, scores, drop_intermediate=False)
    if rule is FarRule.CONSERVATIVE:
        chosen = np.flatnonzero(far <= target)[-1]
    else:
        nearest = np.flatnonzero(np.abs(far - target) == np.abs(far - target).min())
        chosen = nearest[tar[nearest] == tar[nearest].max()][0]
    return float(thresholds[chosen]), float(far[chosen]), float(tar[chosen])


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    templates=st.integers(2, 30),
    pairs=st.integers(0, 400),
    levels=st.sampled_from([1, 4, 1000]),
    sizes=st.sampled_from([Sizes(), LARGE]),
    pools=st.integers(1, 2),
    strip=st.sampled_from([1, 40, 10**6]),
    sparse=st.sampled_from([0, 10**9]),
)
def test_points_are_those_of_all_scores_in_one_list(
    seed: int, templates: int, pairs: int, levels: int, sizes: Sizes, pools: int, strip: int, sparse: int
) -> None:
    rng = np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_plan, "_STRIP_SCORES", strip)
        patch.setattr(pair_plan, "_STRIP_ROWS", (1, 7))
        patch.setattr(template_scores, "_SPARSE", sparse)  # every strip one by one, or every strip as a product
        found = [planted(rng, templates, min(pairs, templates**2), levels) for _ in range(pools)]
    for scored, expected, genuine, _ in found:
        np.testing.assert_array_equal(scored.in_order(), expected)
        assert (scored.genuine.size, scored.impostors.size) == (genuine.sum(), (~genuine).sum())
    result = template_scores._template_scores([one[0] for one in found], FAR, sizes)
    scores, genuine, subjects = (np.concatenate([one[part] for one in found]) for part in (1, 2, 3))
    roc = result.scores.roc
    np.testing.assert_array_equal(roc.true_accepts, [(scores[genuine] >= x).sum() for x in roc.thresholds])
    np.testing.assert_array_equal(roc.false_accepts, [(scores[~genuine] >= x).sum() for x in roc.thresholds])
    assert result.histogram.genuine.sum() == genuine.sum()
    assert result.histogram.impostors.sum() == (~genuine).sum()
    if not genuine.any() or genuine.all():
        assert np.isnan([roc.auc, roc.eer]).all()
        return
    assert roc.auc == pytest.approx(roc_auc_score(genuine, scores), abs=1e-12)
    stored = set(roc.thresholds.tolist())
    assert stored >= set(np.sort(scores[~genuine])[::-1][: sizes.highest].tolist()) | set(scores[genuine].tolist())
    for rule in FarRule:
        for number, target in enumerate(FAR):
            point = result.scores.points[rule][number]
            assert (point.threshold, point.far, point.tar) == read_off(scores, genuine, target, rule)
            each = [np.mean(scores[genuine & (subjects == one)] >= point.threshold) for one in set(subjects[genuine])]
            assert result.scores.subject_tar[rule][number] == pytest.approx(np.mean(each), abs=1e-12)
            for part, (_, own, labels, _) in zip(result.scores.parts, found, strict=True):
                if labels.any() and not labels.all():
                    point = part[rule][number]
                    assert (point.threshold, point.far, point.tar) == read_off(own, labels, target, rule)


def test_histograms_hold_every_score_once() -> None:
    scored = planted(np.random.default_rng(0), 30, 900, 7)[0]
    scored.genuine[0] = 1.0000001  # rounding
    found = template_scores.template_scores([scored], FAR).histogram
    inner = found.edges.astype(np.float32)
    expected = np.histogram(np.clip(scored.impostors, -1, 1), inner)[0]
    np.testing.assert_array_equal(found.impostors, expected)
    assert found.genuine[-1] == np.count_nonzero(scored.genuine >= inner[-2])


def test_subjects_of_pairs_are_those_of_their_templates() -> None:
    rng = np.random.default_rng(1)
    subjects = rng.integers(0, 9, 50) * 7
    first, second = rng.integers(0, 50, 600), rng.integers(0, 50, 600)
    plan = PairPlan.of(first, second, subjects[first] == subjects[second], subjects)
    which = rng.permutation(plan.impostors.size)
    pairs = plan.impostors.pair[which]
    found = plan.subjects(plan.impostors, which)
    np.testing.assert_array_equal(found[0], subjects[first[pairs]])
    np.testing.assert_array_equal(found[1], subjects[second[pairs]])


def test_the_result_does_not_depend_on_threads() -> None:
    rng = np.random.default_rng(2)
    subjects = rng.integers(0, 100, 900)
    first, second = rng.integers(0, 900, 20_000), rng.integers(0, 900, 20_000)
    plan = PairPlan.of(first, second, subjects[first] == subjects[second], subjects)
    sides = [rng.standard_normal((len(side), 64)).astype(np.float32) for side in (plan.first, plan.second)]
    one, two = (score_pairs(sides[0], sides[1], plan, threads=threads).in_order() for threads in (1, 3))
    np.testing.assert_array_equal(one, two)
    rows, columns = (np.searchsorted(known, side) for known, side in ((plan.first, first), (plan.second, second)))
    np.testing.assert_allclose(one, np.einsum("ij,ij->i", sides[0][rows], sides[1][columns]), atol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SettingsError, match="are no pairs"):
        PairPlan.of([0, 1], [1], [True, False], [5, 6])
    with pytest.raises(SettingsError, match="outside the 2"):
        PairPlan.of([0, 2], [1, 1], [True, False], [5, 6])
    plan = PairPlan.of([0, 1], [1, 0], [True, False], [5, 6])
    with pytest.raises(SettingsError, match="cannot be compared"):
        score_pairs(np.ones((2, 3)), np.ones((2, 4)), plan)
    with pytest.raises(SettingsError, match="are not the 2 and 2"):
        score_pairs(np.ones((2, 3)), np.ones((3, 3)), plan)
    with pytest.raises(SettingsError, match="no pairs"):
        template_scores.template_scores([], FAR)
    with pytest.raises(SettingsError, match="not a rate"):
        template_scores.template_scores([score_pairs(np.ones((2, 3)), np.ones((2, 3)), plan)], [1.5])


@pytest.mark.parametrize("sizes", [Sizes(), LARGE])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(sizes: Sizes, bad: float) -> None:
    for side in ("genuine", "impostors"):
        scored, _, _, _ = planted(np.random.default_rng(3), 12, 100, 5)
        getattr(scored, side)[1] = bad
        with pytest.raises(SettingsError, match="NaN or infinite"):
            template_scores._template_scores([scored], FAR, sizes)


def test_templates_that_cancel_out_are_left_out_with_their_pairs() -> None:
    rng = np.random.default_rng(3)
    embeddings = rng.standard_normal((9, 6)).astype(np.float32)
    first, second = np.divmod(np.arange(81), 9)
    order = rng.permutation(81)
    first, second = first[order], second[order]
    subjects = np.arange(9) // 3
    plan = PairPlan.of(first, second, subjects[first] == subjects[second], subjects)
    source, target = embeddings.copy(), embeddings.copy()
    whole = score_pairs(source, target, plan)
    assert without_cancelled(whole, source, target) is whole
    source[4] = target[4] = target[7] = 0
    source[0, 0] = 0  # a zero here and there is none of zeros
    scored = score_pairs(source, target, plan)
    found = without_cancelled(scored, source, target)
    kept = (first != 4) & ~np.isin(second, [4, 7])
    np.testing.assert_array_equal(found.present, kept)
    np.testing.assert_array_equal(found.in_order(), scored.in_order()[kept])
    assert found.cancelled == 2
    same = subjects[first] == subjects[second]
    assert (found.genuine.size, found.impostors.size) == ((same & kept).sum(), (~same & kept).sum())
    np.testing.assert_array_equal(np.bincount(found.genuine_subjects()), np.bincount(subjects[first][same & kept]))
    read = template_scores.template_scores([found], [0.1]).scores
    assert (read.roc.genuine, read.roc.impostors) == (found.genuine.size, found.impostors.size)


def test_scoring_can_be_cancelled() -> None:
    ctx = JobContext()
    ctx.cancel()
    plan = PairPlan.of([0, 1], [1, 0], [True, False], [5, 6])
    with pytest.raises(Cancelled):
        score_pairs(np.ones((2, 3)), np.ones((2, 3)), plan, ctx=ctx)
