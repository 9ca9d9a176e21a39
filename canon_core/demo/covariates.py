"""What the demo's renderer knows of each photograph: the conditions it was taken under, and how the face was drawn.

Read off what the photograph was rendered from, so nothing is estimated. The people are drawn without an age, a sex or a
descent; no covariate stands for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from canon_core.demo.conditions import Conditions, Cover
from canon_core.demo.identity import Identity, draw_identity
from canon_core.demo.world import World, conditions_of

#: In the order of the file; short, because the groups of a measure are named with them. ``COVERED``: whether
#: something hides part of the face, and ``COVER``: what. ``SKIN``: how dark the person's skin is drawn, 0 (lightest)
#: to 1. ``YAW`` and ``PITCH``: degrees by which the head is turned to the image's right, and up. ``LAMP``: degrees
#: between the lamp and the camera as the face sees them. ``BLUR``: of the lens, in pixels of a photograph 112 pixels
#: wide. ``SHOT``: a still, or a frame of a run. ``HAIR``: how the person's hair is worn.
COLUMNS: Final = ("COVERED", "SKIN", "YAW", "PITCH", "LAMP", "BLUR", "COVER", "SHOT", "HAIR")
#: Of a face that nothing covers; "none" would read as unknown.
UNCOVERED: Final = "uncovered"


def covariate_lines(world: World, hardness: float) -> Iterator[str]:
    """The lines of the file of covariates, the first of which names the columns; images as :class:`World` numbers them.

    Parameters
    ----------
    world : World
    hardness : float
        Of the photographs' conditions.
    """
    yield ",".join(("NAME", *COLUMNS))
    identities = {person: draw_identity(person) for person in world.people}
    number = 0
    for plan in world.templates:
        for shot, conditions in zip(plan.shots, conditions_of(plan.shots, hardness), strict=True):
            number += 1
            kind = "frame" if shot.frames else "still"
            yield ",".join((f"{number}.jpg", *_row(identities[plan.person], conditions, kind)))


def _row(identity: Identity, conditions: Conditions, shot: str) -> tuple[str, ...]:
    pose, (across, up, towards) = conditions.pose, conditions.light.direction
    lamp = math.acos(max(-1.0, min(1.0, towards / math.hypot(across, up, towards))))
    cover = UNCOVERED if conditions.cover is Cover.NONE else conditions.cover.value
    return (
        "no" if conditions.cover is Cover.NONE else "yes",
        f"{identity.traits.melanin:.2f}",
        f"{math.degrees(pose.yaw):.1f}",
        f"{math.degrees(pose.pitch):.1f}",
        f"{math.degrees(lamp):.0f}",
        f"{conditions.photograph.defocus:.2f}",
        cover,
        shot,
        identity.style.value,
    )
