"""All pairs of a dataset, block by block, against scikit-learn's curve of all scores at once."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from canon_core.cores import blas_threads
from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.verification import all_pairs, exact_roc
from canon_core.verification.all_pairs import PairScores, Pool, score_all_pairs
from canon_core.verification.exact_points import Sizes
from canon_core.verification.roc import FarRule, OperatingPoint
from canon_core.verification.tiles import TiledPool

Scores = NDArray[np.float32]

FAR = (1.0, 0.3, 0.1, 0.05, 1e-2, 1e-3, 1e-6, 0.0)
#: Block by block whatever the number of pairs, with room for few scores at a time.
SMALL = Sizes(whole=0, side=7, block=2, highest=20, kept=64, stride=2, sampled=16)


def planted(scores: NDArray[np.floating], subjects: NDArray[np.integer]) -> Pool:
    """An ordered pool whose score of (i, j) is exactly ``scores[i, j]``: the source is the identity."""
    matrix = np.asarray(scores, np.float32)
    return Pool(np.eye(len(matrix), dtype=np.float32), np.ascontiguousarray(matrix.T), subjects, ordered=True)


def tiled_scores(pool: Pool, side: int) -> tuple[Scores, NDArray[np.int64]]:
    """Every score of a pool as its tiles compute it, with the subject code of each image in the same order."""
    tiled = TiledPool(pool, side)
    matrix = np.full((tiled.images, tiled.images), np.nan, np.float32)
    with blas_threads(1):  # several threads cut a product differently, which changes its rounding
        for top in tiled.row_blocks():
            for tile in tiled.tiles(top):
                scores = tiled.scores(tile, np.empty(tile.size, np.float32))
                matrix[tile.top : tile.bottom, tile.left : tile.right] = scores
    return matrix, tiled.codes


def listed(pool: Pool, side: int) -> tuple[Scores, Scores, list[int]]:
    """Genuine and impostor scores of a pool, and each genuine pair's subject, by a plain loop over pairs."""
    matrix, codes = tiled_scores(pool, side)
    genuine, impostors, subjects = [], [], []
    for i, j in product(range(len(codes)), repeat=2):
        if i == j or (not pool.ordered and j < i):
            continue
        if codes[i] == codes[j]:
            genuine.append(matrix[i, j])
            subjects.append(int(codes[i]))
        else:
            impostors.append(matrix[i, j])
    return np.array(genuine, np.float32), np.array(impostors, np.float32), subjects


def sklearn_point(genuine: Scores, impostors: Scores, target: float, rule: FarRule) -> tuple[float, float, float]:
    """Threshold, FAR and TAR read off scikit-learn's whole curve."""
    labels = np.repeat([1, 0], [len(genuine), len(impostors)])
    far, tar, thresholds = roc_curve(labels, np.concatenate([genuine, impostors]), drop_intermediate=False)
    if rule is FarRule.CONSERVATIVE:
        chosen = np.flatnonzero(far <= target)[-1]
    else:
        distance = np.abs(far - target)
        nearest = np.flatnonzero(distance == distance.min())
        chosen = nearest[tar[nearest] == tar[nearest].max()][0]
    return float(thresholds[chosen]), float(far[chosen]), float(tar[chosen])


def check_points(points: tuple[OperatingPoint, ...], genuine: Scores, impostors: Scores, rule: FarRule) -> None:
    for target, point in zip(FAR, points, strict=True):
        assert (point.genuine, point.impostors) == (len(genuine), len(impostors))
        if not len(impostors):
            assert (point.threshold, point.false_accepts, point.true_accepts) == (float("inf"), 0, 0)
        elif len(genuine):
            expected = sklearn_point(genuine, impostors, target, rule)
            assert (point.threshold, point.far, point.tar) == expected
        else:
            assert point.false_accepts == np.count_nonzero(impostors >= np.float32(point.threshold))
            assert point.true_accepts == 0


