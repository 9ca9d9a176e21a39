"""The inspector's lines on a cell with few fit pairs: a linear map or a rotation, in figures where both are stored."""

from __future__ import annotations

from canon_core.figures.numbers import tar_text
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FEW_FALSE_ACCEPTS, FEW_PAIRS_PER_DIMENSION, Cell, FitMode, Matrix, far_text
from canon_core.verification.roc import FarRule

from .explanations import fewest_pairs
from .fact_sheet import FactSheet

COMPARISON_TITLE = "Linear map or rotation?"


def other_map(kind: MapKind) -> MapKind:
    """What a map is compared with: a rotation, and a rotation with the linear map."""
    return MapKind.LINEAR if kind is MapKind.ROTATION else MapKind.ROTATION


def is_comparable(cell: Cell, matrix: Matrix) -> bool:
    """Whether the question arises: few pairs, and scores of subjects outside the fit."""
    fit = fewest_pairs(cell)
    return (
        fit is not None
        and matrix.settings.mode is FitMode.DISJOINT
        and fit.pairs_per_dimension < FEW_PAIRS_PER_DIMENSION
    )


def write_comparison(
    sheet: FactSheet,
    cell: Cell,
    matrix: Matrix,
    rule: FarRule,
    far: float | None,
    other: Cell | None,
    *,
    looking: bool = False,
) -> None:
    """What the scores of both maps say; ``other`` is the cell through the map of :func:`other_map`, None where no such
    cell is stored, or where that is still looked up (``looking``)."""
    fit = fewest_pairs(cell)
    if fit is None or not is_comparable(cell, matrix):
        return
    kind, against = matrix.settings.map, other_map(matrix.settings.map)
    sheet.heading(COMPARISON_TITLE)
    if looking:
        sheet.paragraph("Looking up what is stored…")
    elif other is None:
        sheet.paragraph(
            f"Not known for this cell: nothing is stored of it through a {against} map. Set the map to “{against}”,"
            " compute, and both stand here."
        )
    else:
        _figures(sheet, (kind, cell), (against, other), matrix.settings.far, rule, far)
    freedom = kind if kind is not MapKind.ROTATION else against
    sheet.paragraph(
        f"With {fit.pairs_per_dimension:.1f} fit pairs a dimension a {freedom} map may overfit: it has a free number"
        " for every pair of a source and a target dimension and can learn what is peculiar to its fit images, where a"
        " rotation can only turn the space. Whether that costs more than the freedom gains, scores on subjects outside"
        " the fit decide. The paper's figures have linear ahead; its mapped images are the ones that the maps were"
        f" fitted on. Set the fit to “{FitMode.AUTHORS if matrix.templates else FitMode.IN_SAMPLE}” to see how much a"
        " map learns by heart."
    )


def _figures(
    sheet: FactSheet,
    mine: tuple[MapKind, Cell],
    other: tuple[MapKind, Cell],
    targets: tuple[float, ...],
    rule: FarRule,
    far: float | None,
) -> None:
    first, second = (mine, other) if mine[0] is not MapKind.ROTATION else (other, mine)
    points = [tuple(cell.readings[rule][place].point for _, cell in (first, second)) for place in range(len(targets))]
    rows = [
        [far_text(target), *(tar_text(point.tar) + "*" * (point.false_accepts < FEW_FALSE_ACCEPTS) for point in pair)]
        for target, pair in zip(targets, points, strict=True)
    ]
    bold = targets.index(far) if far in targets else None
    sheet.table(["FAR", f"{first[0]}", f"{second[0]}"], rows, bold_row=bold)
    if bold is None:
        return
    left, right = (point.tar for point in points[bold])
    at = f"At FAR {far_text(targets[bold])}"
    if tar_text(left) == tar_text(right):
        sheet.paragraph(f"{at} both are level.")
    else:
        ahead = first[0] if left > right else second[0]
        sheet.paragraph(f"{at} the {ahead} map is ahead by {tar_text(abs(left - right))} for this cell.")
