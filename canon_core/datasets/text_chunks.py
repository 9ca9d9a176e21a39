"""Large text tables in chunks of whole lines, for parsers that work on bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from canon_core.errors import DatasetError
from canon_core.jobs import system_error
from canon_core.limits import MAX_TEXT_BYTES

#: Bytes read at once.
CHUNK_BYTES: Final = 4 * 2**20
#: No line of the tables we know is a hundredth as long.
_MAX_LINE_BYTES: Final = 2**20
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
#: What other files begin with that are given by mistake.
_MISTAKEN: Final = (
    (b"\x1f\x8b", "is compressed with gzip", "unpack it with gunzip"),
    (b"BZh", "is compressed with bzip2", "unpack it"),
    (b"\xfd7zXZ\0", "is compressed with xz", "unpack it"),
    (b"PK\x03\x04", "is a ZIP archive", "unpack it"),
    (b"\xff\xfe", "is UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "save it as UTF-8"),
)
_BLANKS: Final = re.compile(rb"[ \t,\r\v\f]+")
_BLANK_LINES: Final = re.compile(rb"(?:^|(?<=\n)) ?\n| (?=\n)|(?:^|(?<=\n)) ")


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a file, each ended by a line feed.

    Attributes
    ----------
    data : bytes
        The lines.
    start : int
        Place of the first in the file, in bytes; :meth:`TextChunks.line` tells the line, where somebody asks.
    unended : bool
        Whether the file holds no line end after the last; it was added.
    """

    data: bytes
    start: int
    unended: bool = False


class TextChunks:
    """Iterates over the lines of a text table in chunks; Windows line ends and a byte-order mark are taken off.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What its lines hold, for remedies.

    Raises
    ------
    DatasetError
        While iterating: missing, unreadable, too large, compressed, or no text.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        self.size = 0  #: bytes of the file
        self.done = 0  #: bytes read so far
        self._mark = self._windows = self._unended = False

    def __iter__(self) -> Iterator[Chunk]:
        try:
            yield from self._chunks()
        except OSError as error:
            fault = system_error(error)
            raise DatasetError(
                f"cannot be read ({fault.problem})",
                path=self.path,
                remedy=fault.remedy or f"give a file with {self.what}",
            ) from error

    def warnings(self) -> tuple[str, ...]:
        """What was harmless but not as it should be, once all chunks were read."""
        return oddities(self.path.name, mark=self._mark, windows=self._windows, unended=self._unended)

    def line(self, chunk: Chunk, position: int = 0) -> int:
        """Number of the line at a position in a chunk, counted from 1."""
        return self._lines_before(chunk.start) + chunk.data.count(b"\n", 0, position) + 1

    def fault(self, line: int, problem: str) -> DatasetError:
        """An error about one line."""
        return DatasetError(
            f"line {line}: {problem}", path=self.path, remedy=f"each line should hold {self.what}: get the file again"
        )

    # -- private -------------------------------------------------------------------------------------------------
    def _chunks(self) -> Iterator[Chunk]:
        path, remedy = self.path, f"give a file with {self.what}"
        if path.exists() and not path.is_file():
            raise DatasetError("is not a file", path=path, remedy=remedy)
        self.size = path.stat().st_size
        if self.size > MAX_TEXT_BYTES:
            raise DatasetError(f"is larger than {MAX_TEXT_BYTES // 2**30} GB", path=path, remedy=remedy)
        rest = b""
        with path.open("rb") as file:
            while block := file.read(CHUNK_BYTES):
                if not self.done:
                    block = self._begun(block)
                self.done = file.tell()
                data = rest + block if rest else block
                end = data.rfind(b"\n") + 1
                rest = data[end:]
                if len(rest) > _MAX_LINE_BYTES:
                    problem = f"line {self._lines_before(self.done - len(rest)) + 1} does not end"
                    raise DatasetError(problem, path=path, remedy=remedy)
                if end:
                    yield self._chunk(data[:end], self.done - len(data))
        if rest.strip():
            self._unended = True
            yield replace(self._chunk(rest + b"\n", self.done - len(rest)), unended=True)

    def _begun(self, block: bytes) -> bytes:
        refuse_mistaken(self.path, block)
        self._mark = block.startswith(BYTE_ORDER_MARK)
        return block[len(BYTE_ORDER_MARK) :] if self._mark else block

    def _chunk(self, data: bytes, start: int) -> Chunk:
        if (nul := data.find(b"\0")) >= 0:
            line = self._lines_before(start) + data.count(b"\n", 0, nul) + 1
            raise DatasetError(f"line {line} is not text", path=self.path, remedy=f"give a file with {self.what}")
        if b"\r" in data:
            self._windows = True
            data = data.replace(b"\r\n", b"\n")
        return Chunk(data, start)

    def _lines_before(self, start: int) -> int:
        """Counted only for errors: it takes a sixth of the time of parsing."""
        lines = 0
        with self.path.open("rb") as file:
            while start > 0 and (block := file.read(min(start, CHUNK_BYTES))):
                lines += block.count(b"\n")
                start -= len(block)
        return lines


def refuse_mistaken(path: Path, begin: bytes) -> None:
    """Raise DatasetError where a text file's first bytes are those of an archive or of UTF-16."""
    for magic, problem, remedy in _MISTAKEN:
        if begin.startswith(magic):
            raise DatasetError(problem, path=path, remedy=remedy)


def oddities(name: str, *, mark: bool, windows: bool, unended: bool) -> tuple[str, ...]:
    """Sentences for what is harmless in a text file but not as it should be."""
    found = []
    if mark:
        found.append(f"{name} begins with a byte-order mark, which was passed over")
    if windows:
        found.append(f"{name} has Windows line ends")
    if unended:
        found.append(
            f"the last line of {name} has no line end: if the file was cut short there, its last number or name is "
            "wrong"
        )
    return tuple(found)


def spaced(data: bytes) -> bytes:
    """The same lines with single blanks between fields, none at either end, and without blank lines."""
    return _BLANK_LINES.sub(b"", _BLANKS.sub(b" ", data))
