"""Columns of numbers as text, a million rows at once: every letter is worked out by numpy, none by a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.figures.csv_fields import quoted

Letters = npt.NDArray[np.uint8]
#: Letters of every row, (n, width), and which of them are there, (n, width).
Column = tuple[Letters, npt.NDArray[np.bool_]]

#: Digits after the point of a score. float32 near 1 has steps of 6e-8; down to 0.002 every score has its own text.
DECIMALS: Final = 10
#: Digits that are looked up at a time.
_GROUP: Final = 5
_ZERO, _MINUS, _POINT, _COMMA, _NEWLINE = b"0-.,\n"


def integers(values: npt.NDArray[np.integer]) -> Column:
    """Whole numbers without leading zeros, (n,)."""
    size = np.abs(values.astype(np.int64))
    width = len(str(int(size.max()))) if size.size else 1
    letters = _digits(size, width)
    shown = np.arange(width - 1, -1, -1)
    kept = (size[:, None] >= 10 ** shown[None, :].astype(np.int64)) | (shown == 0)[None, :]
    return _signed(letters, kept, values < 0)


def decimals(values: npt.NDArray[np.floating]) -> Column:
    """Finite numbers below a million with :data:`DECIMALS` digits after the point, rounded to the nearest, (n,)."""
    exact = values.astype(np.float64)
    whole, rest = np.divmod(np.rint(np.abs(exact) * 10**DECIMALS).astype(np.int64), 10**DECIMALS)
    front = integers(whole)
    behind = np.full((len(values), 1 + DECIMALS), _POINT, np.uint8)
    behind[:, 1:] = _digits(rest, DECIMALS)
    letters = np.concatenate([front[0], behind], axis=1)
    kept = np.concatenate([front[1], np.ones(behind.shape, bool)], axis=1)
    return _signed(letters, kept, (exact < 0) & ((whole > 0) | (rest > 0)))


class Texts:
    """Some texts, of which columns are made by their numbers.

    Parameters
    ----------
    texts : sequence of str
        As :func:`~canon_core.figures.csv_fields.quoted` writes them.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        coded = [quoted(text).encode("utf-8", "replace") for text in texts]
        self._lengths = np.array([len(text) for text in coded], np.int64)
        width = int(self._lengths.max()) if coded else 1
        self._letters = np.array(coded, f"S{width}").view(np.uint8).reshape(len(coded), width)

    def column(self, numbers: npt.NDArray[np.integer]) -> Column:
        """The texts of these numbers, (n,)."""
        letters = self._letters[numbers]
        return letters, np.arange(letters.shape[1]) < self._lengths[numbers][:, None]


def lines(columns: Sequence[Column]) -> bytes:
    """The columns side by side, a comma between two, a line a row."""
    rows = len(columns[0][0])
    letters: list[Letters] = []
    kept: list[npt.NDArray[np.bool_]] = []
    always = np.ones((rows, 1), bool)
    for number, (text, shown) in enumerate(columns):
        last = number == len(columns) - 1
        letters += [text, np.full((rows, 1), _NEWLINE if last else _COMMA, np.uint8)]
        kept += [shown, always]
    return np.concatenate(letters, axis=1)[np.concatenate(kept, axis=1)].tobytes()


# -- private ---------------------------------------------------------------------------------------------------------
@cache
def _table() -> Letters:
    """(100000, 5): the digits of 0 … 99999."""
    numbers = np.arange(10**_GROUP)[:, None]
    return (numbers // 10 ** np.arange(_GROUP - 1, -1, -1) % 10 + _ZERO).astype(np.uint8)


def _digits(values: npt.NDArray[np.int64], width: int) -> Letters:
    """(n, width): the digits of whole numbers, leading zeros included."""
    groups = -(-width // _GROUP)
    found = np.empty((len(values), groups * _GROUP), np.uint8)
    rest = values
    for group in range(groups - 1, -1, -1):
        rest, part = np.divmod(rest, 10**_GROUP)
        found[:, group * _GROUP : (group + 1) * _GROUP] = _table()[part]
    return found[:, groups * _GROUP - width :]


def _signed(letters: Letters, kept: npt.NDArray[np.bool_], negative: npt.NDArray[np.bool_]) -> Column:
    if not negative.any():
        return letters, kept
    sign = np.full((len(letters), 1), _MINUS, np.uint8)
    return np.concatenate([sign, letters], axis=1), np.concatenate([negative[:, None], kept], axis=1)
