"""Which of a file's arrays holds the embeddings, and which one their ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.id_names import is_id_name
from canon_core.errors import DatasetError

#: Names of embeddings, the paper's authors' first.
TABLE_NAMES: Final = ("embs", "embeddings", "embedding", "features", "feature", "feats", "vectors")
#: What the authors' scripts put behind the name of the upright images' embeddings for the mirrored ones'.
FLIPPED_ENDING: Final = "_f"
_SHOWN: Final = 200


@dataclass(frozen=True)
class Member:
    """An array of a file, before it is read.

    Attributes
    ----------
    name : str
        With the groups it lies in, by slashes.
    shape : tuple of int
    kind : str
        numpy's letter of its elements' kind; ``T`` where they are text in whatever form, ``O`` for objects, which are
        refused when they are read.
    read : callable
        Gives the array; text as str or bytes.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    read: Callable[[], NDArray[Any]]

    @property
    def group(self) -> str:
        """What it lies in; empty at the top."""
        return self.name.rpartition("/")[0]

    @property
    def last(self) -> str:
        """Its name without groups."""
        return self.name.rpartition("/")[2]

    @property
    def is_table(self) -> bool:
        """Whether it could hold a row, or an upright and a mirrored one, an image."""
        return self.kind in "fiuO" and (len(self.shape) == 2 or (len(self.shape) == 3 and self.shape[1] == 2))

    def __str__(self) -> str:
        return f"{self.name[:80]} {self.shape}"


def choose_table(path: Path, members: Sequence[Member], name: str | None) -> Member:
    """The embeddings: the array named, else the one that is called so, else the only table of numbers.

    Raises
    ------
    DatasetError
        When there is none, or several could be meant.
    """
    if name is not None:
        named = [one for one in members if one.name == name] or [one for one in members if one.last == name]
        if len(named) == 1:
            return named[0]
        problem = f"holds {len(named)} arrays '{name[:80]}'" if named else f"holds no array '{name[:80]}'"
        raise DatasetError(f"{problem} (but {_listed(members)})", path=path, remedy="name another --array")
    tables = [one for one in members if one.is_table]
    for wanted in TABLE_NAMES:
        if named := [one for one in tables if one.last.casefold() == wanted]:
            return _only(path, named)
    if not tables:
        raise DatasetError(
            f"holds no table of numbers, a row an image (but {_listed(members)})",
            path=path,
            remedy="give embeddings as .npy, .npz, .h5, .csv or .parquet",
        )
    return _only(path, [one for one in tables if one.kind == "f"] or tables)


def flipped_table(members: Sequence[Member], table: Member) -> Member | None:
    """The mirrored images' embeddings beside the upright ones'; an empty array stands for none."""
    if table.last != TABLE_NAMES[0]:
        return None
    wanted = table.name + FLIPPED_ENDING
    return next((one for one in members if one.name == wanted and 0 not in one.shape), None)


def choose_ids(path: Path, members: Sequence[Member], table: Member) -> Member | None:
    """The ids of a table's rows: the array that is called so, one in the same group and as long as the table first.

    Raises
    ------
    DatasetError
        When an array of another name holds as many texts as there are rows, each once: they may be the ids, and
        without them rows would be paired with images by their order.
    """
    rows = table.shape[0]
    lists = [one for one in members if one is not table and _is_list(one)]
    named = [one for one in lists if is_id_name(one.last)]
    if named:
        return min(named, key=lambda one: (one.shape[0] != rows, one.group != table.group, one.kind in "iu"))
    for one in lists:
        if one.kind in "TO" and one.shape[0] == rows > 1:
            texts = one.read().ravel().tolist()
            if len(set(texts)) == rows:
                raise DatasetError(
                    f"its array '{one.name[:80]}' may hold ids",
                    path=path,
                    remedy="rename it to ids, or give --ids FILE",
                )
    return None


def texts_of(array: NDArray[Any]) -> list[str]:
    """Ids as text, whatever they are stored as."""
    return [
        item.decode("utf-8", "backslashreplace").rstrip("\0") if isinstance(item, bytes) else str(item)
        for item in np.ravel(array).tolist()
    ]


# -- private ---------------------------------------------------------------------------------------------------------
def _is_list(member: Member) -> bool:
    shape = member.shape
    return member.kind in "TOiu" and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))


def _only(path: Path, tables: Sequence[Member]) -> Member:
    if len(tables) > 1:
        raise DatasetError(
            f"holds {len(tables)} tables that could be the embeddings: {_listed(tables)}",
            path=path,
            remedy="say which with --array NAME",
        )
    return tables[0]


def _listed(members: Sequence[Member]) -> str:
    return ", ".join(map(str, members))[:_SHOWN] or "nothing"
