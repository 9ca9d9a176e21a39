"""Light on skin, hair and cloth: a soft lamp, the room's light, the head's own shadow, and a sheen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from canon_core.datasets.images import opencv
from canon_core.demo.chart import Floats
from canon_core.demo.conditions import Light

#: How far light wraps around into the shadow, by channel: blood scatters red furthest.
_WRAP = np.array((0.36, 0.24, 0.19), np.float32)
#: Distances in head units at which a shadow looks for something between a place and the lamp.
_SHADOW_STEPS = (0.05, 0.09, 0.14, 0.20, 0.28, 0.40)


class Surfaces:
    """What each pixel shows, gathered layer by layer from back to front and lit once.

    Attributes
    ----------
    layers : (rows, columns, 9) float32 ndarray
        Albedo (3), gloss, unit normal in the camera's frame (3), share of the room's light, share of the lamp's light.
    coverage : (rows, columns) float32 ndarray
        Share of the pixel that is not background.
    """

    def __init__(self, size: int) -> None:
        self.layers: Floats = np.zeros((size, size, 9), np.float32)
        self.coverage: Floats = np.zeros((size, size), np.float32)

    def lay(
        self,
        part: tuple[slice, slice],
        mask: Floats,
        albedo: ArrayLike,
        gloss: Floats | float,
        normals: Floats,
        openness: Floats | float,
        lit: Floats | float,
    ) -> None:
        """Lay a surface over a part of the image by a mask of the part's shape."""
        new = np.empty((*mask.shape, 9), np.float32)
        new[..., :3] = albedo
        new[..., 3] = gloss
        new[..., 4:7] = normals
        new[..., 7] = openness
        new[..., 8] = lit
        below, covered = self.layers[part], self.coverage[part]
        # Over bare background the layer is taken as it is: the edge's transparency lives in the coverage.
        weight = mask / np.maximum(mask + covered * (1 - mask), np.float32(1e-6))
        below += weight[..., None] * (new - below)
        covered += mask * (1 - covered)

    def light(self, light: Light) -> Floats:
        """Linear RGB (rows, columns, 3) that the surfaces send to the camera."""
        albedo, gloss, normals, openness, lit = np.split(self.layers, (3, 4, 7, 8), axis=2)
        direction = np.asarray(light.direction, np.float32)
        direction = direction / np.linalg.norm(direction)
        half = direction + np.array((0, 0, 1), np.float32)
        half /= np.linalg.norm(half)
        lamp, room = np.asarray(light.lamp, np.float32), np.asarray(light.room, np.float32)
        facing = normals @ np.stack([direction, half], axis=1)
        diffuse = np.clip(facing[..., :1] / (1 + _WRAP) + _WRAP / (1 + _WRAP), 0, 1)
        reach = lit * (np.float32(0.55) + np.float32(0.45) * openness)
        square = np.clip(facing[..., 1:], 0, 1) ** 2
        sheen = (square * square) ** 2  # 8th power of the cosine
        sheen = sheen * sheen * square * square  # 20th
        sheen *= gloss * lit * np.float32(light.gloss)
        ambient = (np.float32(0.82) + np.float32(0.18) * normals[..., 1:2]) * openness * room
        return albedo * (ambient + diffuse * reach * lamp) + sheen * lamp


def own_shadow(depth: Floats, step: float, light: Light, size: int) -> Floats:
    """Share of the lamp's light left by the head's own shadow, (size, size).

    Parameters
    ----------
    depth : (rows, columns) float32 ndarray
        Of the head towards the camera on a coarse grid, far behind where there is none.
    step : float
        Distance between the grid's points, head units.
    """
    cv2 = opencv()
    rows, columns = depth.shape
    across, up, towards = (float(v) for v in np.asarray(light.direction) / np.linalg.norm(light.direction))
    blocked = np.zeros_like(depth)
    for distance in _SHADOW_STEPS:
        shift = np.array([(1, 0, across * distance / step), (0, 1, -up * distance / step)])
        between = cv2.warpAffine(
            depth,
            shift,
            (columns, rows),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=-9,
        )
        above = between - (depth + np.float32(towards * distance))
        np.maximum(blocked, np.clip(above / np.float32(0.5 * distance), 0, 1), out=blocked)
    # Beyond the head's outline there is no shadow to see; the blur must not draw light in from there.
    outside = depth < -1
    blocked[outside] = 0
    blocked = np.where(outside, cv2.dilate(blocked, np.ones((5, 5), np.uint8)), blocked)
    soft = cv2.GaussianBlur(blocked, (0, 0), 1.3)
    full = cv2.resize(soft, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)[:size, :size]
    return np.asarray(1 - np.float32(light.shadow) * full, np.float32)
