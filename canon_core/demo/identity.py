"""Who somebody is: everything about a synthetic face that stays the same from photograph to photograph.

An identity is a code of clipped normal deviates, drawn from a fixed integer seed. Its named traits are affine in the
code (mean + spread · deviate); what the names cannot say is left to a few smooth random modes of shape and skin.
Lengths are in head units: the centre of the skull is the origin, crown and chin lie near y = ±1 (11.5 cm a unit).
Traits called "at" or "up" are positions on the face chart of :mod:`~canon_core.demo.chart`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum

import numpy as np
from numpy.typing import NDArray

#: Deviates are clipped here, so that no face leaves the range in which the features keep their order.
CODE_LIMIT = 2.3
#: Smooth random modes beyond the named traits.
SHAPE_MODES = 14
SKIN_MODES = 12
#: Separates the stream of identities from every other use of the same integer seed.
_STREAM = 0x1D


def _trait(mean: float, spread: float) -> float:
    value: float = field(metadata={"mean": mean, "spread": spread})
    return value


@dataclass(frozen=True)
class Traits:
    """Named traits of one identity; each field's metadata gives its mean and spread over the population."""

    # the head
    head_width: float = _trait(0.648, 0.024)
    head_depth: float = _trait(0.775, 0.020)
    squareness: float = _trait(2.28, 0.13)
    jaw_width: float = _trait(0.030, 0.036)
    chin_length: float = _trait(0.015, 0.035)
    chin_width: float = _trait(0.018, 0.026)
    cheekbone: float = _trait(0.030, 0.022)
    cheek: float = _trait(-0.012, 0.028)
    forehead: float = _trait(0.010, 0.025)
    temple: float = _trait(-0.015, 0.020)
    neck_width: float = _trait(0.415, 0.030)
    ear_size: float = _trait(1.000, 0.090)
    ear_angle: float = _trait(0.500, 0.130)
    # eyes and brows
    eye_at: float = _trait(0.288, 0.017)
    eye_up: float = _trait(0.055, 0.020)
    eye_width: float = _trait(0.134, 0.010)
    eye_height: float = _trait(0.066, 0.010)
    eye_tilt: float = _trait(0.006, 0.012)
    eye_depth: float = _trait(0.062, 0.014)
    lid_crease: float = _trait(0.45, 0.22)
    brow_ridge: float = _trait(0.020, 0.012)
    brow_up: float = _trait(0.158, 0.020)
    brow_thickness: float = _trait(0.028, 0.008)
    brow_length: float = _trait(0.175, 0.018)
    brow_arch: float = _trait(0.030, 0.014)
    brow_tilt: float = _trait(0.000, 0.016)
    brow_gap: float = _trait(0.005, 0.015)
    brow_density: float = _trait(0.72, 0.15)
    # the nose
    nose_up: float = _trait(-0.285, 0.034)
    nose_tip: float = _trait(0.225, 0.034)
    nose_bridge: float = _trait(0.085, 0.022)
    nose_width: float = _trait(0.066, 0.010)
    nose_wings: float = _trait(0.112, 0.016)
    nose_ball: float = _trait(0.060, 0.014)
    nose_bend: float = _trait(0.000, 0.009)
    # the mouth
    mouth_up: float = _trait(-0.610, 0.024)
    mouth_width: float = _trait(0.215, 0.022)
    lip_upper: float = _trait(0.048, 0.013)
    lip_lower: float = _trait(0.066, 0.015)
    lip_bow: float = _trait(0.24, 0.10)
    lip_corner: float = _trait(0.004, 0.012)
    lip_fullness: float = _trait(0.030, 0.010)
    lip_colour: float = _trait(0.0, 1.0)
    # skin
    melanin: float = _trait(0.40, 0.27)
    skin_warmth: float = _trait(0.0, 1.0)
    ruddiness: float = _trait(0.50, 0.40)
    under_eyes: float = _trait(0.45, 0.35)
    freckles: float = _trait(-0.6, 1.0)
    folds: float = _trait(0.40, 0.30)
    shine: float = _trait(0.50, 0.22)
    # hair
    hairline: float = _trait(0.70, 0.055)
    hair_peak: float = _trait(0.0, 0.035)
    hair_recess: float = _trait(0.05, 0.045)
    hair_parting: float = _trait(0.0, 0.06)
    hair_volume: float = _trait(0.095, 0.028)
    hair_tone: float = _trait(0.0, 1.0)
    hair_red: float = _trait(0.0, 1.0)
    hair_grey: float = _trait(-1.2, 1.0)
    beard: float = _trait(-0.75, 1.0)
    moustache: float = _trait(-0.70, 1.0)
    # irises
    iris_tone: float = _trait(0.0, 1.0)
    iris_blue: float = _trait(0.0, 1.0)


