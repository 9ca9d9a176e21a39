"""The pairs of a template protocol, in the order in which a blocked product of their templates computes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.cores import usable_cores
from canon_core.errors import SettingsError
from canon_core.verification.threads import share_out

Codes = NDArray[np.integer]

#: Scores of one strip: 20 MB of float32, at which a strip's product is as fast as that of the whole rectangle.
_STRIP_SCORES: Final = 5_120_000
#: Rows of a strip: fewer make its product slower, more do not make it faster.
_STRIP_ROWS: Final = (16, 256)
#: Pairs that are planned at a time.
_CHUNK: Final = 1 << 17


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

    def keep(self, kept: NDArray[np.bool_]) -> PlannedPairs:
        """Some of the pairs, in the same strips."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return PlannedPairs(self.place[kept], before[self.starts].astype(np.int64), self.pair[kept])


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
    pairs : int
        Pairs of the protocol, or of the part of it that was planned, those left out by :meth:`keep` included.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    first_subjects: NDArray[np.int64]
    second_subjects: NDArray[np.int64]
    genuine: PlannedPairs
    impostors: PlannedPairs
    side: int
    pairs: int

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
        occurring = _occurring(sides, codes.size)
        rows, columns = occurring[0].size, occurring[1].size
        height = min(max(_STRIP_SCORES // max(columns, 1), _STRIP_ROWS[0]), _STRIP_ROWS[1])
        strips = -(-rows // height)
        row = np.arange(rows, dtype=np.int32)
        of_template = [np.zeros(codes.size, np.uint8 if strips < 256 else np.int32)]
        of_template[0][occurring[0]] = row // height
        for templates, entry in zip(occurring, (row % height * np.int32(columns), np.arange(columns)), strict=True):
            of_template.append(np.zeros(codes.size, np.int32))
            of_template[-1][templates] = entry
        kinds = _planned(sides[0], sides[1], labels, of_template, strips)
        return cls(
            first=occurring[0],
            second=occurring[1],
            first_subjects=codes[occurring[0]],
            second_subjects=codes[occurring[1]],
            genuine=kinds[0],
            impostors=kinds[1],
            side=height,
            pairs=labels.size,
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


    def keep(self, genuine: NDArray[np.bool_], impostors: NDArray[np.bool_]) -> PairPlan:
        """The plan with some of its pairs only; rows and columns stay."""
        return replace(self, genuine=self.genuine.keep(genuine), impostors=self.impostors.keep(impostors))


def _in_chunks(pairs: int, work: Callable[[slice], None]) -> None:
    """Work on chunks of pairs that stay in the processor's cache, in several threads where there are many."""
    chunks = [slice(start, start + _CHUNK) for start in range(0, pairs, _CHUNK)]
    if len(chunks) > 1:
        share_out(chunks, lambda: work, usable_cores())
    elif chunks:
        work(chunks[0])


def _occurring(sides: Sequence[Codes], templates: int) -> list[NDArray[np.int64]]:
    """Templates that occur on each side, ascending."""
    masks = [np.zeros(templates, bool) for _ in sides]

    def mark(chunk: slice) -> None:
        for side, mask in zip(sides, masks, strict=True):
            part = side[chunk]
            if part.min() < 0 or part.max() >= templates:
                raise SettingsError(f"a pair names a template outside the {templates:,} there are")
            if not np.take(mask, part, mode="clip").all():  # soon all are known; marking would hold up other threads
                mask[part] = True

    _in_chunks(sides[0].size, mark)
    return [np.flatnonzero(mask) for mask in masks]


def _planned(
    first: Codes, second: Codes, labels: NDArray[np.bool_], of_template: Sequence[NDArray[Any]], strips: int
) -> tuple[PlannedPairs, PlannedPairs]:
    """Genuine and impostor pairs; ``of_template`` are the strip of a first template, the entry that its row starts at
    within the strip, and a second template's column."""
    pairs = labels.size
    counts = {start: int(np.count_nonzero(labels[start : start + _CHUNK])) for start in range(0, pairs, _CHUNK)}
    before = dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
    strip = np.empty(pairs, of_template[0].dtype)
    sizes = sum(counts.values()), pairs - sum(counts.values())
    place = [np.empty(size, np.int32) for size in sizes]
    chosen = [np.empty(size, np.int32) for size in sizes]
    rising: dict[int, bool] = {}

    def plan(chunk: slice) -> None:
        start = chunk.start
        # Unlike brackets, `take` lets other threads run.
        rows = first[chunk].astype(np.intp)
        entry = np.take(of_template[1], rows, mode="clip")
        entry += np.take(of_template[2], second[chunk], mode="clip")
        part = strip[chunk]
        np.take(of_template[0], rows, out=part, mode="clip")
        rising[start] = bool((part[1:] >= part[:-1]).all())
        label = labels[chunk]
        places = before[start], start - before[start]
        for at, mask, entries, numbers in zip(places, (label, ~label), place, chosen, strict=True):
            own = np.flatnonzero(mask)
            np.take(entry, own, out=entries[at : at + own.size], mode="clip")
            numbers[at : at + own.size] = own
            numbers[at : at + own.size] += start

    _in_chunks(pairs, plan)
    edges = np.arange(_CHUNK, pairs, _CHUNK)
    # Published lists are sorted by p1 already.
    in_order = all(rising.values()) and bool((strip[edges] >= strip[edges - 1]).all())
    return _by_strip(place[0], chosen[0], strip, strips, in_order), _by_strip(
        place[1], chosen[1], strip, strips, in_order
    )


def _by_strip(
    place: NDArray[np.int32], pair: NDArray[np.int32], strip: NDArray[Any], strips: int, in_order: bool
) -> PlannedPairs:
    if in_order:  # looked for in the type of what is searched, which is copied otherwise
        ends = np.searchsorted(strip, np.arange(strips).astype(strip.dtype), side="right").astype(pair.dtype)
        return PlannedPairs(place, np.concatenate([[0], np.searchsorted(pair, ends)]).astype(np.int64), pair)
    own = strip[pair]
    order = np.argsort(own, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=strips))]).astype(np.int64)
    return PlannedPairs(place[order], starts, pair[order])
