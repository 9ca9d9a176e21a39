"""Looking for pairs in a stream of scores: the first so many by score, and how many there are of them altogether."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Places = NDArray[np.int64]
#: Of what is kept at a time, in lists: sorting it then costs nothing beside the scores.
_WAITING: Final = 8


@dataclass(frozen=True, eq=False)
class PairBlock:
    """Some pairs of one pool, all genuine or all impostor.

    Attributes
    ----------
    pool : int
    genuine : bool
    scores : tuple of (n,) float32
        Of the same pairs in one cell after the other; the first cell is the one that is looked at. NaN where a pair is
        none in another cell.
    locate : callable
        Takes places in the block and gives what is compared there: (k,) int64 of the source, and of the target.
    """

    pool: int
    genuine: bool
    scores: tuple[Scores, ...]
    locate: Callable[[Places], tuple[Places, Places]]


@dataclass(frozen=True, eq=False)
class FoundPairs:
    """The first pairs of a search, and how many it has.

    Attributes
    ----------
    total : int
        Pairs there are; at most as many as asked for are listed.
    pool, first, second : (k,) int64
        Pool, and what is compared through the source and through the target.
    genuine : (k,) bool
    scores : (k, cells) float32
    """

    total: int
    pool: Places
    first: Places
    second: Places
    genuine: NDArray[np.bool_]
    scores: Scores

    def __len__(self) -> int:
        return len(self.pool)


class Ranking:
    """The first so many of some pairs, by the score of the first cell; pairs of one score stand in a fixed order.

    What is kept depends neither on the order in which blocks come nor on how pairs are shared out to blocks.

    Parameters
    ----------
    count : int
        Pairs to keep.
    highest : bool
        Whether the highest scores come first, or the lowest.
    """

    def __init__(self, count: int, *, highest: bool) -> None:
        self._count, self._sign = max(1, count), -1 if highest else 1
        self._kept: list[FoundPairs] = []
        self._total = self._listed = 0

    def add(self, block: PairBlock, which: NDArray[np.integer]) -> None:
        """Take in some pairs of a block, by their places in it."""
        self._total += which.size
        if not which.size:
            return
        score = block.scores[0][which]
        if which.size > self._count:  # ties at the edge stay in: what goes is decided by _first
            rank = score * self._sign
            which = which[rank <= np.partition(rank, self._count - 1)[self._count - 1]]
        first, second = block.locate(which.astype(np.int64))
        found = FoundPairs(
            total=0,
            pool=np.full(which.size, block.pool, np.int64),
            first=np.asarray(first, np.int64),
            second=np.asarray(second, np.int64),
            genuine=np.full(which.size, block.genuine),
            scores=np.stack([scores[which] for scores in block.scores], axis=1),
        )
        self._keep(_first(found, self._count, self._sign))

    def merge(self, other: Ranking) -> None:
        """Take in what another ranking of the same kind found."""
        self._total += other._total
        for found in other._kept:
            self._keep(found)

    def found(self, cells: int) -> FoundPairs:
        """The pairs, the first in front; ``cells`` is how many scores each has."""
        nothing = np.empty(0, np.int64)
        whole = _joined(
            [FoundPairs(0, nothing, nothing, nothing, nothing.astype(bool), np.empty((0, cells), np.float32)),
             *self._kept]
        )
        first = _first(whole, self._count, self._sign)
        return FoundPairs(self._total, first.pool, first.first, first.second, first.genuine, first.scores)

    def _keep(self, found: FoundPairs) -> None:
        self._kept.append(found)
        self._listed += len(found)
        if self._listed > _WAITING * self._count:
            self._kept = [_first(_joined(self._kept), self._count, self._sign)]
            self._listed = len(self._kept[0])


class ErrorSearch:
    """The errors of a cell at its threshold, and those it does not share with other cells at theirs.

    Parameters
    ----------
    thresholds : sequence of float
        Of the cell that is looked at, then of those it is held against.
    count : int
        Pairs to keep of each kind.

    Attributes
    ----------
    false_matches, false_non_matches : Ranking
        Impostor pairs that are accepted, the highest scores first; genuine pairs that are rejected, the lowest first.
    created, repaired : lists of (Ranking, Ranking)
        For each other cell: false matches and false non-matches that the cell alone has, and that the other alone
        has. Of the latter, pairs that the cell gets most clearly right come first.
    """

    def __init__(self, thresholds: Sequence[float], count: int) -> None:
        self._threshold, *self._others = (float(threshold) for threshold in thresholds)
        self.false_matches = Ranking(count, highest=True)
        self.false_non_matches = Ranking(count, highest=False)
        self.created = [(Ranking(count, highest=True), Ranking(count, highest=False)) for _ in self._others]
        self.repaired = [(Ranking(count, highest=False), Ranking(count, highest=True)) for _ in self._others]

    def look(self, block: PairBlock) -> None:
        """Look through some pairs."""
        own = block.scores[0]
        errors = np.flatnonzero(own < self._threshold if block.genuine else own >= self._threshold)
        (self.false_non_matches if block.genuine else self.false_matches).add(block, errors)
        place = 1 if block.genuine else 0
        for number, threshold in enumerate(self._others):
            other = block.scores[1 + number]
            if block.genuine:  # a pair that is none in the other cell has no score there, and is neither
                self.created[number][place].add(block, errors[other[errors] >= threshold])
                missed = np.flatnonzero(other < threshold)
                self.repaired[number][place].add(block, missed[own[missed] >= self._threshold])
            else:
                self.created[number][place].add(block, errors[other[errors] < threshold])
                matched = np.flatnonzero(other >= threshold)
                self.repaired[number][place].add(block, matched[own[matched] < self._threshold])

    def merge(self, other: ErrorSearch) -> None:
        """Take in what another search of the same kind found."""
        for mine, theirs in zip(self.rankings(), other.rankings(), strict=True):
            mine.merge(theirs)

    def rankings(self) -> list[Ranking]:
        """Every ranking: false matches, false non-matches, then created and repaired ones of each other cell."""
        pairs = [ranking for both in zip(self.created, self.repaired, strict=True) for two in both for ranking in two]
        return [self.false_matches, self.false_non_matches, *pairs]


class IntervalSearch:
    """Genuine and impostor pairs whose score lies in an interval, the farthest from their kind first: of genuine pairs
    the lowest scores, of impostors the highest.

    Parameters
    ----------
    low, high : float
        ``low`` ≤ score < ``high``.
    count : int
        Pairs to keep of each kind.
    """

    def __init__(self, low: float, high: float, count: int) -> None:
        self._low, self._high = np.float32(low), np.float32(high)
        self.genuine, self.impostors = Ranking(count, highest=False), Ranking(count, highest=True)

    def look(self, block: PairBlock) -> None:
        """Look through some pairs."""
        own = block.scores[0]
        inside = np.flatnonzero((own >= self._low) & (own < self._high))
        (self.genuine if block.genuine else self.impostors).add(block, inside)

    def merge(self, other: IntervalSearch) -> None:
        """Take in what another search of the same kind found."""
        self.genuine.merge(other.genuine)
        self.impostors.merge(other.impostors)


# -- private ---------------------------------------------------------------------------------------------------------
def _joined(parts: Sequence[FoundPairs]) -> FoundPairs:
    return FoundPairs(
        0,
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("pool", "first", "second", "genuine", "scores")
        ),
    )


def _first(pairs: FoundPairs, count: int, sign: int) -> FoundPairs:
    """The first so many, in order."""
    order = np.lexsort((pairs.second, pairs.first, pairs.pool, pairs.scores[:, 0] * sign))[:count]
    return FoundPairs(
        0, pairs.pool[order], pairs.first[order], pairs.second[order], pairs.genuine[order], pairs.scores[order]
    )
