"""LFW's verification folds, for single models and across models (paper Figures 5 and 6)."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from canon_core.errors import DatasetError
from canon_core.experiments.usable import prepare
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.study.cells import load_fold_cell, save_fold_cell
from canon_core.study.keys import content_key
from canon_core.study.results import FoldCell, FoldMatrix, FoldSettings
from canon_core.study.study import Study
from canon_core.verification.folds import fold_accuracy

Float32 = npt.NDArray[np.float32]


def run_folds(study: Study, settings: FoldSettings, ctx: JobContext) -> FoldMatrix:
    """Accuracy on each fold, with the map and the threshold of the other folds, for every two models.

    A pair's first image goes through source and map, its second through the target. A cell without complete
    embeddings, or with raw embeddings of different dimensions, is missing with the reason.

    Raises
    ------
    DatasetError
        When the dataset brings no list of pairs.
    """
    start = time.perf_counter()
    usable = prepare(study, settings.dataset, settings.models, ctx)
    folds = study.folds(settings.dataset)
    if folds is None:
        raise DatasetError(
            "no pairs.txt came with this dataset, so there are no folds",
            path=study.dataset(settings.dataset).path,
            remedy="add it again with --pairs FILE",
        )
    position = np.full(len(study.faces(settings.dataset)), -1, dtype=np.int64)
    position[usable.rows] = np.arange(len(usable.rows))
    first, second = position[folds.first], position[folds.second]
    there = (first >= 0) & (second >= 0)
    protocol = _Protocol(first[there], second[there], folds.genuine[there], folds.fold[there])
    protocol_key = content_key(
        "folds",
        first=folds.first.tolist(),
        second=folds.second.tolist(),
        fold=folds.fold.tolist(),
        genuine=folds.genuine.tolist(),  # a .bin file has labels of its own, which may be corrected
    )
    cells: dict[tuple[str, str], FoldCell | None] = {}
    missing: dict[tuple[str, str], str] = {}
    names = settings.models
    pairs = [(source, target) for source in names for target in names]
    for done, (source, target) in enumerate(pairs):
        ctx.check()
        ctx.report(done, len(pairs), "fold accuracies")
        cells[source, target] = None
        reason = usable.missing.get(source) or usable.missing.get(target)
        if reason is not None:
            missing[source, target] = reason
            continue
        one, other = usable.read(source), usable.read(target)
        if source != target and settings.map is MapKind.NONE and one.shape[1] != other.shape[1]:
            missing[source, target] = (
                f"raw embeddings of {one.shape[1]} and {other.shape[1]} dimensions cannot be compared"
            )
            continue
        key = content_key(
            "fold cell",
            single=source == target,
            source=study.embeddings_key(source, settings.dataset),
            target=study.embeddings_key(target, settings.dataset),
            map=None if source == target else str(settings.map),
            protocol=protocol_key,
            left_out=usable.left_out_digest,
        )
        path = study.stored("results", key)
        cell = load_fold_cell(path, source, target)
        if cell is None:
            kind = MapKind.NONE if source == target else settings.map
            result = fold_accuracy(
                partial(protocol.scores, one, other, kind),
                protocol.fold,
                protocol.genuine,
            )
            cell = FoldCell(
                key=key,
                source=source,
                target=target,
                accuracy=result.accuracy,
                per_fold=result.per_fold,
                thresholds=result.thresholds,
                pairs=len(protocol.fold),
                left_out=int((~there).sum()),
            )
            if not study.read_only:
                folders = {
                    "source": study.model(source).folder,
                    "target": study.model(target).folder,
                    "dataset": study.dataset(settings.dataset).folder,
                }
                save_fold_cell(path, cell, folders)
        cells[source, target] = cell
        ctx.partial(cell)
    ctx.report(len(pairs), len(pairs), "fold accuracies")
    return FoldMatrix(
        settings=settings,
        dataset_title=study.dataset(settings.dataset).title,
        cells=cells,
        folds=len(np.unique(folds.fold)),
        pairs=len(folds.fold),
        missing=missing,
        seconds=time.perf_counter() - start,
    )


class _Protocol:
    """The pairs as positions into the usable embeddings."""

    def __init__(
        self,
        first: npt.NDArray[np.int64],
        second: npt.NDArray[np.int64],
        genuine: npt.NDArray[np.bool_],
        fold: npt.NDArray[np.int32],
    ) -> None:
        self.first, self.second, self.genuine, self.fold = first, second, genuine, fold

    def scores(self, source: Float32, target: Float32, kind: MapKind, held_out: int) -> Float32:
        """(pairs,) float32 scores of all pairs, the map fitted on the images of the other folds' pairs."""
        mapped = source[self.first]
        if kind is not MapKind.NONE:
            training = self.fold != held_out
            images = np.unique(np.concatenate([self.first[training], self.second[training]]))
            mapped = fit_map(kind, source[images], target[images]).apply(mapped)
        scores: Float32 = np.einsum("ij,ij->i", mapped, target[self.second], dtype=np.float32)
        return scores


def folds_json(matrix: FoldMatrix) -> dict[str, Any]:
    """The fold accuracies as ``canon folds --json`` prints them (house plan, The command line)."""
    names = matrix.settings.models

    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    cells = [[matrix.cells[source, target] for target in names] for source in names]
    return {
        "accuracy": [[None if cell is None else number(cell.accuracy) for cell in row] for row in cells],
        "per_fold": [
            [None if cell is None else [number(value) for value in cell.per_fold] for cell in row] for row in cells
        ],
        "models": list(names),
        "map": str(matrix.settings.map),
        "dataset": matrix.settings.dataset,
        "folds": matrix.folds,
        "pairs": matrix.pairs,
        "missing": [
            {"source": source, "target": target, "reason": reason}
            for (source, target), reason in matrix.missing.items()
        ],
        "seconds": matrix.seconds,
    }
