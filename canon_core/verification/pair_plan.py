"""The pairs of a template protocol, in the order in which a blocked product of their templates computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.errors import SettingsError

Codes = NDArray[np.integer]

#: Scores of one strip: 20 MB of float32, at which a strip's product is as fast as that of the whole rectangle.
_STRIP_SCORES: Final = 5_120_000
#: Rows of a strip: fewer make its product slower, more do not make it faster.
_STRIP_ROWS: Final = (16, 256)


@dataclass(frozen=True, eq=False)
class PlannedPairs:
    """Pairs of one kind, strip after strip.

    Attributes
    ----------
    place : (k,) int32
        Entry of the strip's scores, row by row.
    starts : (strips + 1,) int64
        Where each strip's pairs begin.
    pair : (k,) int32
        Which pair of the protocol it is.
    """

    place: NDArray[np.int32]
    starts: NDArray[np.int64]
    pair: NDArray[np.int32]

    @property
    def size(self) -> int:
        """Pairs."""
        return self.place.size


@dataclass(frozen=True, eq=False)
class PairPlan:
    """Which scores of the rectangle of first × second templates are pairs; worked out once for all cells.

    Attributes
    ----------
    first, second : (m,) and (n,) int64, ascending
        Templates (positions) that occur on each side: the rectangle's rows and columns.
    first_subjects, second_subjects : (m,) and (n,) int64
        Their subjects' codes.
    genuine, impostors : PlannedPairs
    side : int
        Rows of a strip.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    first_subjects: NDArray[np.int64]
    second_subjects: NDArray[np.int64]
    genuine: PlannedPairs
    impostors: PlannedPairs
    side: int

    @classmethod
    def of(cls, first: ArrayLike, second: ArrayLike, genuine: ArrayLike, subjects: ArrayLike) -> PairPlan:
        """Plan the pairs of a protocol, or of a part of it.

        Parameters
        ----------
        first, second : (k,) array_like of int
            Positions of each pair's templates (:meth:`TemplateRows.positions`). With `authors` and `disjoint` the
            first of a pair is p1, with `reversed` p2: it is the mapped source's.
        genuine : (k,) array_like of bool
        subjects : (t,) array_like of int
            Subject code of every template.

        Raises
        ------
        SettingsError
            When lengths differ, or a pair names a template that does not exist.
        """
        sides = [np.asarray(side) for side in (first, second)]
        labels, codes = np.asarray(genuine, bool), np.asarray(subjects, np.int64)
        if not sides[0].shape == sides[1].shape == labels.shape or labels.ndim != 1:
            raise SettingsError(
                f"{sides[0].size} first templates, {sides[1].size} second ones and {labels.size} labels are no pairs"
            )
        if labels.size and (min(side.min() for side in sides) < 0 or max(side.max() for side in sides) >= codes.size):
            raise SettingsError(f"a pair names a template outside the {codes.size:,} there are")
        occurring, place = [], []
        for side in sides:
            mask = np.zeros(codes.size, bool)
            mask[side] = True
            occurring.append(np.flatnonzero(mask))
            table = np.zeros(codes.size, np.int32)
            table[occurring[-1]] = np.arange(occurring[-1].size)
            place.append(table[side])
        rows, columns = occurring[0].size, occurring[1].size
        height = min(max(_STRIP_SCORES // max(columns, 1), _STRIP_ROWS[0]), _STRIP_ROWS[1])
        strips = -(-rows // height)
        kinds = [
            _planned(place[0], place[1], np.flatnonzero(labels == kind), height, strips, columns)
            for kind in (True, False)
        ]
        return cls(
            first=occurring[0],
            second=occurring[1],
            first_subjects=codes[occurring[0]],
            second_subjects=codes[occurring[1]],
            genuine=kinds[0],
            impostors=kinds[1],
            side=height,
        )

    @property
    def strips(self) -> int:
        """Strips of the rectangle."""
        return self.genuine.starts.size - 1

    def entries(self, pairs: PlannedPairs, strip: int) -> NDArray[np.int32]:
        """Entries of a strip's scores, row by row, that are pairs."""
        return pairs.place[pairs.starts[strip] : pairs.starts[strip + 1]]

    def rows_and_columns(self, pairs: PlannedPairs, which: Codes) -> tuple[Codes, Codes]:
        """Row and column in the rectangle of some pairs, given by their positions in the plan."""
        strip = np.searchsorted(pairs.starts, which, side="right") - 1
        row, column = np.divmod(pairs.place[which], max(self.second.size, 1))
        return strip * self.side + row, column

    def subjects(self, pairs: PlannedPairs, which: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Subject codes of the first and second templates of some pairs, given by their positions in the plan."""
        row, column = self.rows_and_columns(pairs, which)
        return self.first_subjects[row], self.second_subjects[column]


def _planned(
    row: NDArray[np.int32], column: NDArray[np.int32], chosen: Codes, height: int, strips: int, columns: int
) -> PlannedPairs:
    row = row[chosen]
    strip: Codes = (row // height).astype(np.uint8 if strips < 256 else np.int32)
    if bool(np.any(strip[1:] < strip[:-1])):  # published lists are sorted by p1 already
        order = np.argsort(strip, kind="stable")
        chosen, row, strip = chosen[order], row[order], strip[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(strip, minlength=strips))]).astype(np.int64)
    row %= height
    row *= columns
    row += column[chosen]
    return PlannedPairs(place=row, starts=starts, pair=chosen.astype(np.int32))
