"""Embeddings as a CSV file, a row an image: which line is a heading, and which column holds ids."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.id_names import heads_ids, is_id_name
from canon_core.datasets.text_file import read_rows
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext
from canon_core.limits import MAX_DIMENSIONS, MAX_IMAGES

#: Bytes of all rows; IJB-C at 1,024 dimensions has 1.9 GB.
_MAX_BYTES: Final = 16 * 2**30
#: Columns from which on a first line 0, 1, 2, … is a heading that pandas wrote, and no embedding.
_COUNTED_COLUMNS: Final = 4


def read_embedding_csv(
    path: Path, what: str, ctx: JobContext
) -> tuple[NDArray[np.float32], list[str] | None, list[str]]:
    """Numbers, ids where the file names them, and what was taken for what.

    A first line without numbers is a heading, as is one that begins with an empty field (pandas writes an index so) or
    with a name of ids, or that counts 0, 1, 2, …. The column of ids is the one that the heading calls so, else the
    first when anything in it is no number.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it is to be, for the remedy.
    ctx : JobContext
        Cancellation.

    Raises
    ------
    DatasetError
        With the line: another number of columns, what is no number, no id. When a first column of whole numbers, each
        once, stands beside fractions and nothing says whether they are ids; when the heading calls a column otherwise
        than all the others; for a file without numbers.
    """
    table = _Table(path)
    for number, (line, fields) in enumerate(read_rows(path, what)):
        if number % 1000 == 0:
            ctx.check()
        if number == 0 and table.begin(fields):
            continue
        table.add(line, fields)
    return table.result(what)


class _Table:
    """Rows as they come; what the column of ids holds is kept as text until all of it was seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._width = 0
        self._place = 0  #: of the column that holds ids, or may
        self._heading: list[str] | None = None
        self._said = False  #: whether the heading says that it does
        self._rows: list[NDArray[np.float32]] = []
        self._column: list[str] = []
        self._lines: list[int] = []

    def begin(self, fields: list[str]) -> bool:
        """Look at the first line; whether it is a heading."""
        self._width = len(fields)
        if self._width > MAX_DIMENSIONS + 1:
            raise DatasetError(f"has {self._width:,} columns", path=self._path, remedy="give a row an image")
        numbers = fields if is_number(fields[0]) else fields[1:]
        counted = len(numbers) >= _COUNTED_COLUMNS and numbers == [str(number) for number in range(len(numbers))]
        named = not any(map(is_number, fields))
        unnamed = not fields[0] and all(field.isdigit() for field in numbers if is_number(field))
        if not (named or counted or unnamed or is_id_name(fields[0])):
            return False
        self._heading = fields
        if named and not heads_ids(fields[0]):
            self._place = next((place for place, name in enumerate(fields) if name and is_id_name(name)), 0)
        self._said = heads_ids(fields[self._place])
        return True

    def add(self, line: int, fields: list[str]) -> None:
        """One row."""
        if len(fields) != self._width:
            raise self._line_fault(line, f"it has {len(fields)} of {self._width} columns")
        numbers = fields[: self._place] + fields[self._place + 1 :]
        wrong = next((field for field in numbers if field and not is_number(field)), None)
        if wrong is not None:
            raise self._line_fault(line, f"'{wrong[:40]}' is not a number")
        with np.errstate(over="ignore"):
            self._rows.append(np.array([float(field or "nan") for field in numbers]).astype(np.float32))
        self._column.append(fields[self._place])
        self._lines.append(line)
        if len(self._rows) * self._width * 4 > _MAX_BYTES or len(self._rows) > MAX_IMAGES:
            raise DatasetError("holds too many rows", path=self._path, remedy="save it as .npy")

    def result(self, what: str) -> tuple[NDArray[np.float32], list[str] | None, list[str]]:
        """Everything, once the last row was seen."""
        if not self._rows:
            raise DatasetError("holds no embeddings", path=self._path, remedy=f"give {what}")
        ids = self._said or any(field and not is_number(field) for field in self._column)
        if self._heading is not None:
            self._refuse_strangers(self._heading, ids)
        rows = np.stack(self._rows)
        if ids:
            if "" in self._column:
                raise self._line_fault(self._lines[self._column.index("")], "it has no id")
            if not rows.size:
                raise DatasetError("holds no embeddings, only ids", path=self._path, remedy=f"give {what}")
            where = "first column" if self._place == 0 else f"column '{(self._heading or [])[self._place][:80]}'"
            return rows, self._column, [f"ids from the {where}"]
        with np.errstate(over="ignore"):
            first = np.array([float(field or "nan") for field in self._column])
            if self._heading is None and len(rows) > 1 and _counts(first) and not _counts(rows):
                raise DatasetError(
                    "its first column holds whole numbers, each once, beside fractions: nothing says whether they are"
                    " ids",
                    path=self._path,
                    remedy="name the columns in a first line, the first one id if it holds ids",
                )
            whole = np.insert(rows, self._place, first.astype(np.float32), axis=1)
        return whole, None, []

    def _refuse_strangers(self, heading: list[str], ids: bool) -> None:
        """Refuse columns that are called otherwise than most, such as ``label`` beside ``f0``, ``f1``, …"""
        stems = {place: re.sub(r"\d+$", "", name) for place, name in enumerate(heading)}
        if ids:
            del stems[self._place]
        common = Counter(stem for place, stem in stems.items() if stem != heading[place]).most_common(1)
        if not common or common[0][1] < 2:
            return
        strangers = [heading[place] for place, stem in stems.items() if stem != common[0][0] or stem == heading[place]]
        if strangers:
            series = next(heading[place] for place, stem in stems.items() if stem == common[0][0] != heading[place])
            raise DatasetError(
                f"its column '{strangers[0][:80]}' is called neither like an id nor like the numbers"
                f" ({series[:80]}, …)",
                path=self._path,
                remedy="call it id if it holds ids, else leave it out",
            )

    def _line_fault(self, line: int, problem: str) -> DatasetError:
        return DatasetError(f"line {line}: {problem}", path=self._path, remedy="correct that line")


def is_number(text: str) -> bool:
    """Whether a field is a number, as most programs write one (not as Python's source may)."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


# -- private ---------------------------------------------------------------------------------------------------------
def _counts(numbers: NDArray[np.floating]) -> bool:
    """Whether all are whole; a list of them also each once."""
    whole = bool(np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())
    return whole and (numbers.ndim > 1 or len(np.unique(numbers)) == len(numbers))
