"""An overlay for other programs: its coordinates as CSV, its scores and settings as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon_core.experiments.overlay_colours import DATASET, MODEL, SUBJECT
from canon_core.experiments.overlay_look import LookedAt
from canon_core.figures.number_columns import Column, Texts, decimals, integers, lines
from canon_core.resources import version
from canon_core.store.output import writing_output
from canon_core.study.overlay_results import Overlay, OverlayLevel, OverlayPart, OverlayScore, OverlaySettings
from canon_core.study.overlay_text import overlay_line
from canon_core.study.study import Study

#: Rows written at a time: a tenth of a second of text.
_BLOCK = 100_000


def export_overlay(
    study: Study, result: Overlay, out: Path, *, with_ids: bool = False, seen: LookedAt | None = None
) -> int:
    """Write a line a point: ``dataset``, ``image`` (or ``template``), ``subject``, ``model``, and where it lies before
    and after. Returns the number of points.

    Parameters
    ----------
    study : Study
        Whose images are named.
    result : Overlay
    out : Path
        Replaced when all is written, and not before.
    with_ids : bool
        Name images by their paths below the dataset, and subjects by their names; else both are numbered, images as the
        study lists them and subjects as they come here, from 0. Templates have the numbers of the protocol's files
        either way.
    seen : LookedAt, optional
        Only the points that are seen are written; of a colouring that the other columns do not tell, a column ``class``
        tells the point's.

    Raises
    ------
    StoreError
        For what the operating system refuses.
    """
    images = result.settings.level is OverlayLevel.IMAGES
    facts = {
        "program": version(),
        "study": study.name,
        "settings": overlay_line(result),
        "ids": ("paths below the dataset" if images else "of the protocol") if with_ids or not images
        else "numbers in the study's list, from 0",
    }  # fmt: skip
    ids = None
    if with_ids and images:
        ids = _Ids(study, result)
    subjects = Texts(result.subject_names) if with_ids else None
    models, datasets = Texts(result.models), Texts(result.settings.datasets)
    header = ["dataset", "image" if images else "template", "subject", "model"]
    header += ["before_x", "before_y", "after_x", "after_y"]
    points = np.arange(len(result.model))
    classes = None
    if seen is not None:
        points = np.flatnonzero(seen.shown)
        if seen.words:
            facts["points"] = seen.words
        if seen.look.colour not in (MODEL, DATASET, SUBJECT):
            classes = Texts([each.name for each in seen.colouring.classes])
            facts["class"] = f"by {seen.look.colour}"
            header.append("class")
    with writing_output(out) as temporary, temporary.open("wb") as file:
        for name, value in facts.items():
            text = "".join(letter if letter.isprintable() else "?" for letter in value)
            file.write(f"# {name}: {text}\n".encode("utf-8", "replace"))
        file.write(f"{','.join(header)}\n".encode())
        for low in range(0, len(points), _BLOCK):
            part = points[low : low + _BLOCK]
            columns = [
                datasets.column(result.dataset[part % result.items[0]]),
                integers(result.item[part]) if ids is None else ids.column(part),
                integers(result.subject[part]) if subjects is None else subjects.column(result.subject[part]),
                models.column(result.model[part]),
                *(decimals(places[part, axis]) for places in (result.before, result.after) for axis in (0, 1)),
            ]
            if classes is not None and seen is not None:
                columns.append(classes.column(seen.colouring.codes[part]))
            file.write(lines(columns))
    return len(points)


class _Ids:
    """Ids of the images, each in its own dataset."""

    def __init__(self, study: Study, result: Overlay) -> None:
        self._codes = np.zeros(result.items[0], np.int64)
        self._count = result.items[0]
        item, names = result.item[result.rows(0)], list[str]()
        for place, dataset in enumerate(result.settings.datasets):
            ids = study.faces(dataset).ids
            there = result.dataset == place
            shown, codes = np.unique(item[there], return_inverse=True)
            self._codes[there] = codes + len(names)
            names += [ids[row] for row in shown.tolist()]
        self._names = Texts(names)

    def column(self, points: NDArray[np.integer]) -> Column:
        """Of some points."""
        return self._names.column(self._codes[points % self._count])


def overlay_json(result: Overlay) -> dict[str, Any]:
    """Settings and scores as ``canon overlay --json`` prints them; what is no number is null."""
    settings = result.settings
    parts = result.parts or (OverlayPart(result.items, result.subjects, result.scores, result.left_out),)
    return {
        "dataset": settings.dataset,
        "target": settings.target,
        "sources": list(settings.sources),
        "map": str(settings.map),
        "mode": str(settings.mode),
        "features": str(settings.features),
        "level": str(settings.level),
        "method": str(settings.method),
        **_umap(settings),
        "seed": settings.seed,
        "shown": {str(settings.level): result.items[0], "subjects": result.subjects[0]},
        "all": {str(settings.level): result.items[1], "subjects": result.subjects[1]},
        "fit_pairs": list(result.fit_pairs),
        "scores": _scores(settings, result.scores),
        "datasets": [
            {
                "dataset": dataset,
                "maps_fitted": dataset == settings.dataset,
                "shown": {str(settings.level): part.items[0], "subjects": part.subjects[0]},
                "all": {str(settings.level): part.items[1], "subjects": part.subjects[1]},
                "scores": _scores(settings, part.scores),
            }
            for dataset, part in zip(settings.datasets, parts, strict=True)
        ],
        "same_names": settings.same_names,
        "notes": list(result.notes),
        "seconds": result.seconds,
    }


def _scores(settings: OverlaySettings, scores: Sequence[OverlayScore]) -> list[dict[str, Any]]:
    return [
        {
            "source": source,
            "asked": score.asked,
            "before": _number(score.before),
            "after": _number(score.after),
            "chance": _number(score.chance),
            "source_alone": _number(score.source_own),
            "target_alone": _number(score.target_own),
        }
        for source, score in zip(settings.sources, scores, strict=True)
    ]


def _umap(settings: OverlaySettings) -> dict[str, Any]:
    if settings.method != "umap":
        return {}
    return {"neighbours": settings.neighbours, "min_dist": settings.min_dist}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
