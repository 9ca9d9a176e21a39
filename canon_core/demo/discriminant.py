"""Linear discriminant analysis after whitening: the projection in which people differ and their photographs agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Projection:
    """``embedding = features @ weight + bias``; ``weight`` (features, d), ``bias`` (d,), float32.

    ``ratios`` (d,) are between-person over within-person variances along the discriminants, falling.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    ratios: NDArray[np.float64]


def fit_discriminant(
    features: NDArray[np.float32], people: NDArray[np.intp], dimensions: int, components: int, seed: int
) -> Projection:
    """Fit a projection on labelled features.

    The features are reduced to ``components`` principal components, scaled so that photographs of one person vary
    alike in every direction, and rotated to the directions in which people differ most; each is weighted by how much
    of its variance is due to the person. The axes are then turned at random (by ``seed``): those of a trained network
    have no order either, and two networks' axes must not agree only because both are sorted.

    Parameters
    ----------
    features : (n, features) float32
    people : (n,) int
        Who is on each photograph; two or more photographs a person.
    dimensions : int
        Of the embedding, at most the number of people less one.
    components : int
        Principal components kept, at least ``dimensions``.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean.astype(np.float32)
    covariance = np.asarray(centred.T @ centred, np.float64) / len(centred)
    size = len(covariance)
    variance, axes = scipy.linalg.eigh(covariance, subset_by_index=(size - components, size - 1))
    principal = axes / np.sqrt(variance)
    scores = centred @ principal.astype(np.float32)
    _, index, counts = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), components))
    np.add.at(means, index, scores)
    means /= counts[:, None]
    deviations = (scores - means[index]).astype(np.float64)
    within = deviations.T @ deviations / (len(scores) - len(counts))
    between = np.cov(means.T)
    ratios, directions = scipy.linalg.eigh(between, within + 1e-3 * np.eye(components) * np.trace(within) / components)
    ratios, directions = ratios[::-1][:dimensions], directions[:, ::-1][:, :dimensions]
    ratios = np.maximum(ratios, 1e-6)
    weighted = directions * np.sqrt(ratios / (1 + ratios))
    rng = np.random.default_rng([0xD15C, seed])
    turn, _ = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))
    weight = (principal @ weighted @ turn).astype(np.float32)
    return Projection(weight, (-mean @ weight).astype(np.float32), ratios)