def check_against_a_list_of_all_scores(pools: list[Pool], sizes: Sizes, threads: int = 2) -> PairScores:
    """Everything in the result, against scikit-learn and plain counting."""
    found = all_pairs._score(pools, FAR, JobContext(), threads, sizes)
    parts = [listed(pool, sizes.side) for pool in pools]
    genuine = np.concatenate([part[0] for part in parts])
    impostors = np.concatenate([part[1] for part in parts])
    subjects = [subject for part in parts for subject in part[2]]
    roc = found.roc
    assert (roc.genuine, roc.impostors) == (len(genuine), len(impostors))
    assert roc.thresholds[0] == np.inf
    assert (np.diff(roc.thresholds) < 0).all()
    np.testing.assert_array_equal(roc.false_accepts, [(impostors >= x).sum() for x in roc.thresholds])
    np.testing.assert_array_equal(roc.true_accepts, [(genuine >= x).sum() for x in roc.thresholds])
    stored = set(roc.thresholds.tolist())
    if len(set(genuine.tolist())) <= sizes.stored:
        assert stored >= set(genuine.tolist())
    else:
        assert stored >= {float(genuine.min()), float(genuine.max())}
    assert stored >= set(np.sort(impostors)[::-1][: sizes.highest].tolist())
    if len(genuine) and len(impostors):
        labels = np.repeat([1, 0], [len(genuine), len(impostors)])
        scores = np.concatenate([genuine, impostors])
        if len(set(genuine.tolist())) <= sizes.counted:
            assert roc.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
            assert roc.eer == pytest.approx(interpolated_eer(labels, scores), abs=1e-9)
    else:
        assert np.isnan([roc.auc, roc.eer]).all()
    for rule in FarRule:
        check_points(found.points[rule], genuine, impostors, rule)
        for part, (own, others, _) in zip(found.parts, parts, strict=True):
            check_points(part[rule], own, others, rule)
        for target, point, weighted in zip(FAR, found.points[rule], found.subject_tar[rule], strict=True):
            # The stored curve gives the same operating point for each FAR it was computed for.
            assert roc.at(target, rule) == point
            if not len(genuine) or not len(impostors):
                assert np.isnan(weighted)
                continue
            each = [
                np.mean([score >= point.threshold for score, of in zip(genuine, subjects, strict=True) if of == one])
                for one in sorted(set(subjects))
            ]
            assert weighted == pytest.approx(np.mean(each), abs=1e-12)
    assert found.histogram is not None
    edges = found.histogram.edges.astype(np.float32)  # as scores are compared with them; beyond ±1 only rounding goes
    for counts, scores in ((found.histogram.genuine, genuine), (found.histogram.impostors, impostors)):
        np.testing.assert_array_equal(counts, np.histogram(np.clip(scores, -1, 1), edges)[0])
    if subjects:
        most = max(sorted(set(subjects)), key=subjects.count)
        assert found.largest_subject == most
        assert found.largest_subject_share == pytest.approx(subjects.count(most) / len(subjects))
    else:
        assert found.largest_subject == -1
        assert np.isnan(found.largest_subject_share)
    return found


def interpolated_eer(labels: NDArray[np.int64], scores: Scores) -> float:
    """Where straight lines between scikit-learn's points meet FAR = 1 − TAR."""
    far, tar, _ = roc_curve(labels, scores, drop_intermediate=False)
    after = int(np.flatnonzero(far + tar >= 1)[0])
    one, other = np.array([far[after - 1], tar[after - 1]]), np.array([far[after], tar[after]])
    part = (1 - one.sum()) / (other - one).sum()
    return float(one[0] + part * (other[0] - one[0]))


