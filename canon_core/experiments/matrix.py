"""The paper's main experiment: every model against every other, through a map (Table 3, Figures 2, 3, 7, 8)."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

from canon_core.experiments.cells import open_cells
from canon_core.experiments.usable import UsableEmbeddings
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.cells import load_histogram, load_roc
from canon_core.study.results import Cell, Matrix, MatrixSettings, PairCounts
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule, Roc
from canon_core.verification.score_histogram import ScoreHistogram


def run_matrix(study: Study, settings: MatrixSettings, ctx: JobContext) -> Matrix:
    """Fit every map, score every cell, and store them; cells that are stored already are read.

    Parameters
    ----------
    study : Study
        Open for writing; a read-only study gives what is computed without storing it.
    settings : MatrixSettings
        Models without complete embeddings leave their cells missing, with the reason.
    ctx : JobContext
        Progress and cancellation; each :class:`~canon_core.study.results.Cell` is a partial result.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset.
    StudyError
        When no model has embeddings.
    """
    start = time.perf_counter()
    work = open_cells(study, settings, ctx)
    cells, missing = work.stored()
    todo = [pair for pair, cell in cells.items() if cell is None and pair not in missing]
    work.expect(todo)
    total = len(cells)
    done = total - len(todo) - len(missing)
    what = f"scoring {settings.map} maps" if settings.map is not MapKind.NONE else "scoring raw embeddings"
    ctx.report(done, total - len(missing), what)
    for source, target in todo:
        ctx.check()
        cell = work.compute(source, target, ctx)
        cells[source, target] = cell
        done += 1
        ctx.partial(cell)
        ctx.report(done, total - len(missing), what)
    return _assemble(settings, work.usable, cells, missing, time.perf_counter() - start)


def stored_matrix(study: Study, settings: MatrixSettings) -> Matrix:
    """What is stored of a matrix, without computing anything; other cells are None."""
    work = open_cells(study, settings)
    cells, missing = work.stored()
    return _assemble(settings, work.usable, cells, missing, 0.0)


def stored_cell(study: Study, settings: MatrixSettings, source: str, target: str) -> Cell | None:
    """What is stored of one cell of a matrix; None where nothing is, or where there can be no such cell."""
    work = open_cells(study, settings)
    there = {source, target} <= set(work.usable.models) and not work.usable.why_not(source, target, settings.map)
    return work.stored_cell(source, target) if there else None


def read_roc(study: Study, cell: Cell) -> Roc:
    """The stored ROC of a cell."""
    return load_roc(study.stored("results", cell.key))


def read_histogram(study: Study, cell: Cell) -> ScoreHistogram | None:
    """The stored histogram of a cell's scores; None where scores were not kept."""
    return load_histogram(study.stored("results", cell.key))


def _assemble(
    settings: MatrixSettings,
    usable: UsableEmbeddings,
    cells: dict[tuple[str, str], Cell | None],
    missing: dict[tuple[str, str], str],
    seconds: float,
) -> Matrix:
    found = [cell for cell in cells.values() if cell is not None]
    single = next((PairCounts(cell.genuine, cell.impostors) for cell in found if cell.single), None)
    cross = next((PairCounts(cell.genuine, cell.impostors) for cell in found if not cell.single), None)
    fits = next((cell.fits for cell in found if cell.fits), ())
    return Matrix(
        settings=settings,
        protocol=usable.dataset.protocol,
        dataset_title=usable.dataset.title,
        cells=cells,
        missing=missing,
        fit_pairs=tuple(fit.pairs for fit in fits),
        single_pairs=single,
        cross_pairs=cross,
        left_out=usable.left_out,
        seconds=seconds,
    )


def with_cell(matrix: Matrix, cell: Cell) -> Matrix:
    """The matrix with one more cell, as a window shows it while cells arrive."""
    return replace(matrix, cells={**matrix.cells, (cell.source, cell.target): cell})


def matrix_json(matrix: Matrix, rule: FarRule) -> dict[str, Any]:
    """The matrix as ``canon matrix --json`` prints it (house plan, The command line).

    A missing cell and a number that is not finite are None. ``tar``, ``achieved_far`` and ``threshold`` are
    ``[source][target][far]``.
    """
    settings = matrix.settings

    def numbers(source: str, target: str, what: str) -> list[float | None] | None:
        cell = matrix.cells.get((source, target))
        if cell is None:
            return None
        points = [reading.point for reading in cell.readings[rule]]
        values = {
            "tar": [point.tar for point in points],
            "achieved_far": [point.far for point in points],
            "threshold": [point.threshold for point in points],
        }[what]
        return [value if math.isfinite(value) else None for value in values]

    def table(what: str) -> list[list[list[float | None] | None]]:
        return [[numbers(source, target, what) for target in matrix.models] for source in matrix.models]

    def counts(pairs: PairCounts | None) -> dict[str, int] | None:
        return None if pairs is None else {"genuine": pairs.genuine, "impostor": pairs.impostor}

    return {
        "dataset": settings.dataset,
        "protocol": matrix.protocol,
        "map": str(settings.map),
        "mode": str(settings.mode),
        "features": str(settings.features),
        "far_rule": str(rule),
        "seed": settings.seed,
        "models": list(matrix.models),
        "far": list(settings.far),
        "tar": table("tar"),
        "achieved_far": table("achieved_far"),
        "threshold": table("threshold"),
        "pairs": {"single": counts(matrix.single_pairs), "cross": counts(matrix.cross_pairs)},
        "fit_pairs": list(matrix.fit_pairs),
        "left_out": len(matrix.left_out),
        "cancelled_templates": [
            [None if cell is None else cell.cancelled for cell in (matrix.cells.get((s, t)) for t in matrix.models)]
            for s in matrix.models
        ],
        "missing": [
            {"source": source, "target": target, "reason": reason}
            for (source, target), reason in matrix.missing.items()
        ],
        "seconds": matrix.seconds,
    }
