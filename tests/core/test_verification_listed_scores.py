"""Scores listed pair by pair say exactly what the curve over all pairs says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from canon_core.errors import Cancelled
from canon_core.jobs import JobContext
from canon_core.verification.all_pairs import Pool, score_all_pairs
from canon_core.verification.listed_scores import listed_scores
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule

FAR = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)


def made(images: int, width: int, seed: int, *, ordered: bool, itself: bool = False) -> tuple[Pool, PairPlan]:
    """Noisy images of subjects in no order, and all their pairs."""
    rng = np.random.default_rng(seed)
    subjects = rng.integers(0, images // 4 + 2, images)
    people = rng.standard_normal((images // 4 + 2, width))

    def seen() -> np.ndarray:
        rows = people[subjects] + 1.5 * rng.standard_normal((images, width))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    source = seen()
    pool = Pool(source, seen() if ordered else source, subjects, ordered, itself)
    pairs = itertools.product(range(images), repeat=2) if ordered else itertools.combinations(range(images), 2)
    first, second = np.array([pair for pair in pairs if itself or pair[0] != pair[1]]).T
    return pool, PairPlan.of(first, second, subjects[first] == subjects[second], subjects)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("images", [90, 290, 700, 1100])  # within one tile, over several, and more than a million pairs
@pytest.mark.parametrize("width", [64, 512])
def test_accepts_counted_again_at_a_threshold_are_those_of_the_curve(images: int, width: int, ordered: bool) -> None:
    pool, plan = made(images, width, images + width, ordered=ordered)
    scored = listed_scores(pool, plan)
    result = score_all_pairs([pool], FAR)
    for rule in FarRule:
        for point in result.points[rule]:
            least = np.float32(point.threshold)
            assert np.count_nonzero(scored.genuine >= least) == point.true_accepts
            assert np.count_nonzero(scored.impostors >= least) == point.false_accepts


@pytest.mark.parametrize(("ordered", "itself"), [(False, False), (True, False), (True, True)])
def test_every_pair_has_the_dot_product_of_its_images(ordered: bool, itself: bool) -> None:
    pool, plan = made(150, 24, 3, ordered=ordered, itself=itself)
    pairs = itertools.product(range(150), repeat=2) if ordered else itertools.combinations(range(150), 2)
    exact = pool.source.astype(np.float64) @ pool.target.astype(np.float64).T
    expected = [exact[one, other] for one, other in pairs if itself or one != other]
    np.testing.assert_allclose(listed_scores(pool, plan, threads=3).in_order(), expected, atol=1e-6)


def test_no_image_has_no_scores_and_a_cancelled_job_ends() -> None:
    pool, plan = made(20, 8, 1, ordered=True)
    stopped = JobContext()
    stopped.cancel()
    with pytest.raises(Cancelled):
        listed_scores(pool, plan, ctx=stopped)
    none = Pool(pool.source[:0], pool.target[:0], pool.subjects[:0], ordered=True)
    nothing = np.empty(0, np.int64)
    empty = PairPlan.of(nothing, nothing, nothing.astype(bool), nothing)
    assert listed_scores(none, empty).in_order().size == 0
