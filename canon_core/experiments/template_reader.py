"""Templates of a study's models: aggregated from the embeddings on disk block by block, and held between cells."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.experiments.usable import UsableEmbeddings
from canon_core.jobs import JobContext
from canon_core.store.embeddings import EmbeddingsInfo
from canon_core.store.embeddings_in_place import EmbeddingsReader
from canon_core.verification.template_rows import TemplateRows
from canon_core.verification.templates import TemplateFeatures, TemplateSet, template_embeddings

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Blocks = Iterator[tuple[int, Callable[[], Float32]]]

#: Rows of embeddings that are read and aggregated at a time: 8 MB of 512 dimensions. For blocks beyond 32 MB the C
#: library asks the system for clean memory each time, which takes as long as reading them.
BLOCK_ROWS: Final = 4_096
#: Rows that are held already: so few that every core has some.
_HELD_ROWS: Final = 2_048
#: Bytes of templates and images held between cells; beyond it they are read again.
_HELD_BYTES: Final = 1536 * 2**20


class TemplateReader:
    """Reads what is wanted of a model's embeddings in one pass, and nothing else.

    Parameters
    ----------
    rows : TemplateRows
        Which usable images make which template.
    features : TemplateFeatures
    usable : UsableEmbeddings
        Where the models' embeddings lie.
    """

    def __init__(self, rows: TemplateRows, features: TemplateFeatures, usable: UsableEmbeddings) -> None:
        self._rows, self._features, self._usable = rows, features, usable
        self._held: OrderedDict[str, dict[bytes, Float32]] = OrderedDict()

    def templates(self, model: str, wanted: Sequence[Rows], images: Rows | None, ctx: JobContext) -> list[Float32]:
        """A model's own templates at some positions, unit rows; ``images`` are kept from the same pass."""
        held = self._of(model)
        missing = [one for one in wanted if _key("templates", one) not in held]
        if missing:
            if images is not None and _key("images", images) in held:
                images = None
            found = self._pass(model, [TemplateSet(None, one) for one in missing], images, ctx)
            held.update((_key("templates", one), array) for one, array in zip(missing, found, strict=True))
            self._forget(model)
        return [held[_key("templates", one)] for one in wanted]

    def images(self, model: str, rows: Rows, ctx: JobContext) -> Float32:
        """(n, d) or (n, 2, d) embeddings of some images (ascending rows), as they are."""
        held = self._of(model)
        if _key("images", rows) not in held:
            self._pass(model, [], rows, ctx)
            self._forget(model)
        return held[_key("images", rows)]

    def upright(self, model: str, rows: Rows, among: Rows, ctx: JobContext) -> Float32:
        """(n, d) embeddings of some images, unflipped and as they are, taken from those of images that are held."""
        held = self.images(model, among, ctx)
        upright = held[:, 0] if held.ndim == 3 else held
        return upright if len(rows) == len(among) else upright[np.searchsorted(among, rows)]

    def cover(self, wanted: Sequence[Rows], images: Rows) -> bool:
        """Whether some images are all that some templates are made of."""
        needed = self._rows.images_of(np.unique(np.concatenate(wanted)))
        return len(needed) <= len(images) and bool(np.isin(needed, images, assume_unique=True).all())

    def from_images(self, model: str, images: Rows, sets: Sequence[TemplateSet], ctx: JobContext) -> list[Float32]:
        """Sets of templates that are made of nothing but some images, which are held."""
        held = self.images(model, images, ctx)
        inside = np.isin(self._rows.image, images)
        rows = replace(
            self._rows,
            image=np.searchsorted(images, self._rows.image[inside]),
            template=self._rows.template[inside],
            medium_size=self._rows.medium_size[inside],
            weight=self._rows.weight[inside],
        )
        blocks = ((start, held[start : start + _HELD_ROWS]) for start in range(0, len(held), _HELD_ROWS))
        return template_embeddings(blocks, rows, self._features, sets, ctx=ctx)

    def stream(self, model: str, sets: Sequence[TemplateSet], ctx: JobContext) -> list[Float32]:
        """Sets of templates from one pass over a model's embeddings; not held."""
        return self._pass(model, sets, None, ctx)

    def _pass(self, model: str, sets: Sequence[TemplateSet], images: Rows | None, ctx: JobContext) -> list[Float32]:
        needed = np.zeros(self._usable.dataset.images, bool)
        if sets:
            chosen = [one.wanted for one in sets if one.wanted is not None]
            positions = np.unique(np.concatenate(chosen)) if len(chosen) == len(sets) else None
            needed[self._rows.images_of(positions)] = True
        if images is not None:
            needed[images] = True
        kept = _Kept(images)
        with EmbeddingsReader(self._usable.paths[model]) as file:
            blocks = self._blocks(file, np.flatnonzero(needed), kept, ctx)
            if sets:
                found = template_embeddings(blocks, self._rows, self._features, sets, ctx=ctx)
            else:
                found = []
                for _, read in blocks:
                    read()
        if images is not None:
            self._of(model)[_key("images", images)] = kept.embeddings(file.info)
        return found

    def _blocks(self, file: EmbeddingsReader, needed: Rows, kept: _Kept, ctx: JobContext) -> Blocks:
        """The file's blocks that hold any needed row, without what lies before and behind these."""
        starts = np.flatnonzero(np.diff(needed // BLOCK_ROWS, prepend=-1))
        for low, high in zip(starts, [*starts[1:], len(needed)], strict=True):
            ctx.check()
            first, last = int(needed[low]), int(needed[high - 1]) + 1
            yield first, functools.partial(_read, file, first, last, kept)

    def _of(self, model: str) -> dict[bytes, Float32]:
        held = self._held.setdefault(model, {})
        self._held.move_to_end(model)
        return held

    def _forget(self, model: str) -> None:
        """Let go of the models used longest ago; the two used last stay."""
        while (
            len(self._held) > 2
            and sum(array.nbytes for held in self._held.values() for array in held.values()) > _HELD_BYTES
        ):
            self._held.popitem(last=False)


class _Kept:
    """Some rows of a file, taken out of the blocks that are read of it."""

    def __init__(self, rows: Rows | None) -> None:
        self._rows = np.empty(0, np.int64) if rows is None else rows
        self._pieces: dict[int, Float32] = {}

    def take(self, start: int, block: Float32) -> None:
        """Keep what is wanted of a block."""
        low, high = np.searchsorted(self._rows, [start, start + len(block)])
        if high > low:
            self._pieces[start] = block[self._rows[low:high] - start]

    def embeddings(self, info: EmbeddingsInfo) -> Float32:
        """What was kept, in order."""
        tail = (2, info.dimensions) if info.flip_kept else (info.dimensions,)
        return np.concatenate([np.empty((0, *tail), np.float32), *(piece for _, piece in sorted(self._pieces.items()))])


def _read(file: EmbeddingsReader, first: int, last: int, kept: _Kept) -> Float32:
    block = file.read(first, last)
    kept.take(first, block)
    return block


def _key(what: str, positions: Rows) -> bytes:
    return what.encode() + positions.tobytes()
