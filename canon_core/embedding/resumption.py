"""Which file a run writes: the one begun before, a new one, or one beside complete embeddings that it will replace."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from canon_core.store.atomic import move_into_place
from canon_core.store.embeddings import EmbeddingsInfo, read_info, successor_path
from canon_core.store.embeddings_in_place import relabel_embeddings

if TYPE_CHECKING:
    from canon_core.datasets.faces import FaceImages
    from canon_core.models.resolve import ResolvedModel

#: Between the providers of a file that was finished on another one than it was begun on.
_THEN: Final = ", then "


@dataclass(frozen=True)
class Growing:
    """The file that a run writes.

    Attributes
    ----------
    path : Path
        Where it grows.
    out : Path
        Where it belongs once it is complete.
    before : EmbeddingsInfo or None
        What is there of it already; None where nothing of it is worth keeping.
    """

    path: Path
    out: Path
    before: EmbeddingsInfo | None

    @property
    def beside(self) -> bool:
        """Whether other, complete embeddings stay where it belongs until it is complete."""
        return self.path != self.out

    def put_in_place(self) -> None:
        """Replace what lay there by the complete file, durably, or remove what a run for others left beside it."""
        if self.beside:
            move_into_place(self.path, self.out)
        else:
            with suppress(OSError):  # it is in nobody's way
                successor_path(self.out).unlink(missing_ok=True)


def file_to_write(out: Path, model: ResolvedModel, faces: FaceImages, attributes: Mapping[str, str]) -> Growing:
    """Find what is there of these embeddings, and what must stay until they are complete.

    Raises
    ------
    StoreError
        For a damaged file.
    """
    here = _info(out)
    if here is not None and _belongs(here, model, faces, attributes):
        return Growing(out, out, here)
    beside = successor_path(out)
    there = _info(beside)
    if there is not None and _belongs(there, model, faces, attributes):
        return Growing(beside, out, there)
    return Growing(beside if here is not None and here.complete else out, out, None)


def batch_of(info: EmbeddingsInfo) -> int:
    """The batch a file was begun with; 0 where it does not say."""
    batch = info.attributes.get("batch", 0)
    return batch if isinstance(batch, int) and batch > 0 else 0


def providers_of(info: EmbeddingsInfo) -> tuple[str, ...]:
    """Where the rows of a file were computed, in order."""
    return tuple(str(info.attributes.get("provider", "cpu")).split(_THEN))


def note_provider(path: Path, info: EmbeddingsInfo, provider: str) -> None:
    """Write into a file in the making that the rest of its rows come from another provider.

    Raises
    ------
    StoreError
        When the file cannot be written anew; the old one stays.
    """
    relabel_embeddings(path, {**info.attributes, "provider": _THEN.join((*providers_of(info), provider))})


# -- private ---------------------------------------------------------------------------------------------------------
def _info(path: Path) -> EmbeddingsInfo | None:
    return read_info(path) if path.exists() else None


def _belongs(info: EmbeddingsInfo, model: ResolvedModel, faces: FaceImages, attributes: Mapping[str, str]) -> bool:
    """Whether a file holds, or begins, the embeddings of this model and these images."""
    return (
        (info.rows, info.dimensions, info.flip_kept) == (len(faces), model.dimensions, model.spec.output.flip == "keep")
        and all(info.attributes.get(name) == value for name, value in attributes.items())
        and batch_of(info) > 0
    )
