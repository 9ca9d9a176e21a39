"""The paper's main experiment: every model against every other, through a map (Table 3, Figures 2, 3, 7, 8)."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from canon_core.errors import SettingsError
from canon_core.experiments.usable import Float32, UsableEmbeddings, prepare
from canon_core.jobs import JobContext
from canon_core.maps.fit import SourceFit
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.maps.residual import residual
from canon_core.study.cells import load_cell, load_roc, save_cell
from canon_core.study.keys import content_key
from canon_core.study.map_files import load_map, save_map
from canon_core.study.results import Cell, Features, Fit, FitMode, Matrix, MatrixSettings, PairCounts, Reading
from canon_core.study.study import Study
from canon_core.verification.all_pairs import PairScores, Pool, score_all_pairs
from canon_core.verification.roc import FarRule, Roc

Rows = npt.NDArray[np.int64]


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
    check_settings(settings)
    usable = prepare(study, settings.dataset, settings.models, ctx)
    work = _Cells(study, settings, usable)
    cells, missing = work.stored()
    todo = [pair for pair, cell in cells.items() if cell is None and pair not in missing]
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
    return _assemble(settings, usable, cells, missing, time.perf_counter() - start)


def stored_matrix(study: Study, settings: MatrixSettings) -> Matrix:
    """What is stored of a matrix, without computing anything; other cells are None."""
    check_settings(settings)
    usable = UsableEmbeddings(study, settings.dataset, settings.models)
    cells, missing = _Cells(study, settings, usable).stored()
    return _assemble(settings, usable, cells, missing, 0.0)


def read_roc(study: Study, cell: Cell) -> Roc:
    """The stored ROC of a cell."""
    return load_roc(study.stored("results", cell.key))


def check_settings(settings: MatrixSettings) -> None:
    """Refuse settings that a dataset of single images cannot have.

    Raises
    ------
    SettingsError
        Naming the setting and what to use instead.
    """
    if settings.mode in (FitMode.AUTHORS, FitMode.REVERSED):
        raise SettingsError(
            f"fit mode '{settings.mode}' needs templates, and '{settings.dataset}' compares single images",
            remedy="use --mode disjoint or --mode in-sample",
        )
    if settings.features is not Features.PAPER:
        raise SettingsError(
            f"features '{settings.features}' need templates, and '{settings.dataset}' compares single images",
            remedy="leave --features out: single images are normalised, nothing else",
        )
    if not settings.far or any(not 0 < far <= 1 for far in settings.far):
        raise SettingsError("a FAR target lies above 0 and is at most 1", remedy="give e.g. --far 1e-2,1e-3")
    if len(set(settings.models)) != len(settings.models):
        raise SettingsError("a model is named twice", remedy="name each model once")


class _Cells:
    """Keys, and the work, of the cells of one matrix."""

    def __init__(self, study: Study, settings: MatrixSettings, usable: UsableEmbeddings) -> None:
        self._study = study
        self._settings = settings
        self._usable = usable
        self._disjoint = settings.mode is FitMode.DISJOINT
        self._halves: tuple[Rows, Rows] | None = None
        self._source_fits: tuple[str, list[SourceFit]] | None = None
        self._embeddings, self._dimensions = usable.keys, usable.dimensions
        # Whatever order FARs were asked for in, it is the same cell; its readings are kept from the highest down.
        self._far = tuple(sorted(set(settings.far), reverse=True))

    def stored(self) -> tuple[dict[tuple[str, str], Cell | None], dict[tuple[str, str], str]]:
        """Every cell with its stored result, and why some cannot exist. The diagonal comes first."""
        names = self._settings.models
        order = [(name, name) for name in names] + [(s, t) for s in names for t in names if s != t]
        cells: dict[tuple[str, str], Cell | None] = {}
        missing = {}
        for source, target in order:
            cells[source, target] = None
            reason = self._usable.missing.get(source) or self._usable.missing.get(target)
            if reason is None and source != target and self._settings.map is MapKind.NONE:
                widths = self._dimensions[source], self._dimensions[target]
                if widths[0] != widths[1]:
                    reason = f"raw embeddings of {widths[0]} and {widths[1]} dimensions cannot be compared"
            if reason is not None:
                missing[source, target] = reason
            else:
                path = self._study.stored("results", self._cell_key(source, target))
                cells[source, target] = self._as_asked(load_cell(path, source, target))
        return cells, missing

    def compute(self, source: str, target: str, ctx: JobContext) -> Cell:
        """Fit and score one cell, and store it."""
        start = time.perf_counter()
        settings, usable = self._settings, self._usable
        single = source == target
        embedded_source, embedded_target = usable.read(source), usable.read(target)
        pools, fits = [], []
        for half, rows in enumerate(self._scored_rows()):
            subjects = usable.subjects[rows]
            if single:
                unit = embedded_source[rows]
                pools.append(Pool(source=unit, target=unit, subjects=subjects, ordered=False))
                continue
            outside = embedded_source[rows]
            aim = embedded_target[rows]
            if settings.map is not MapKind.NONE:
                mapping, key = self._map(source, target, half, embedded_source, embedded_target)
                quality = residual(mapping, outside, aim)
                fits.append(
                    Fit(
                        key=key,
                        pairs=mapping.pairs,
                        dimensions=embedded_source.shape[1],
                        rank=mapping.rank,
                        condition=mapping.condition,
                        singular_values=tuple(float(value) for value in mapping.singular_values),
                        residual=quality.cosine,
                        r2=quality.r2,
                        residual_pairs=quality.pairs,
                        held_out=self._disjoint,
                    )
                )
                outside = mapping.apply(outside)
            pools.append(Pool(source=outside, target=aim, subjects=subjects, ordered=True))
        ctx.check()
        scores = score_all_pairs(pools, self._far, ctx.quiet())
        cell = self._cell(source, target, scores, tuple(fits), time.perf_counter() - start)
        if not self._study.read_only:
            save_cell(self._study.stored("results", cell.key), cell, scores.roc, self._folders(source, target))
        asked = self._as_asked(cell)
        assert asked is not None
        return asked

    def _as_asked(self, cell: Cell | None) -> Cell | None:
        """A cell with its readings in the order of the settings' FARs."""
        if cell is None or self._far == self._settings.far:
            return cell
        places = [self._far.index(far) for far in self._settings.far]
        readings = {rule: tuple(kept[place] for place in places) for rule, kept in cell.readings.items()}
        return replace(cell, readings=readings)

    # -- keys ----------------------------------------------------------------------------------------------------
    def _cell_key(self, source: str, target: str) -> str:
        settings = self._settings
        single = source == target
        return content_key(
            "cell",
            single=single,
            source=self._embeddings[source],
            target=self._embeddings[target],
            map=None if single else str(settings.map),
            mode=str(settings.mode),
            features=str(settings.features),
            far=list(self._far),
            seed=settings.seed if self._disjoint else None,
            left_out=self._usable.left_out_digest,
        )

    def _map_key(self, source: str, target: str, half: int) -> str:
        return content_key(
            "map",
            source=self._embeddings[source],
            target=self._embeddings[target],
            map=str(self._settings.map),
            fitted_on=f"half {1 - half} of seed {self._settings.seed}" if self._disjoint else "all images",
            left_out=self._usable.left_out_digest,
        )

    def _folders(self, source: str, target: str) -> dict[str, str]:
        folders = self._usable.folders
        return {"source": folders[source], "target": folders[target], "dataset": self._usable.dataset.folder}

    # -- rows ----------------------------------------------------------------------------------------------------
    def _scored_rows(self) -> tuple[Rows, ...]:
        """Rows of each pool: both halves of the subjects, or everything."""
        if not self._disjoint:
            return (np.arange(len(self._usable.rows), dtype=np.int64),)
        if self._halves is None:
            self._halves = self._usable.halves(self._settings.seed)
        return self._halves

    def _fitted_rows(self, half: int) -> Rows:
        """Rows that the map scored on pool ``half`` is fitted on: the other half, or everything."""
        rows = self._scored_rows()
        return rows[1 - half] if self._disjoint else rows[0]

    def _map(
        self, source: str, target: str, half: int, embedded_source: Float32, embedded_target: Float32
    ) -> tuple[FittedMap, str]:
        key = self._map_key(source, target, half)
        path = self._study.stored("maps", key)
        mapping = load_map(path)
        if mapping is None:
            if self._source_fits is None or self._source_fits[0] != source:
                self._source_fits = (
                    source,
                    [SourceFit(embedded_source[self._fitted_rows(side)]) for side in range(len(self._scored_rows()))],
                )
            mapping = self._source_fits[1][half].fit(self._settings.map, embedded_target[self._fitted_rows(half)])
            if not self._study.read_only:
                save_map(path, mapping, self._folders(source, target))
        return mapping, key

    def _cell(self, source: str, target: str, scores: PairScores, fits: tuple[Fit, ...], seconds: float) -> Cell:
        readings = {}
        for rule in FarRule:
            readings[rule] = tuple(
                Reading(
                    point=point,
                    subject_tar=scores.subject_tar[rule][position],
                    halves=tuple(part[rule][position] for part in scores.parts) if len(scores.parts) > 1 else (),
                )
                for position, point in enumerate(scores.points[rule])
            )
        code = scores.largest_subject
        return Cell(
            key=self._cell_key(source, target),
            source=source,
            target=target,
            readings=readings,
            genuine=scores.roc.genuine,
            impostors=scores.roc.impostors,
            auc=scores.roc.auc,
            eer=scores.roc.eer,
            largest_subject=self._usable.subject_names[code] if code >= 0 else "",
            largest_subject_share=scores.largest_subject_share,
            fits=fits,
            left_out=len(self._usable.left_out),
            seconds=seconds,
        )


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
        "missing": [
            {"source": source, "target": target, "reason": reason}
            for (source, target), reason in matrix.missing.items()
        ],
        "seconds": matrix.seconds,
    }
