"""Exact false accept counts of hundreds of millions of impostor scores of which only a block is held at a time.

The number of impostor scores at or above a threshold is a falling staircase. One pass over all scores sorts each block
in memory, counts it at any number of given thresholds, and keeps those scores that lie in given intervals: there the
staircase is known step by step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.verification.threads import share_out
from canon_core.verification.tiles import Scores, Tile, TiledPool

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """Scores in [low, high]."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Stretch:
    """Every distinct impostor score in [low, high], and how the staircase goes on at both ends.

    Attributes
    ----------
    values : (m,) float32, ascending
    at_least : (m,) int64
        Impostor scores ≥ each of ``values``.
    below, beyond : float
        The nearest impostor score under ``low`` (−inf: none) and over ``high`` (+inf: none).
    above, from_low : int
        Impostor scores > ``high`` and ≥ ``low``.
    """

    values: Scores
    at_least: Counts
    below: float
    beyond: float
    above: int
    from_low: int

    def false_accepts(self, thresholds: Scores) -> Counts:
        """(k,) impostor scores ≥ each threshold, of thresholds in (``below``, ``beyond``]."""
        steps = np.append(self.at_least, self.above)
        return steps[np.searchsorted(self.values, thresholds, side="left")]


class Tally:
    """What one pass found out about one pool's impostor scores.

    Attributes
    ----------
    at_least, above : (m,) int64
        Scores ≥ and > each of the pass's thresholds.
    lowest, highest : float
        Of all; +inf and −inf without any.
    """

    def __init__(self, thresholds: int, intervals: int) -> None:
        self.at_least: Counts = np.zeros(thresholds, np.int64)
        self.above: Counts = np.zeros(thresholds, np.int64)
        self.lowest, self.highest = float("inf"), float("-inf")
        self.kept: list[_Kept] = [_Kept() for _ in range(intervals)]
        self._lock = threading.Lock()

    def add(self, ascending: Scores, thresholds: Scores, intervals: Sequence[Interval], most: int) -> None:
        """Count one block of sorted scores. ``most`` is how many distinct scores an interval may hold."""
        if not ascending.size:
            return
        size = ascending.size
        start = int(np.searchsorted(thresholds, ascending[0], side="left"))
        end = int(np.searchsorted(thresholds, ascending[-1], side="right"))
        inside = thresholds[start:end]
        position = np.searchsorted(ascending, inside, side="left")
        tied = np.flatnonzero(ascending[position] == inside)
        after = position.copy()
        after[tied] = np.searchsorted(ascending, inside[tied], side="right")
        pieces = [_Kept.of(ascending, interval) for interval in intervals]
        with self._lock:
            for counts, before in ((self.at_least, position), (self.above, after)):
                counts[:start] += size
                counts[start:end] += size - before
            self.lowest = min(self.lowest, float(ascending[0]))
            self.highest = max(self.highest, float(ascending[-1]))
            for kept, piece in zip(self.kept, pieces, strict=True):
                kept.add(piece, most)


class _Kept:
    """An interval's scores of one pool: distinct values with their counts, in pieces."""

    def __init__(self) -> None:
        self.pieces: list[tuple[Scores, NDArray[np.integer]]] = []
        self.held = 0
        self.inside = 0
        self.above = 0
        self.below, self.beyond = float("-inf"), float("inf")
        self.overflowed = False

    @classmethod
    def of(cls, ascending: Scores, interval: Interval) -> _Kept:
        kept = cls()
        first = int(np.searchsorted(ascending, interval.low, side="left"))
        last = int(np.searchsorted(ascending, interval.high, side="right"))
        kept.inside, kept.above = last - first, ascending.size - last
        if first > 0:
            kept.below = float(ascending[first - 1])
        if last < ascending.size:
            kept.beyond = float(ascending[last])
        if last > first:
            kept.pieces.append(_runs(ascending[first:last]))
            kept.held = kept.pieces[0][0].size
        return kept

    def add(self, piece: _Kept, most: int) -> None:
        self.inside += piece.inside
        self.above += piece.above
        self.below, self.beyond = max(self.below, piece.below), min(self.beyond, piece.beyond)
        if self.overflowed:
            return
        self.pieces += piece.pieces
        self.held += piece.held
        if self.held > most:
            self.pieces = [_merged(self.pieces)]
            self.held = self.pieces[0][0].size
            if self.held > most // 2:  # merging would have to be done again and again
                self.pieces, self.held, self.overflowed = [], 0, True


