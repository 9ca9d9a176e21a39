"""How a matrix is put before the reader: the order of its models and its numbers as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from canon_core.figures.palette import ColourRange
from canon_core.study.results import Matrix, stands_beside
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


def colour_range(
    values: Mapping[tuple[str, str], float | None], fit: Callable[[Iterable[float]], ColourRange]
) -> ColourRange:
    """Range of the colours of a matrix: that of the cells of models that stand for themselves.

    A control answers next to nothing, so that the differences to it are several times as large as all others, and its
    TARs far below them: with its cells in the range, all others would look alike.

    Parameters
    ----------
    values : mapping
        (source, target) → the number shown; None where there is none.
    fit : callable
        :func:`~canon_core.figures.palette.tar_range` or ``difference_range``.
    """
    there = {pair: value for pair, value in values.items() if value is not None and math.isfinite(value)}
    counted = [value for pair, value in there.items() if not any(map(stands_beside, pair))]
    scale = fit(counted or there.values())
    return replace(scale, exceeded=not all(scale.holds(value) for value in there.values()))


#: What is said where the colours of differences do not reach the cells of controls and twins.
BEYOND_COLOURS = "Grey: off the colours' scale, which is made for models that are neither control nor twin (slanted)"


def tar_text(value: float | None) -> str:
    """Three decimals without the leading zero: ``.952``, ``1.000``; a dash where there is no number.

    >>> tar_text(0.9522), tar_text(1.0), tar_text(None)
    ('.952', '1.000', '–')
    """
    if value is None or not math.isfinite(value):
        return NO_VALUE
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def rate_text(value: float) -> str:
    """A rate of errors with three digits, always as a power of ten; 0 and 1 as they are, a dash where there is none.

    >>> rate_text(0.1), rate_text(0.01), rate_text(9.966e-4), rate_text(0.0)
    ('1.00e-1', '1.00e-2', '9.97e-4', '0')
    """
    if not math.isfinite(value):
        return NO_VALUE
    if value in (0, 1):
        return f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}e{int(exponent)}"


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
