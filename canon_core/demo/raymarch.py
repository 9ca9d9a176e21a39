"""Finds where parallel rays meet a star-shaped surface: coarse steps on every second pixel, then a few on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.chart import Floats, texels

#: Rays start before the longest nose.
_START = 1.25
#: A step is this share of the distance to the surface along the radius: below 1, so that steep places converge.
_RELAXATION = 0.82
#: Bounds of a secant step as multiples of the height above the surface.
_LEAST_STEP, _LARGEST_STEP = np.float32(0.7), np.float32(2.0)
_COARSE_STEPS = 10
_FINE_STEPS = 4
#: Rays deeper than this behind the skull's centre have passed the head.
_BEHIND = -0.75


@dataclass(frozen=True, eq=False)
class Hits:
    """Where the rays of an image met the head.

    Attributes
    ----------
    x, y : (rows, columns) float32 ndarray
        The rays' places in the camera plane, head units.
    depth : (rows, columns) float32 ndarray
        Distance towards the camera of the point met.
    coverage : (rows, columns) float32 ndarray
        Share of the pixel that the head covers, 0…1.
    column, row : (rows, columns) float32 ndarray
        Texels of the chart.
    coarse_depth : (rows / 2, columns / 2) float32 ndarray
        Depth on every second pixel, far behind where the head is missed; for shadows.
    """

    x: Floats
    y: Floats
    depth: Floats
    coverage: Floats
    column: Floats
    row: Floats
    coarse_depth: Floats


def march(radius: Floats, turn: NDArray[np.float64], camera: NDArray[np.float64], size: int) -> Hits:
    """Meet the surface of ``radius`` (chart), turned by ``turn``, along the rays of a ``size`` × ``size`` image."""
    cv2 = opencv()
    inverse = np.linalg.inv(np.r_[camera, [(0, 0, 1)]])[:2]
    coarse = (size + 1) // 2
    pixel = float(np.sqrt(abs(np.linalg.det(inverse[:, :2]))))
    _, _, low_origin = _rays(inverse, turn, 2 * np.arange(coarse, dtype=np.float32) + np.float32(0.5))
    toward = turn[2].astype(np.float32)
    start = np.full((coarse, coarse), _START, np.float32)
    depth, nearest = _descend(radius, low_origin, toward, start, _COARSE_STEPS)
    missed = (nearest > 0.03) | (depth < _BEHIND)
    coarse_depth = np.where(missed, np.float32(-9), depth)
    # Restart each pixel from its foremost neighbour, a little in front.
    foremost = cv2.dilate(depth, np.ones((3, 3), np.uint8))
    doubled = cv2.resize(foremost, (2 * coarse, 2 * coarse), interpolation=cv2.INTER_LINEAR)
    depth = np.asarray(doubled[:size, :size] + np.float32(0.5 * pixel), np.float32)
    x, y, origin = _rays(inverse, turn, np.arange(size, dtype=np.float32))
    depth, nearest = _descend(radius, origin, toward, depth, _FINE_STEPS)
    height, column, row = _height(radius, origin, toward, depth)
    np.minimum(nearest, height, out=nearest)
    coverage = np.clip(np.float32(1.0) - nearest / np.float32(1.3 * pixel), 0, 1)
    # Under the nose and chin rays graze long: what is still in front of the cheeks is surface, not a miss.
    coverage = np.where(depth > 0.25, np.float32(1), coverage * (depth > _BEHIND))
    return Hits(x, y, depth, coverage, column, row, coarse_depth)


def _descend(
    radius: Floats, origin: tuple[Floats, Floats, Floats], toward: Floats, depth: Floats, steps: int
) -> tuple[Floats, Floats]:
    """Follow the rays from ``depth`` down to the surface; the depth reached, and the least height on the way.

    The first step is a share of the height above the surface; later ones follow the secant, within bounds that keep
    them from leaping over the nose: rays that graze come down as fast as rays that hit squarely.
    """
    height, _, _ = _height(radius, origin, toward, depth)
    nearest = height.copy()
    fall = np.float32(_RELAXATION) * height
    for _ in range(steps - 1):
        depth = depth - fall
        before = height
        height, _, _ = _height(radius, origin, toward, depth)
        np.minimum(nearest, height, out=nearest)
        ratio = np.clip(fall / (before - height + np.float32(1e-6)), _LEAST_STEP, _LARGEST_STEP)
        fall = height * ratio
    return depth - fall, nearest


def _rays(
    inverse: NDArray[np.float64], turn: NDArray[np.float64], places: Floats
) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats]]:
    """Camera-plane coordinates of pixels at ``places`` in both directions, and the rays' origins (head's frame)."""
    plane = inverse.astype(np.float32)
    x = plane[0, 0] * places[None, :] + (plane[0, 1] * places + plane[0, 2])[:, None]
    y = plane[1, 0] * places[None, :] + (plane[1, 1] * places + plane[1, 2])[:, None]
    t = turn.astype(np.float32)
    a, b, c = (t[0, k] * x + t[1, k] * y for k in range(3))
    return x, y, (a, b, c)


def _height(
    radius: Floats, origin: tuple[Floats, Floats, Floats], toward: Floats, depth: Floats
) -> tuple[Floats, Floats, Floats]:
    """Height of the rays' points at ``depth`` above the surface, and the texels they lie over."""
    cv2 = opencv()
    x, y, z = (origin[k] + toward[k] * depth for k in range(3))
    length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-6)
    column, row = texels(x, y, z, length)
    below = cv2.remap(radius, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return length - below, column, row
