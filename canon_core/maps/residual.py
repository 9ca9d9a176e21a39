"""How well a map explains the target's embeddings of given images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from canon_core.errors import SettingsError
from canon_core.maps.fitted import FittedMap
from canon_core.maps.unit import unit_rows


@dataclass(frozen=True)
class Residual:
    """What a map leaves unexplained.

    Attributes
    ----------
    cosine : float
        1 − mean cosine between mapped source and target; 0 is perfect, 1 is chance.
    r2 : float
        1 − SSE / SST over all dimensions together, SST about the target's mean; the mapped rows enter as the map
        predicts them, before they are brought to unit norm. NaN where all targets are the same.
    pairs : int
        Image pairs it was measured on.
    """

    cosine: float
    r2: float
    pairs: int


def residual(mapping: FittedMap, source: ArrayLike, target: ArrayLike) -> Residual:
    """Measure a map on image pairs, both sides brought to unit rows.

    Parameters
    ----------
    source : (n, d_source) array_like
    target : (n, d_target) array_like

    Raises
    ------
    SettingsError
        When shapes do not fit the map or each other, or embeddings hold NaN or infinite numbers.
    """
    rows = unit_rows(np.asarray(source, np.float64))
    wanted = unit_rows(np.asarray(target, np.float64))
    predicted = mapping.linear_prediction(rows)
    if predicted.shape != wanted.shape:
        raise SettingsError(f"mapped embeddings of shape {predicted.shape} do not fit targets of shape {wanted.shape}")
    if not len(wanted):
        return Residual(float("nan"), float("nan"), 0)
    cosines = np.einsum("ij,ij->i", unit_rows(predicted), wanted)
    unexplained = float(np.square(wanted - predicted).sum())
    total = float(np.square(wanted - wanted.mean(axis=0)).sum())
    # Rounding leaves a constant target a spread of the order of eps per number: that is no variance to explain.
    constant = total <= wanted.size * np.finfo(np.float64).eps ** 2
    return Residual(1.0 - float(cosines.mean()), float("nan") if constant else 1.0 - unexplained / total, len(wanted))
