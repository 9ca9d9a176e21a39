"""Tables of numbers and names as text, with some hundred thousand rows: IJB's lists of images, NIST's CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.text_chunks import Chunk, TextChunks
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

#: Characters that are taken apart at once: few enough that no single step keeps other threads waiting.
_PIECE_BYTES: Final = 2**18
#: Characters of one name that are believed.
_MAX_NAME: Final = 4096
_MAX_COLUMNS: Final = 1000
#: What stands for "not known" in a column of numbers.
MISSING: Final = frozenset(("", "nan", "na", "n/a", "null", "none"))
#: Whole numbers beyond are not exact in float64.
_MAX_WHOLE: Final = 2**53


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table as it was read.

    Attributes
    ----------
    path : Path
        The file.
    names : tuple of str
        Its columns.
    numbers : dict of str to (n,) float64
        Columns of numbers; NaN where a field is empty or says so.
    texts : dict of str to list of str
        The other columns that were asked for.
    first_line : int
        Line of the first row.
    warnings : tuple of str
        What was harmless but not as it should be.
    """

    path: Path
    names: tuple[str, ...]
    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, list[str]]
    first_line: int
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        lengths = [len(column) for column in self.numbers.values()] + [len(column) for column in self.texts.values()]
        return lengths[0] if lengths else 0

    def fault(self, row: int, problem: str) -> DatasetError:
        """An error about one row, with its line."""
        return DatasetError(
            f"line {row + self.first_line}: {problem}", path=self.path, remedy="correct that line or get the file again"
        )

    def whole(self, name: str, *, missing: int | None = None) -> NDArray[np.int64]:
        """A column of whole numbers, ``missing`` where there is none.

        Raises
        ------
        DatasetError
            With the line: a fraction, a huge number, or no number while ``missing`` is None.
        """
        values = self.numbers[name]
        absent = np.isnan(values)
        if missing is None and absent.any():
            raise self.fault(int(np.argmax(absent)), f"column {name} holds no number")
        filled = np.where(absent, 0, values)
        wrong = (filled != np.floor(filled)) | (np.abs(filled) >= _MAX_WHOLE)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.fault(row, f"column {name} should hold a whole number, not {values[row]:g}")
        return np.where(absent, 0 if missing is None else missing, filled.astype(np.int64))


def read_text_table(
    path: Path,
    what: str,
    ctx: JobContext,
    *,
    names: Sequence[str] | None = None,
    separator: Literal[",", " "] = ",",
    texts: Collection[str] = (),
    needed: Collection[str] = (),
    wanted: Collection[str] | None = None,
) -> TextTable:
    """Read a table; every row has as many fields as there are columns.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What its lines hold, for remedies.
    ctx : JobContext
        Progress and cancellation.
    names : sequence of str, optional
        Its columns; unless given, the first line names them.
    separator : {",", " "}
        Commas (fields may be quoted), or blanks and tabs.
    texts : collection of str
        Columns of text. Other columns that turn out to hold text become texts as well, unless they are ``needed``.
    needed : collection of str
        Columns of numbers that must be there.
    wanted : collection of str, optional
        Columns to read besides; all unless given.

    Raises
    ------
    DatasetError
        With the line: a wrong number of fields, a blank line before the end, letters where a number belongs, a line
        cut in the middle; a missing column; no row at all.
    """
    turned: set[str] = set()
    while True:
        reading = _Reading(path, what, names, separator, {*texts, *turned}, needed, wanted)
        try:
            return reading.read(ctx)
        except _HoldsTextError as column:  # a column of labels: from the start again, with it as text
            turned.add(column.args[0])


# -- private ---------------------------------------------------------------------------------------------------------
class _HoldsTextError(Exception):
    """A column that was taken for numbers holds text."""


def number_in(field: str) -> float:
    """The number a field holds, NaN where it holds none; Python reads 1_000 as a number, other programs do not."""
    try:
        return math.nan if "_" in field else float(field)
    except ValueError:
        return math.nan


