"""The albedo of a face: complexion, blemishes, eyes, brows, nose, lips and beard, painted on the chart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.chart import COLUMNS, ROWS, Canvas, Floats, bump
from canon_core.demo.conditions import Expression
from canon_core.demo.features import Eye, Mouth, brow
from canon_core.demo.hair import Hair
from canon_core.demo.identity import Identity, Traits
from canon_core.demo.texture import curls, freckles, mottle, pores, skin_modes

Colour = NDArray[np.float64]
#: Complexions from light to dark, linear RGB, at equal steps of melanin.
_COMPLEXIONS = np.array(
    [
        (0.86, 0.64, 0.53),
        (0.76, 0.51, 0.385),
        (0.60, 0.37, 0.25),
        (0.40, 0.225, 0.14),
        (0.215, 0.110, 0.066),
        (0.105, 0.052, 0.033),
    ]
)
_SCLERA = np.array((0.58, 0.54, 0.52))
_LASHES = np.array((0.020, 0.014, 0.012))
_TEETH = np.array((0.66, 0.62, 0.54))


def complexion(traits: Traits) -> Colour:
    """Linear RGB of the skin."""
    step = traits.melanin * (len(_COMPLEXIONS) - 1.001)
    low = int(step)
    colour = _COMPLEXIONS[low] + (step - low) * (_COMPLEXIONS[low + 1] - _COMPLEXIONS[low])
    warmth = np.array([1.0, 1 + 0.035 * traits.skin_warmth, 1 - 0.045 * traits.skin_warmth])
    return np.asarray(colour * warmth, np.float64)


def paint_face(identity: Identity, expression: Expression, eyes: tuple[Eye, Eye], lips: Mouth, hair: Hair) -> Canvas:
    """Paint everything but hair and covers."""
    t, skin = identity.traits, complexion(identity.traits)
    canvas = Canvas(skin, 0.35 + 0.4 * max(t.shine, 0.0))
    _complexion_detail(canvas, identity, skin)
    _folds(canvas, t, expression, skin)
    _beard(canvas, t, hair, skin)
    _nose(canvas, t, skin)
    _lips(canvas, t, lips, skin, max(expression.smile, 0.0))
    for outline in eyes:
        _eye(canvas, t, outline, skin)
        _brow(canvas, identity, expression, outline.side, hair, skin)
    return canvas


def _complexion_detail(canvas: Canvas, identity: Identity, skin: Colour) -> None:
    t = identity.traits
    tone = (identity.skin_modes @ skin_modes()).reshape(ROWS, COLUMNS) * np.float32(0.030)
    tone += np.float32(1) + np.float32(0.010) * pores() + np.float32(0.013) * mottle()
    tone -= np.float32(0.10 * max(t.under_eyes, 0.0)) * bump(t.eye_at - 0.02, t.eye_up - 0.105, 0.075, 0.028)
    # the T-zone is a little lighter, the jaw a little darker
    tone += np.float32(0.035) * bump(0, 0.42, 0.30, 0.16) - np.float32(0.06) * bump(0.75, -0.72, 0.30, 0.20)
    canvas.colour *= tone[..., None]
    blush = bump(0.46, -0.22, 0.14, 0.11) + np.float32(0.75) * bump(0, t.nose_up - 0.01, 0.085, 0.055)
    blush += np.float32(0.35) * bump(0, -0.82, 0.12, 0.06)
    blush *= np.float32(0.17 * max(t.ruddiness, 0.0) * (1 - 0.55 * t.melanin))
    canvas.colour *= 1 + blush[..., None] * np.array((0.25, -0.75, -0.70), np.float32)
    canvas.gloss *= 1 + np.float32(0.7) * (
        bump(0, t.nose_up + 0.01, 0.05, 0.05) + np.float32(0.4) * bump(0, 0.4, 0.25, 0.14)
    )
    if t.freckles > 0:
        where = bump(0.30, -0.14, 0.22, 0.12) + np.float32(0.5) * bump(0, -0.10, 0.10, 0.10)
        canvas.spread(
            np.clip(where * freckles() * np.float32(0.40 * min(t.freckles, 1.4)), 0, 0.8), skin * (0.62, 0.45, 0.38)
        )
    for mole in identity.moles:
        canvas.spread(bump(mole.at, mole.up, mole.size, mole.size, mirrored=False), skin * (0.30, 0.24, 0.22), 0.8)


def _folds(canvas: Canvas, t: Traits, expression: Expression, skin: Colour) -> None:
    depth = max(t.folds, 0.0) * 0.55 + 0.35 * max(expression.smile, 0.0)
    corner, wing = t.mouth_width, t.nose_wings
    for side in (-1, 1):
        canvas.lines(
            [
                [
                    (side * (wing + 0.045), t.nose_up - 0.02),
                    (side * (wing + 0.095), t.nose_up - 0.10),
                    (side * (corner + 0.055), (t.nose_up + t.mouth_up) / 2 - 0.05),
                    (side * (corner + 0.068), t.mouth_up + 0.02),
                ]
            ],
            skin * (0.55, 0.45, 0.42),
            0.65 * depth,
            soft=2.2,
            width=2,
        )
    canvas.spread(bump(t.mouth_width * 1.03, t.mouth_up + 0.03 * expression.smile, 0.018, 0.018), skin * 0.45, 0.35)
    if expression.brows > 0.3:
        lines = [
            [(at, 0.47 + k * 0.075 + 0.012 * np.cos(5 * at)) for at in np.linspace(-0.3, 0.3, 9)] for k in range(2)
        ]
        canvas.lines(lines, skin * 0.62, 0.4 * min(expression.brows, 1.0), soft=1.3)


def _beard(canvas: Canvas, t: Traits, hair: Hair, skin: Colour) -> None:
    stubble = np.clip(np.float32(0.85) + np.float32(0.22) * curls(), 0, 1.2)
    if t.beard > -0.4:
        where = (
            bump(0, -0.85, 0.34, 0.11) + bump(0.62, -0.64, 0.17, 0.20) + np.float32(0.5) * bump(0.90, -0.30, 0.09, 0.22)
        )
        where -= np.float32(0.9) * bump(0, t.mouth_up - 0.01, 0.17, 0.06)
        strength = 0.22 + 0.8 * np.clip(t.beard, 0, 1.1) if t.beard > 0 else 0.22 * (t.beard + 0.4) / 0.4
        canvas.spread(np.clip(where * np.float32(1.1 * strength), 0, 0.88) * stubble, hair.colour * 0.9 + 0.02 * skin)
    if t.moustache > -0.3:
        where = bump(0.075, t.mouth_up + 0.095, 0.075, 0.026) + np.float32(0.6) * bump(
            0.17, t.mouth_up + 0.06, 0.045, 0.035
        )
        strength = 0.2 + 0.75 * np.clip(t.moustache, 0, 1.0) if t.moustache > 0 else 0.2 * (t.moustache + 0.3) / 0.3
        canvas.spread(np.clip(where * np.float32(strength), 0, 0.9) * stubble, hair.colour * 0.9 + 0.02 * skin)


def _nose(canvas: Canvas, t: Traits, skin: Colour) -> None:
    tip, wing = t.nose_up, t.nose_wings
    shade = skin * (0.50, 0.38, 0.34)
    canvas.spread(bump(0, tip - 0.110, wing * 0.70, 0.022), shade, 0.18)
    for side in (-1, 1):
        hole = [
            (side * (wing * 0.46 + 0.030 * np.cos(a)), tip - 0.080 + 0.013 * np.sin(a) + 0.004 * np.cos(a))
            for a in np.linspace(0, 2 * np.pi, 12)
        ]
        canvas.polygon(hole, skin * (0.20, 0.11, 0.10), 0.75, soft=0.9, gloss=0.05)
        canvas.lines(
            [
                [
                    (side * (wing + 0.020), tip + 0.020),
                    (side * (wing + 0.040), tip - 0.030),
                    (side * (wing + 0.022), tip - 0.085),
                ]
            ],
            shade,
            0.38,
            soft=1.3,
        )


def _lips(canvas: Canvas, t: Traits, lips: Mouth, skin: Colour, smile: float) -> None:
    red = skin * (0.80, 0.50, 0.52) + np.array((0.035, 0.0, 0.008))
    red = np.clip(red * (1 + 0.05 * t.lip_colour) + np.array((0.035, -0.004, 0.004)) * t.lip_colour, 0.02, 0.8)
    edge = np.r_[lips.upper, lips.lower[::-1]]
    canvas.polygon(edge, red, 0.55, soft=1.8)
    canvas.polygon(edge, red, 0.55, soft=0.8, gloss=0.8)
    # the upper lip faces down and is darker, the lower one catches light
    canvas.polygon(np.r_[lips.upper, lips.inner_upper[::-1]], red * 0.72, 0.45, soft=0.9)
    middle = (lips.inner_lower + lips.lower)[4:11] / 2
    canvas.lines([middle], np.minimum(red * 1.35, 0.85), 0.45, soft=1.4, width=2)
    canvas.lines([lips.lower[3:12] - (0, 0.028)], skin * 0.62, 0.35, soft=1.8, width=2)
    if lips.opening > 0.10:
        canvas.polygon(np.r_[lips.inner_upper, lips.inner_lower[::-1]], (0.045, 0.014, 0.013), 1.0, soft=0.6, gloss=0.1)
        if lips.opening > 0.18 or smile > 0.3:
            bottom = np.maximum(lips.inner_lower[:, 1] + 0.012, lips.inner_upper[7, 1] - 0.048)
            bottom = np.minimum(bottom, lips.inner_upper[:, 1])
            teeth = np.r_[lips.inner_upper[2:13] - (0, 0.004), np.c_[lips.inner_upper[:, 0], bottom][2:13][::-1]]
            canvas.polygon(teeth, _TEETH, 0.88, soft=0.7, gloss=0.9)
    else:
        canvas.lines([lips.inner_upper], red * (0.22, 0.16, 0.16), 0.85, soft=0.75)


def _iris_colour(t: Traits) -> Colour:
    brown = np.array((0.075, 0.036, 0.018)) * (1.15 + 0.55 * np.clip(t.iris_tone, -1.6, 2))
    blue = np.array((0.115, 0.165, 0.215)) * (1.0 + 0.30 * np.clip(t.iris_tone, -1.6, 2))
    mix = float(np.clip(0.5 * t.iris_blue - 0.1, 0, 1))
    return np.asarray(np.clip(brown + mix * (blue - brown), 0.012, 0.5), np.float64)


def _eye(canvas: Canvas, t: Traits, outline: Eye, skin: Colour) -> None:
    side, upper, lower = outline.side, outline.upper, outline.lower
    # lids: a soft shadow from crease to cheek, then the eye in its own patch
    lids = np.r_[outline.crease + np.array((0, 0.012)), lower[::-1] - np.array((0, 0.014))]
    canvas.polygon(lids, skin * (0.66, 0.54, 0.50), 0.42, soft=2.0)
    canvas.lines(
        [outline.crease[1:14]], skin * (0.42, 0.32, 0.29), float(np.clip(0.75 * t.lid_crease, 0, 0.8)), soft=0.9
    )
    canvas.polygon(
        np.r_[upper, lower[::-1]], _eyeball(outline, _iris_colour(t), 1 - 0.3 * t.melanin), 1.0, soft=0.55, gloss=0.5
    )
    # the upper lid's shadow on the ball, lashes, rim of the lower lid
    canvas.lines([upper[1:14] - (0, 0.014)], (0.06, 0.045, 0.04), 0.50, soft=1.1)
    canvas.lines([upper], _LASHES + 0.05 * skin, 0.95, soft=0.65, width=2)
    canvas.lines([lower[2:]], skin * (0.42, 0.30, 0.28), 0.50, soft=0.75)
    corner = side * (t.eye_at - t.eye_width)
    canvas.spread(bump(corner, float(lower[0, 1]), 0.014, 0.012, mirrored=False), skin * (0.7, 0.36, 0.34), 0.55)


def _eyeball(outline: Eye, iris: Colour, white: float) -> Callable[[Floats, Floats], Floats]:
    """Sclera, iris, pupil and catchlight."""
    x, y = outline.iris

    def ball(at_: Floats, up_: Floats) -> Floats:
        at, up = at_[None, :] - np.float32(x), up_[:, None] - np.float32(y)
        distance = np.sqrt(at * at + up * up)
        fall = np.clip(1.06 - 1.1 * np.abs(at), 0.72, 1.0) * np.float32(white)
        colour = np.repeat(fall[..., None] * _SCLERA.astype(np.float32), len(up_), axis=0)
        disc = np.clip((np.float32(0.055) - distance) / np.float32(0.014) + np.float32(0.5), 0, 1)[..., None]
        rim = np.float32(0.62) + np.float32(0.5) * np.clip((np.float32(0.052) - distance) / np.float32(0.030), 0, 1)
        colour += disc * (iris.astype(np.float32) * rim[..., None] - colour)
        pupil = np.clip((np.float32(0.021) - distance) / np.float32(0.012) + np.float32(0.5), 0, 1)[..., None]
        colour += pupil * (np.float32(0.006) - colour)
        spark = ((at - np.float32(0.016)) ** 2 + (up - np.float32(0.020)) ** 2) / np.float32(0.0095**2)
        colour += np.float32(0.65) * np.exp(np.float32(-0.5) * spark)[..., None]
        return colour

    return ball


def _brow(canvas: Canvas, identity: Identity, expression: Expression, side: int, hair: Hair, skin: Colour) -> None:
    """A soft shadow of the brow's shape, then single hairs combed outwards."""
    t = identity.traits
    centre, half = brow(t, expression, side)
    density = float(np.clip(t.brow_density, 0.25, 1.1))
    colour = np.minimum(hair.colour * 0.75, skin * 0.42)
    edge = np.r_[centre + np.c_[np.zeros(15), half], (centre - np.c_[np.zeros(15), half])[::-1]]
    canvas.polygon(edge, colour, 0.50 * density, soft=1.5)
    rng = np.random.default_rng([0xB0, identity.seed])
    hairs = []
    for _ in range(int(34 * density)):
        k = rng.uniform(0, 13.0)
        i, f = int(k), k % 1
        at, up = centre[i] + f * (centre[i + 1] - centre[i])
        root = rng.uniform(-0.9, 0.75) * half[i]
        lean = 0.25 + 0.75 * k / 14
        length = rng.uniform(0.030, 0.048)
        hairs.append([(at, up + root), (at + side * length * lean, up + root + length * (1.0 - 0.95 * lean))])
    canvas.lines(hairs, colour, 0.60, soft=0.5)
