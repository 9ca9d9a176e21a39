"""A matrix at one reading as it is shown: ordered cells with their text, and a cell's facts in words. No Qt."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from canon_core.figures.numbers import (
    NO_VALUE,
    colour_range,
    difference,
    difference_text,
    display_order,
    rate_text,
    tar_text,
)
from canon_core.figures.palette import ColourRange, difference_range, tar_range
from canon_core.study.results import Cell, Matrix, MatrixSettings, far_text
from canon_core.verification.roc import FarRule

from ..wording import window_words

Pair = tuple[str, str]


@dataclass(frozen=True)
class ShownCell:
    """One field of the matrix. ``value`` is None where it is missing; ``pending`` while it is being computed."""

    source: str
    target: str
    value: float | None
    text: str
    pending: bool

    @property
    def pair(self) -> Pair:
        """Source and target."""
        return self.source, self.target

    @property
    def single(self) -> bool:
        """Whether this is a model by itself."""
        return self.source == self.target


@dataclass(frozen=True)
class ShownMatrix:
    """All fields, rows by source, in the order shown, and what the colours stand for."""

    order: tuple[str, ...]
    rows: tuple[tuple[ShownCell, ...], ...]
    scale: ColourRange
    difference: bool
    title: str

    def at(self, pair: Pair) -> tuple[int, int]:
        """Row and column of a pair."""
        return self.order.index(pair[0]), self.order.index(pair[1])


def shown_matrix(
    matrix: Matrix, far: float, rule: FarRule, *, as_difference: bool, pending: frozenset[Pair] = frozenset()
) -> ShownMatrix:
    """Read a matrix at one FAR; with ``as_difference`` off-diagonal fields are TAR minus the weaker single model's."""
    order = display_order(matrix, far, rule)
    rows = []
    for source in order:
        row = []
        for target in order:
            if as_difference and source != target:
                value = difference(matrix, source, target, far, rule)
                text = difference_text(value)
            else:
                value = matrix.tar(source, target, far, rule)
                text = tar_text(value)
            if matrix.unresolved(source, target, far, rule):
                text += "*"
            waiting = (source, target) in pending and matrix.cells.get((source, target)) is None
            row.append(ShownCell(source, target, value, text, waiting))
        rows.append(tuple(row))
    values = {cell.pair: cell.value for row in rows for cell in row if not (as_difference and cell.single)}
    scale = colour_range(values, difference_range if as_difference else tar_range)
    what = "TAR − weaker model" if as_difference else "TAR"
    return ShownMatrix(order, tuple(rows), scale, as_difference, f"{what} at FAR {far_text(far)}")


def why_missing(matrix: Matrix, pair: Pair, *, pending: bool) -> str:
    """Why a field shows no number, as a sentence without a full stop."""
    if pending:
        return "being computed"
    if pair in matrix.missing:
        return window_words(matrix.missing[pair])
    return "not computed yet" if matrix.cells.get(pair) is None else "no genuine pairs"


def title_of(source: str, target: str) -> str:
    """What a cell is called."""
    return f"{source} by itself" if source == target else f"{source} → {target}"


def number_text(value: float, digits: int = 4) -> str:
    """A number for reading: ``0.3121``, ``+∞`` for the threshold that accepts nothing, a dash where there is none."""
    if math.isnan(value):
        return NO_VALUE
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def cell_facts(matrix: Matrix, cell: Cell, far: float, rule: FarRule) -> tuple[tuple[str, str], ...]:
    """A cell at one reading as (what, how much), most important first."""
    reading = cell.readings[rule][matrix.settings.far.index(far)]
    point = reading.point
    facts = [
        ("TAR", f"{tar_text(point.tar)} ({point.true_accepts:,} of {point.genuine:,} genuine pairs)"),
        ("achieved FAR", f"{rate_text(point.far)} ({point.false_accepts:,} of {point.impostors:,} impostor pairs)"),
        ("threshold", number_text(point.threshold)),
        ("every subject alike", tar_text(reading.subject_tar)),
    ]
    if reading.halves:
        facts.append(("halves", " / ".join(tar_text(half.tar) for half in reading.halves)))
    if not cell.single:
        gap = difference(matrix, cell.source, cell.target, far, rule)
        facts.append(("to the weaker model", difference_text(gap)))
    if cell.fits:
        per_dimension = min(fit.pairs_per_dimension for fit in cell.fits)
        pairs = " + ".join(f"{fit.pairs:,}" for fit in cell.fits)
        facts.append(("fit pairs", f"{pairs}, {per_dimension:.1f} a dimension"))
    facts.append(("EER, AUC", f"{number_text(cell.eer)}, {number_text(cell.auc)}"))
    return tuple(facts)


def matrix_command(study: str, settings: MatrixSettings, rule: FarRule) -> str:
    """The ``canon matrix`` command that gives the same numbers, quoted for a shell."""
    far = ",".join(far_text(target) if float(far_text(target)) == target else repr(target) for target in settings.far)
    return shlex.join(
        [
            "canon",
            "matrix",
            study,
            "--dataset",
            settings.dataset,
            "--models",
            ",".join(settings.models),
            "--map",
            settings.map.value,
            "--mode",
            settings.mode.value,
            "--features",
            settings.features.value,
            "--far",
            far,
            "--far-rule",
            rule.value,
            "--seed",
            str(settings.seed),
        ]
    )


def matrix_tsv(shown: ShownMatrix, settings_line: str) -> str:
    """The fields as tab-separated values with every digit, for a spreadsheet; the settings in the last line."""
    lines = ["\t".join(["source \\ target", *shown.order])]
    for name, row in zip(shown.order, shown.rows, strict=True):
        lines.append("\t".join([name, *("" if cell.value is None else repr(float(cell.value)) for cell in row)]))
    lines.append(f"{shown.title} · {settings_line}")
    return "\n".join(lines) + "\n"