def stretch_of(kept: Sequence[_Kept]) -> Stretch | None:
    """What one interval tells of several pools' scores taken together; None where there were too many to keep."""
    if any(one.overflowed for one in kept):
        return None
    values, counts = _merged([piece for one in kept for piece in one.pieces])
    above = sum(one.above for one in kept)
    return Stretch(
        values=values,
        at_least=above + np.cumsum(counts[::-1])[::-1],
        below=max(one.below for one in kept),
        beyond=min(one.beyond for one in kept),
        above=above,
        from_low=above + sum(one.inside for one in kept),
    )


def count_impostors(
    pools: Sequence[TiledPool],
    thresholds: Scores,
    intervals: Sequence[Interval],
    *,
    block: int,
    most: int,
    threads: int,
    done: Callable[[int], None],
) -> list[Tally]:
    """One pass over every impostor score of every pool.

    Parameters
    ----------
    pools : sequence of TiledPool
    thresholds : (m,) float32, ascending and distinct
    intervals : sequence of Interval
        Where every score is kept.
    block : int
        Tiles sorted together: more of them make the counting at many thresholds cheaper.
    most : int
        Distinct scores kept of one interval and pool; beyond it the interval counts as overflowed.
    threads : int
    done : callable
        Called with the pairs of each tile after it was scored; raises where the job was cancelled.

    Returns
    -------
    list of Tally
        One a pool.
    """
    tallies = [Tally(thresholds.size, len(intervals)) for _ in pools]
    largest = max((pool.block_size(block) for pool in pools), default=0)

    def worker() -> Callable[[tuple[int, list[Tile]]], None]:
        buffer = np.empty(largest, np.float32)

        def score(work: tuple[int, list[Tile]]) -> None:
            index, tiles = work
            pool, start, left_out = pools[index], 0, 0
            for tile in tiles:
                scores = pool.scores(tile, buffer[start:])
                mask = pool.no_impostor(tile)
                if mask is not None:
                    scores[mask] = np.inf  # sorted behind every score
                    left_out += int(np.count_nonzero(mask))
                start += tile.size
                done(tile.size)
            ascending = buffer[:start]
            ascending.sort()
            tallies[index].add(ascending[: start - left_out], thresholds, intervals, most)

        return score

    share_out(_blocks(pools, block), worker, threads)
    return tallies


def _blocks(pools: Sequence[TiledPool], block: int) -> Iterator[tuple[int, list[Tile]]]:
    for index, pool in enumerate(pools):
        for top in pool.row_blocks():
            tiles = list(pool.tiles(top))
            for start in range(0, len(tiles), block):
                yield index, tiles[start : start + block]


def _runs(ascending: Scores) -> tuple[Scores, NDArray[np.integer]]:
    """Distinct values of a block and how often each occurs."""
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    return ascending[starts], np.diff(starts, append=ascending.size).astype(np.int32)


def _merged(pieces: Sequence[tuple[Scores, NDArray[np.integer]]]) -> tuple[Scores, Counts]:
    """Several lists of distinct values and counts as one."""
    if not pieces:
        return np.empty(0, np.float32), np.empty(0, np.int64)
    values = np.concatenate([piece[0] for piece in pieces])
    counts = np.concatenate([piece[1] for piece in pieces])
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return values[starts], np.add.reduceat(counts, starts, dtype=np.int64)
