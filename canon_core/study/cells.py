"""Cells on disk: one small HDF5 file a cell, named by its content key."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from canon_core.errors import StoreError
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.results import Cell, FoldCell
from canon_core.verification.roc import Roc
from canon_core.verification.score_histogram import ScoreHistogram

_CELL = TypeAdapter(Cell)
_FOLD_CELL = TypeAdapter(FoldCell)
T = TypeVar("T")
_REMEDY = "delete the file: the result will be computed again"


def save_cell(
    path: Path, cell: Cell, roc: Roc, attributes: dict[str, str], histogram: ScoreHistogram | None = None
) -> None:
    """Write a cell, its ROC and its histogram; ``attributes`` name the folders of source, target and dataset."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "cell": _text(asdict(cell)),
        "roc_thresholds": roc.thresholds,
        "roc_false_accepts": roc.false_accepts,
        "roc_true_accepts": roc.true_accepts,
    }
    if histogram is not None:
        arrays |= {
            "histogram_edges": histogram.edges,
            "histogram_genuine": histogram.genuine,
            "histogram_impostors": histogram.impostors,
        }
    numbers: dict[str, str | int | float] = {
        "genuine": roc.genuine,
        "impostors": roc.impostors,
        "auc": roc.auc,
        "eer": roc.eer,
        "complete": int(roc.complete),
    }
    save_arrays(path, arrays, {**attributes, **numbers})


def load_cell(path: Path, source: str, target: str) -> Cell | None:
    """Read a cell, None where there is none; the models' present names are put in.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    return replace(_parse(_CELL, path), source=source, target=target)


def load_roc(path: Path) -> Roc:
    """Read the ROC that belongs to a cell.

    Raises
    ------
    StoreError
        When the file is missing or damaged.
    """
    arrays, numbers = load_arrays(path)
    try:
        return Roc(
            thresholds=arrays["roc_thresholds"],
            false_accepts=arrays["roc_false_accepts"],
            true_accepts=arrays["roc_true_accepts"],
            genuine=int(numbers["genuine"]),
            impostors=int(numbers["impostors"]),
            auc=float(numbers["auc"]),
            eer=float(numbers["eer"]),
            complete=bool(numbers["complete"]),
        )
    except (KeyError, ValueError) as error:
        raise StoreError(f"not a cell's ROC ({error})", path=path, remedy=_REMEDY) from None


def load_histogram(path: Path) -> ScoreHistogram | None:
    """Read the histogram that belongs to a cell; None where it has none.

    Raises
    ------
    StoreError
        When the file is missing or damaged.
    """
    arrays, _ = load_arrays(path)
    if "histogram_edges" not in arrays:
        return None
    try:
        found = ScoreHistogram(
            arrays["histogram_edges"], arrays["histogram_genuine"], arrays["histogram_impostors"]
        )
        if not len(found.edges) == len(found.genuine) + 1 == len(found.impostors) + 1:
            raise ValueError("its parts do not fit together")
    except (KeyError, ValueError) as error:
        raise StoreError(f"not a cell's histogram ({error})", path=path, remedy=_REMEDY) from None
    return found


def save_fold_cell(path: Path, cell: FoldCell, attributes: dict[str, str]) -> None:
    """Write the fold accuracies of two models."""
    save_arrays(path, {"cell": _text(asdict(cell))}, dict(attributes))


def load_fold_cell(path: Path, source: str, target: str) -> FoldCell | None:
    """Read the fold accuracies of two models, None where there are none."""
    if not path.exists():
        return None
    return replace(_parse(_FOLD_CELL, path), source=source, target=target)


def _text(document: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.array([json.dumps(document, allow_nan=True)], dtype=object)


def _parse(adapter: TypeAdapter[T], path: Path) -> T:
    arrays, _ = load_arrays(path, ["cell"])
    try:
        return adapter.validate_json(str(arrays["cell"][0]))
    except (KeyError, IndexError, ValidationError):
        raise StoreError("not a cell this program wrote", path=path, remedy=_REMEDY) from None
