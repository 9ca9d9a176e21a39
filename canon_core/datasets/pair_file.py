"""Lists of template pairs as text, 15.7 million lines at a time: ``p1 p2 label`` (facts.md, *IJB-C and IJB-B*)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.datasets.text_chunks import Chunk, TextChunks, spaced
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

_LABELLED: Final = "two template ids and a label (1 or 0) in each line, apart by blanks"
_PAIRED: Final = "two template ids in each line"
#: Digits of one number: as many as fit into the eight bytes that are read at once, and into int32.
_MAX_DIGITS: Final = 8
#: What numpy works through at once: small enough that every intermediate stays in the processor's cache.
_PIECE_BYTES: Final = 2**19
#: Chunks that are read while earlier ones are worked on.
_CHUNKS_AHEAD: Final = 2

Columns = list[NDArray[Any]]


@dataclass(frozen=True, eq=False)
class PairList:
    """Pairs in the order of the file.

    Attributes
    ----------
    p1, p2 : (k,) int32
        Template ids.
    genuine : (k,) bool or None
        Label; None where the file has none.
    warnings : tuple of str
        What was harmless but not as it should be.
    first_line : int
        Of the first pair.
    """

    p1: NDArray[np.int32]
    p2: NDArray[np.int32]
    genuine: NDArray[np.bool_] | None
    warnings: tuple[str, ...]
    first_line: int = 1

    def __len__(self) -> int:
        return len(self.p1)


def read_pair_file(path: Path, ctx: JobContext, *, labelled: bool = True) -> PairList:
    """Read a list of pairs, no slower than ``pandas.read_csv``, on as many cores.

    Blanks, tabs or commas stand between the numbers. Every number is read from the eight bytes before its end by three
    multiplications, for all numbers of a piece at once. Memory: the result (9 bytes a pair), twice for a moment, and a
    few chunks of text.

    Parameters
    ----------
    path : Path
        The file.
    ctx : JobContext
        Progress and cancellation.
    labelled : bool
        Whether there is a third column with 1 (genuine) or 0 (impostor). Lists without may name their columns in the
        first line.

    Raises
    ------
    DatasetError
        With the line: a wrong number of columns, what is no number of at most eight digits, a label other than 0 and
        1, a line cut in the middle; or no pair at all.
    Cancelled
        When the job was cancelled.
    """
    columns = 3 if labelled else 2
    text = TextChunks(path, _LABELLED if labelled else _PAIRED)
    first: list[NDArray[np.int32]] = []
    second: list[NDArray[np.int32]] = []
    labels: list[NDArray[np.bool_]] = []
    heading = 0
    waiting: deque[tuple[Chunk, int, list[bytes], list[Future[Columns | None]]]] = deque()

    def take(chunk: Chunk, start: int, pieces: list[bytes], parsed: list[Future[Columns | None]]) -> None:
        for piece, found in zip(pieces, parsed, strict=True):
            numbers = found.result()
            if numbers is None:
                last = chunk.unended and start + len(piece) == len(chunk.data)
                raise _fault(text, piece, text.line(chunk, start), columns, last=last)
            first.append(numbers[0])
            second.append(numbers[1])
            labels.extend(numbers[2:])
            start += len(piece)

    with ThreadPoolExecutor(usable_cores()) as pool:
        for chunk in text:  # read while the ones before are worked on
            ctx.check()
            start = 0
            if not (labelled or first or waiting) and chunk.data[:1].isalpha():
                start = chunk.data.find(b"\n") + 1
                heading = 1
            pieces = list(_pieces(chunk.data, start))
            waiting.append((chunk, start, pieces, [pool.submit(_parsed, piece, columns) for piece in pieces]))
            if len(waiting) > _CHUNKS_AHEAD:
                take(*waiting.popleft())
            ctx.report(text.done, text.size, f"reading {path.name}")
        while waiting:
            take(*waiting.popleft())
    if not sum(map(len, first)):
        raise DatasetError("holds no pairs", path=path, remedy=f"give a file with {text.what}")
    return PairList(
        np.concatenate(first),
        np.concatenate(second),
        np.concatenate(labels) if labelled else None,
        text.warnings(),
        1 + heading,
    )


# -- private ---------------------------------------------------------------------------------------------------------
#: Eight bytes as one number, the first character lowest: two, then four, then eight digits are joined by a product.
_LOW_NIBBLES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_JOIN_2: Final = (np.uint64(1 + (10 << 8)), np.uint64(8), np.uint64(0x00FF00FF00FF00FF))
_JOIN_4: Final = (np.uint64(1 + (100 << 16)), np.uint64(16), np.uint64(0x0000FFFF0000FFFF))
_JOIN_8: Final = (np.uint64(1 + (10_000 << 32)), np.uint64(32), np.uint64(0x00000000FFFFFFFF))
#: Which of the eight bytes are digits, by the number of digits.
_KEEP: Final = np.array(
    [(~0 << 8 * (_MAX_DIGITS - digits)) & (2**64 - 1) if digits else 0 for digits in range(_MAX_DIGITS + 1)], np.uint64
)
_PADDING: Final = b"\n" * _MAX_DIGITS


def _pieces(data: bytes, start: int) -> Iterator[bytes]:
    """Whole lines of a chunk, about as many as fit into the processor's cache."""
    while start < len(data):
        end = data.rfind(b"\n", start, start + _PIECE_BYTES) + 1 or data.find(b"\n", start) + 1
        yield data[start:end]
        start = end


