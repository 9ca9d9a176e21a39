"""The score of a face detector, worked out from what can be seen rather than looked for in the pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.chart import Floats, to_texels
from canon_core.demo.conditions import Conditions, Cover
from canon_core.demo.features import landmark_places
from canon_core.demo.head import Head
from canon_core.demo.raymarch import Hits

#: How much of the landmarks (eyes, nose, mouth corners) each cover leaves to be seen.
_SEEN_THROUGH = {
    Cover.GLASSES: (0.85, 0.85, 1.0, 1.0, 1.0),
    Cover.SUNGLASSES: (0.25, 0.25, 1.0, 1.0, 1.0),
    Cover.MASK: (1.0, 1.0, 0.25, 0.1, 0.1),
}


def landmark_visibility(
    head: Head,
    conditions: Conditions,
    hits: Hits,
    turn: NDArray[np.float64],
    landmarks: NDArray[np.float64],
    hidden: Floats | None,
) -> NDArray[np.float64]:
    """How well each landmark is seen, (5,) in 0…1: turned away, behind another part of the head, or covered."""
    size = hits.depth.shape[0]
    texel = np.round(to_texels(landmark_places(head.identity.traits, conditions.expression))).astype(int)
    facing = head.form[texel[:, 1], texel[:, 0], :3] @ turn[2]
    seen = np.clip((facing + 0.15) / 0.5, 0, 1)
    pixel = np.round(landmarks).astype(int)
    inside = np.all((pixel >= 0) & (pixel < size), axis=1)
    column, row = np.clip(pixel, 0, size - 1).T
    before = hits.depth[row, column] - (head.landmarks @ turn.T)[:, 2]
    seen *= np.where(inside, np.clip(1 - (before - 0.06) / 0.06, 0, 1), 0.0)
    if hidden is not None:
        seen *= 1 - hidden[row, column]
    return np.asarray(seen * np.asarray(_SEEN_THROUGH.get(head.cover, (1.0,) * 5)), np.float64)


def detector_score(
    head: Head,
    conditions: Conditions,
    hits: Hits,
    turn: NDArray[np.float64],
    landmarks: NDArray[np.float64],
    hidden: Floats | None,
) -> float:
    """Score in 0…1, near 1 for a sharp, lit, frontal face."""
    seen = landmark_visibility(head, conditions, hits, turn, landmarks, hidden)
    camera, light = conditions.photograph, conditions.light
    frontal = float(turn[2, 2])
    softness = camera.defocus + 0.4 * camera.motion + 1.2 * (camera.shrink - 1) + 12 * camera.noise
    brightness = camera.exposure * (0.6 * sum(light.lamp) + sum(light.room)) / 3
    dim = max(0.0, 0.45 - brightness) + max(0.0, brightness - 1.6)
    evidence = 6.5 - 5.0 * (1 - float(seen.mean())) - 4.0 * (1 - frontal) - 0.55 * softness - 3.0 * dim
    return 1 / (1 + math.exp(-evidence))