class _Reading:
    """One pass over a file."""

    def __init__(
        self,
        path: Path,
        what: str,
        names: Sequence[str] | None,
        separator: str,
        texts: set[str],
        needed: Collection[str],
        wanted: Collection[str] | None,
    ) -> None:
        self._text = TextChunks(path, what)
        self._names = tuple(names) if names is not None else ()
        self._separator, self._texts, self._needed, self._wanted = separator, texts, needed, wanted
        self._path, self._what = path, what
        self._first_line = 1 if names is not None else 2  # of the rows
        self._line = 1  # of the next piece
        self._numbers: dict[str, list[NDArray[np.float64]]] = {}
        self._words: dict[str, list[str]] = {}
        self._blank = 0  # line of a blank line, which only more blank lines may follow

    def read(self, ctx: JobContext) -> TextTable:
        for chunk in self._text:
            try:
                chunk.data.decode("utf-8")
            except UnicodeDecodeError as error:
                line = self._text.line(chunk, error.start)
                raise DatasetError(
                    f"line {line} is not UTF-8 text", path=self._path, remedy="save it as UTF-8"
                ) from error
            start = 0
            while start < len(chunk.data):
                ctx.check()
                end = chunk.data.rfind(b"\n", start, start + _PIECE_BYTES) + 1 or chunk.data.find(b"\n", start) + 1
                self._piece(chunk.data[start:end].decode("utf-8"), chunk)
                start = end
            ctx.report(self._text.done, self._text.size, f"reading {self._path.name}")
        numbers = {name: np.concatenate(pieces) for name, pieces in self._numbers.items() if pieces}
        table = TextTable(self._path, self._names, numbers, self._words, self._first_line, self._text.warnings())
        if not len(table):
            raise DatasetError("holds no rows", path=self._path, remedy=f"give a file with {self._what}")
        return table

    def _piece(self, piece: str, chunk: Chunk) -> None:
        if not self._names:
            header, _, piece = piece.partition("\n")
            self._name_columns(header)
            self._line += 1
            if not piece:
                return
        if not self._numbers and not self._words:
            self._choose()
        lines = piece.count("\n")
        columns = self._split(piece, lines)
        if columns is None:
            body = piece.rstrip(" \t\v\f\n") + "\n"  # blank lines do no harm at the end of the file
            rows = body.count("\n") if body.strip() else 0
            columns = self._split(body, rows) if rows else []
            if columns is None:
                raise self._fault(piece, chunk)
        else:
            rows = lines
        if rows and self._blank:
            raise self._text.fault(self._blank, "it is blank, and more follows")
        if rows:
            self._take(columns)
        if rows < lines:
            self._blank = self._blank or self._line + rows
        self._line += lines

    def _split(self, piece: str, lines: int) -> list[list[str]] | None:
        """Fields of each column, or None where a line has another number of them."""
        columns = len(self._names)
        if self._separator == ",":
            if '"' in piece:
                return self._split_quoted(piece)
            counted = np.frombuffer(piece.encode(), np.uint8)
            ends = np.flatnonzero((counted == ord(",")) | (counted == ord("\n")))
            if len(ends) != lines * columns or (counted[ends[columns - 1 :: columns]] != ord("\n")).any():
                return None
            fields = piece.replace("\n", ",").split(",")[:-1]
        else:
            fields = piece.split()
            if len(fields) != lines * columns:
                return None
            if columns > 1 and not self._even(piece, columns):
                return None
        return [fields[column::columns] for column in range(columns)]

    def _even(self, piece: str, columns: int) -> bool:
        """Whether every line has ``columns`` fields, where all together are as many as there should be."""
        data = np.frombuffer(piece.encode(), np.uint8)
        blank = data <= ord(" ")
        starts = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]]))
        ends = np.flatnonzero(data == ord("\n"))
        return bool((np.diff(np.searchsorted(starts, ends), prepend=0) == columns).all())

    def _split_quoted(self, piece: str) -> list[list[str]] | None:
        try:
            rows = list(csv.reader(io.StringIO(piece), strict=True))
        except csv.Error:
            return None
        columns = len(self._names)
        if len(rows) != piece.count("\n") or any(len(row) != columns for row in rows):
            return None
        return [list(column) for column in zip(*rows, strict=True)]

    def _take(self, columns: list[list[str]]) -> None:
        for name, fields in zip(self._names, columns, strict=True):
            if name in self._words:
                if max(map(len, fields)) > _MAX_NAME:
                    row = next(row for row, field in enumerate(fields) if len(field) > _MAX_NAME)
                    raise self._text.fault(self._line + row, f"column {name} holds an absurdly long text")
                self._words[name].extend(map(str.strip, fields))
            elif name in self._numbers:
                self._numbers[name].append(self._parse(name, fields))

    def _parse(self, name: str, fields: list[str]) -> NDArray[np.float64]:
        try:
            values = np.fromiter(map(float, fields), np.float64, len(fields))
        except ValueError:  # something is missing, or is no number
            values = np.fromiter(map(number_in, fields), np.float64, len(fields))
        if np.isnan(values).any() or "_" in "".join(fields):
            for row, field in enumerate(fields):
                if field.strip().casefold() not in MISSING and math.isnan(number_in(field)):
                    if name not in self._needed:
                        raise _HoldsTextError(name)
                    raise self._text.fault(self._line + row, f"'{field.strip()[:40]}' is not a number (column {name})")
        return values

    def _name_columns(self, header: str) -> None:
        names = [name.strip().upper() for name in self._fields(header)]
        absent = [name for name in (*self._texts, *self._needed) if name not in names]
        if absent or len(set(names)) < len(names) or len(names) > _MAX_COLUMNS:
            problem = f"its first line names no column {absent[0]}" if absent else "its first line names a column twice"
            raise DatasetError(problem, path=self._path, remedy=f"give a file with {self._what}")
        self._names = tuple(names)

    def _fields(self, line: str) -> list[str]:
        if self._separator == " ":
            return line.split()
        try:
            return next(csv.reader([line]), [])
        except csv.Error:
            return line.split(",")

    def _choose(self) -> None:
        for name in self._names:
            if name in self._texts:
                self._words[name] = []
            elif self._wanted is None or name in self._wanted or name in self._needed:
                self._numbers[name] = []

    def _fault(self, piece: str, chunk: Chunk) -> DatasetError:
        """The first line of a piece that has not as many fields as there are columns."""
        lines = piece.split("\n")[:-1]
        columns = len(self._names)
        for number, line in enumerate(lines):
            if not line.strip():
                return self._text.fault(self._line + number, "it is blank, and more follows")
            if self._split(line + "\n", 1) is None:
                if '"' in line and self._separator == "," and line.count('"') % 2:
                    return self._text.fault(self._line + number, "a quote is opened and not closed")
                count = len(self._fields(line))
                cut = chunk.unended and number == len(lines) - 1
                where = "; the file ends in the middle of it" if cut else ""
                return self._text.fault(self._line + number, f"it has {count} of {columns} columns{where}")
        return self._text.fault(self._line, "it or one soon after it cannot be read")
