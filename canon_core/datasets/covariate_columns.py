"""Columns of tables as covariates: numbers where they are numbers, classes else."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import Covariate, covariate_of_numbers, covariate_of_texts
from canon_core.datasets.text_table import MISSING, TextTable, number_in


def covariates_of_columns(
    tables: Sequence[TextTable], wanted: Sequence[str], place: NDArray[np.int64] | None = None
) -> tuple[tuple[Covariate, ...], list[str]]:
    """Covariates from the columns of some tables, whose rows together are one list.

    Parameters
    ----------
    tables : sequence of TextTable
    wanted : sequence of str
        Names of the columns.
    place : (n,) int64, optional
        Row of that list which belongs to each image, -1 where none does; every row is an image unless given.

    Returns
    -------
    covariates, warnings
        The latter name the file and line of what is no number in a column of numbers. A column that says nothing of any
        image, or has too many classes, is none.
    """
    found, warnings = [], []
    for name in wanted:
        column, remarks = _column(name, tables)
        warnings += remarks
        if isinstance(column, list):
            listed = column if place is None else list(map([*column, ""].__getitem__, place.tolist()))  # -1: the last
            covariate = covariate_of_texts(name, listed)
        else:
            covariate = covariate_of_numbers(name, column if place is None else np.append(column, np.nan)[place])
        if covariate is not None:
            found.append(covariate)
    return tuple(found), warnings


# -- private ---------------------------------------------------------------------------------------------------------
def _column(name: str, tables: Sequence[TextTable]) -> tuple[NDArray[np.float64] | list[str], list[str]]:
    """A column of all tables as numbers, or as texts where no more than half of what it says are numbers."""
    if not any(name in table.texts for table in tables):
        unknown = [np.full(len(table), np.nan) for table in tables]
        pieces = [table.numbers.get(name, absent) for table, absent in zip(tables, unknown, strict=True)]
        return np.concatenate(pieces), []
    texts = [text for table in tables for text in _texts(table, name)]
    values = np.fromiter(map(number_in, texts), np.float64, len(texts))
    slips = [row for row in np.flatnonzero(np.isnan(values)).tolist() if texts[row].casefold() not in MISSING]
    if np.count_nonzero(~np.isnan(values)) <= len(slips):
        return texts, []
    starts = np.cumsum([0, *map(len, tables)])
    table = tables[number := int(np.searchsorted(starts, slips[0], "right")) - 1]
    where = f"{table.path.name}: line {slips[0] - int(starts[number]) + table.first_line}"
    what = f"'{texts[slips[0]][:40]}' in column {name} is not a number"
    return values, [f"{where}: {what}; {len(slips):,} such count as unknown"]


def _texts(table: TextTable, name: str) -> Sequence[str]:
    if name in table.texts:
        return table.texts[name]
    return ["" if math.isnan(value) else f"{value:g}" for value in table.numbers.get(name, np.full(len(table), np.nan))]
