"""Intervals of TARs: exact where they should be, and of the coverage they are said to have on simulated scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from canon_core.verification.bootstrap import draw_subjects, impostor_weights, resampled_tar
from canon_core.verification.intervals import (
    TarInterval,
    difference_interval,
    intervals_of,
    joined,
    threshold_evidence,
)
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.poisson_interval import plausible_counts, poisson_interval
from canon_core.verification.roc import FarRule
from canon_core.verification.template_scores import ScoredPairs, template_scores

SUBJECTS = 90
VERIFICATION = 4  #: templates of each subject besides the enrolled one
MEAN, OWN, EACH = 2.9, 0.5, 0.8  #: a genuine score: mean, spread between subjects and within
SHARED = 0.15  #: what an impostor score has of each of its two subjects
SHIFTS = (0.0, -0.3)  #: the second cell is worse
FAR = (1e-1, 1e-2, 2e-3)  #: 3,204, 320 and 64 impostor scores decide


def protocol() -> PairPlan:
    codes = np.concatenate([np.arange(SUBJECTS), np.repeat(np.arange(SUBJECTS), VERIFICATION)])
    others = np.arange(SUBJECTS, codes.size)
    first, second = (side.ravel() for side in np.meshgrid(np.arange(SUBJECTS), others, indexing="ij"))
    return PairPlan.of(first, second, codes[first] == codes[second], codes)


def simulated(plan: PairPlan, rng: np.random.Generator) -> tuple[ScoredPairs, ScoredPairs]:
    """Two cells of the same pairs; subjects that are easy in one are easy in the other."""
    own, like = rng.standard_normal(SUBJECTS), rng.standard_normal(SUBJECTS)
    cells = []
    for shift in SHIFTS:
        subjects = plan.subjects(plan.genuine, np.arange(plan.genuine.size))[0]
        genuine = MEAN + shift + OWN * own[subjects] + EACH * rng.standard_normal(subjects.size)
        one, other = plan.subjects(plan.impostors, np.arange(plan.impostors.size))
        alone = np.sqrt(1 - 2 * SHARED**2)
        impostors = SHARED * (like[one] + like[other]) + alone * rng.standard_normal(one.size, np.float32)
        cells.append(ScoredPairs(plan, genuine.astype(np.float32), impostors.astype(np.float32)))
    return cells[0], cells[1]


def true_tar(far: float, shift: float) -> float:
    """Genuine and impostor scores are normal."""
    threshold = stats.norm.isf(far)
    return float(stats.norm.sf((threshold - MEAN - shift) / np.hypot(OWN, EACH)))


def test_nominal_95_percent_covers_92_to_98_percent() -> None:
    plan = protocol()
    rng = np.random.default_rng(2022)
    draws = draw_subjects(SUBJECTS, 200, 1)
    nothing = ScoredPairs(plan, np.zeros(plan.genuine.size, "f4"), np.zeros(plan.impostors.size, "f4"))
    weights = impostor_weights([nothing], draws)
    truth = np.array([[true_tar(target, shift) for target in FAR] for shift in SHIFTS])
    covered: list[list[bool]] = []
    differences: list[list[bool]] = []
    for _ in range(100):
        cells, resampled = [], []
        for scored in simulated(plan, rng):
            points = template_scores([scored], FAR).scores.points[FarRule.NEAREST]
            resampled.append(resampled_tar([scored], FAR, draws, weights=weights, threads=1)[FarRule.NEAREST])
            cells.append(intervals_of(points, resampled[-1], threshold_evidence([scored], points, draws)))
            assert [one.few_decide for one in cells[-1]] == [False, False, True]
        pairs = list(zip(cells[0], cells[1], strict=True))
        covered += [
            [one.low <= tar <= one.high for one, tar in zip(cell, tars, strict=True)]
            for cell, tars in zip(cells, truth, strict=True)
        ]
        intervals = [
            difference_interval(*pair, resampled[0][number], resampled[1][number]) for number, pair in enumerate(pairs)
        ]
        differences.append(
            [low <= true <= high for (low, high), true in zip(intervals, truth[0] - truth[1], strict=True)]
        )
    share = np.mean(covered, axis=0)
    assert ((share >= 0.92) & (share <= 0.98)).all(), share
    # What two cells have in common cancels; of what is left, w_s · w_t triples the noise of single impostor pairs
    # (Owen 2007): intervals of differences may be too wide, never too narrow.
    assert (np.mean(differences, axis=0) >= 0.92).all(), np.mean(differences, axis=0)


def test_poisson_intervals_are_those_of_the_chi_square_distribution() -> None:
    counts = np.array([0, 1, 5, 16, 99, 1000])
    low, high = poisson_interval(counts, 0.95)
    np.testing.assert_allclose(low[1:], stats.chi2.ppf(0.025, 2 * counts[1:]) / 2)
    assert low[0] == 0
    np.testing.assert_allclose(high, stats.chi2.ppf(0.975, 2 * counts + 2) / 2)


@pytest.mark.parametrize("expected", [0.0, 0.3, 3.0, 15.6, 64.0, 99.9])
def test_plausible_counts_are_those_a_poisson_variable_takes_19_times_of_20(expected: float) -> None:
    fewest, most = plausible_counts(expected)
    counts = np.arange(400)
    holding = (stats.poisson.cdf(counts, expected) >= 0.025) & (stats.poisson.sf(counts - 1, expected) >= 0.025)
    assert (fewest, most) == (counts[holding][0], counts[holding][-1])


def scored(genuine: list[float], impostors: list[float]) -> ScoredPairs:
    """One subject a template: pair (i, i) is genuine."""
    size = max(len(genuine), len(impostors)) + 1
    first = np.concatenate([np.arange(len(genuine)), np.zeros(len(impostors), int)])
    second = np.concatenate([np.arange(len(genuine)), 1 + np.arange(len(impostors))])
    plan = PairPlan.of(first, second, first == second, np.arange(size))
    return ScoredPairs(plan, np.array(genuine, "f4")[plan.genuine.pair], np.array(impostors, "f4"))


def test_few_deciding_impostors_give_thresholds_and_those_a_tar() -> None:
    rng = np.random.default_rng(5)
    impostors = rng.permutation(1000) / 1000.0
    cell = scored([0.5, 0.9705, 0.985, 0.995, 0.9995, 1.5], impostors.tolist())
    points = template_scores([cell], [0.02, 1e-3, 0.5]).scores.points[FarRule.CONSERVATIVE]
    still = np.ones((4, 1001), np.uint8)  # nothing varies but the threshold
    few, one, many = intervals_of(points, np.full((3, 4), 0.9), threshold_evidence([cell], points, still))
    # 20 impostor scores are expected: 12 to 29 are plausible, so thresholds from above .970 to .988.
    assert plausible_counts(20.0) == (12, 29)
    assert (few.low, few.high) == (pytest.approx(3 / 6), pytest.approx(5 / 6))
    assert few.unresolved
    assert few.few_decide
    # Where one is expected none is plausible, and three are.
    assert (one.low, one.high) == (0.0, pytest.approx(2 / 6))
    assert (many.low, many.high, many.deciding) == (pytest.approx(0.9), pytest.approx(0.9), 500)
    assert not many.unresolved


def test_an_interval_without_pairs_is_no_number() -> None:
    for cell in (scored([], [0.1, 0.2]), scored([0.1, 0.2], [])):
        points = template_scores([cell], [0.5]).scores.points[FarRule.CONSERVATIVE]
        evidence = threshold_evidence([cell], points, draw_subjects(3, 3))
        found = intervals_of(points, np.full((1, 3), np.nan), evidence)[0]
        assert np.isnan([found.tar, found.low, found.high]).all()


def test_independent_causes_add_up_as_squares() -> None:
    assert joined(0.5, (0.2, 0.6)) == (pytest.approx(0.2), pytest.approx(0.6))
    assert joined(0.5, (0.2, 0.53), (0.1, 0.54)) == (pytest.approx(0.0), pytest.approx(0.55))
    one, other = TarInterval(0.8, 0.7, 0.83, 50.0), TarInterval(0.5, 0.46, 0.6, 5000.0)
    low, high = difference_interval(one, other, np.zeros(3), np.zeros(3))
    assert (low, high) == (pytest.approx(0.3 - np.hypot(0.1, 0.1)), pytest.approx(0.3 + np.hypot(0.03, 0.04)))
