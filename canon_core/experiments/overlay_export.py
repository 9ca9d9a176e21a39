"""An overlay for other programs: its coordinates as CSV, its scores and settings as JSON."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from canon_core.figures.number_columns import Texts, decimals, integers, lines
from canon_core.resources import version
from canon_core.store.output import writing_output
from canon_core.study.overlay_results import Overlay, OverlayLevel, OverlaySettings, overlay_line
from canon_core.study.study import Study

#: Rows written at a time: a tenth of a second of text.
_BLOCK = 100_000


def export_overlay(study: Study, result: Overlay, out: Path, *, with_ids: bool = False) -> None:
    """Write a line a point: ``image`` (or ``template``), ``subject``, ``model``, and where it lies before and after.

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
    names = None
    if with_ids and images:
        ids = study.faces(result.settings.dataset).ids
        shown, codes = np.unique(result.item, return_inverse=True)
        names = Texts([ids[row] for row in shown.tolist()]), codes
    subjects = Texts(result.subject_names) if with_ids else None
    models = Texts(result.models)
    with writing_output(out) as temporary, temporary.open("wb") as file:
        for name, value in facts.items():
            text = "".join(letter if letter.isprintable() else "?" for letter in value)
            file.write(f"# {name}: {text}\n".encode("utf-8", "replace"))
        item = "image" if images else "template"
        file.write(f"{item},subject,model,before_x,before_y,after_x,after_y\n".encode())
        for low in range(0, len(result.model), _BLOCK):
            part = slice(low, low + _BLOCK)
            columns = [
                integers(result.item[part]) if names is None else names[0].column(names[1][part]),
                integers(result.subject[part]) if subjects is None else subjects.column(result.subject[part]),
                models.column(result.model[part]),
                *(decimals(places[part, axis]) for places in (result.before, result.after) for axis in (0, 1)),
            ]
            file.write(lines(columns))


def overlay_json(result: Overlay) -> dict[str, Any]:
    """Settings and scores as ``canon overlay --json`` prints them; what is no number is null."""
    settings = result.settings
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
        "scores": [
            {
                "source": source,
                "asked": score.asked,
                "before": _number(score.before),
                "after": _number(score.after),
                "chance": _number(score.chance),
                "source_alone": _number(score.source_own),
                "target_alone": _number(score.target_own),
            }
            for source, score in zip(settings.sources, result.scores, strict=True)
        ],
        "notes": list(result.notes),
        "seconds": result.seconds,
    }


def _umap(settings: OverlaySettings) -> dict[str, Any]:
    if settings.method != "umap":
        return {}
    return {"neighbours": settings.neighbours, "min_dist": settings.min_dist}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
