"""Cells on disk: one small HDF5 file a cell, named by its content key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from canon_core.store.arrays import save_arrays
from canon_core.study.result_files import as_text, from_text, reading_arrays
from canon_core.study.results import Cell, FoldCell
from canon_core.verification.roc import Roc
from canon_core.verification.score_histogram import ScoreHistogram

T = TypeVar("T")
_AGAIN = "the result will be computed again"


def save_cell(
    path: Path, cell: Cell, roc: Roc, attributes: Mapping[str, str], histogram: ScoreHistogram | None = None
) -> None:
    """Write a cell, its ROC and its histogram; ``attributes`` name the folders of source, target and dataset."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "cell": as_text(cell),
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
    return replace(_read(Cell, path), source=source, target=target)


def load_roc(path: Path) -> Roc:
    """Read the ROC that belongs to a cell.

    Raises
    ------
    StoreError
        When the file is missing or damaged.
    """
    with reading_arrays(path, "a cell's ROC", _AGAIN) as (arrays, numbers):
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


def load_histogram(path: Path) -> ScoreHistogram | None:
    """Read the histogram that belongs to a cell; None where it has none.

    Raises
    ------
    StoreError
        When the file is missing or damaged.
    """
    with reading_arrays(path, "a cell's histogram", _AGAIN) as (arrays, _):
        if "histogram_edges" not in arrays:
            return None
        found = ScoreHistogram(
            arrays["histogram_edges"], arrays["histogram_genuine"], arrays["histogram_impostors"]
        )
        if not len(found.edges) == len(found.genuine) + 1 == len(found.impostors) + 1:
            raise ValueError("its parts do not fit together")
        return found


def save_fold_cell(path: Path, cell: FoldCell, attributes: Mapping[str, str]) -> None:
    """Write the fold accuracies of two models."""
    save_arrays(path, {"cell": as_text(cell)}, attributes)


def load_fold_cell(path: Path, source: str, target: str) -> FoldCell | None:
    """Read the fold accuracies of two models, None where there are none."""
    if not path.exists():
        return None
    return replace(_read(FoldCell, path), source=source, target=target)


def _read(kind: type[T], path: Path) -> T:
    with reading_arrays(path, "a cell", _AGAIN, ["cell"]) as (arrays, _):
        return from_text(kind, arrays["cell"])
