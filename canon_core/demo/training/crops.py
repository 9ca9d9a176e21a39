"""What a network sees of photographs: laid into its input by the program's own alignment, moved a little in training.

Training goes through :func:`canon_core.embedding.align.align_face` and
:func:`canon_core.embedding.preprocess.to_tensor`, so that a study feeds a network exactly as it was trained.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.faces import Alignment
from canon_core.embedding.align import ARCFACE_POINTS, align_face
from canon_core.embedding.preprocess import to_tensor
from canon_core.models.spec import InputSpec, ModelSpec

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]
Tensor = NDArray[np.float32]

#: Between the eyes on the ArcFace template, pixels; the unit of the shifts below.
_EYES: float = float(ARCFACE_POINTS[1, 0] - ARCFACE_POINTS[0, 0])
#: Spreads of what training does to landmarks: a common shift and errors of each point (pixels of the template), scale,
#: and roll (radians).
_SHIFT, _ERROR, _SCALE, _ROLL = 1.6, 0.6, 0.04, 0.04
#: Spreads of what it does to pixels: contrast, and brightness of each channel (of 255).
_CONTRAST, _BRIGHTNESS = 0.15, 9.5


def crops(images: Pixels, points: Points, spec: InputSpec) -> list[Pixels]:
    """Crops (height, width, 3) uint8 of photographs (n, h, w, 3) by their landmarks (n, 5, 2)."""
    return [
        align_face(image, place, None, spec, Alignment.LANDMARKS) for image, place in zip(images, points, strict=True)
    ]


def plain_batch(images: Pixels, points: Points, spec: ModelSpec) -> Tensor:
    """A network's input, in its own layout, as a study makes it."""
    return to_tensor(crops(images, points, spec.input), spec)


def training_batch(images: Pixels, points: Points, spec: ModelSpec, rng: np.random.Generator) -> Tensor:
    """A network's input from photographs whose landmarks, light and side were changed at random."""
    batch = to_tensor(crops(images, moved(points, rng), spec.input), spec)
    pixels = batch if spec.input.layout == "nhwc" else batch.transpose(0, 2, 3, 1)
    count = len(pixels)
    mirrored = rng.random(count) < 0.5
    pixels[mirrored] = pixels[mirrored, :, ::-1]
    black, white = (((level - np.array(spec.input.mean)) / spec.input.std).astype(np.float32) for level in (0.0, 255.0))
    middle, extent = (black + white) / 2, white - black
    gain = 1 + _CONTRAST * rng.standard_normal((count, 1, 1, 1), dtype=np.float32)
    lift = _BRIGHTNESS / 255 * rng.standard_normal((count, 1, 1, pixels.shape[3]), dtype=np.float32)
    pixels -= middle
    pixels *= gain
    pixels += middle + extent * lift
    return batch


def moved(points: Points, rng: np.random.Generator) -> Points:
    """Landmarks (n, 5, 2) as a less exact detector would give them: shifted, turned, scaled, each a little off."""
    count = len(points)
    unit = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)[:, None, None] / _EYES
    # A face seen from the side has its eyes close together: its size is at least that of its height.
    unit = np.maximum(unit, np.ptp(points[..., 1], axis=1)[:, None, None] / np.ptp(ARCFACE_POINTS[:, 1]))
    centre = points.mean(axis=1, keepdims=True)
    roll = _ROLL * rng.standard_normal(count)
    scale = np.exp(_SCALE * rng.standard_normal(count))
    turn = np.empty((count, 2, 2))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(roll)
    turn[:, 0, 1], turn[:, 1, 0] = np.sin(roll), -np.sin(roll)
    around = ((points - centre) @ turn) * scale[:, None, None]
    off = _SHIFT * rng.standard_normal((count, 1, 2)) + _ERROR * rng.standard_normal((count, 5, 2))
    return np.asarray(centre + around + unit * off, np.float32)
