"""By what an overlay's points are coloured: model, dataset, subject, whether they find it, how surely, a covariate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.figures.point_classes import Colouring, ColourScale, PointClass
from canon_core.study.overlay_results import Overlay

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails

MODEL, DATASET, SUBJECT, ERROR, MARGIN, HALF = "model", "dataset", "subject", "error", "margin", "half"
#: Colourings for which nearest neighbours must be known.
OF_NEIGHBOURS: Final = frozenset({ERROR, MARGIN})
#: Subjects, and groups of a covariate, that have a colour of their own.
_MOST_SUBJECTS, _MOST_GROUPS = 7, 12
_RIGHT, _WRONG = 2, 1  # green and vermillion
#: Steps of the scale of margins, half of them below zero, and the part of the margins that it spans.
_STEPS, _SPANNED = 12, 0.98


def colourings(result: Overlay | None, details: OverlayDetails | None) -> dict[str, str]:
    """What can be coloured by: name → what it says."""
    found = {MODEL: "Which model a point is of"}
    if result is not None and result.parts:
        found[DATASET] = "Which dataset a point is of: all go through the maps that were fitted on the first"
    found[SUBJECT] = "The subjects with most points; all others grey"
    if result is not None and len(result.fit_pairs) > 1:
        found[HALF] = "Which half of the subjects a point is of: mapped by the map fitted on the other"
    if details is not None:
        if details.neighbours:
            found[ERROR] = "Whether a mapped source point's nearest other target point is of its subject"
            found[MARGIN] = (
                "How much nearer a mapped source point is to its own subject than to anybody else among the target's"
                " other images: best genuine less best impostor score, below zero an error"
            )
        found |= dict.fromkeys(details.covariates, "A covariate of the dataset")
    return found


def colouring(by: str, result: Overlay, details: OverlayDetails | None, *, named: bool = True) -> Colouring:
    """Classes of the points; by model where the other is not known (yet). Unless ``named``, subjects have numbers."""
    models = len(result.models)
    if by == DATASET and result.parts:
        datasets = enumerate(result.settings.datasets)
        classes = [PointClass(name if number else f"{name} (maps fitted)", number) for number, name in datasets]
        return _limited(np.tile(result.dataset, models), classes, "other datasets")
    if by == SUBJECT:
        return _by_subject(result, named=named)
    if by == HALF and len(result.fit_pairs) > 1:
        return Colouring(result.half.astype(np.uint8), (PointClass("first half", 0), PointClass("second half", 1)))
    if details is not None and by == ERROR and details.neighbours:
        return _by_error(result, details)
    if details is not None and by == MARGIN and details.neighbours:
        return _by_margin(result, details)
    if details is not None and by in details.covariates:
        grouping = details.covariates[by]
        groups = grouping.groups[:_MOST_GROUPS]
        codes = np.where((grouping.codes < 0) | (grouping.codes >= len(groups)), len(groups), grouping.codes)
        rest = "others and unknown" if len(grouping.groups) > len(groups) else "unknown"
        classes = [PointClass(f"{by} {name}", number) for number, name in enumerate(groups)]
        return Colouring(np.tile(codes.astype(np.uint8), models), (*classes, PointClass(rest, None)))
    classes = [
        PointClass(name if number else f"{name} (target)", number, halo=not number)
        for number, name in enumerate(result.models)
    ]
    return _limited(result.model, classes, "other models")


def _limited(codes: NDArray[np.int16], classes: list[PointClass], others: str) -> Colouring:
    """As many classes as have a colour of their own, and one for all others."""
    if len(classes) <= _MOST_GROUPS:
        return Colouring(codes.astype(np.uint8), tuple(classes))
    kept = (*classes[:_MOST_GROUPS], PointClass(others, None))
    return Colouring(np.minimum(codes, _MOST_GROUPS).astype(np.uint8), kept)


def _by_subject(result: Overlay, *, named: bool) -> Colouring:
    counts = np.bincount(result.subject, minlength=len(result.subject_names))
    largest = np.argsort(-counts, kind="stable")[:_MOST_SUBJECTS]
    place = np.full(len(counts), len(largest), np.uint8)
    place[largest] = np.arange(len(largest))
    names = result.subject_labels
    classes = [
        PointClass(names[code] if named else f"subject {code}", number) for number, code in enumerate(largest.tolist())
    ]
    if len(counts) > len(largest):
        classes.append(PointClass(f"{len(counts) - len(largest):,} other subjects", None))
    return Colouring(place[result.subject], tuple(classes))


def _by_error(result: Overlay, details: OverlayDetails) -> Colouring:
    codes = np.zeros(len(result.model), np.uint8)
    subject = result.subject[result.rows(0)]
    for number, neighbours in enumerate(details.neighbours, 1):
        right = (neighbours.after >= 0) & (subject[neighbours.after] == subject)
        codes[result.rows(number)] = np.where(neighbours.asked, np.where(right, 1, 2), 0)
    return Colouring(
        codes,
        (
            _no_source(result, details),
            PointClass("finds its subject after the map", _RIGHT),
            PointClass("finds another subject", _WRONG),
        ),
    )


def _by_margin(result: Overlay, details: OverlayDetails) -> Colouring:
    known = np.abs(np.concatenate([neighbours.margin for neighbours in details.neighbours]))
    known = known[~np.isnan(known)]
    top = math.ceil(20 * float(np.quantile(known, _SPANNED))) / 20 if len(known) else 1.0
    top = max(top, 0.05)
    codes = np.full(len(result.model), _STEPS, np.uint8)
    for number, neighbours in enumerate(details.neighbours, 1):
        step = np.clip(np.floor((np.nan_to_num(neighbours.margin) / top + 1) * _STEPS / 2), 0, _STEPS - 1)
        codes[result.rows(number)] = np.where(np.isnan(neighbours.margin), _STEPS, step)
    steps = [
        PointClass(f"margin {_step(step, top):.2f} … {_step(step + 1, top):.2f}", None, fraction=step / (_STEPS - 1))
        for step in range(_STEPS)
    ]
    scale = ColourScale("margin of mapped points: best genuine − best impostor score", -top, top)
    return Colouring(codes, (*steps, _no_source(result, details)), scale)


def _step(number: int, top: float) -> float:
    return top * (2 * number / _STEPS - 1)


def _no_source(result: Overlay, details: OverlayDetails) -> PointClass:
    """Points that are not asked."""
    alone = any(not neighbours.asked.all() for neighbours in details.neighbours)
    target = f"{result.models[0]} (target)"
    one = str(result.settings.level)
    return PointClass(f"{target}, and {one} without a partner" if alone else target, None)
