"""Hair on the head: where it grows, how far it stands off, and its colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.chart import AT, UP, Floats
from canon_core.demo.identity import HairStyle, Identity, Traits
from canon_core.demo.texture import curls, strands

#: Hair colours from black to fair, linear RGB, at equal steps of tone.
_TONES = np.array(
    [
        (0.010, 0.008, 0.007),
        (0.020, 0.013, 0.009),
        (0.055, 0.032, 0.018),
        (0.110, 0.064, 0.034),
        (0.230, 0.145, 0.070),
        (0.420, 0.300, 0.160),
    ]
)
_GREY = np.array((0.34, 0.34, 0.35))
#: Chart positions at which the hair's lower edge is given, from the middle of the forehead to the nape.
_EDGE_AT = np.array([0.0, 0.30, 0.52, 0.66, 0.78, 0.88, 0.97, 1.08, 1.22, 1.46])


@dataclass(frozen=True, eq=False)
class Hair:
    """Hair on the chart: ``cover`` (ROWS, COLUMNS) in 0…1, ``lift`` its relative height, ``shade`` its strands'
    brightness about 1, ``colour`` linear RGB."""

    cover: Floats
    lift: Floats
    shade: Floats
    colour: NDArray[np.float64]


def hair_colour(traits: Traits) -> NDArray[np.float64]:
    """Linear RGB of the hair."""
    step = float(np.clip(1.9 + 1.15 * traits.hair_tone, 0.0, len(_TONES) - 1.001))
    low = int(step)
    colour = _TONES[low] + (step - low) * (_TONES[low + 1] - _TONES[low])
    red = 0.35 * max(traits.hair_red - 0.6, 0.0)
    colour = colour * np.array([1 + 1.2 * red, 1.0, 1 - 0.5 * red])
    return np.asarray(colour + float(np.clip(0.55 * traits.hair_grey, 0.0, 0.85)) * (_GREY - colour), np.float64)


def hair(identity: Identity) -> Hair:
    """The hair of one identity."""
    t, style = identity.traits, identity.style
    curly = t.melanin > 0.72 and style in (HairStyle.SHORT, HairStyle.SHAVED, HairStyle.TIED)
    texture = np.roll(curls() if curly else strands(), (identity.seed * 37) % 211, axis=1)
    jag = np.roll(strands()[40], (identity.seed * 53) % 199)
    around = np.abs(AT)
    edge = np.interp(around, _EDGE_AT, _edge(t, style)).astype(np.float32)
    edge += -t.hair_peak * np.exp(-0.5 * (AT / 0.10) ** 2) + t.hair_parting * AT * np.clip(1 - around, 0, 1)
    if style is HairStyle.FRINGE:
        edge += 0.022 * jag * (around < 0.7) - 0.05 * np.sign(t.hair_parting) * AT
    else:
        edge += 0.007 * jag
    above = UP[:, None] - edge[None, :]
    fringe = style is HairStyle.FRINGE
    cover = np.clip(
        above / np.float32(0.022 if fringe else 0.050) + np.float32(0.5) + (0.22 if fringe else 0.15) * texture, 0, 1
    )
    volume = {HairStyle.SHAVED: 0.010, HairStyle.TIED: 0.55 * t.hair_volume}.get(style, t.hair_volume)
    # Hair rises smoothly from the skin: a step would catch the lamp along the whole hairline.
    inside = np.clip((above + np.float32(0.04)) / np.float32(0.20), 0, 1)
    lift = inside * inside * (3 - 2 * inside) * np.float32(volume)
    lift *= np.clip((UP[:, None] + np.float32(0.80)) / np.float32(0.35), 0, 1)
    if volume > 0.02:
        lift += np.float32(0.007) * inside * texture
    if style is HairStyle.SHAVED:
        cover = cover * 0.62
    shade = 1 + (0.24 if not curly else 0.30) * np.clip(texture, -2.2, 2.2)
    return Hair(cover.astype(np.float32), lift.astype(np.float32), shade.astype(np.float32), hair_colour(t))


def _edge(t: Traits, style: HairStyle) -> NDArray[np.float64]:
    """Lower edge of the hair (``up``) at ``_EDGE_AT``."""
    top, recess = t.hairline, max(t.hair_recess, 0.0)
    if style in (HairStyle.SHORT, HairStyle.SHAVED, HairStyle.TIED):
        sideburn = -0.04 if style is HairStyle.SHORT else 0.10
        return np.array(
            [top, top - 0.01 + recess, top - 0.06 + recess, top - 0.20, 0.36, 0.24, sideburn, 0.08, -0.25, -0.45]
        )
    if style is HairStyle.FRINGE:
        low = top - 0.30
        return np.array([low, low, low - 0.02, low - 0.10, 0.12, -0.05, -0.12, -0.10, -0.40, -0.50])
    drop = -0.80  # what hangs lower is behind the jaw: see the scene
    return np.array([top, top - 0.02 + recess, top - 0.12, top - 0.30, 0.22, 0.02, -0.20, drop, drop, drop])
