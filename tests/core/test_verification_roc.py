"""The ROC of scores, and what is read off it, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from canon_core.errors import SettingsError
from canon_core.verification.roc import FarRule, OperatingPoint, Roc, roc_of_scores

TARGETS = (0.0, 1e-6, 1e-3, 1e-2, 0.05, 0.1, 0.15, 0.3, 0.5, 0.9, 1.0)


def read_off(genuine: NDArray[np.float32], impostors: NDArray[np.float32], target: float, rule: FarRule) -> int:
    """Position in scikit-learn's curve of the point the rules of the paper's field facts name."""
    far, tar, _ = sklearn_curve(genuine, impostors)
    if rule is FarRule.CONSERVATIVE:
        return int(np.flatnonzero(far <= target)[-1])
    distance = np.abs(far - target)
    nearest = np.flatnonzero(distance == distance.min())
    best = nearest[tar[nearest] == tar[nearest].max()]
    return int(best[0])


def sklearn_curve(
    genuine: NDArray[np.float32], impostors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    labels = np.repeat([1, 0], [len(genuine), len(impostors)])
    return roc_curve(labels, np.concatenate([genuine, impostors]), drop_intermediate=False)


def equal_error(far: NDArray[np.float64], tar: NDArray[np.float64]) -> float:
    """Where the ROC with straight lines between its points meets FAR = 1 − TAR, by bisection along the curve."""
    along = np.linspace(0, 1, len(far))
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if np.interp(middle, along, far) + np.interp(middle, along, tar) < 1:
            low = middle
        else:
            high = middle
    return float(np.interp(high, along, far))


scores = st.lists(
    st.one_of(
        st.integers(-3, 3).map(lambda tenths: tenths / 2),  # heavy ties
        st.floats(-1.0009765625, 1.0009765625, width=32),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=200)
@given(genuine=scores, impostors=scores)
@example(genuine=[0.5] * 7, impostors=[0.5] * 9)
@example(genuine=[0.9], impostors=[0.1])
@example(genuine=[0.1], impostors=[0.9])
@example(genuine=[-0.0, 0.0], impostors=[0.0, -0.0, 0.25])
def test_every_point_is_scikit_learns(genuine: list[float], impostors: list[float]) -> None:
    own, others = np.array(genuine, np.float32), np.array(impostors, np.float32)
    roc = roc_of_scores(own, others)
    far, tar, thresholds = sklearn_curve(own, others)
    np.testing.assert_array_equal(roc.thresholds, thresholds)
    np.testing.assert_array_equal(roc.far, far)
    np.testing.assert_array_equal(roc.tar, tar)
    assert roc.complete
    labels = np.repeat([1, 0], [len(own), len(others)])
    assert roc.auc == pytest.approx(roc_auc_score(labels, np.concatenate([own, others])), abs=1e-12)
    assert roc.eer == pytest.approx(equal_error(far, tar), abs=1e-9)
    for target in TARGETS:
        for rule in FarRule:
            chosen = read_off(own, others, target, rule)
            point = roc.at(target, rule)
            assert (point.far, point.tar, point.threshold) == (far[chosen], tar[chosen], thresholds[chosen])
            assert point.target == target


@settings(deadline=None, max_examples=50)
@given(genuine=scores, impostors=scores)
def test_accepting_at_the_threshold_gives_the_counts(genuine: list[float], impostors: list[float]) -> None:
    own, others = np.array(genuine, np.float32), np.array(impostors, np.float32)
    roc = roc_of_scores(own, others)
    for target in TARGETS:
        for rule in FarRule:
            point = roc.at(target, rule)
            assert point.false_accepts == sum(score >= point.threshold for score in others.tolist())
            assert point.true_accepts == sum(score >= point.threshold for score in own.tolist())


@settings(deadline=None, max_examples=50)
@given(genuine=scores, impostors=scores)
def test_a_looser_target_never_accepts_less(genuine: list[float], impostors: list[float]) -> None:
    roc = roc_of_scores(np.array(genuine, np.float32), np.array(impostors, np.float32))
    for rule in FarRule:
        points = [roc.at(target, rule) for target in TARGETS]
        assert [point.tar for point in points] == sorted(point.tar for point in points)
        assert [point.far for point in points] == sorted(point.far for point in points)
    assert all(roc.at(target, FarRule.CONSERVATIVE).far <= target for target in TARGETS)


def test_a_target_below_one_impostor_accepts_what_lies_above_all_of_them() -> None:
    roc = roc_of_scores([0.2, 0.7, 0.8, 0.9], [0.1, 0.5, 0.6])
    point = roc.at(1e-3, FarRule.CONSERVATIVE)
    assert (point.threshold, point.false_accepts, point.true_accepts) == (pytest.approx(0.7), 0, 3)
    beaten = roc_of_scores([0.2, 0.3], [0.1, 0.5, 0.6]).at(1e-3, FarRule.CONSERVATIVE)
    assert (beaten.threshold, beaten.true_accepts, beaten.tar) == (float("inf"), 0, 0.0)


def test_of_two_points_equally_near_the_one_of_larger_tar_is_taken() -> None:
    # FAR 0 and 0.5 are equally near to 0.25; the second accepts one more genuine pair.
    assert roc_of_scores([0.9, 0.6], [0.7, 0.1]).at(0.25, FarRule.NEAREST).tar == 1.0
    # Where nothing is gained the stricter one is.
    assert roc_of_scores([0.9, 0.05], [0.7, 0.1]).at(0.25, FarRule.NEAREST).far == 0.0


def test_without_impostor_pairs_no_rate_can_be_read() -> None:
    roc = roc_of_scores([0.1, 0.2], [])
    assert np.isnan([roc.auc, roc.eer]).all()
    assert np.isnan(roc.far).all()
    for rule in FarRule:
        point = roc.at(1e-2, rule)
        assert point.threshold == float("inf")
        assert np.isnan([point.far, point.tar]).all()


def test_without_genuine_pairs_the_threshold_still_stands() -> None:
    roc = roc_of_scores([], [0.1, 0.2, 0.3, 0.4])
    assert np.isnan([roc.auc, roc.eer]).all()
    assert np.isnan(roc.tar).all()
    for rule in FarRule:
        point = roc.at(0.25, rule)
        assert (point.threshold, point.far) == (pytest.approx(0.4), 0.25)
        assert np.isnan(point.tar)


def test_without_any_pairs_the_curve_is_its_first_point() -> None:
    roc = roc_of_scores([], [])
    assert roc.thresholds.tolist() == [float("inf")]
    assert roc.false_accepts.tolist() == roc.true_accepts.tolist() == [0]


def test_nan_scores_and_targets_that_are_no_rates_are_refused() -> None:
    with pytest.raises(SettingsError, match="NaN"):
        roc_of_scores([0.1, np.nan], [0.2])
    roc = roc_of_scores([0.1], [0.2])
    for target in (-0.1, 1.5, float("nan")):
        with pytest.raises(SettingsError, match="not a rate"):
            roc.at(target, FarRule.NEAREST)


def test_rates_of_a_point_are_not_numbers_where_there_is_nothing_to_count() -> None:
    assert OperatingPoint(0.1, 0.5, 1, 10, 3, 4).far == 0.1
    assert OperatingPoint(0.1, 0.5, 1, 10, 3, 4).tar == 0.75
    assert np.isnan(OperatingPoint(0.1, 0.5, 1, 10, 0, 0).tar)
    assert np.isnan(OperatingPoint(0.1, 0.5, 0, 0, 3, 4).far)


def test_points_of_a_larger_curve_give_the_choice_among_them() -> None:
    whole = roc_of_scores([0.9, 0.7, 0.3], [0.8, 0.5, 0.2, 0.1])
    some = np.array([0, 1, 3, 5])
    thin = Roc(
        whole.thresholds[some],
        whole.false_accepts[some],
        whole.true_accepts[some],
        whole.genuine,
        whole.impostors,
        whole.auc,
        whole.eer,
        complete=False,
    )
    assert thin.at(0.25, FarRule.CONSERVATIVE) == whole.at(0.25, FarRule.CONSERVATIVE)
    assert thin.at(0.5, FarRule.CONSERVATIVE).false_accepts <= 2
