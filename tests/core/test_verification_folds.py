"""Fold accuracy against a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.verification.folds import fold_accuracy


def slow_accuracy(scores: list[float], genuine: list[bool], threshold: float) -> int:
    return sum((score >= threshold) == label for score, label in zip(scores, genuine, strict=True))


def slow_threshold(scores: list[float], genuine: list[bool]) -> float:
    best = max(slow_accuracy(scores, genuine, threshold) for threshold in scores)
    return min(threshold for threshold in scores if slow_accuracy(scores, genuine, threshold) == best)


pairs = st.lists(
    st.tuples(
        st.one_of(st.integers(-4, 4).map(lambda quarters: quarters / 4), st.floats(-1, 1, width=32)),
        st.booleans(),
        st.integers(0, 4),
    ),
    min_size=2,
    max_size=40,
).filter(lambda rows: len({fold for _, _, fold in rows}) > 1)


@settings(deadline=None, max_examples=100)
@given(rows=pairs)
def test_each_fold_is_judged_by_the_best_threshold_of_the_others(rows: list[tuple[float, bool, int]]) -> None:
    scores = np.array([score for score, _, _ in rows], np.float32)
    genuine = np.array([label for _, label, _ in rows])
    folds = np.array([fold for _, _, fold in rows])
    result = fold_accuracy(lambda held_out: scores, folds, genuine)
    expected = []
    for position, fold in enumerate(sorted(set(folds.tolist()))):
        training, tested = folds != fold, folds == fold
        threshold = slow_threshold(scores[training].tolist(), genuine[training].tolist())
        assert result.thresholds[position] == threshold
        expected.append(slow_accuracy(scores[tested].tolist(), genuine[tested].tolist(), threshold) / tested.sum())
    assert result.per_fold == tuple(expected)
    assert result.accuracy == pytest.approx(sum(expected) / len(expected))


def test_every_fold_may_be_scored_by_a_map_of_its_own() -> None:
    folds = np.repeat([3, 5, 9], 4)
    genuine = np.tile([True, True, False, False], 3)
    asked = []

    def score(held_out: int) -> NDArray[np.float32]:
        asked.append(held_out)
        return np.where(genuine, 1.0, -1.0).astype(np.float32) * (-1 if held_out == 5 else 1)

    result = fold_accuracy(score, folds, genuine)
    assert asked == [3, 5, 9]
    # With scores turned round the best that the others allow is to accept (or reject) half of them wrongly.
    assert result.per_fold == (1.0, 0.5, 1.0)


def test_a_fold_that_no_threshold_fits_still_has_the_smallest_best_one() -> None:
    folds = [0, 0, 1, 1]
    result = fold_accuracy(lambda held_out: [0.9, 0.1, 0.2, 0.8], folds, [True, False, True, False])
    # Training on fold 1: 0.2 accepts both (one right), 0.8 accepts the impostor only (none right).
    assert result.thresholds == (pytest.approx(0.2), pytest.approx(0.9))
    assert result.per_fold == (1.0, 0.5)


def test_one_fold_or_wrong_lengths_or_nan_are_refused() -> None:
    with pytest.raises(SettingsError, match="fewer than two"):
        fold_accuracy(lambda held_out: [0.1, 0.2], [0, 0], [True, False])
    with pytest.raises(SettingsError, match="3 scores cannot be those of 2 pairs"):
        fold_accuracy(lambda held_out: [0.1, 0.2, 0.3], [0, 1], [True, False])
    with pytest.raises(SettingsError, match="2 pairs have a fold and 1 a label"):
        fold_accuracy(lambda held_out: [0.1, 0.2], [0, 1], [True])
    with pytest.raises(SettingsError, match="NaN"):
        fold_accuracy(lambda held_out: [0.1, np.nan], [0, 1], [True, False])
