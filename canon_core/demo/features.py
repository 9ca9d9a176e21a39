"""Where eyes, brows, nose and mouth lie on the face chart: outlines used for painting, relief and landmarks alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.conditions import Expression
from canon_core.demo.identity import Traits

Points = NDArray[np.float64]
_PARAMETER = np.linspace(0.0, 1.0, 15)


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye's outlines as chart points (15, 2), from the inner to the outer corner; ``iris`` is its centre."""

    side: int
    upper: Points
    lower: Points
    crease: Points
    iris: tuple[float, float]
    openness: float


@dataclass(frozen=True, eq=False)
class Mouth:
    """The lips' outlines as chart points (15, 2), from the image's left to its right corner (frontal view).

    ``upper`` and ``lower`` bound the lips, ``inner_upper`` and ``inner_lower`` the opening between them.
    """

    upper: Points
    inner_upper: Points
    inner_lower: Points
    lower: Points
    opening: float


def eye(traits: Traits, expression: Expression, side: int) -> Eye:
    """Outline of the eye on ``side`` (−1: the image's left in a frontal view, +1: its right)."""
    open_ = float(np.clip(1 - expression.closing, 0.05, 1.15))
    open_ *= (1 + 0.14 * max(expression.brows, 0.0)) * (1 - 0.22 * max(expression.smile, 0.0))
    along = -np.cos(np.pi * _PARAMETER) * traits.eye_width
    lift = traits.eye_tilt * along / traits.eye_width
    # The upper lid is highest inside of the middle, the lower one lowest outside of it: an almond, not an ellipse.
    arch = np.sin(np.pi * _PARAMETER**0.88) ** 0.75 * traits.eye_height * open_
    sag = np.sin(np.pi * _PARAMETER**1.15) ** 0.85 * traits.eye_height * 0.52 * (0.45 + 0.55 * open_)
    # A closed lid lies low, on the lower one.
    base = traits.eye_up + lift
    upper = base + arch - (1 - min(open_, 1.0)) * traits.eye_height * 0.4 * np.sin(np.pi * _PARAMETER)
    lower = base - sag
    crease = upper + (0.020 + 0.016 * min(open_, 1.0)) * np.sin(np.pi * np.clip(_PARAMETER * 0.94 + 0.05, 0, 1)) ** 0.6
    at = side * (traits.eye_at + along)
    gaze_x, gaze_y = expression.gaze
    iris = (side * traits.eye_at + 0.036 * gaze_x, traits.eye_up + 0.010 + 0.018 * gaze_y)
    return Eye(side, np.c_[at, upper], np.c_[at, np.minimum(lower, upper)], np.c_[at, crease], iris, open_)


def brow(traits: Traits, expression: Expression, side: int) -> tuple[Points, Points]:
    """Centre line (15, 2) of the brow from its inner end outwards, and its half thickness (15,) beside it."""
    along = np.linspace(-1.0, 1.0, 15)
    centre = traits.eye_at + 0.012 + traits.brow_gap
    up = (
        traits.eye_up
        + traits.brow_up
        + 0.034 * expression.brows
        + traits.brow_arch * (1 - (along - 0.30) ** 2)
        - 0.014
        + traits.brow_tilt * along
    )
    half = traits.brow_thickness * (1 - 0.72 * np.clip(along, 0, 1) ** 1.6) * (1 - 0.25 * np.clip(-along, 0, 1) ** 3)
    at = side * (centre + along * traits.brow_length)
    return np.c_[at, up], half


def mouth(traits: Traits, expression: Expression) -> Mouth:
    """Outlines of the lips."""
    smile, opening = expression.smile, max(expression.opening, 0.0)
    width = traits.mouth_width * (1 + 0.15 * smile - 0.09 * opening)
    along = 2 * _PARAMETER - 1
    at, edge = along * width, np.minimum(along**2, 1.0)
    line = traits.mouth_up + (traits.lip_corner + 0.042 * smile) * edge - 0.010 * np.exp(-((along / 0.3) ** 2))
    bow = 1 - traits.lip_bow * np.exp(-((along / 0.13) ** 2)) + 0.10 * np.exp(-(((np.abs(along) - 0.26) / 0.14) ** 2))
    thin = 1 - 0.18 * max(smile, 0.0)
    inner_upper = line + 0.016 * opening * (1 - edge)
    inner_lower = line - 0.135 * opening * (1 - edge) ** 0.8
    upper = inner_upper + traits.lip_upper * thin * (1 - edge) ** 0.9 * bow
    lower = inner_lower - traits.lip_lower * thin * (1 - edge**1.4) ** 0.85
    return Mouth(np.c_[at, upper], np.c_[at, inner_upper], np.c_[at, inner_lower], np.c_[at, lower], opening)


def landmark_places(traits: Traits, expression: Expression) -> Points:
    """Chart points (5, 2) of the eye centres, the nose tip and the mouth corners.

    In the order of the ArcFace template: the image's left eye, right eye, nose, left corner, right corner.
    """
    lips = mouth(traits, expression).inner_upper
    return np.array(
        [
            (-traits.eye_at, traits.eye_up),
            (traits.eye_at, traits.eye_up),
            (0.0, traits.nose_up),
            (lips[0, 0], lips[0, 1]),
            (lips[-1, 0], lips[-1, 1]),
        ]
    )
