"""The face chart: the head's surface unrolled onto a plane, where shape is summed up and skin is painted.

A direction (x, y, z) from the centre of the skull (right, up, towards the camera of a frontal view) has the chart
coordinates ``at = 1.6 · sin(azimuth / 2)`` and ``up = sin(elevation)``. Both need square roots only, which is what
makes rendering fast; near the face's middle ``at`` is close to x, and the back of the head is compressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.datasets.images import opencv

Floats = NDArray[np.float32]
#: A colour, or a function of chart coordinates (at (m,), up (n,)) that gives the colours (n, m, 3) there.
Paint = ArrayLike | Callable[[Floats, Floats], Floats]

#: Texels of the chart (rows, columns) and half its extent in ``at`` and ``up``.
ROWS: Final = 156
COLUMNS: Final = 224
AT_EXTENT: Final = 1.46
UP_EXTENT: Final = 1.0
_AT_SCALE: Final = 1.6
#: Texels per unit.
PER_AT: Final = COLUMNS / (2 * AT_EXTENT)
PER_UP: Final = ROWS / (2 * UP_EXTENT)

#: Chart coordinates of the texels: (COLUMNS,) and (ROWS,), and the directions (ROWS, COLUMNS, 3).
AT: Final[Floats] = ((np.arange(COLUMNS) + 0.5) / PER_AT - AT_EXTENT).astype(np.float32)
UP: Final[Floats] = (UP_EXTENT - (np.arange(ROWS) + 0.5) / PER_UP).astype(np.float32)


def directions(at: ArrayLike, up: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors (…, 3) of chart coordinates, broadcast against each other."""
    at, up = np.broadcast_arrays(np.asarray(at, np.float64), np.asarray(up, np.float64))
    azimuth = 2 * np.arcsin(np.clip(at / _AT_SCALE, -1.0, 1.0))
    level = np.sqrt(np.maximum(1 - up**2, 0.0))
    return np.stack([np.sin(azimuth) * level, up, np.cos(azimuth) * level], axis=-1)


DIRECTIONS: Final[Floats] = directions(AT[None, :], UP[:, None]).astype(np.float32)


def texels(x: Floats, y: Floats, z: Floats, length: Floats) -> tuple[Floats, Floats]:
    """Column and row (sub-texel) at which the directions of the points (x, y, z) of norm ``length`` lie."""
    flat = np.sqrt(x * x + z * z)
    at = x / np.sqrt(2 * flat * (flat + z) + np.float32(1e-9))
    return (
        at * np.float32(_AT_SCALE * PER_AT) + np.float32(AT_EXTENT * PER_AT - 0.5),
        np.float32(UP_EXTENT * PER_UP - 0.5) - y / length * np.float32(PER_UP),
    )


def bump(at: float, up: float, wide: float, high: float, *, mirrored: bool = True) -> Floats:
    """A Gaussian bump of height 1 on the chart, (ROWS, COLUMNS); doubled at −``at`` unless ``mirrored`` is off."""
    return np.outer(_across(up, high, UP), _along(at, wide, mirrored))


def _across(centre: float, spread: float, axis: Floats) -> Floats:
    return np.asarray(np.exp(np.float32(-0.5) * ((axis - np.float32(centre)) / np.float32(spread)) ** 2), np.float32)


def _along(at: float, wide: float, mirrored: bool) -> Floats:
    along = _across(at, wide, AT)
    if mirrored and at != 0:
        along = along + _across(-at, wide, AT)
    return along


class Relief:
    """Collects separable Gaussian bumps and sums them in one matrix product."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._columns: list[Floats] = []

    def add(self, height: float, at: float, up: float, wide: float, high: float, *, mirrored: bool = True) -> None:
        """Add ``height`` times :func:`bump`."""
        self._rows.append(np.float32(height) * _across(up, high, UP))
        self._columns.append(_along(at, wide, mirrored))

    def sum(self) -> Floats:
        """The relief, (ROWS, COLUMNS)."""
        return np.stack(self._rows, axis=1) @ np.stack(self._columns)


class Canvas:
    """Linear RGB paint on the chart; every stroke touches only the texels around it.

    Attributes
    ----------
    colour : (ROWS, COLUMNS, 3) float32 ndarray
    gloss : (ROWS, COLUMNS) float32 ndarray
        How strongly the surface mirrors the lamp; 1 for a wet eye.
    """

    def __init__(self, colour: ArrayLike, gloss: float) -> None:
        self.colour: Floats = np.empty((ROWS, COLUMNS, 3), np.float32)
        self.colour[:] = np.asarray(colour, np.float32)
        self.gloss: Floats = np.full((ROWS, COLUMNS), gloss, np.float32)

    def polygon(
        self, points: ArrayLike, colour: Paint, opacity: float = 1.0, soft: float = 0.6, gloss: float | None = None
    ) -> None:
        """Fill a polygon of chart points (n, 2); ``soft`` is the blur of its edge in texels."""
        self._stain([np.asarray(points, np.float64)], 0, colour, opacity, soft, gloss)

    def lines(
        self, lines: Sequence[ArrayLike], colour: ArrayLike, opacity: float = 1.0, soft: float = 0.6, width: int = 1
    ) -> None:
        """Draw polylines of chart points, ``width`` texels wide, blurred by ``soft``."""
        self._stain([np.asarray(line, np.float64) for line in lines], width, colour, opacity, soft, None)

    def spread(self, mask: Floats, colour: ArrayLike, opacity: float = 1.0) -> None:
        """Blend a colour in by a mask over the whole chart, (ROWS, COLUMNS) in 0…1."""
        rows = np.flatnonzero(mask.max(axis=1) > 0.004)
        columns = np.flatnonzero(mask.max(axis=0) > 0.004)
        if len(rows) and len(columns):
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            self._blend(part, mask[part] * np.float32(opacity), colour)

    def _stain(
        self,
        shapes: list[NDArray[np.float64]],
        width: int,
        colour: Paint,
        opacity: float,
        soft: float,
        gloss: float | None,
    ) -> None:
        cv2 = opencv()
        pixels = [to_texels(shape) for shape in shapes]
        pad = int(3 * soft) + 3 + width
        low = np.floor(np.min([p.min(axis=0) for p in pixels], axis=0)).astype(int) - pad
        high = np.ceil(np.max([p.max(axis=0) for p in pixels], axis=0)).astype(int) + pad
        low, high = np.maximum(low, 0), np.minimum(high, (COLUMNS - 1, ROWS - 1))
        if np.any(high <= low):
            return
        mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
        fixed = [np.round((p - low) * 16).astype(np.int32) for p in pixels]
        if width:
            cv2.polylines(mask, fixed, False, 255, width, cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(mask, fixed, 255, cv2.LINE_AA, 4)
        weight = mask.astype(np.float32)
        if soft > 0:
            weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), soft), np.float32)
        weight *= np.float32(opacity / 255)
        part = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
        self._blend(part, weight, colour)
        if gloss is not None:
            self.gloss[part] += weight * (np.float32(gloss) - self.gloss[part])

    def _blend(self, part: tuple[slice, slice], weight: Floats, colour: Paint) -> None:
        paint = np.asarray(colour(AT[part[1]], UP[part[0]]) if callable(colour) else colour, np.float32)
        below = self.colour[part]
        below += weight[..., None] * (paint - below)


def to_texels(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Column and row of chart points (n, 2)."""
    return np.stack([(points[:, 0] + AT_EXTENT) * PER_AT - 0.5, (UP_EXTENT - points[:, 1]) * PER_UP - 0.5], axis=1)
