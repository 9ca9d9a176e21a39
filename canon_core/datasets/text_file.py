"""Small text files that users bring along: lists of landmarks and of pairs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from canon_core.datasets.text_chunks import BYTE_ORDER_MARK, oddities, refuse_mistaken
from canon_core.errors import DatasetError
from canon_core.jobs import system_error
from canon_core.limits import MAX_TEXT_BYTES


def read_lines(path: Path, what: str) -> Iterator[str]:
    """Lines of a UTF-8 text file without their ends (LF or CRLF) and without a byte-order mark.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it is to be, for the remedy: ``"the CSV of landmarks"``.

    Raises
    ------
    DatasetError
        Missing, unreadable, too large, compressed, or no UTF-8 text; the last while iterating, with the line.
    """
    number = 0
    try:
        if path.is_dir():
            raise DatasetError("is a folder", path=path, remedy=f"give {what}")
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise DatasetError(f"is larger than {MAX_TEXT_BYTES // 2**30} GB", path=path, remedy=f"give {what}")
        with path.open("rb") as begin:
            refuse_mistaken(path, begin.read(8))
        with path.open(encoding="utf-8-sig") as file:  # universal newlines
            for number, line in enumerate(file, 1):
                if "\0" in line:
                    raise DatasetError(f"line {number} is not text", path=path, remedy=f"give {what}")
                yield line.rstrip("\n")
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(
            f"cannot be read ({fault.problem})", path=path, remedy=fault.remedy or f"give {what}"
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"line {number + 1} or a later one is not UTF-8 text", path=path, remedy="save it as UTF-8"
        ) from error


def read_rows(path: Path, what: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped fields of each row of a CSV file that is not blank; quotes may hold commas.

    Raises
    ------
    DatasetError
        As :func:`read_lines`, and for what the csv module cannot read.
    """
    rows = csv.reader(read_lines(path, what))
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise DatasetError(f"line {rows.line_num}: {error}", path=path, remedy="correct that line") from error
        if row is None:
            return
        fields = [field.strip() for field in row]
        if any(fields):
            yield rows.line_num, fields


def remarks(path: Path) -> tuple[str, ...]:
    """What is harmless in a text file that was read, but not as it should be: a byte-order mark, Windows line ends (of
    the first lines), no line end after the last."""
    try:
        with path.open("rb") as file:
            begin = file.read(2**16)
            size = file.seek(0, 2)
            file.seek(max(0, size - 1))
            last = file.read(1)
    except OSError:
        return ()
    mark, windows = begin.startswith(BYTE_ORDER_MARK), b"\r\n" in begin
    return oddities(path.name, mark=mark, windows=windows, unended=last not in (b"\n", b"\r", b""))
