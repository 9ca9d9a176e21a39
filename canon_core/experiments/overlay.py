"""Overlay of aligned spaces: a target and its sources in one picture, raw and through the maps (house plan, Words)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.errors import SettingsError, StudyError
from canon_core.experiments.cell_base import Cells
from canon_core.experiments.cells import open_cells
from canon_core.experiments.overlay_layout import by_axes, by_umap, padding_note
from canon_core.experiments.overlay_points import OverlayCells, OverlayPoints
from canon_core.experiments.overlay_scores import overlay_scores, part_scores
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.projection.worker_process import ProjectionWorker
from canon_core.study.keys import content_key
from canon_core.study.overlay_files import load_overlay, reading_overlay, save_overlay
from canon_core.study.overlay_results import (
    Overlay,
    OverlayLevel,
    OverlayMethod,
    OverlayScore,
    OverlaySettings,
)
from canon_core.study.overlay_text import overlay_line, score_text
from canon_core.study.results import Features, FitMode, MatrixSettings
from canon_core.study.study import Study

__all__ = [
    "Overlay",
    "OverlayLevel",
    "OverlayMethod",
    "OverlayScore",
    "OverlaySettings",
    "open_overlay",
    "overlay_line",
    "run_overlay",
    "score_text",
    "stored_overlay",
]


#: How joint UMAP starts; another way to start gives other pictures, and must not find the stored ones.
_UMAP_STARTS: Final = 2


def run_overlay(
    study: Study, settings: OverlaySettings, ctx: JobContext, worker: ProjectionWorker | None = None
) -> Overlay:
    """Lay out a target and its sources before and after their maps, score how well they meet, and store it.

    With fit mode ``disjoint`` every source point goes through the map that was not fitted on its subject's half; both
    halves are shown. Points of added datasets go through the same maps, by the same split of their subjects' names, so
    that a person of the same name in both is never shown through a map that was fitted on them.

    Parameters
    ----------
    study : Study
        Open for writing; a read-only study gives the same without storing it.
    settings : OverlaySettings
    ctx : JobContext
        Progress and cancellation.
    worker : ProjectionWorker, optional
        The process that computes UMAP, warm or not; one of its own unless given.

    Raises
    ------
    SettingsError
        When the settings contradict each other or do not fit the dataset.
    StudyError
        When a model has no complete embeddings.
    Cancelled
    """
    start = time.perf_counter()
    cells = open_overlay(study, settings, ctx)
    key, path = _place(study, cells, settings)
    found = _checked(study, path, load_overlay(path, settings, *_titles(cells)))
    if found is not None:
        return found
    steps = 3 + len(settings.sources)
    ctx.report(0, steps, "reading embeddings")
    points = OverlayPoints(study, cells, settings)
    target = points.raw(settings.target, ctx)
    raws, mapped, maps = [], [], []
    cells.main.expect([(source, settings.target) for source in settings.sources])
    for done, source in enumerate(settings.sources, 1):
        ctx.check()
        ctx.report(done, steps, "fitting maps")
        maps.append(cells.main.maps(source, settings.target, ctx))
        raws.append(points.raw(source, ctx))
        mapped.append(points.mapped(source, raws[-1], maps[-1], ctx))
    ctx.report(steps - 2, steps, "scoring nearest neighbours")
    scores = overlay_scores(points, slice(None), target, raws, mapped, ctx)
    parts = part_scores(points, target, raws, mapped, ctx) if settings.added else ()
    title, added = _titles(cells)
    ctx.report(steps - 1, steps, "laying out points")
    if settings.method is OverlayMethod.UMAP:
        before, after, notes = by_umap(settings, points, target, raws, mapped, ctx, worker)
    else:
        before, after, notes = by_axes(settings, target, raws, mapped, maps)
    count = len(points.item)
    models = 1 + len(settings.sources)
    result = Overlay(
        key=key,
        settings=settings,
        dataset_title=title,
        added_titles=added,
        parts=parts,
        before=before,
        after=after,
        model=np.repeat(np.arange(models, dtype=np.int16), count),
        item=np.tile(points.item, models),
        subject=np.tile(points.subject, models),
        half=np.tile(points.half, models),
        subject_names=points.subject_names,
        scores=scores,
        items=points.items,
        subjects=points.subjects,
        fit_pairs=tuple(mapping.pairs for mapping in maps[0]),
        notes=(*points.notes, *padding_note(settings, target, raws), *notes),
        left_out=sum(len(part.usable.left_out) for part in points.parts),
        seconds=time.perf_counter() - start,
    )
    if not study.read_only:
        folders = cells.main.usable.folders
        names = [folders[name] for name in result.models]
        save_overlay(path, result, names, [each.usable.dataset.folder for each in cells.every])
    ctx.report(steps, steps, "laying out points")
    return result


def stored_overlay(study: Study, settings: OverlaySettings) -> Overlay | None:
    """What is stored of an overlay, without computing anything; None where nothing is.

    Raises
    ------
    SettingsError, StudyError, StoreError
        As :func:`run_overlay`, and for a damaged file.
    """
    cells = open_overlay(study, settings, None)
    path = _place(study, cells, settings)[1]
    return _checked(study, path, load_overlay(path, settings, *_titles(cells)))


def overlay_items(study: Study, settings: OverlaySettings) -> int:
    """Images or templates that an overlay shows; no embedding is read.

    Raises
    ------
    SettingsError, StudyError
        As :func:`run_overlay`.
    """
    return OverlayPoints(study, open_overlay(study, settings, None), settings).items[0]


def open_overlay(study: Study, settings: OverlaySettings, ctx: JobContext | None) -> OverlayCells:
    """The cells behind an overlay, whose embeddings and maps its points come from.

    Raises
    ------
    SettingsError, StudyError
        As :func:`run_overlay`.
    """
    if settings.map is MapKind.NONE:
        raise SettingsError(
            "without a map there is no after to show", remedy="choose a linear, affine or rotation map"
        )
    if not settings.sources:
        raise SettingsError("an overlay needs a source", remedy="name a model beside the target")
    models = (settings.target, *settings.sources)
    if len(set(models)) < len(models):
        raise SettingsError("a model is named twice", remedy="name each source once, and a target that is none of them")
    if len(set(settings.datasets)) < len(settings.datasets):
        raise SettingsError(
            "a dataset is named twice", remedy=f"add others than '{settings.dataset}', each of them once"
        )
    if settings.neighbours < 2:
        raise SettingsError("UMAP needs at least 2 neighbours", remedy="give --neighbours 2 or more")
    if not 0 <= settings.min_dist <= 1:
        raise SettingsError("UMAP's least distance lies between 0 and 1", remedy="give e.g. --min-dist 0.1")
    if settings.subjects is not None and settings.subjects < 0:
        raise SettingsError("fewer than no subjects cannot be shown", remedy="give --subjects a number, or all")
    if settings.level is OverlayLevel.TEMPLATES:
        for name in settings.added:
            if not study.dataset(name).has_templates:
                raise SettingsError(
                    f"'{name}' compares single images: it has no templates to show",
                    remedy=f"show images, or leave '{name}' out",
                )
    main = _open(study, settings.dataset, settings, settings.mode, ctx)
    # Added datasets are only read and drawn by their own protocol: nothing is fitted on them, whatever the mode.
    added = [_open(study, name, settings, FitMode.DISJOINT, ctx) for name in settings.added]
    return OverlayCells(main, tuple(added))


# -- private ---------------------------------------------------------------------------------------------------------
def _open(study: Study, dataset: str, settings: OverlaySettings, mode: FitMode, ctx: JobContext | None) -> Cells:
    """The cells of one dataset, whose models must all be embedded."""
    matrix = MatrixSettings(
        dataset=dataset,
        models=(settings.target, *settings.sources),
        map=settings.map,
        mode=mode,
        features=settings.features
        if dataset == settings.dataset or study.dataset(dataset).has_templates
        else Features.PAPER,
        seed=settings.seed,
    )
    cells = open_cells(study, matrix, ctx)
    if cells.usable.missing:
        raise StudyError(
            next(iter(cells.usable.missing.values())),
            path=study.path,
            remedy=f"run `canon embed` with --dataset {dataset}",
        )
    return cells


def _titles(cells: OverlayCells) -> tuple[str, tuple[str, ...]]:
    """Present names of the dataset and of the added ones."""
    return cells.main.usable.dataset.title, tuple(each.usable.dataset.title for each in cells.added)


def _place(study: Study, cells: OverlayCells, settings: OverlaySettings) -> tuple[str, Path]:
    """Content key of an overlay, and where it is stored. Without added datasets it is what it was before there were
    any."""
    usable = cells.main.usable
    templates = usable.dataset.templates
    halves = range(2 if settings.mode is FitMode.DISJOINT else 1)
    umap = settings.method is OverlayMethod.UMAP
    key = content_key(
        "overlay",
        target=usable.keys[settings.target],
        sources=[usable.keys[source] for source in settings.sources],
        maps=[[cells.main.map_key(source, settings.target, half) for half in halves] for source in settings.sources],
        left_out=usable.left_out_digest,
        protocol=None if templates is None else templates.compared,
        level=str(settings.level),
        features=str(settings.features) if settings.level is OverlayLevel.TEMPLATES else None,
        mode=str(settings.mode),
        subjects=None if settings.chosen else settings.subjects,
        chosen=sorted(settings.chosen),
        method=f"{settings.method} {_UMAP_STARTS}" if umap else str(settings.method),
        neighbours=settings.neighbours if umap else None,
        min_dist=settings.min_dist if umap else None,
        seed=settings.seed,
        **_added_key(cells, settings),
    )
    return key, study.stored("results", key)


def _checked(study: Study, path: Path, found: Overlay | None) -> Overlay | None:
    """A stored overlay, unless it shows images or templates that a dataset does not have."""
    if found is None:
        return None
    items = found.item[found.rows(0)]
    for place, name in enumerate(found.settings.datasets):
        own = items[found.dataset == place]
        if found.settings.level is OverlayLevel.IMAGES:
            known = own < study.dataset(name).images
        else:
            protocols = study.templates(name)
            known = np.isin(own, [] if protocols is None else protocols.verification.template_ids)
        with reading_overlay(path):
            if not known.all():
                raise ValueError(f"{name} does not have them")
    return found


def _added_key(cells: OverlayCells, settings: OverlaySettings) -> dict[str, object]:
    if not cells.added:
        return {}
    found = []
    for each in cells.added:
        templates = each.usable.dataset.templates
        found.append(
            [
                [each.usable.keys[model] for model in (settings.target, *settings.sources)],
                each.usable.left_out_digest,
                None if templates is None else templates.compared,
            ]
        )
    return {"added": found, "same_names": settings.same_names}
