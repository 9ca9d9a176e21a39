"""Pairs that a cell gets wrong, or that its map creates or repairs: frozen results, and on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import reading_arrays
from canon_core.study.results import FitMode, MatrixSettings, far_text, features_text
from canon_core.verification.pair_search import FoundPairs
from canon_core.verification.roc import FarRule

#: Pairs listed of each kind unless another number is asked for.
DEFAULT_LISTED: Final = 200


class PairKind(StrEnum):
    """Which pairs of a cell are listed."""

    FALSE_MATCHES = "false matches"
    FALSE_NON_MATCHES = "false non-matches"
    CREATED_MATCHES = "created false matches"
    CREATED_NON_MATCHES = "created false non-matches"
    REPAIRED_MATCHES = "repaired false matches"
    REPAIRED_NON_MATCHES = "repaired false non-matches"
    GENUINE_BETWEEN = "genuine in an interval"
    IMPOSTORS_BETWEEN = "impostor in an interval"

    @property
    def compared(self) -> bool:
        """Whether it holds a cell against a single model."""
        return self.value.startswith(("created", "repaired"))


class Against(StrEnum):
    """The single model that a cell is held against."""

    TARGET = "target"
    SOURCE = "source"


#: A list of pairs; the second is None where nothing is held against the cell.
Listing = tuple[PairKind, Against | None]


@dataclass(frozen=True)
class PairSettings:
    """Everything that lists of pairs depend on besides the embeddings.

    Attributes
    ----------
    matrix : MatrixSettings
        Of the cell; its models hold ``source`` and ``target``.
    source, target : str
    far : float
        Target FAR that chooses every threshold; one of the matrix's.
    rule : FarRule
    count : int
        Pairs listed of each kind, at most.
    """

    matrix: MatrixSettings
    source: str
    target: str
    far: float
    rule: FarRule
    count: int = DEFAULT_LISTED

    @property
    def single(self) -> bool:
        """Whether it is about a model by itself."""
        return self.source == self.target


@dataclass(frozen=True)
class PairThresholds:
    """Thresholds at one FAR: of the cell, of both models by themselves, and of both unmapped (None where there is no
    such cell)."""

    cell: float
    source: float
    target: float
    raw: float | None = None


@dataclass(frozen=True, eq=False)
class PairLists:
    """Lists of pairs of one cell. ``found[kind, against].scores`` has columns of the cell, of the target by itself and
    of the source by itself; the first alone where the cell is a model by itself."""

    settings: PairSettings
    thresholds: PairThresholds
    found: Mapping[Listing, FoundPairs]
    seconds: float = 0.0


def pairs_line(settings: PairSettings, dataset_title: str, *, templates: bool) -> str:
    """Every setting behind a list of pairs, in one line."""
    matrix = settings.matrix
    cell = settings.source if settings.single else f"{settings.source} → {settings.target}"
    parts = [cell, dataset_title]
    if not settings.single:
        parts.append(f"map {matrix.map}")
    parts += [
        f"fit {matrix.mode}" + (f" (seed {matrix.seed})" if matrix.mode is FitMode.DISJOINT else ""),
        features_text(matrix.features, templates=templates),
        f"every threshold at FAR {far_text(settings.far)} ({settings.rule}) of its own cell",
    ]
    return " · ".join(parts)


def save_pairs(path: Path, lists: PairLists, attributes: Mapping[str, str]) -> None:
    """Write lists of pairs; ``attributes`` name the folders of source, target and dataset."""
    arrays: dict[str, np.ndarray] = {"kinds": np.array([_name(listing) for listing in lists.found], dtype=object)}
    for number, found in enumerate(lists.found.values()):
        arrays[f"total_{number}"] = np.array([found.total], np.int64)
        for name in _COLUMNS:
            arrays[f"{name}_{number}"] = getattr(found, name)
    thresholds = lists.thresholds
    numbers: dict[str, str | int | float] = {
        "threshold": thresholds.cell,
        "threshold_source": thresholds.source,
        "threshold_target": thresholds.target,
        "seconds": lists.seconds,
    }
    if thresholds.raw is not None:
        numbers["threshold_raw"] = thresholds.raw
    save_arrays(path, arrays, {**attributes, **numbers})


def load_pairs(path: Path, settings: PairSettings) -> PairLists | None:
    """Read lists of pairs, None where there are none.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    with reading_arrays(path, "a list of pairs", "the pairs will be looked for again") as (arrays, facts):
        found = {}
        for number, name in enumerate(arrays["kinds"].tolist()):
            columns = {each: arrays[f"{each}_{number}"] for each in _COLUMNS}
            if len({len(column) for column in columns.values()}) > 1 or columns["scores"].ndim != 2:
                raise ValueError("its parts do not fit together")
            found[_listing(str(name))] = FoundPairs(int(arrays[f"total_{number}"][0]), **columns)
        raw = facts.get("threshold_raw")
        thresholds = PairThresholds(
            float(facts["threshold"]),
            float(facts["threshold_source"]),
            float(facts["threshold_target"]),
            None if raw is None else float(raw),
        )
        return PairLists(settings, thresholds, found, float(facts["seconds"]))


# -- private ---------------------------------------------------------------------------------------------------------
_COLUMNS: Final = ("pool", "first", "second", "genuine", "scores")


def _name(listing: Listing) -> str:
    kind, against = listing
    return str(kind) if against is None else f"{kind} against {against}"


def _listing(name: str) -> Listing:
    kind, _, against = name.partition(" against ")
    return PairKind(kind), Against(against) if against else None
