"""How well a map explains the target's embeddings of given images."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.cores import blas_threads, usable_cores
from canon_core.errors import SettingsError
from canon_core.maps.fitted import FittedMap
from canon_core.maps.unit import checked_rows, unit_rows

Part = TypeVar("Part")

#: Image pairs worked on at a time by one thread.
_CHUNK: Final = 1024


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
    rows, wanted = checked_rows(source), checked_rows(target)
    if (rows.shape[1], wanted.shape[1]) != mapping.matrix.shape or len(rows) != len(wanted):
        raise SettingsError(
            f"embeddings of shapes {rows.shape} and {wanted.shape} do not fit each other or a map of shape "
            f"{mapping.matrix.shape}"
        )
    if not len(wanted):
        return Residual(float("nan"), float("nan"), 0)
    pivot = _float64_unit_rows(wanted[:1])
    matrix = mapping.matrix.astype(np.float32)

    def measure(start: int) -> tuple[float, float, float, NDArray[np.float64]]:
        aim = _float64_unit_rows(wanted[start : start + _CHUNK])
        unit = unit_rows(rows[start : start + _CHUNK]).astype(np.float32, copy=False)
        predicted = (unit @ matrix).astype(np.float64)  # in float32, as maps are applied
        if mapping.offset is not None:
            predicted += mapping.offset
        cosine = float(np.einsum("ij,ij->i", unit_rows(predicted), aim).sum())
        predicted -= aim
        aim -= pivot
        return cosine, float(np.vdot(predicted, predicted)), float(np.vdot(aim, aim)), aim.sum(axis=0)

    parts = _of_chunks(measure, len(rows))
    cosine, unexplained, spread = (float(np.sum(column)) for column in list(zip(*parts, strict=True))[:3])
    away = np.sum([part[3] for part in parts], axis=0)
    total = spread - float(away @ away) / len(
        rows
    )  # about the mean, by way of the first row: exact where all are alike
    # Rounding leaves a constant target a spread of the order of eps per number: that is no variance to explain.
    constant = total <= wanted.size * np.finfo(np.float64).eps ** 2
    return Residual(1.0 - cosine / len(rows), float("nan") if constant else 1.0 - unexplained / total, len(rows))


def _of_chunks(work: Callable[[int], Part], rows: int) -> list[Part]:
    starts = range(0, rows, _CHUNK)
    if len(starts) == 1:
        return [work(0)]
    with blas_threads(1), ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(work, starts))


def _float64_unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(unit_rows(rows.astype(np.float64)), np.float64)