def _parsed(piece: bytes, columns: int) -> Columns | None:
    """Each column of a piece, the label as truth values, or None where something is wrong in it."""
    numbers = _numbers(piece, columns)
    if numbers is None:
        tidy = spaced(piece)
        numbers = _numbers(tidy, columns) if tidy else np.empty((0, columns), np.uint64)
    if numbers is None or (columns == 3 and (numbers[:, 2] > 1).any()):
        return None
    return [column.astype(dtype) for column, dtype in zip(numbers.T, (np.int32, np.int32, np.bool_), strict=False)]


@lru_cache
def _separators(between: int, columns: int) -> bytes:
    """What stands behind the numbers of a piece, for as many as one can hold."""
    return (bytes([between]) * (columns - 1) + b"\n") * (_PIECE_BYTES // 2 // columns + 1)


def _numbers(piece: bytes, columns: int) -> NDArray[np.uint64] | None:
    """(lines, columns) numbers, or None where the fields are not digits with one blank, comma or tab between."""
    padded = _PADDING + piece
    data = np.frombuffer(padded, np.uint8)
    every = np.flatnonzero((data - np.uint8(ord("0"))) > 9)  # the padding's line feeds first
    ends = every[_MAX_DIGITS:]
    if not len(ends) or len(ends) % columns:
        return None
    digits = ends - every[_MAX_DIGITS - 1 : -1]
    digits -= 1
    if int(digits.min()) < 1 or int(digits.max()) > _MAX_DIGITS:
        return None
    separators = np.take(data, ends, mode="clip")
    between = int(separators[0])
    if between not in b" ,\t" or separators.tobytes() != _separators(between, columns)[: len(ends)]:
        return None
    words: NDArray[np.uint64] = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))  # one a byte, overlapping
    ends -= _MAX_DIGITS
    values = np.take(words, ends, mode="clip")
    values &= np.take(_KEEP, digits, mode="clip")
    values &= _LOW_NIBBLES
    for factor, shift, mask in (_JOIN_2, _JOIN_4, _JOIN_8):
        values *= factor
        values >>= shift
        values &= mask
    table: NDArray[np.uint64] = values.reshape(-1, columns)
    return table


def _fault(text: TextChunks, piece: bytes, line: int, columns: int, *, last: bool) -> DatasetError:
    """What is wrong with the first line of a piece that is not right; ``last``: the file ends without a line end."""
    lines = piece.split(b"\n")[:-1]
    for number, content in enumerate(lines, line):
        fields = spaced(content + b"\n").split()
        if fields and len(fields) != columns:
            cut = "; the file ends in the middle of it" if last and number == line + len(lines) - 1 else ""
            return text.fault(number, f"it has {len(fields)} of {columns} columns{cut}")
        for field in fields:
            shown = field[:40].decode("utf-8", "backslashreplace")
            if not field.isdigit():
                return text.fault(number, f"'{shown}' is not a whole number")
            if len(field) > _MAX_DIGITS:
                return text.fault(number, f"'{shown}' has more than {_MAX_DIGITS} digits")
        if columns == 3 and fields and int(fields[2]) > 1:
            return text.fault(number, f"the label should be 1 or 0, not {int(fields[2])}")
    return text.fault(line, "it or one soon after it cannot be read")
