"""Every pair of a cell once, with its score there and in other cells: for what no list of all scores is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from canon_core.cores import usable_cores
from canon_core.experiments.cells import Cells
from canon_core.experiments.image_cells import ImageCells
from canon_core.experiments.template_cells import TemplateCells
from canon_core.jobs import JobContext
from canon_core.verification.exact_points import Sizes
from canon_core.verification.pair_plan import PairPlan, PlannedPairs
from canon_core.verification.pair_search import PairBlock
from canon_core.verification.template_scores import ScoredPairs
from canon_core.verification.threads import share_out
from canon_core.verification.tiles import Tile, TiledPool

Places = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
#: Scores of templates that are looked through at a time: few enough for the processor's cache.
_CHUNK: Final = 1 << 18
#: Threads beyond this would only add buffers.
_MOST_THREADS: Final = 16
_WHAT: Final = "pairs looked at"


class Search(Protocol):
    """What looks through pairs; several of one kind are merged."""

    def look(self, block: PairBlock) -> None:
        """Look through some pairs."""

    def merge(self, other: Any) -> None:
        """Take in what another one found."""


Sought = TypeVar("Sought", bound=Search)


def search_pairs(
    cells: Cells, wanted: Sequence[tuple[str, str]], make: Callable[[], Sought], ctx: JobContext
) -> Sought:
    """Look through every pair of the first of some cells, in several threads.

    Scores are the very numbers that the cells were measured by, whatever the number of threads.

    Parameters
    ----------
    cells : Cells
    wanted : sequence of (source, target)
        The cell whose pairs they are, then single models that score the same pairs too.
    make : callable
        Makes a search; called for every thread.
    ctx : JobContext
        Progress, and cancellation at every tile or chunk.

    Raises
    ------
    SettingsError
        When the dataset cannot be scored with the settings.
    Cancelled
    """
    threads = min(usable_cores(), _MOST_THREADS)
    blocks: _Tiles | _Chunks
    if isinstance(cells, ImageCells):
        blocks = _Tiles(cells, wanted)
    else:
        assert isinstance(cells, TemplateCells)
        blocks = _Chunks(cells, wanted, ctx)
    lock, done, found = threading.Lock(), 0, make()

    def worker() -> Callable[[Any], None]:
        nonlocal found
        mine, read = make(), blocks.reader(ctx)
        with lock:
            mines.append(mine)

        def look(item: Any) -> None:
            nonlocal done
            for block in read(item):
                mine.look(block)
                with lock:
                    done += block.scores[0].size
                    ctx.report(min(done, blocks.pairs), blocks.pairs, _WHAT)

        return look

    mines: list[Sought] = []
    share_out(blocks.items, worker, threads)
    for mine in mines:
        found.merge(mine)
    return found


class _Tiles:
    """Pairs of single images, tile by tile."""

    def __init__(self, cells: ImageCells, wanted: Sequence[tuple[str, str]]) -> None:
        side = Sizes().side
        pools = [cells.pools(*pair) for pair in wanted]
        self._tiled = [[TiledPool(pool, side) for pool in each] for each in zip(*pools, strict=True)]
        self._rows = [cells.pool_rows(number)[tiled[0].order] for number, tiled in enumerate(self._tiled)]
        self.pairs = sum(tiled[0].genuine + tiled[0].impostors for tiled in self._tiled)
        self.items = [(number, top) for number, tiled in enumerate(self._tiled) for top in tiled[0].row_blocks()]

    def reader(self, ctx: JobContext) -> Callable[[tuple[int, int]], Any]:
        """Gives the blocks of a row of tiles; for one thread."""
        largest = max(tiled[0].block_size(1) for tiled in self._tiled)
        buffers = [np.empty(largest, np.float32) for _ in self._tiled[0]]

        def read(item: tuple[int, int]) -> Any:
            number, top = item
            lead, *others = self._tiled[number]
            for tile in lead.tiles(top):
                ctx.check()
                scores = [lead.scores(tile, buffers[0])]
                for other, buffer in zip(others, buffers[1:], strict=True):
                    scores.append(other.either_way(tile, buffer) if lead.ordered else other.scores(tile, buffer))
                yield from self._blocks(number, tile, [each.ravel() for each in scores])

        return read

    def _blocks(self, number: int, tile: Tile, scores: list[npt.NDArray[np.float32]]) -> Any:
        lead, rows = self._tiled[number][0], self._rows[number]
        width = tile.right - tile.left

        def located(places: Places) -> tuple[Places, Places]:
            row, column = np.divmod(places, width)
            return rows[tile.top + row], rows[tile.left + column]

        none = lead.no_impostor(tile)
        if none is None:
            yield PairBlock(number, False, tuple(scores), located)
            return
        for genuine, mask in ((False, ~none), (True, lead.is_genuine(tile))):
            kept = np.flatnonzero(mask)
            chosen = [each[kept] for each in scores]
            if genuine and lead.itself:  # an image with itself is no pair of one model
                row, column = np.divmod(kept, width)
                for each in chosen[1:]:
                    each[tile.top + row == tile.left + column] = np.nan

            def among(places: Places, kept: npt.NDArray[np.intp] = kept) -> tuple[Places, Places]:
                return located(kept[places])

            yield PairBlock(number, genuine, tuple(chosen), among)


class _Chunks:
    """Pairs of templates of the first cell, with their scores in every cell."""

    def __init__(self, cells: TemplateCells, wanted: Sequence[tuple[str, str]], ctx: JobContext) -> None:
        cells.expect(wanted)
        lead: list[ScoredPairs] = []
        scores: list[list[tuple[Scores, Scores]]] = []
        for number, pair in enumerate(wanted):
            ctx.report(number, len(wanted), "scoring template pairs")
            scored = cells.scored(*pair, ctx.quiet())
            lead = lead or scored
            scores.append([own.of_pairs(first.plan) for own, first in zip(scored, lead, strict=True)])
        self._plans = [one.plan for one in lead]
        self._scores = list(zip(*scores, strict=True))
        self.pairs = sum(one.genuine.size + one.impostors.size for one in lead)
        self.items = [
            (number, genuine, start)
            for number, one in enumerate(lead)
            for genuine, size in ((True, one.genuine.size), (False, one.impostors.size))
            for start in range(0, size, _CHUNK)
        ]

    def reader(self, ctx: JobContext) -> Callable[[tuple[int, bool, int]], Any]:
        """Gives the block of a chunk."""

        def read(item: tuple[int, bool, int]) -> Any:
            ctx.check()
            number, genuine, start = item
            part = slice(start, start + _CHUNK)
            scores = tuple((own if genuine else other)[part] for own, other in self._scores[number])
            yield PairBlock(number, genuine, scores, _located(self._plans[number], genuine, start))

        return read


def _located(plan: PairPlan, genuine: bool, start: int) -> Callable[[Places], tuple[Places, Places]]:
    kind: PlannedPairs = plan.genuine if genuine else plan.impostors

    def located(places: Places) -> tuple[Places, Places]:
        row, column = plan.rows_and_columns(kind, places + start)
        return plan.first[row], plan.second[column]

    return located
