"""Fixed smooth and fine random textures on the face chart, from which identities draw their own mixture."""

from __future__ import annotations

from functools import cache

import numpy as np

from canon_core.datasets.images import opencv
from canon_core.demo.chart import COLUMNS, ROWS, Floats, Relief
from canon_core.demo.identity import SHAPE_MODES, SKIN_MODES

_SEED = 20210616


@cache
def shape_modes() -> Floats:
    """Smooth mirrored mode shapes of largest magnitude 1, (SHAPE_MODES, ROWS · COLUMNS)."""
    return _modes(SHAPE_MODES, 1, always_mirrored=True)


@cache
def skin_modes() -> Floats:
    """Smooth pigment modes, some one-sided, of largest magnitude 1, (SKIN_MODES, ROWS · COLUMNS)."""
    return _modes(SKIN_MODES, 2, always_mirrored=False)


@cache
def pores() -> Floats:
    """Fine skin grain of standard deviation 1, (ROWS, COLUMNS)."""
    return _noise(3, 1.0, 1.0)


@cache
def mottle() -> Floats:
    """Coarser skin blotches of standard deviation 1, (ROWS, COLUMNS)."""
    return _noise(4, 5.0, 5.0)


@cache
def freckles() -> Floats:
    """Sparse spots in 0…1.5, (ROWS, COLUMNS)."""
    return np.asarray(np.clip(_noise(5, 0.9, 0.9) - np.float32(1.2), 0, 1.5), np.float32)


@cache
def strands() -> Floats:
    """Combed hair running down the chart, of standard deviation 1, (ROWS, COLUMNS)."""
    return _unit(_noise(6, 0.7, 7.0) + np.float32(0.8) * _noise(7, 2.2, 16.0))


@cache
def curls() -> Floats:
    """Tight curls of standard deviation 1, (ROWS, COLUMNS)."""
    return _noise(8, 1.1, 1.1)


def _modes(count: int, stream: int, *, always_mirrored: bool) -> Floats:
    rng = np.random.default_rng([_SEED, stream])
    modes = []
    for _ in range(count):
        relief = Relief()
        for _ in range(3):
            spread = rng.uniform(0.11, 0.27)
            relief.add(
                rng.choice([-1.0, 1.0]),
                rng.uniform(0, 0.75),
                rng.uniform(-0.85, 0.55),
                spread,
                spread * rng.uniform(0.7, 1.4),
                mirrored=bool(rng.random() < 0.6) or always_mirrored,
            )
        mode = relief.sum()
        modes.append(mode / np.abs(mode).max())
    return np.stack(modes).reshape(count, -1).astype(np.float32)


def _noise(stream: int, wide: float, high: float) -> Floats:
    cv2 = opencv()
    rng = np.random.default_rng([_SEED, stream])
    white = rng.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), wide, sigmaY=high, borderType=cv2.BORDER_REFLECT)
    return _unit(np.asarray(smooth, np.float32))


def _unit(noise: Floats) -> Floats:
    return np.asarray(((noise - noise.mean()) / noise.std()), np.float32)
