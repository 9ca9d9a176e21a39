"""All pairs of a pool of images, as tiles of one big matrix product of which only a few are held at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError

Scores = NDArray[np.float32]
Codes = NDArray[np.int64]

#: Embeddings beyond this could overflow a float32 product; those of faces have norm 1.
_LARGEST = 1e15


@dataclass(frozen=True, eq=False)
class Pool:
    """Images of which all pairs are compared.

    Attributes
    ----------
    source, target : (n, d) float32
        Unit rows; row i of both is the same image (the source mapped into the target's space). One object, or equal
        arrays, for a single model.
    subjects : (n,) int
        Equal codes are the same person.
    ordered : bool
        False: every unordered pair of one model's images. True: every ordered pair i ≠ j, i through the source and
        j through the target.
    itself : bool
        Whether an image seen by both models is a genuine pair too (of an ordered pool).
    """

    source: Scores
    target: Scores
    subjects: NDArray[np.integer]
    ordered: bool
    itself: bool = False


@dataclass(frozen=True)
class Tile:
    """Rows ``[top, bottom)`` against columns ``[left, right)`` of the matrix of scores."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> int:
        """Scores in it."""
        return (self.bottom - self.top) * (self.right - self.left)


class TiledPool:
    """A pool with its images sorted by subject, so that genuine pairs lie along the diagonal.

    Tiles lie on a fixed grid and each is one matrix product: a score comes out bit-identical whenever it is
    computed, whichever thread does it and however many there are.

    Parameters
    ----------
    pool : Pool
    side : int
        Rows and columns of a tile.

    Raises
    ------
    SettingsError
        When shapes do not fit each other, embeddings are not finite (or absurdly large), or an unordered pool has a
        source that differs from its target.
    """

    def __init__(self, pool: Pool, side: int) -> None:
        source, target, subjects = np.asarray(pool.source), np.asarray(pool.target), np.asarray(pool.subjects)
        if source.ndim != 2 or source.shape != target.shape or subjects.shape != source.shape[:1]:
            raise SettingsError(
                f"source {source.shape}, target {target.shape} and subjects {subjects.shape} do not belong together"
            )
        order = np.argsort(subjects, kind="stable")
        #: Position in the pool of each image as sorted.
        self.order: Codes = order.astype(np.int64, copy=False)
        self.codes: Codes = subjects[order].astype(np.int64)
        self.source: Scores = _sorted_rows(source, order)
        self.target: Scores = self.source if target is source else _sorted_rows(target, order)
        self.ordered, self.itself = pool.ordered, pool.itself
        if pool.itself and not pool.ordered:
            raise SettingsError("an image is no pair with itself within one model")
        if not pool.ordered and self.target is not self.source and not np.array_equal(self.source, self.target):
            raise SettingsError("unordered pairs are those of one model: source and target must be the same")
        self.images = len(order)
        self._side = side
        starts = np.flatnonzero(np.concatenate([[True], self.codes[1:] != self.codes[:-1]])) if self.images else order
        self._sizes = np.diff(starts, append=self.images)
        #: Columns ``[first, last)`` of each row's own subject.
        self._first = np.repeat(starts, self._sizes)
        self._last = np.repeat(starts + self._sizes, self._sizes)
        self.subjects: Codes = self.codes[starts]

    @property
    def genuine_by_subject(self) -> NDArray[np.int64]:
        """Genuine pairs of each of ``subjects``."""
        pairs: NDArray[np.int64] = self._sizes.astype(np.int64) * (self._sizes - (not self.itself))
        return pairs if self.ordered else pairs // 2

    @property
    def genuine(self) -> int:
        """Genuine pairs."""
        return int(self.genuine_by_subject.sum())

    @property
    def impostors(self) -> int:
        """Impostor pairs."""
        pairs = self.images * (self.images - (not self.itself))
        return (pairs if self.ordered else pairs // 2) - self.genuine

    @property
    def scored(self) -> int:
        """Scores that all tiles hold together, those that count for no pair included."""
        return sum(
            (min(top + self._side, self.images) - top) * (self.images - (0 if self.ordered else top))
            for top in self.row_blocks()
        )

    def row_blocks(self) -> range:
        """First row of each row of tiles."""
        return range(0, self.images, self._side)

    def tiles(self, top: int) -> Iterator[Tile]:
        """The tiles of a row of tiles that hold any pair; of an unordered pool those on and above the diagonal."""
        bottom = min(top + self._side, self.images)
        for left in range(0 if self.ordered else top, self.images, self._side):
            yield Tile(top, bottom, left, min(left + self._side, self.images))

    def block_size(self, tiles: int) -> int:
        """Most scores that ``tiles`` tiles of one row of tiles hold together."""
        return min(self._side, self.images) * min(self._side * tiles, self.images)

    def holds_genuine(self, tile: Tile) -> bool:
        """Whether any row of the tile meets its own subject (or itself) in it."""
        return bool(self._first[tile.top] < tile.right and tile.left < self._last[tile.bottom - 1])

    def scores(self, tile: Tile, out: Scores) -> Scores:
        """The tile's scores, written into ``out`` (at least ``tile.size`` long); (rows, columns) float32."""
        view = out[: tile.size].reshape(tile.bottom - tile.top, tile.right - tile.left)
        np.matmul(self.source[tile.top : tile.bottom], self.target[tile.left : tile.right].T, out=view)
        return view

    def no_impostor(self, tile: Tile) -> NDArray[np.bool_] | None:
        """Mask of the tile's entries that are no impostor pair: own subject, and below the diagonal of an unordered
        pool. None where all are."""
        if not self.holds_genuine(tile):
            return None
        mask = self._own_subject(tile)
        if not self.ordered:
            mask |= ~self._above_diagonal(tile)
        return mask

    def is_genuine(self, tile: Tile) -> NDArray[np.bool_]:
        """Mask of the tile's entries that are genuine pairs."""
        mask = self._own_subject(tile)
        if not self.itself:
            above = self._above_diagonal(tile)
            mask &= above | self._below_diagonal(tile) if self.ordered else above
        return mask

    def either_way(self, tile: Tile, out: Scores) -> Scores:
        """Scores of one model's images in a tile anywhere on the grid, each as the tile on or above the diagonal gives
        it that holds the pair: the very number that the unordered pool is scored by."""
        if tile.left > tile.top:
            return self.scores(tile, out)
        if tile.left < tile.top:
            return self.scores(Tile(tile.left, tile.right, tile.top, tile.bottom), out).T
        square = self.scores(tile, out)
        return np.where(self._below_diagonal(tile), square.T, square)

    def genuine_scores(self, tile: Tile, scores: Scores) -> tuple[Scores, Codes]:
        """Scores of the tile's genuine pairs, and their subjects' codes."""
        mask = self.is_genuine(tile)
        return scores[mask], np.repeat(self.codes[tile.top : tile.bottom], np.count_nonzero(mask, axis=1))

    def sample(self, stride: int, top: int) -> Scores:
        """Impostor scores of every ``stride``-th row of a row of tiles against every ``stride``-th column."""
        rows = np.arange(top, min(top + self._side * stride, self.images), stride)
        columns = np.arange(stride // 2, self.images, stride)
        scores = self.source[rows] @ self.target[columns].T
        return np.asarray(scores[self.codes[rows][:, None] != self.codes[columns][None, :]])

    def _own_subject(self, tile: Tile) -> NDArray[np.bool_]:
        columns = self.codes[tile.left : tile.right]
        return np.asarray(self.codes[tile.top : tile.bottom][:, None] == columns[None, :])

    def _above_diagonal(self, tile: Tile) -> NDArray[np.bool_]:
        columns = np.arange(tile.left, tile.right)
        return np.asarray(columns[None, :] > np.arange(tile.top, tile.bottom)[:, None])

    def _below_diagonal(self, tile: Tile) -> NDArray[np.bool_]:
        columns = np.arange(tile.left, tile.right)
        return np.asarray(columns[None, :] < np.arange(tile.top, tile.bottom)[:, None])


def _sorted_rows(rows: NDArray[np.floating], order: NDArray[np.intp]) -> Scores:
    taken = rows[order].astype(np.float32, copy=False)
    if taken.size and not max(float(taken.max()), -float(taken.min())) < _LARGEST:
        raise SettingsError("embeddings hold NaN, infinite or absurdly large numbers", remedy="leave those images out")
    return taken
