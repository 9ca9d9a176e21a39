"""Covariates of NIST's rows: from the columns of the template files, or from a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from canon_core.datasets.covariate_columns import covariates_of_columns
from canon_core.datasets.covariates import Covariate
from canon_core.datasets.text_table import TextTable


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
    found, remarks = covariates_of_columns(tables, wanted, place)
    return found, (*warnings, *remarks)


# -- private ---------------------------------------------------------------------------------------------------------
def _keys(table: TextTable) -> Iterator[tuple[object, ...]]:
    columns = (table.numbers[name].tolist() for name in ("SUBJECT_ID", "FACE_X", "FACE_Y"))
    return zip(table.texts["FILENAME"], *columns, strict=True)
