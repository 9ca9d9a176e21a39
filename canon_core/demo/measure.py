"""What the demo measures: the paper's matrices, what few pairs cost, and the controls; as one table of means."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from canon_core.demo.networks import CONTROLS, DATASET, TEN, TWINS
from canon_core.demo.study import DemoPlan
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.sensitivity import run_sensitivity
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FitMode, Matrix, MatrixSettings, default_rule, far_text
from canon_core.study.sensitivity_results import Sensitivity, SensitivitySettings
from canon_core.study.study import Study

#: FARs of the table; lower ones are decided by fewer than a hundred impostor pairs of the demo.
FARS: Final = (1e-1, 1e-2, 1e-3)
#: The paper's abstract, on ten published networks and IJB-C, at FAR 1e-2, scored as its authors did.
_PAPER: Final = {"single": 0.96, MapKind.LINEAR: 0.95, MapKind.ROTATION: 0.91}
_MAPS: Final = (MapKind.LINEAR, MapKind.ROTATION)
_NAMES: Final = {MapKind.NONE: "unmapped", MapKind.LINEAR: "linear map", MapKind.ROTATION: "rotation map"}


@dataclass(frozen=True)
class MeanRow:
    """One line of the table.

    Attributes
    ----------
    group, what : str
        ``"disjoint"``, ``"linear map"``.
    cells : int
        Cells (or single models) whose mean it is.
    tars : tuple of float or None
        At each of ``FARS``.
    paper : float or None
        The paper's figure at FAR 1e-2.
    """

    group: str
    what: str
    cells: int
    tars: tuple[float | None, ...]
    paper: float | None = None


@dataclass(frozen=True)
class DemoFigures:
    """Everything the demo measured."""

    rows: tuple[MeanRow, ...]
    matrices: tuple[Matrix, ...]
    curves: tuple[Sensitivity, ...]


def measure_demo(study: Study, plan: DemoPlan, ctx: JobContext) -> DemoFigures:
    """Fit and score everything; what is stored is read.

    Raises
    ------
    Cancelled
        Finished cells are kept.
    """
    matrices = {
        (mode, kind): run_matrix(study, MatrixSettings(DATASET, plan.networks, kind, mode), ctx)
        for mode in (FitMode.DISJOINT, FitMode.AUTHORS)
        for kind in ((*_MAPS, MapKind.NONE) if mode is FitMode.DISJOINT else _MAPS)
    }
    rows = [*_mean_rows(matrices, FitMode.DISJOINT), *_mean_rows(matrices, FitMode.AUTHORS, paper=True)]
    every = SensitivitySettings(DATASET, plan.counted, far=FARS, repeats=plan.repeats)
    fit_pairs = min(matrices[FitMode.DISJOINT, MapKind.LINEAR].fit_pairs, default=0)
    half = matrices[FitMode.AUTHORS, MapKind.LINEAR].fit_pairs[0] // 2
    curves = []
    for kind in _MAPS:
        halved = run_sensitivity(study, replace(every, map=kind, mode=FitMode.AUTHORS, pairs=(half,)), ctx)
        rows += _sensitivity_rows(halved, "authors, half the fit pairs")
    for kind in reversed(_MAPS):
        steps = (*(size for size in plan.steps if size < fit_pairs), 0)
        few = run_sensitivity(study, replace(every, map=kind, pairs=steps), ctx)
        rows += _sensitivity_rows(few, "disjoint, fewer fit pairs")
        curves.append(few)
    for kind in _MAPS:
        settings = replace(every, map=kind, pairs=(0,), repeats=1, shuffled=True)
        rows += _sensitivity_rows(run_sensitivity(study, settings, ctx), "disjoint, shuffled pairs")
    rows += _beside_rows([matrices[FitMode.DISJOINT, kind] for kind in _MAPS])
    return DemoFigures(tuple(rows), tuple(matrices.values()), tuple(curves))


def text_table(rows: tuple[MeanRow, ...]) -> Iterator[str]:
    """The table as lines of text."""
    width = max(len(row.what) for row in rows)
    head = "".join(f"{f'FAR {far_text(far)}':>10}" for far in FARS)
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            yield f"{group}:"
            yield f"  {'mean TAR':<{width}}  {'cells':>5}{head}"
        paper = "" if row.paper is None else f"    the paper at 1e-2: {row.paper:.2f}"
        yield f"  {row.what:<{width}}  {row.cells:>5}{''.join(f'{_tar(tar):>10}' for tar in row.tars)}{paper}"


def csv_table(rows: tuple[MeanRow, ...]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    fars = [f"mean TAR at FAR {far_text(far)}" for far in FARS]
    writer.writerow(["dataset", "setting", "what", "cells", *fars, "the paper at 1e-2"])
    for row in rows:
        numbers = ["" if tar is None else f"{tar:.6f}" for tar in row.tars]
        writer.writerow([DATASET, row.group, row.what, row.cells, *numbers, "" if row.paper is None else row.paper])
    return text.getvalue()


def markdown_table(rows: tuple[MeanRow, ...]) -> str:
    """The table in Markdown."""
    head = ["setting", "mean TAR of", "cells", *(f"FAR {far_text(far)}" for far in FARS), "the paper at 1e-2"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        paper = "" if row.paper is None else f"{row.paper:.2f}"
        lines.append([row.group, row.what, str(row.cells), *map(_tar, row.tars), paper])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _mean_rows(
    matrices: dict[tuple[FitMode, MapKind], Matrix], mode: FitMode, *, paper: bool = False
) -> Iterator[MeanRow]:
    """Single models, and the cells of every map."""
    rule = default_rule(mode)
    group = f"{mode} (FAR rule {rule})"
    found = {kind: matrix for (of, kind), matrix in matrices.items() if of is mode}
    first = next(iter(found.values()))
    names = [name for name in first.models if name in TEN]
    figures = _PAPER if paper else {}
    singles = tuple(first.means(far, rule)[0] for far in FARS)
    yield MeanRow(group, "single models", len(names), singles, figures.get("single"))
    for kind, matrix in found.items():
        tars = tuple(matrix.means(far, rule)[1] for far in FARS)
        cells = sum(matrix.cells[s, t] is not None for s in names for t in names if s != t)
        yield MeanRow(group, _NAMES[kind], cells, tars, figures.get(kind))


def _sensitivity_rows(result: Sensitivity, group: str) -> Iterator[MeanRow]:
    settings = result.settings
    rule = default_rule(settings.mode)
    cells = sum(cell is not None for cell in result.cells.values())
    for step, (pairs, repeats) in enumerate(zip(result.pairs, result.repeats, strict=True)):
        tars = tuple(
            _mean([result.mean(step, repeat, far, rule) for repeat in range(repeats)]) for far in settings.far
        )
        yield MeanRow(f"{group} (FAR rule {rule})", f"{_NAMES[settings.map]}, {pairs:,} pairs", cells, tars)


def _beside_rows(matrices: Sequence[Matrix]) -> Iterator[MeanRow]:
    """Twins with each other, and controls that are mapped to the ten, through every map."""
    for control in CONTROLS:
        for matrix in matrices:
            yield from _row(matrix, "controls", f"{control} to the ten", [(control, name) for name in TEN])
    for twin in TWINS:
        for matrix in matrices:
            yield from _row(matrix, "twins", f"{TEN[0]} with {twin}", [(TEN[0], twin), (twin, TEN[0])])


def _row(matrix: Matrix, group: str, what: str, pairs: list[tuple[str, str]]) -> Iterator[MeanRow]:
    """The mean of those of some cells that are there."""
    rule = default_rule(matrix.settings.mode)
    pairs = [pair for pair in pairs if matrix.cells.get(pair) is not None]
    if pairs:
        tars = tuple(_mean([matrix.tar(*pair, far, rule) for pair in pairs]) for far in FARS)
        what = f"{what}, {_NAMES[matrix.settings.map]}"
        yield MeanRow(f"{group} ({matrix.settings.mode}, FAR rule {rule})", what, len(pairs), tars)


def _mean(values: list[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None


def _tar(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
