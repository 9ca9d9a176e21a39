"""Accuracy over folds of a list of pairs, as LFW's protocol has it (paper Figures 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.errors import SettingsError


@dataclass(frozen=True)
class FoldResult:
    """Accuracy on each fold, with the threshold (and the map) of the other folds.

    Attributes
    ----------
    accuracy : float
        Mean over folds.
    per_fold : tuple of float
        In the order of the folds' numbers.
    thresholds : tuple of float
        A pair counts as genuine iff its score ≥ the threshold.
    """

    accuracy: float
    per_fold: tuple[float, ...]
    thresholds: tuple[float, ...]


def fold_accuracy(score_fold: Callable[[int], ArrayLike], fold_of_pair: ArrayLike, genuine: ArrayLike) -> FoldResult:
    """Accuracy on each fold at the best threshold of the others, for any number of folds.

    Parameters
    ----------
    score_fold : callable
        ``score_fold(held_out)`` gives the (k,) scores of *all* pairs by a map that was not fitted on that fold; for
        a single model the same scores each time.
    fold_of_pair : (k,) array_like of int
    genuine : (k,) array_like of bool

    Returns
    -------
    FoldResult
        The threshold of a fold is the smallest of the other folds' scores that maximises their accuracy.

    Raises
    ------
    SettingsError
        With fewer than two folds, when lengths differ, or when a score is NaN or infinite.
    """
    folds = np.asarray(fold_of_pair).ravel()
    labels = np.asarray(genuine, bool).ravel()
    if labels.shape != folds.shape:
        raise SettingsError(f"{folds.size} pairs have a fold and {labels.size} a label")
    numbers = [int(number) for number in np.unique(folds)]
    if len(numbers) < 2:
        raise SettingsError(
            "a threshold is chosen on the other folds, and the list of pairs has fewer than two",
            remedy="use a list of pairs with two folds or more",
        )
    accuracies, thresholds = [], []
    for held_out in numbers:
        scores = np.asarray(score_fold(held_out), np.float32).ravel()
        if scores.shape != folds.shape:
            raise SettingsError(f"{scores.size} scores cannot be those of {folds.size} pairs")
        if not np.isfinite(scores).all():
            raise SettingsError("scores hold NaN or infinite numbers")
        tested = folds == held_out
        threshold = best_threshold(scores[~tested], labels[~tested])
        accuracies.append(float(np.mean((scores[tested] >= threshold) == labels[tested])))
        thresholds.append(float(threshold))
    return FoldResult(float(np.mean(accuracies)), tuple(accuracies), tuple(thresholds))


def best_threshold(scores: NDArray[np.float32], genuine: NDArray[np.bool_]) -> np.float32:
    """The smallest of the scores that maximises accuracy when pairs are accepted iff score ≥ threshold.

    Parameters
    ----------
    scores : (k,) float32, k ≥ 1
    genuine : (k,) bool
    """
    order = np.argsort(scores)
    ascending, labels = scores[order], genuine[order]
    # A threshold at position i rejects the i scores before it: right are their impostors and the genuine pairs from i.
    impostors_before = np.concatenate([[0], np.cumsum(~labels)[:-1]])
    genuine_from = np.cumsum(labels[::-1])[::-1]
    right = impostors_before + genuine_from
    # Equal scores are accepted together, so only the first of them is a threshold.
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    best: np.float32 = ascending[first][np.argmax(right[first])]
    return best