def unit(seed: int, images: int, width: int) -> Scores:
    rows = np.random.default_rng(seed).standard_normal((images, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def faces(seed: int, images: int, people: int, noise: float = 0.8, width: int = 16) -> Pool:
    """Unordered pairs of one model that knows faces."""
    generator = np.random.default_rng(seed)
    subjects = generator.integers(0, people, images)
    rows = unit(seed, people, width)[subjects] + noise * unit(seed + 1, images, width)
    embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return Pool(embeddings, embeddings, subjects, ordered=False)


# -- exactness -------------------------------------------------------------------------------------------------------
def score_matrix(generator: np.random.Generator, kind: str, images: int) -> NDArray[np.floating]:
    """Scores of several shapes; ``beyond`` leaves [−1, 1] as rounding does."""
    normal = generator.standard_normal((images, images))
    return {
        "continuous": normal / 4,
        "ties": np.round(normal * 2) / 8,
        "heavy ties": np.sign(normal) / 2,
        "constant": np.full_like(normal, 0.25),
        "one value stands out": np.where(generator.random(normal.shape) < 0.01, 0.75, 0.25),
        "beyond": 1 + np.round(normal) * 2.0**-23,
        "two clouds": np.where(generator.random(normal.shape) < 0.5, 1e-3, 0.5) * normal,
        "signed zeros": np.where(normal > 1, 0.5, np.copysign(0.0, normal)),
    }[kind]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(
        ["continuous", "ties", "heavy ties", "constant", "one value stands out", "beyond", "two clouds", "signed zeros"]
    ),
    images=st.lists(st.integers(1, 24), min_size=1, max_size=2),
    people=st.integers(1, 12),
    side=st.integers(2, 9),
)
def test_block_by_block_equals_one_sorted_list(seed: int, kind: str, images: list[int], people: int, side: int) -> None:
    generator = np.random.default_rng(seed)
    pools = [
        planted(score_matrix(generator, kind, count), generator.integers(0, people, count) + 100 * half)
        for half, count in enumerate(images)
    ]
    check_against_a_list_of_all_scores(pools, replace(SMALL, side=side))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16), images=st.integers(1, 30), people=st.integers(1, 12), side=st.integers(2, 9))
def test_unordered_pairs_are_counted_once(seed: int, images: int, people: int, side: int) -> None:
    found = check_against_a_list_of_all_scores([faces(seed, images, people)], replace(SMALL, side=side))
    assert found.roc.genuine + found.roc.impostors == images * (images - 1) // 2


@pytest.mark.parametrize("sizes", [SMALL, Sizes(whole=0, side=16), Sizes()], ids=["small", "blocks", "whole"])
def test_two_halves_of_faces(sizes: Sizes) -> None:
    first, second = faces(1, 40, 9), faces(2, 33, 7)
    second = replace(second, subjects=second.subjects + 9)
    found = check_against_a_list_of_all_scores([first, second], sizes)
    assert found.roc.complete is (sizes.whole > 0)
    assert len(found.parts) == 2


def test_few_pairs_and_many_pairs_agree() -> None:
    pools = [faces(3, 60, 11, noise=1.5), replace(faces(4, 50, 10, noise=1.5), ordered=True)]
    whole = all_pairs._score(pools, FAR, JobContext(), 2, Sizes(side=16))
    blocks = all_pairs._score(pools, FAR, JobContext(), 2, Sizes(whole=0, side=16, highest=50))
    assert whole.roc.complete
    assert not blocks.roc.complete
    assert whole.points == blocks.points
    assert whole.parts == blocks.parts
    assert whole.subject_tar == blocks.subject_tar
    assert whole.roc.auc == pytest.approx(blocks.roc.auc, abs=1e-12)
    assert whole.roc.eer == pytest.approx(blocks.roc.eer, abs=1e-12)


def test_a_larger_set_needs_one_pass_and_matches_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    pool = faces(5, 900, 200, noise=1.2, width=32)
    found = all_pairs._score([pool], FAR, JobContext(), 2, Sizes(whole=0, side=128, block=3, highest=2000))
    matrix, codes = tiled_scores(pool, 128)
    above = np.triu(np.ones_like(matrix, bool), 1)
    same = codes[:, None] == codes[None, :]
    genuine, impostors = matrix[above & same], matrix[above & ~same]
    for rule in FarRule:
        check_points(found.points[rule], genuine, impostors, rule)
    labels = np.repeat([1, 0], [len(genuine), len(impostors)])
    assert found.roc.auc == pytest.approx(roc_auc_score(labels, np.concatenate([genuine, impostors])), abs=1e-12)
    assert passes == [1]


