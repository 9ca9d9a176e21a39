"""Covariates of NIST's rows: from the columns of the template files, or from a file of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import Covariate, covariate_of_numbers, covariate_of_texts
from canon_core.datasets.text_table import MISSING, TextTable, number_in


def read_covariates(
    tables: Sequence[TextTable], passed_over: Collection[str], metadata: Callable[[], TextTable | None]
) -> tuple[tuple[Covariate, ...], tuple[str, ...]]:
    """Covariates of every row of some tables.

    Parameters
    ----------
    tables : sequence of TextTable
        Template files; their rows together are the dataset's.
    passed_over : collection of str
        Columns that say which image it is, not what it shows.
    metadata : callable
        Reads the file of covariates that belongs to tables without any, joined by subject, file and corner of the box.

    Returns
    -------
    covariates, warnings
        The latter name the file and line of what is no number in a column of numbers.
    """
    wanted = [name for name in dict.fromkeys(name for table in tables for name in table.names) if name]
    wanted = [name for name in wanted if name not in passed_over]
    place = None
    warnings: list[str] = []
    if not wanted and (joined := metadata()) is not None:
        row_of = {key: row for row, key in enumerate(_keys(joined))}
        keys = [key for table in tables for key in _keys(table)]
        place = np.fromiter((row_of.get(key, -1) for key in keys), np.int64, len(keys))
        wanted = [name for name in joined.names if name and name not in passed_over]
        tables = [joined]
        warnings += joined.warnings
    found = []
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
    return tuple(found), tuple(warnings)


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


def _keys(table: TextTable) -> Iterator[tuple[object, ...]]:
    columns = (table.numbers[name].tolist() for name in ("SUBJECT_ID", "FACE_X", "FACE_Y"))
    return zip(table.texts["FILENAME"], *columns, strict=True)


def _texts(table: TextTable, name: str) -> Sequence[str]:
    if name in table.texts:
        return table.texts[name]
    return ["" if math.isnan(value) else f"{value:g}" for value in table.numbers.get(name, np.full(len(table), np.nan))]
