"""How a matrix is put before the reader: the order of its models and its numbers as text."""

from __future__ import annotations

import math

from canon_core.study.results import Matrix
from canon_core.verification.roc import FarRule

#: Stands where there is no number.
NO_VALUE = "–"
#: Models are sorted by single-model TAR at this FAR wherever the matrix has it: reading another FAR then moves no row.
ORDER_FAR = 1e-2


def display_order(matrix: Matrix, far: float, rule: FarRule) -> tuple[str, ...]:
    """Models by falling single-model TAR at FAR 1e-2, or at ``far`` where the matrix lacks that."""
    return matrix.sorted_models(ORDER_FAR if ORDER_FAR in matrix.settings.far else far, rule)


def difference(matrix: Matrix, source: str, target: str, far: float, rule: FarRule) -> float | None:
    """TAR of a cell minus that of the weaker of its two models by itself; None where one is missing."""
    tar, weaker = matrix.tar(source, target, far, rule), matrix.weaker(source, target, far, rule)
    return None if tar is None or weaker is None else tar - weaker


def tar_text(value: float | None) -> str:
    """Three decimals without the leading zero: ``.952``, ``1.000``; a dash where there is no number.

    >>> tar_text(0.9522), tar_text(1.0), tar_text(None)
    ('.952', '1.000', '–')
    """
    if value is None or not math.isfinite(value):
        return NO_VALUE
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def difference_text(value: float | None) -> str:
    """Three decimals with a sign (a true minus): ``+.012``, ``−.031``, ``.000``.

    >>> difference_text(-0.0312), difference_text(0.0001)
    ('−.031', '.000')
    """
    if value is None or not math.isfinite(value):
        return NO_VALUE
    size = tar_text(abs(value))
    if float(size) == 0:
        return size
    return ("+" if value > 0 else "−") + size


def cell_text(matrix: Matrix, source: str, target: str, far: float, rule: FarRule) -> str:
    """A cell's TAR as text, with a star where fewer than 30 false accepts decide it."""
    text = tar_text(matrix.tar(source, target, far, rule))
    return text + "*" if matrix.unresolved(source, target, far, rule) else text
