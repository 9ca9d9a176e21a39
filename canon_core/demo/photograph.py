"""From linear light to the pixels of a stored photograph: exposure, optics, sensor noise, compression."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.chart import Floats
from canon_core.demo.conditions import Conditions

_GAMMA = 1 / 2.2


def develop(scene: Floats, conditions: Conditions) -> NDArray[np.uint8]:
    """Turn linear RGB (size, size, 3) into a photograph, uint8 RGB."""
    cv2 = opencv()
    camera, size = conditions.photograph, scene.shape[0]
    unit = size / 112
    image = np.clip(scene * np.float32(camera.exposure), 0, 4)
    image = image * (1 + image * np.float32(0.10)) / (1 + np.float32(0.28) * image)  # highlights roll off
    image = cv2.pow(np.clip(image, 0, 1), _GAMMA)
    grey = image @ np.array((0.299, 0.587, 0.114), np.float32)
    saturation = 0.0 if camera.grey else camera.saturation
    if saturation != 1.0:
        image = grey[..., None] + np.float32(saturation) * (image - grey[..., None])
    if camera.contrast != 1.0:
        image = (image - np.float32(0.45)) * np.float32(camera.contrast) + np.float32(0.45)
    if camera.defocus > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), camera.defocus * unit)
    if camera.motion > 1:
        image = cv2.filter2D(image, -1, _smear(camera.motion * unit, camera.motion_angle))
    if camera.shrink > 1.1:
        small = max(16, round(size / camera.shrink))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    if camera.noise > 0:
        rng = np.random.default_rng([0xF1, conditions.scene, conditions.frame])
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + np.float32(camera.noise) * (
            grain.mean(axis=2, keepdims=True) * np.float32(1.2) + np.float32(0.4) * grain
        )
    pixels = (np.clip(image, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    if camera.jpeg < 100:
        _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return np.ascontiguousarray(pixels)


def _smear(length: float, angle: float) -> Floats:
    """Motion kernel: a line of ``length`` pixels."""
    cv2 = opencv()
    half = math.ceil(length / 2)
    middle, size = half, 2 * half + 1
    kernel = np.zeros((size, size), np.float32)
    across, down = math.cos(angle) * length / 2, math.sin(angle) * length / 2
    ends = [(round((middle + s * across) * 16), round((middle + s * down) * 16)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    kernel[middle, middle] += 1e-3
    return np.asarray(kernel / kernel.sum(), np.float32)
