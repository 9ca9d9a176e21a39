"""Fitted maps on disk: one HDF5 file a map, named by its content key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import reading_arrays


def save_map(path: Path, mapping: FittedMap, attributes: dict[str, str]) -> None:
    """Write a map in float64; ``attributes`` name the folders of source, target and dataset."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "matrix": mapping.matrix,
        "singular_values": mapping.singular_values,
    }
    if mapping.offset is not None:
        arrays["offset"] = mapping.offset
    facts: dict[str, str | int | float] = {
        "kind": str(mapping.kind),
        "pairs": mapping.pairs,
        "rank": mapping.rank,
        "condition": mapping.condition,
        "route": mapping.route,
    }
    if mapping.determinant is not None:
        facts["determinant"] = mapping.determinant
    save_arrays(path, arrays, {**attributes, **facts}, compress=False)


def load_map(path: Path) -> FittedMap | None:
    """Read a map, None where there is none.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    with reading_arrays(path, "a map", "the map will be fitted again") as (arrays, facts):
        matrix, offset = arrays["matrix"], arrays.get("offset")
        if matrix.ndim != 2 or (offset is not None and offset.shape != matrix.shape[1:]):
            raise ValueError("its arrays do not fit each other")
        if not np.isfinite(matrix).all() or (offset is not None and not np.isfinite(offset).all()):
            raise ValueError("it holds numbers that are not finite")
        return FittedMap(
            kind=MapKind(str(facts["kind"])),
            matrix=matrix,
            offset=offset,
            pairs=int(facts["pairs"]),
            rank=int(facts["rank"]),
            condition=float(facts["condition"]),
            singular_values=arrays["singular_values"],
            route=str(facts["route"]),
            determinant=int(facts["determinant"]) if "determinant" in facts else None,
        )