def test_scores_are_the_dot_products() -> None:
    pool = faces(6, 50, 10)
    matrix, _ = tiled_scores(pool, 16)
    order = np.argsort(pool.subjects, kind="stable")
    exact = pool.source[order].astype(np.float64) @ pool.target[order].astype(np.float64).T
    upper = np.triu_indices(50, 1)
    np.testing.assert_allclose(matrix[upper], exact[upper], atol=1e-6)


# -- where the sample misleads ---------------------------------------------------------------------------------------
def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    passes: list[int] = []
    run = exact_roc._Search.run

    def counted(self: exact_roc._Search, *arguments: object) -> object:
        result = run(self, *arguments)  # type: ignore[arg-type]
        passes.append(self.passes)
        return result

    monkeypatch.setattr(exact_roc._Search, "run", counted)
    return passes


@pytest.mark.parametrize("lie", [-0.9, 0.9, None])
def test_a_misleading_sample_costs_passes_but_no_exactness(monkeypatch: pytest.MonkeyPatch, lie: float | None) -> None:
    def misleading(pools: list[TiledPool], sizes: Sizes, threads: int) -> list[Scores]:
        return [np.full(0 if lie is None else 500, lie or 0, np.float32) for _ in pools]

    monkeypatch.setattr(exact_roc, "_samples", misleading)
    passes = count_passes(monkeypatch)
    generator = np.random.default_rng(7)
    pools = [planted(generator.standard_normal((n, n)) / 8, generator.integers(0, 9, n)) for n in (40, 30)]
    check_against_a_list_of_all_scores(pools, SMALL)
    assert 1 < passes[0] <= 4


def test_more_scores_than_are_kept_around_a_point_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    generator = np.random.default_rng(8)
    # Nearly all impostor scores lie within a few thousand float32 steps of one another.
    scores = 0.25 + generator.integers(0, 3000, (70, 70)) * 2.0**-25
    check_against_a_list_of_all_scores([planted(scores, generator.integers(0, 9, 70))], SMALL)
    assert passes[0] > 1


def test_a_thinned_curve_keeps_exact_points_and_operating_points() -> None:
    sizes = replace(SMALL, stored=10, counted=25, highest=5)
    pool = faces(9, 60, 5, noise=1.5)
    found = check_against_a_list_of_all_scores([pool], sizes)
    assert len(found.roc.thresholds) < 10 + 5 + 4 * len(FAR) + 2
    whole = all_pairs._score([pool], FAR, JobContext(), 1, Sizes(side=sizes.side))
    assert found.roc.auc == pytest.approx(whole.roc.auc, abs=1 / 25)
    assert found.roc.eer == pytest.approx(whole.roc.eer, abs=1 / 25)


# -- edges -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sizes", [SMALL, Sizes()], ids=["blocks", "whole"])
@pytest.mark.parametrize("images", [0, 1, 2])
def test_no_image_one_image_two_images(sizes: Sizes, images: int) -> None:
    rows = unit(1, images, 4)
    for subjects in (np.zeros(images, np.int64), np.arange(images)):
        for ordered in (False, True):
            check_against_a_list_of_all_scores([Pool(rows, rows, subjects, ordered)], sizes)


@pytest.mark.parametrize("sizes", [SMALL, Sizes()], ids=["blocks", "whole"])
def test_only_genuine_and_only_impostor_pairs(sizes: Sizes) -> None:
    rows = unit(2, 20, 4)
    check_against_a_list_of_all_scores([Pool(rows, rows, np.zeros(20, np.int64), ordered=False)], sizes)
    check_against_a_list_of_all_scores([Pool(rows, rows, np.arange(20), ordered=False)], sizes)
    # One half without impostor pairs beside one that has them.
    pools = [Pool(rows, rows, np.zeros(20, np.int64), ordered=True), faces(3, 20, 5)]
    check_against_a_list_of_all_scores(pools, sizes)


