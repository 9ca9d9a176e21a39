"""A map to use elsewhere: fitted on everything there is, with the TAR that held-out maps of its kind reached."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from canon_core.errors import SettingsError, StudyError
from canon_core.experiments.cells import Cells, open_cells
from canon_core.experiments.template_cells import TemplateCells
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.portable import MapOrigin, MapSide, MeasuredTar, PortableMap
from canon_core.resources import version
from canon_core.store.embeddings import read_embeddings
from canon_core.study.results import Cell, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

Float32 = npt.NDArray[np.float32]


def fit_portable_map(study: Study, settings: MatrixSettings, rule: FarRule, ctx: JobContext) -> PortableMap:
    """Fit a map on all images of a dataset (the enrolment images where it compares templates), and measure its kind.

    What is measured is the cell of the matrix with these settings and both models by themselves; cells that are stored
    are read. With fit mode ``disjoint`` these TARs are held out: each half of the subjects is scored through a map
    fitted on the other. The map itself is fitted on both.

    Parameters
    ----------
    study : Study
        A study open read-only gives the same without storing cells.
    settings : MatrixSettings
        Its two models are source and target.
    rule : FarRule
        At which point of the ROC the TARs are read.
    ctx : JobContext
        Progress and cancellation.

    Raises
    ------
    SettingsError
        Without a map or two models; when the settings do not fit the dataset.
    StudyError
        When a model has no complete embeddings.
    """
    if settings.map is MapKind.NONE:
        raise SettingsError("without a map there is nothing to write", remedy="choose a linear, affine or rotation map")
    if len(settings.models) != 2:
        raise SettingsError("a map takes one model's embeddings to another's", remedy="name two different models")
    source, target = settings.models
    cells = open_cells(study, settings, ctx)
    missing = cells.usable.why_not(source, target, settings.map)
    if missing:
        raise StudyError(missing, path=study.path, remedy=f"run `canon embed` with --dataset {settings.dataset}")
    wanted = ((source, source), (target, target), (source, target))
    cells.expect(wanted)
    found, _ = cells.stored()
    measured: list[Cell] = []
    for done, pair in enumerate(wanted):
        ctx.check()
        ctx.report(done, len(wanted) + 1, "measuring the map")
        measured.append(found[pair] or cells.compute(*pair, ctx))
    ctx.report(len(wanted), len(wanted) + 1, "fitting the map")
    templates = isinstance(cells, TemplateCells)
    rows = cells.fitted_rows(None) if isinstance(cells, TemplateCells) else cells.usable.rows
    ctx.check()
    mapping = fit_map(settings.map, _upright(cells, source, rows), _upright(cells, target, rows))
    ctx.report(len(wanted) + 1, len(wanted) + 1, "fitting the map")
    entry = cells.usable.dataset
    origin = MapOrigin(
        program=version(),
        study=study.name,
        dataset=entry.name,
        fingerprint=entry.fingerprint,
        source=_side(study, cells, source),
        target=_side(study, cells, target),
        fitted_on=f"all {len(rows):,} {'enrolment ' if templates else ''}images",
        mode=str(settings.mode),
        seed=settings.seed,
        features=str(settings.features),
        rule=str(rule),
        genuine=measured[2].genuine,
        impostors=measured[2].impostors,
        measured=_measured(settings.far, rule, *measured),
    )
    return PortableMap(mapping, origin)


def _measured(far: tuple[float, ...], rule: FarRule, one: Cell, other: Cell, cross: Cell) -> tuple[MeasuredTar, ...]:
    singles = [[reading.point.tar for reading in cell.readings[rule]] for cell in (one, other)]
    return tuple(
        MeasuredTar(
            far=goal,
            achieved_far=point.far,
            threshold=point.threshold,
            tar=point.tar,
            false_accepts=point.false_accepts,
            source_tar=source_tar,
            target_tar=target_tar,
        )
        for goal, reading, source_tar, target_tar in zip(far, cross.readings[rule], *singles, strict=True)
        for point in [reading.point]
    )


def _upright(cells: Cells, model: str, rows: npt.NDArray[np.int64]) -> Float32:
    """(n, d) embeddings of some images, unflipped and as they are."""
    found = read_embeddings(cells.usable.paths[model], rows)
    return found[:, 0] if found.ndim == 3 else found


def _side(study: Study, cells: Cells, name: str) -> MapSide:
    entry = study.model(name)
    imported = study.imported_from(name, cells.usable.dataset.name) if entry.imported else None
    return MapSide(name, entry.sha256 if imported is None else imported.sha256, cells.usable.keys[name])
