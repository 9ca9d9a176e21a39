"""Identification, rates of groups, score histograms and sensitivity as CSV for programs; the settings in a last line
that begins with ``#``. A number that is not finite is left empty."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from canon_core.figures.csv_fields import harmless
from canon_core.study.group_results import GroupRates, groups_line
from canon_core.study.identification_results import IdentificationMatrix, identification_line
from canon_core.study.results import FoldMatrix, far_text, folds_line
from canon_core.study.sensitivity_results import Sensitivity, sensitivity_line
from canon_core.verification.group_rates import RateInterval
from canon_core.verification.identification import RANKS
from canon_core.verification.roc import FarRule, OperatingPoint
from canon_core.verification.score_histogram import ScoreHistogram

Value = str | int | float | None


def identification_csv(matrix: IdentificationMatrix, rule: FarRule) -> str:
    """A row for every gallery of every cell, and one for all galleries together (rank-k pooled, TPIR their mean)."""
    columns = ["source", "target", "gallery", "subjects", "mated", "non_mated"]
    columns += [f"rank-{rank}" for rank in RANKS]
    for fpir in matrix.settings.fpir:
        columns += [f"{what} at FPIR {far_text(fpir)}" for what in ("TPIR", "achieved FPIR", "threshold")]
    rows: list[list[Value]] = []
    for (source, target), cell in matrix.cells.items():
        if cell is None:
            continue
        for gallery in cell.galleries:
            whole = gallery.whole
            row: list[Value] = [source, target, gallery.name, whole.enrolled, whole.mated, whole.non_mated]
            row += [whole.hit_rate(rank) for rank in RANKS]
            for point in whole.points[rule]:
                row += [point.tpir, point.fpir, point.threshold]
            rows.append(row)
        together: list[Value] = [source, target, "all", None, None, None, *(cell.hit_rate(rank) for rank in RANKS)]
        for value in cell.tpir[rule]:
            together += [value, None, None]
        rows.append(together)
    return _csv(columns, rows, identification_line(matrix, rule))


def groups_csv(found: GroupRates) -> str:
    """A row for every two groups (FMR) and for every group (FNMR), and both of all pairs."""
    columns = ["rate", "group", "other group", "value", "low", "high", "errors", "pairs"]
    rows: list[list[Value]] = []
    for number, name in enumerate(found.groups):
        rows += [
            ["FMR", name, other, *_numbers(found.fmr[number][place])]
            for place, other in enumerate(found.groups)
            if place >= number  # the table is symmetric
        ]
    rows.append(["FMR", "all", "all", *_numbers(found.all_fmr)])
    for name, rate in zip([*found.groups, "two groups"], found.fnmr, strict=True):
        rows.append(["FNMR", name, None, *_numbers(rate)])
    rows.append(["FNMR", "all", None, *_numbers(found.all_fnmr)])
    return _csv(columns, rows, groups_line(found))


def folds_csv(matrix: FoldMatrix) -> str:
    """A row for every fold of every cell, and its mean with the standard error."""
    rows: list[list[Value]] = []
    for (source, target), cell in matrix.cells.items():
        if cell is not None:
            rows.append([source, target, "mean", cell.accuracy, cell.standard_error, None])
            folds = zip(matrix.numbers, cell.per_fold, cell.thresholds, strict=True)
            rows += [[source, target, fold, value, None, at] for fold, value, at in folds]
    columns = ["source", "target", "fold", "accuracy", "standard error", "threshold"]
    return _csv(columns, rows, folds_line(matrix))


def histogram_csv(histogram: ScoreHistogram, settings_line: str) -> str:
    """A row a bin."""
    rows: Iterable[list[Value]] = zip(  # type: ignore[assignment]
        histogram.edges[:-1].tolist(),
        histogram.edges[1:].tolist(),
        histogram.genuine.tolist(),
        histogram.impostors.tolist(),
        strict=True,
    )
    return _csv(["from", "to", "genuine", "impostor"], rows, settings_line)


def sensitivity_csv(results: Sequence[Sensitivity], rule: FarRule) -> str:
    """A row for every repetition of every step of every cell at every FAR, and for each single model at every FAR."""
    columns = ["map", "mode", "source", "target", "fit pairs", "repetition", "pairs per dimension", "FAR", "TAR"]
    columns += ["achieved FAR", "threshold", "true accepts", "genuine", "false accepts", "impostors"]
    rows: list[list[Value]] = []
    singles: dict[tuple[str, str], Sequence[OperatingPoint]] = {}
    for result in results:
        settings = result.settings
        for (source, target), cell in result.cells.items():
            for (pairs, repeat), points in sorted(cell.points.items()) if cell is not None else ():
                head: list[Value] = [settings.map, settings.mode, source, target, pairs, repeat + 1]
                rows += [[*head, pairs / result.dimensions[source], *_point(point)] for point in points[rule]]
        singles.update({(settings.mode, name): points[rule] for name, points in result.single.items()})
    for (mode, name), found in singles.items():
        rows += [["none", mode, name, name, None, None, None, *_point(point)] for point in found]
    return _csv(columns, rows, sensitivity_line(results, rule))


def _point(point: OperatingPoint) -> list[Value]:
    counts = [point.true_accepts, point.genuine, point.false_accepts, point.impostors]
    return [point.target, point.tar, point.far, point.threshold, *counts]


def _numbers(rate: RateInterval) -> list[Value]:
    return [rate.rate, rate.low, rate.high, rate.errors, rate.pairs]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Value]], settings_line: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_written(value) for value in row] for row in rows)
    text.write(f"# {' '.join(settings_line.split())}\n")
    return text.getvalue()


def _written(value: Value) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else harmless(str(value))
