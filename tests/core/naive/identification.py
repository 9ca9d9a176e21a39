"""Identification by the definitions: every probe is looked for in each gallery, in plain loops."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .evaluator import Map, Point, half, points, template, unit, what_is_left
from .protocol import Embeddings, Protocol


@dataclass(frozen=True)
class Answer:
    """What searching a gallery with one probe gives; ``own`` and ``rank`` are None where it is not enrolled.

    ``others`` are the scores of other subjects, ``left`` what is left of the probe's template after it cancels out.
    """

    best: float
    own: float | None
    rank: int | None
    others: tuple[float, ...]
    left: float


def search(
    protocol: Protocol,
    gallery: Sequence[int],
    probes: Sequence[int],
    source: Embeddings,
    target: Embeddings,
    features: str,
    mapping: Map | None,
    lost: Collection[int] = (),
) -> list[Answer]:
    """Probes go through the source and its map, the gallery through the target.

    Probes of ``lost`` subjects, who should be in the gallery and are not, are not searched.

    A subject's score is its best template's; whoever scores as high as the probe's own subject ranks before it.
    """
    enrolled = {one: unit(template(protocol, one, target, features, None)) for one in gallery}
    answers = []
    for probe in probes:
        if protocol.subject(probe) in lost:
            continue
        searched = unit(template(protocol, probe, source, features, mapping))
        of_subject: dict[int, float] = {}
        for one, embedding in enrolled.items():
            subject, score = protocol.subject(one), float(searched @ embedding)
            of_subject[subject] = max(score, of_subject.get(subject, -math.inf))
        who = protocol.subject(probe)
        own = of_subject.pop(who, None)
        rank = None if own is None else 1 + sum(score >= own for score in of_subject.values())
        best = max([*of_subject.values(), *([] if own is None else [own])])
        left = what_is_left(protocol, probe, source, features, mapping)
        answers.append(Answer(best, own, rank, tuple(of_subject.values()), left))
    return answers


def hit_rate(answers: Sequence[Answer], rank: int) -> float:
    """Part of the enrolled probes whose subject is among the first ranks."""
    ranks = [answer.rank for answer in answers if answer.rank is not None]
    return sum(place <= rank for place in ranks) / len(ranks) if ranks else math.nan


def open_set(answers: Sequence[Answer], targets: Sequence[float], rule: str) -> list[Point]:
    """``far`` is the FPIR: part of the probes not enrolled that are answered; ``tar`` the TPIR: part of the enrolled
    that are answered with their own subject first."""
    outside = [answer.best for answer in answers if answer.rank is None]
    found = [answer.best if answer.rank == 1 else -math.inf for answer in answers if answer.rank is not None]
    return points(found, outside, targets, rule)


def reduced(protocol: Protocol, gallery: Sequence[int], scored: int, seed: int) -> tuple[list[int], list[int]]:
    """Gallery and probes of one half of the subjects."""

    def of_half(templates: Sequence[int]) -> list[int]:
        return [one for one in templates if half(protocol.subject(one), seed) == scored]

    return of_half(gallery), of_half(protocol.probes)
