"""What a study keeps so as not to compute it again: of which kind, how many files, how many bytes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from canon_core.errors import CanonError
from canon_core.store.arrays import array_names


class CacheKind(StrEnum):
    """What a file holds. All but embeddings are computed again from embeddings."""

    MAPS = "maps"
    CELLS = "cells"
    FOLDS = "folds"
    INTERVALS = "intervals"
    SEARCHES = "searches"
    GROUPS = "groups"
    SENSITIVITY = "sensitivity"
    OVERLAYS = "overlays"
    PAIRS = "pairs"
    OTHER = "other"
    EMBEDDINGS = "embeddings"


#: What each kind is called where a user reads it.
CACHE_TITLES: Final[Mapping[CacheKind, str]] = {
    CacheKind.MAPS: "Fitted maps",
    CacheKind.CELLS: "Cells of matrices, with ROC curves and histograms",
    CacheKind.FOLDS: "Fold accuracies",
    CacheKind.INTERVALS: "Confidence intervals",
    CacheKind.SEARCHES: "1:N searches",
    CacheKind.GROUPS: "Errors by group",
    CacheKind.SENSITIVITY: "Sensitivity",
    CacheKind.OVERLAYS: "Overlays",
    CacheKind.PAIRS: "Lists of face pairs",
    CacheKind.OTHER: "Other results",
    CacheKind.EMBEDDINGS: "Embeddings made here",
}
#: Kinds that are cleared unless others are named: embeddings take the longest to make, and stay.
RESULTS: Final = frozenset(CacheKind) - {CacheKind.EMBEDDINGS}
#: Arrays by which a result's kind is known, the first that fits; fold accuracies are a cell without a curve.
_MARKS: Final = (
    (CacheKind.CELLS, frozenset({"cell", "roc_thresholds"})),
    (CacheKind.SEARCHES, frozenset({"cell", "rank", "best"})),
    (CacheKind.FOLDS, frozenset({"cell"})),
    (CacheKind.INTERVALS, frozenset({"at_least", "above"})),
    (CacheKind.GROUPS, frozenset({"groups"})),
    (CacheKind.SENSITIVITY, frozenset({"points"})),
    (CacheKind.OVERLAYS, frozenset({"before", "after", "facts"})),
    (CacheKind.PAIRS, frozenset({"kinds", "total_0"})),
)


@dataclass(frozen=True)
class Cached:
    """All files of one kind."""

    kind: CacheKind
    files: int
    bytes: int

    @property
    def title(self) -> str:
        """What it is called where a user reads it."""
        return CACHE_TITLES[self.kind]


def bytes_text(count: int) -> str:
    """``820 bytes``, ``4.1 kB``, ``12.3 MB``, ``1.2 GB``: in powers of ten, as disks are sold."""
    if count < 1000:
        return f"{count:,} byte{'s' * (count != 1)}"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def embedding_cost(at_stake: Collection[str]) -> str:
    """What deleting embeddings costs, without a full stop; ``at_stake`` names models and datasets that cannot be
    embedded again."""
    cost = "to have embeddings back, every network must run over every image again, which takes minutes to hours"
    if not at_stake:
        return cost
    some = ", ".join(list(at_stake)[:3]) + (f" and {len(at_stake) - 3} more" if len(at_stake) > 3 else "")
    return f"{cost}, and cannot be done for {some}: their files are not where they were"


def cached_files(study: Path, own_embeddings: Iterable[str]) -> dict[CacheKind, list[Path]]:
    """Files of each kind.

    Parameters
    ----------
    study : Path
        The study's folder.
    own_embeddings : iterable of str
        Folders of models whose embeddings can be made again: not of those that were imported.
    """
    found: dict[CacheKind, list[Path]] = {kind: [] for kind in CacheKind}
    found[CacheKind.MAPS] = sorted((study / "maps").glob("*.h5"))
    for path in sorted((study / "results").glob("*.h5")):
        found[_kind_of(path)].append(path)
    for folder in own_embeddings:
        found[CacheKind.EMBEDDINGS] += sorted((study / "embeddings" / folder).glob("*.h5"))
    return found


def sizes(files: Mapping[CacheKind, Collection[Path]]) -> tuple[Cached, ...]:
    """Count and bytes of each kind that has files, in the order of :class:`CacheKind`."""
    counted = []
    for kind in CacheKind:
        there = [size for path in files[kind] if (size := _size(path)) is not None]
        if there:
            counted.append(Cached(kind, len(there), sum(there)))
    return tuple(counted)


def bytes_in(folder: Path) -> int:
    """Bytes of every file below a folder; another program may write and delete there meanwhile."""
    files = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sum(_size(path) or 0 for path in files)


def _kind_of(path: Path) -> CacheKind:
    try:
        names = array_names(path)
    except CanonError:
        return CacheKind.OTHER  # damaged: it can go as well
    return next((kind for kind, marks in _MARKS if marks <= names), CacheKind.OTHER)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
