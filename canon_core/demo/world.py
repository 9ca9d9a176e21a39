"""The demo's world: who is photographed how often, and which photographs make which template, in IJB-C's shape.

Every subject has one enrolment template (stills and a short run) in one of two galleries, and several verification
templates: single stills, frames of runs, or both; frames of a run share a medium, also between templates. Drawn from
fixed integer seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from canon_core.demo.conditions import Conditions, draw_conditions, draw_run

#: Stills of an enrolment template, and frames of its run.
ENROLMENT_STILLS: Final = 10
ENROLMENT_FRAMES: Final = 3
#: Template ids of enrolment and of verification: sparse, as IJB-C's are.
_FIRST_ENROLMENT: Final = 11
_FIRST_VERIFICATION: Final = 20_011
_STEP: Final = 3
_STREAM: Final = 0xD0


@dataclass(frozen=True)
class Shot:
    """One photograph.

    Attributes
    ----------
    medium : int
        Frames of one run share it.
    seed : tuple of int
        Of its conditions, or of its run's.
    frame, frames : int
        Which frame of a run of how many; ``frames`` is 0 for a still.
    """

    medium: int
    seed: tuple[int, ...]
    frame: int = 0
    frames: int = 0


@dataclass(frozen=True)
class TemplatePlan:
    """The photographs of one template.

    Attributes
    ----------
    template : int
        Its id.
    person : int
        Number of the identity: the subject's id.
    enrolled : bool
    shots : tuple of Shot
    """

    template: int
    person: int
    enrolled: bool
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class World:
    """Every template, enrolment first, each kind in the order of people; images are numbered in this order from 1."""

    templates: tuple[TemplatePlan, ...]

    @property
    def people(self) -> tuple[int, ...]:
        """Every person once, in order."""
        return tuple(dict.fromkeys(plan.person for plan in self.templates))

    @property
    def images(self) -> int:
        """How many photographs."""
        return sum(len(plan.shots) for plan in self.templates)

    def gallery(self, number: int) -> tuple[TemplatePlan, ...]:
        """Enrolment templates of gallery 1 or 2: every other person's."""
        enrolled = [plan for plan in self.templates if plan.enrolled]
        return tuple(enrolled[number - 1 :: 2])

    @property
    def probes(self) -> tuple[TemplatePlan, ...]:
        """Verification templates."""
        return tuple(plan for plan in self.templates if not plan.enrolled)

    def of_person(self, person: int) -> tuple[tuple[int, Shot], ...]:
        """Number of each image of a person, and how it is taken."""
        found, number = [], 0
        for plan in self.templates:
            for shot in plan.shots:
                number += 1
                if plan.person == person:
                    found.append((number, shot))
        return tuple(found)


def draw_world(people: Sequence[int]) -> World:
    """Plan the photographs of some people; each person's are the same whoever else there is."""
    enrolment, verification = [], []
    probe = 0
    for place, person in enumerate(people):
        enrolled, probes = _draw_person(person, place)
        enrolment.append(TemplatePlan(_FIRST_ENROLMENT + _STEP * place, person, True, enrolled))
        for shots in probes:
            verification.append(TemplatePlan(_FIRST_VERIFICATION + _STEP * probe, person, False, shots))
            probe += 1
    return World((*enrolment, *verification))


def conditions_of(shots: Sequence[Shot], hardness: float) -> list[Conditions]:
    """The conditions of each photograph."""
    runs: dict[tuple[int, ...], tuple[Conditions, ...]] = {}
    found = []
    for shot in shots:
        if not shot.frames:
            found.append(draw_conditions(shot.seed, hardness=hardness))
            continue
        if shot.seed not in runs:
            runs[shot.seed] = draw_run(shot.seed, shot.frames, hardness=hardness)
        found.append(runs[shot.seed][shot.frame])
    return found


def _draw_person(person: int, place: int) -> tuple[tuple[Shot, ...], list[tuple[Shot, ...]]]:
    rng = np.random.default_rng([_STREAM, person])
    medium = 1000 * (place + 1)

    def still() -> Shot:
        nonlocal medium
        medium += 1
        return Shot(medium, (_STREAM, person, medium % 1000))

    def run(frames: int) -> tuple[Shot, ...]:
        nonlocal medium
        medium += 1
        return tuple(Shot(medium, (_STREAM, person, medium % 1000), frame, frames) for frame in range(frames))

    enrolled = (*(still() for _ in range(ENROLMENT_STILLS)), *run(ENROLMENT_FRAMES))
    probes: list[tuple[Shot, ...]] = []
    for _ in range(int(rng.integers(3, 6))):
        kind = rng.random()
        if kind < 0.35:
            probes.append((still(),))
        elif kind < 0.6:
            probes.append((*(still() for _ in range(int(rng.integers(1, 3)))), *run(int(rng.integers(2, 4)))))
        elif kind < 0.8:
            probes.append(run(int(rng.integers(3, 6))))
        else:  # one run cut in two
            frames = run(int(rng.integers(4, 7)))
            probes += [frames[: len(frames) // 2], frames[len(frames) // 2 :]]
    return enrolled, probes
