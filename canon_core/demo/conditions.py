"""What changes from photograph to photograph: pose, light, expression, what covers the face, and the camera.

Nothing here depends on the identity, and nothing in :mod:`~canon_core.demo.identity` depends on this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

#: Separates the stream of conditions from every other use of the same integer seed.
_STREAM = 0xC0
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Rotation of the head in radians: yaw turns it to the image's right, pitch up, roll against the clock."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Expression:
    """Deviation from a neutral face.

    ``smile`` −0.6…1.2, ``opening`` of the mouth 0…1, ``brows`` raised −1…1, ``closing`` of the lids −0.1…1,
    ``gaze`` (x, y) −1…1 each.
    """

    smile: float = 0.0
    opening: float = 0.0
    brows: float = 0.0
    closing: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Light:
    """One soft lamp and the room. ``direction`` points to the lamp (camera frame: right, up, towards the camera)."""

    direction: tuple[float, float, float] = (0.35, 0.55, 0.85)
    lamp: Colour = (0.88, 0.88, 0.88)
    room: Colour = (0.40, 0.40, 0.40)
    shadow: float = 0.5
    gloss: float = 0.15


class Cover(Enum):
    """Something worn or held that hides part of the face."""

    NONE = "none"
    GLASSES = "glasses"
    SUNGLASSES = "sunglasses"
    MASK = "mask"
    CAP = "cap"
    OBJECT = "object"


@dataclass(frozen=True)
class Photograph:
    """The camera and the file: all in units of a 112-pixel image, so that a larger render looks alike.

    ``defocus`` and ``motion`` in pixels (motion at ``motion_angle`` radians), ``shrink`` the factor by which the image
    was once smaller, ``noise`` a standard deviation (1 = white), ``jpeg`` a quality (100: not compressed).
    """

    exposure: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    grey: bool = False
    defocus: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    shrink: float = 1.0
    noise: float = 0.0
    jpeg: int = 100


@dataclass(frozen=True)
class Conditions:
    """Everything about one photograph but the person.

    ``scene`` seeds background and clothes, together with ``frame`` also the noise.
    ``scale`` and ``shift`` (fractions of the image) move the face in the frame; ``jitter`` is the error of the
    landmarks an aligner would see, in pixels of the 112-pixel template (aligned frames only).
    """

    pose: Pose = field(default_factory=Pose)
    expression: Expression = field(default_factory=Expression)
    light: Light = field(default_factory=Light)
    cover: Cover = Cover.NONE
    cover_colour: Colour = (0.06, 0.06, 0.07)
    photograph: Photograph = field(default_factory=Photograph)
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    jitter: float = 0.0
    scene: int = 0
    frame: int = 0


def draw_conditions(seed: int | tuple[int, ...], *, hardness: float = 1.0, cover_share: float = 0.22) -> Conditions:
    """Draw the conditions of one still photograph.

    Parameters
    ----------
    seed : int or tuple of int
        Fixed integers; the same seed gives the same conditions.
    hardness : float
        Scales pose, light, blur and noise; 0 is a passport photograph, 1 the demo's stills.
    cover_share : float
        Share of photographs with glasses, a mask, a cap or an object before the face.
    """
    rng = np.random.default_rng([_STREAM, *((seed,) if isinstance(seed, int) else seed)])

    def clipped(mean: float, spread: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, spread), low, high))

    pose = Pose(
        clipped(0.0, 0.34 * hardness, -0.95, 0.95),
        clipped(0.0, 0.14 * hardness, -0.42, 0.42),
        clipped(0.0, 0.08 * hardness, -0.4, 0.4),
    )
    expression = Expression(
        smile=clipped(0.25, 0.45, -0.5, 1.1),
        opening=clipped(-0.12, 0.32, 0.0, 1.0),
        brows=clipped(0.0, 0.40, -0.9, 1.0),
        closing=0.95 if rng.random() < 0.04 else clipped(0.02, 0.16, -0.1, 0.7),
        gaze=(clipped(0.0, 0.40, -1, 1), clipped(0.0, 0.22, -1, 1)),
    )
    azimuth, elevation = rng.uniform(-1.25, 1.25) * min(1.0, 0.3 + 0.7 * hardness), rng.uniform(-0.15, 0.95)
    ambient, intensity = rng.uniform(0.22, 0.55), math.exp(rng.normal(0.0, 0.16))
    warmth, tint = rng.normal(0.0, 0.07), rng.normal(0.0, 0.025)
    lamp = np.array([1 + warmth, 1 + tint, 1 - warmth]) * (1.28 - ambient) * intensity
    room = np.array([1 - 0.6 * warmth, 1.0, 1 + 0.6 * warmth]) * ambient * intensity * rng.uniform(0.9, 1.1, 3)
    light = Light(
        direction=(
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ),
        lamp=_colour(lamp),
        room=_colour(room),
        shadow=float(rng.uniform(0.2, 0.75)),
        gloss=float(rng.uniform(0.05, 0.24)),
    )
    cover, cover_colour = Cover.NONE, (0.06, 0.06, 0.07)
    if rng.random() < cover_share:
        cover = Cover(
            rng.choice(
                [c.value for c in (Cover.GLASSES, Cover.SUNGLASSES, Cover.MASK, Cover.CAP, Cover.OBJECT)],
                p=(0.42, 0.14, 0.12, 0.16, 0.16),
            )
        )
        cover_colour = _muted(rng)
    photograph = Photograph(
        exposure=math.exp(rng.normal(0.0, 0.13 * hardness)),
        contrast=math.exp(rng.normal(0.02, 0.10 * hardness)),
        saturation=clipped(1.0, 0.18 * hardness, 0.3, 1.5),
        grey=bool(rng.random() < 0.07 * hardness),
        defocus=abs(float(rng.normal(0.0, 0.85 * hardness))),
        motion=float(rng.uniform(1.5, 7.0)) if rng.random() < 0.10 * hardness else 0.0,
        motion_angle=float(rng.uniform(0.0, math.pi)),
        shrink=float(rng.uniform(1.0, 1.0 + 1.7 * hardness)) if rng.random() < 0.4 else 1.0,
        noise=abs(float(rng.normal(0.0, 0.009 * hardness))),
        jpeg=int(rng.integers(38, 97)) if hardness > 0 else 97,
    )
    return Conditions(
        pose=pose,
        expression=expression,
        light=light,
        cover=cover,
        cover_colour=cover_colour,
        photograph=photograph,
        scale=math.exp(rng.normal(0.0, 0.05 * hardness)),
        shift=(float(rng.normal(0.0, 0.02 * hardness)), float(rng.normal(0.0, 0.02 * hardness))),
        jitter=float(rng.uniform(0.3, 1.2)) * hardness,
        scene=int(rng.integers(1 << 31)),
    )


def draw_run(seed: int | tuple[int, ...], frames: int, *, hardness: float = 1.0) -> tuple[Conditions, ...]:
    """Draw a short video run: one place, one light, one camera; the head drifts and the lips move.

    Frames of a run share everything but pose, expression and noise, and are softer and more compressed than stills.
    The expression changes every third frame only, so that a head can be built once and seen several times.
    """
    first = draw_conditions(seed, hardness=hardness)
    key = (seed,) if isinstance(seed, int) else seed
    rng = np.random.default_rng([_STREAM, 1, *key])
    photograph = replace(
        first.photograph,
        defocus=first.photograph.defocus + 0.5,
        shrink=max(first.photograph.shrink, float(rng.uniform(1.2, 2.2))),
        jpeg=min(first.photograph.jpeg, 60),
        noise=first.photograph.noise + 0.004,
    )
    turn, nod = rng.normal(0.0, 0.08), rng.normal(0.0, 0.03)
    pose, expression, run = first.pose, first.expression, []
    for frame in range(frames):
        if frame and frame % 3 == 0:
            expression = replace(
                expression,
                opening=float(np.clip(expression.opening + rng.normal(0.0, 0.2), 0.0, 1.0)),
                smile=float(np.clip(expression.smile + rng.normal(0.0, 0.12), -0.5, 1.1)),
                closing=0.9 if rng.random() < 0.1 else first.expression.closing,
            )
        run.append(replace(first, pose=pose, expression=expression, photograph=photograph, frame=frame))
        pose = Pose(
            float(np.clip(pose.yaw + turn + rng.normal(0.0, 0.02), -1.0, 1.0)),
            float(np.clip(pose.pitch + nod + rng.normal(0.0, 0.012), -0.45, 0.45)),
            float(np.clip(pose.roll + rng.normal(0.0, 0.012), -0.4, 0.4)),
        )
    return tuple(run)


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(v) for v in values)
    return red, green, blue


def _muted(rng: np.random.Generator) -> Colour:
    """A colour of everyday things: mostly dark or grey, now and then a strong one (linear light)."""
    value, strength = rng.uniform(0.02, 0.45), rng.uniform(0.0, 0.7) ** 2 * 1.6
    return _colour(np.clip(value * (1 + strength * rng.normal(0.0, 1.0, 3)), 0.01, 0.8))
