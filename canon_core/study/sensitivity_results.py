"""How many image pairs a map needs: TAR against the number of fit pairs (paper Figures 4 and 9), and its storage."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from canon_core.errors import StoreError
from canon_core.maps.kinds import MapKind
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.results import Features, FitMode, beside_text, features_text, stands_beside
from canon_core.verification.roc import FarRule, OperatingPoint

#: FAR targets unless others are asked for: the paper's.
DEFAULT_FAR: tuple[float, ...] = (1e-2,)
DEFAULT_REPEATS = 3

Points = Mapping[FarRule, tuple[OperatingPoint, ...]]
_ENTRIES = TypeAdapter(dict[str, dict[FarRule, tuple[OperatingPoint, ...]]])


@dataclass(frozen=True)
class SensitivitySettings:
    """Everything sensitivity depends on besides the embeddings.

    Attributes
    ----------
    pairs : tuple of int
        Fit pairs a map; 0 stands for all there are. Empty: 32, 64, … and all.
    repeats : int
        Random subsets of each size; every cell of a repetition is fitted on the same images.
    seed : int
        Of the split into halves and of the subsets.
    shuffled : bool
        A control: maps are fitted on pairs that do not belong together, so that what they reach needs no
        correspondence.
    """

    dataset: str
    models: tuple[str, ...]
    map: MapKind = MapKind.ROTATION
    mode: FitMode = FitMode.DISJOINT
    features: Features = Features.PAPER
    pairs: tuple[int, ...] = ()
    repeats: int = DEFAULT_REPEATS
    far: tuple[float, ...] = DEFAULT_FAR
    seed: int = 0
    shuffled: bool = False


@dataclass(frozen=True)
class SensitivityCell:
    """One source and target; ``points[n, repeat][rule][k]`` belongs to the settings' ``far[k]``."""

    key: str
    source: str
    target: str
    points: Mapping[tuple[int, int], Points]


@dataclass(frozen=True)
class Sensitivity:
    """Every cross-model cell at every number of fit pairs.

    Attributes
    ----------
    pairs : tuple of int
        Fit pairs of each step, ascending; where halves differ in size, "all" counts the smaller one.
    repeats : tuple of int
        Subsets drawn at each step: one where all are taken.
    single : mapping of str to points
        Each model by itself at the same settings.
    """

    settings: SensitivitySettings
    protocol: str
    dataset_title: str
    pairs: tuple[int, ...]
    repeats: tuple[int, ...]
    cells: Mapping[tuple[str, str], SensitivityCell | None]
    single: Mapping[str, Points]
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)
    seconds: float = 0.0

    def tar(self, source: str, target: str, step: int, repeat: int, far: float, rule: FarRule) -> float | None:
        """TAR of a cell at a step, None where it is missing or not a number."""
        cell = self.cells.get((source, target))
        found = None if cell is None else cell.points.get((self.pairs[step], repeat))
        if found is None:
            return None
        tar = found[rule][self.settings.far.index(far)].tar
        return tar if math.isfinite(tar) else None

    def mean(self, step: int, repeat: int, far: float, rule: FarRule) -> float | None:
        """Mean TAR over the off-diagonal cells that are there, without models that stand beside."""
        names = [name for name in self.settings.models if not stands_beside(name)]
        values = [self.tar(s, t, step, repeat, far, rule) for s in names for t in names if s != t]
        found = [value for value in values if value is not None]
        return sum(found) / len(found) if found else None

    def single_mean(self, far: float, rule: FarRule) -> float | None:
        """Mean TAR of the models by themselves, without those that stand beside."""
        place = self.settings.far.index(far)
        values = [points[rule][place].tar for name, points in self.single.items() if not stands_beside(name)]
        found = [value for value in values if math.isfinite(value)]
        return sum(found) / len(found) if found else None


def sensitivity_line(result: Sensitivity, rule: FarRule) -> str:
    """Every setting behind the curves in one line."""
    settings = result.settings
    subsets = max(result.repeats, default=0)
    drawn = f"{subsets} random subset{'' if subsets == 1 else 's'} of fit pairs a step, the same for every cell"
    parts = [
        result.dataset_title,
        result.protocol,
        f"map {settings.map}",
        f"fit {settings.mode} (seed {settings.seed})",
        features_text(settings.features, templates=result.protocol == "template pairs"),
        f"FAR rule {rule}",
        drawn + (", shuffled: no image is paired with itself" if settings.shuffled else ""),
        f"{sum(cell is not None for cell in result.cells.values())} cells",
    ]
    if beside := beside_text(settings.models):
        parts.append(beside)
    return " · ".join(parts)


def save_sensitivity_cell(path: Path, points: Mapping[tuple[int, int], Points], attributes: dict[str, str]) -> None:
    """Write what is known of a cell."""
    document = {
        f"{pairs} {repeat}": {str(rule): [_plain(point) for point in row] for rule, row in found.items()}
        for (pairs, repeat), found in points.items()
    }
    text: dict[str, np.ndarray[Any, Any]] = {"points": np.array([json.dumps(document, allow_nan=True)], dtype=object)}
    save_arrays(path, text, dict(attributes))


def load_sensitivity_cell(path: Path) -> dict[tuple[int, int], Points]:
    """Read what is known of a cell; empty where nothing is.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return {}
    arrays, _ = load_arrays(path, ["points"])
    try:
        found = _ENTRIES.validate_json(str(arrays["points"][0]))
        return {_step(name): points for name, points in found.items()}
    except (IndexError, ValueError, ValidationError):
        raise StoreError(
            "not a sensitivity this program wrote", path=path, remedy="delete the file: it will be computed again"
        ) from None


def _step(name: str) -> tuple[int, int]:
    pairs, repeat = name.split(" ")
    return int(pairs), int(repeat)


def _plain(point: OperatingPoint) -> dict[str, Any]:
    return {name: getattr(point, name) for name in point.__dataclass_fields__}