def test_duplicated_images_tie_across_subjects() -> None:
    rows = np.repeat(unit(3, 12, 4), 3, axis=0)
    subjects = np.random.default_rng(4).integers(0, 5, 36)
    found = check_against_a_list_of_all_scores([Pool(rows, rows, subjects, ordered=False)], SMALL)
    assert found.roc.impostors > len(set(found.roc.thresholds.tolist()))  # there are ties


def test_subject_codes_may_be_any_integers() -> None:
    pool = faces(5, 30, 6)
    names = np.array([7, -3, 10**12, 0, 55, -1])
    found = check_against_a_list_of_all_scores([replace(pool, subjects=names[pool.subjects])], SMALL)
    assert found.largest_subject in names


def test_what_does_not_fit_is_refused() -> None:
    rows = unit(1, 6, 4)
    subjects = np.arange(6)
    with pytest.raises(SettingsError, match="no images"):
        score_all_pairs([], FAR)
    with pytest.raises(SettingsError, match="do not belong together"):
        score_all_pairs([Pool(rows, rows[:5], subjects, ordered=True)], FAR)
    with pytest.raises(SettingsError, match="those of one model"):
        score_all_pairs([Pool(rows, unit(2, 6, 4), subjects, ordered=False)], FAR)
    with pytest.raises(SettingsError, match="not a rate"):
        score_all_pairs([Pool(rows, rows, subjects, ordered=False)], [2.0])
    for value in (np.nan, np.inf, 1e30):
        bad = rows.copy()
        bad[2, 3] = value
        with pytest.raises(SettingsError, match="NaN, infinite or absurdly large"):
            score_all_pairs([Pool(rows, bad, subjects, ordered=True)], FAR)


def test_too_many_genuine_pairs_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_pairs, "MAX_GENUINE_PAIRS", 10)
    rows = unit(1, 6, 4)
    with pytest.raises(SettingsError, match=r"15 genuine pairs .* --max-per-subject"):
        score_all_pairs([Pool(rows, rows, np.zeros(6, np.int64), ordered=False)], FAR)


# -- running ---------------------------------------------------------------------------------------------------------
def test_threads_do_not_change_the_result() -> None:
    pool = faces(10, 300, 40, width=64)
    sizes = Sizes(whole=0, side=32, block=2, highest=500)
    one, four = (all_pairs._score([pool], FAR, JobContext(), threads, sizes) for threads in (1, 4))
    assert one.points == four.points
    assert one.subject_tar == four.subject_tar
    for name in ("thresholds", "false_accepts", "true_accepts", "auc", "eer"):
        np.testing.assert_array_equal(getattr(one.roc, name), getattr(four.roc, name))


def test_cancelling_stops_the_scoring_within_a_second() -> None:
    ctx = JobContext()
    checks = []
    check = ctx.check

    def counted() -> None:
        checks.append(time.perf_counter())
        if len(checks) == 6:
            ctx.cancel()
        check()

    ctx.check = counted  # type: ignore[method-assign]
    pool = faces(11, 3000, 400, width=128)
    with pytest.raises(Cancelled):
        score_all_pairs([replace(pool, ordered=True)], FAR, ctx, threads=2)
    assert time.perf_counter() - checks[5] < 1
    assert len(checks) <= 6 + 2  # each thread at most starts one more tile


def test_progress_reaches_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_pairs, "_QUIET", -1.0)
    seen = []
    ctx = JobContext()
    ctx.report = lambda done, total, what: seen.append((done, total, what))  # type: ignore[method-assign]
    all_pairs._score([faces(12, 100, 10)], FAR, ctx, 2, Sizes(whole=0, side=16))
    done, total, what = max(seen)
    assert done == total
    assert what == "pairs scored"


def test_far_less_than_all_scores_is_held() -> None:
    pool = replace(faces(13, 4000, 2500, width=32), ordered=True)
    tracemalloc.start()
    try:
        score_all_pairs([pool], FAR, threads=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4000 * 4000 * 4  # what the float32 scores alone would take
