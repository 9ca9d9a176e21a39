"""Marker shapes as small masks: what one point covers of the pixels around it, the same as a sprite and as a splat."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Samples along a pixel's side: 64 steps of coverage, finer than an eye sees at an edge.
_SAMPLES = 8
#: Star: five points; the inner radius of a regular pentagram, a little fuller so that it lasts at small sizes.
_STAR_INNER = 0.45


@lru_cache(maxsize=256)
def marker_mask(marker: str, diameter: float) -> NDArray[np.float32]:
    """Coverage of the pixels around a point that lies in the middle of one.

    Parameters
    ----------
    marker : str
        A value of :class:`canon_core.figures.palette.Marker`; anything else is a circle.
    diameter : float
        In pixels; shapes with corners are sized so that all look equally large.

    Returns
    -------
    (n, n) float32, read-only
        0…1, with the point in the middle; n is odd.
    """
    radius = diameter / 2
    reach = max(0, math.ceil(radius * 1.2 - 0.5))  # corners of a star or a square stand out
    side = 2 * reach + 1
    steps = (np.arange(side * _SAMPLES) + 0.5) / _SAMPLES - side / 2
    x, y = np.meshgrid(steps / radius, -steps / radius)
    inside = _inside(marker, x, y).reshape(side, _SAMPLES, side, _SAMPLES)
    mask: NDArray[np.float32] = inside.mean(axis=(1, 3), dtype=np.float32)
    if mask.max() <= 0:  # a shape thinner than a sample
        mask[reach, reach] = min(1.0, math.pi * radius**2)
    mask.flags.writeable = False
    return mask


def _inside(marker: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether places are inside a shape of radius 1; y grows upwards."""
    if marker == "square":
        return np.maximum(abs(x), abs(y)) <= 0.88
    if marker == "diamond":
        return abs(x) + abs(y) <= 1.2
    if marker in ("triangle", "wedge"):
        height = y if marker == "triangle" else -y
        return (height >= -0.75) & (2 * abs(x) + height <= 1.15)
    if marker == "cross":
        along, across = (x + y) / math.sqrt(2), (x - y) / math.sqrt(2)
        return (np.minimum(abs(along), abs(across)) <= 0.33) & (np.maximum(abs(along), abs(across)) <= 1.15)
    if marker == "star":
        angle = np.mod(np.arctan2(x, y) + math.pi / 5, 2 * math.pi / 5) - math.pi / 5
        # The edge from a point of the star to the notch beside it, as a line in polar coordinates.
        notch = (_STAR_INNER * math.cos(math.pi / 5), _STAR_INNER * math.sin(math.pi / 5))
        distance = np.hypot(x, y) / 1.2
        return distance * ((1 - notch[0]) * np.sin(abs(angle)) + notch[1] * np.cos(angle)) <= notch[1]
    return np.hypot(x, y) <= 1