class HairStyle(Enum):
    """How the hair is worn; fixed for an identity."""

    SHORT = "short"  #: ears free
    FRINGE = "fringe"  #: combed into the forehead
    BOB = "bob"  #: covers the ears, ends at the jaw
    LONG = "long"  #: falls behind the shoulders
    TIED = "tied"  #: long, tied back
    SHAVED = "shaved"  #: a shadow of hair


#: Share of identities that wear each style: (style, share).
_STYLE_SHARES = (
    (HairStyle.SHORT, 0.36),
    (HairStyle.FRINGE, 0.15),
    (HairStyle.BOB, 0.13),
    (HairStyle.LONG, 0.18),
    (HairStyle.TIED, 0.10),
    (HairStyle.SHAVED, 0.08),
)


@dataclass(frozen=True)
class Mole:
    """A dark spot at a place of the face chart; ``size`` in chart units."""

    at: float
    up: float
    size: float


@dataclass(frozen=True, eq=False)
class Identity:
    """One synthetic person.

    Attributes
    ----------
    seed : int
        What the identity was drawn from.
    traits : Traits
    style : HairStyle
    moles : tuple[Mole, ...]
    shape_modes : (SHAPE_MODES,) float32 ndarray
        Deviates of the smooth shape modes.
    skin_modes : (SKIN_MODES,) float32 ndarray
        Deviates of the smooth pigment modes.
    """

    seed: int
    traits: Traits
    style: HairStyle
    moles: tuple[Mole, ...]
    shape_modes: NDArray[np.float32]
    skin_modes: NDArray[np.float32]


def draw_identity(seed: int) -> Identity:
    """Draw the identity number ``seed`` (non-negative); the same number always gives the same person."""
    rng = np.random.default_rng([_STREAM, seed])
    names = [f.name for f in fields(Traits)]
    deviates = np.clip(rng.standard_normal(len(names)), -CODE_LIMIT, CODE_LIMIT)
    style = HairStyle.SHORT
    draw = rng.random()
    for candidate, share in _STYLE_SHARES:
        style = candidate
        draw -= share
        if draw < 0:
            break
    moles = tuple(
        Mole(
            float(rng.normal(0, 0.32)),
            float(np.clip(rng.normal(-0.35, 0.28), -0.8, 0.5)),
            float(rng.uniform(0.014, 0.024)),
        )
        for _ in range(int(rng.choice(4, p=(0.5, 0.3, 0.14, 0.06))))
    )
    shape_modes = np.clip(rng.standard_normal(SHAPE_MODES), -CODE_LIMIT, CODE_LIMIT).astype(np.float32)
    skin_modes = np.clip(rng.standard_normal(SKIN_MODES), -CODE_LIMIT, CODE_LIMIT).astype(np.float32)
    values = {
        f.name: float(f.metadata["mean"] + f.metadata["spread"] * deviate)
        for f, deviate in zip(fields(Traits), deviates, strict=True)
    }
    values["melanin"] = float(np.clip(values["melanin"], 0.0, 1.0))
    # Dark skin rarely comes with fair hair or light eyes.
    values["hair_tone"] -= 1.6 * max(0.0, values["melanin"] - 0.30)
    values["iris_blue"] -= 2.5 * max(0.0, values["melanin"] - 0.30)
    if style in (HairStyle.BOB, HairStyle.LONG, HairStyle.TIED):
        # Faces framed by long hair: mostly beardless, softer jaws, fuller lips.
        values["beard"] -= 2.0
        values["moustache"] -= 2.0
        values["jaw_width"] -= 0.025
        values["lip_upper"] += 0.006
        values["lip_colour"] += 0.7
        values["brow_thickness"] -= 0.005
        values["neck_width"] -= 0.035
    return Identity(seed, Traits(**values), style, moles, shape_modes, skin_modes)
