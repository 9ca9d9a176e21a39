"""LFW's verification folds, for single models and across models (paper Figures 5 and 6)."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from canon_core.errors import DatasetError
from canon_core.experiments.usable import UsableEmbeddings, prepare
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.study.cells import load_fold_cell, save_fold_cell
from canon_core.study.keys import content_key
from canon_core.study.results import FoldCell, FoldMatrix, FoldSettings
from canon_core.study.study import Study
from canon_core.verification.folds import fold_accuracy

Float32 = npt.NDArray[np.float32]


def run_folds(
    study: Study, settings: FoldSettings, ctx: JobContext, *, pairs: Collection[tuple[str, str]] | None = None
) -> FoldMatrix:
    """Accuracy on each fold, with the map and the threshold of the other folds, for every two models.

    A pair's first image goes through source and map, its second through the target. A cell without complete
    embeddings, or with raw embeddings of different dimensions, is missing with the reason.

    Parameters
    ----------
    pairs : collection of (source, target), optional
        The cells that are wanted; all unless given. Others are None.

    Raises
    ------
    DatasetError
        When the dataset brings no list of pairs.
    """
    start = time.perf_counter()
    folds = _Folds(study, settings, prepare(study, settings.dataset, settings.models, ctx))
    wanted = [pair for pair in folds.pairs if pairs is None or pair in pairs]
    cells: dict[tuple[str, str], FoldCell | None] = dict.fromkeys(folds.pairs)
    for done, pair in enumerate(wanted):
        ctx.check()
        ctx.report(done, len(wanted), "fold accuracies")
        if pair not in folds.missing:
            cell = cells[pair] = folds.stored(*pair) or folds.compute(*pair, ctx)
            ctx.partial(cell)
    ctx.report(len(wanted), len(wanted), "fold accuracies")
    return folds.matrix(cells, time.perf_counter() - start)


def stored_folds(study: Study, settings: FoldSettings) -> FoldMatrix:
    """What is stored of :func:`run_folds`, without scoring anything; other cells are None.

    Raises
    ------
    DatasetError
        When the dataset brings no list of pairs.
    """
    folds = _Folds(study, settings, UsableEmbeddings(study, settings.dataset, settings.models))
    found = {pair: None if pair in folds.missing else folds.stored(*pair) for pair in folds.pairs}
    return folds.matrix(found, 0.0)


class _Folds:
    """Cells of fold accuracies: what is missing, what is stored, and how the rest is computed."""

    def __init__(self, study: Study, settings: FoldSettings, usable: UsableEmbeddings) -> None:
        self._study, self._settings, self._usable = study, settings, usable
        folds = study.folds(settings.dataset)
        if folds is None:
            raise DatasetError(
                "no pairs.txt came with this dataset, so there are no folds",
                path=study.dataset(settings.dataset).path,
                remedy="add it again with --pairs FILE",
            )
        self._listed = folds
        position = np.full(len(study.faces(settings.dataset)), -1, dtype=np.int64)
        position[usable.rows] = np.arange(len(usable.rows))
        first, second = position[folds.first], position[folds.second]
        there = (first >= 0) & (second >= 0)
        self._left_out = int((~there).sum())
        self._protocol = _Protocol(first[there], second[there], folds.genuine[there], folds.fold[there])
        self._protocol_key = content_key(
            "folds",
            first=folds.first.tolist(),
            second=folds.second.tolist(),
            fold=folds.fold.tolist(),
            genuine=folds.genuine.tolist(),  # a .bin file has labels of its own, which may be corrected
        )
        self.pairs = [(source, target) for source in settings.models for target in settings.models]
        self.missing = {pair: reason for pair in self.pairs if (reason := self._why_not(*pair))}

    def stored(self, source: str, target: str) -> FoldCell | None:
        """A cell as it was computed before."""
        return load_fold_cell(self._study.stored("results", self._key(source, target)), source, target)

    def compute(self, source: str, target: str, ctx: JobContext) -> FoldCell:
        """Fit and score a cell; it is stored."""
        study, protocol = self._study, self._protocol
        kind = MapKind.NONE if source == target else self._settings.map
        one, other = self._usable.read(source), self._usable.read(target)

        def scores(held_out: int) -> Float32:
            ctx.check()
            return protocol.scores(one, other, kind, held_out)

        result = fold_accuracy(scores, protocol.fold, protocol.genuine)
        key = self._key(source, target)
        cell = FoldCell(
            key=key,
            source=source,
            target=target,
            accuracy=result.accuracy,
            per_fold=result.per_fold,
            thresholds=result.thresholds,
            pairs=len(protocol.fold),
            left_out=self._left_out,
        )
        if not study.read_only:
            folders = {
                "source": study.model(source).folder,
                "target": study.model(target).folder,
                "dataset": study.dataset(self._settings.dataset).folder,
            }
            save_fold_cell(study.stored("results", key), cell, folders)
        return cell

    def matrix(self, cells: Mapping[tuple[str, str], FoldCell | None], seconds: float) -> FoldMatrix:
        """All of them together."""
        return FoldMatrix(
            settings=self._settings,
            dataset_title=self._study.dataset(self._settings.dataset).title,
            cells=cells,
            folds=len(np.unique(self._listed.fold)),
            numbers=tuple(1 + int(number) for number in np.unique(self._protocol.fold)),
            pairs=len(self._listed.fold),
            missing=self.missing,
            seconds=seconds,
        )

    def _why_not(self, source: str, target: str) -> str:
        return self._usable.why_not(source, target, self._settings.map)

    def _key(self, source: str, target: str) -> str:
        dataset = self._settings.dataset
        return content_key(
            "fold cell",
            single=source == target,
            source=self._study.embeddings_key(source, dataset),
            target=self._study.embeddings_key(target, dataset),
            map=None if source == target else str(self._settings.map),
            protocol=self._protocol_key,
            left_out=self._usable.left_out_digest,
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
        "standard_error": [[None if cell is None else number(cell.standard_error) for cell in row] for row in cells],
        "per_fold": [
            [None if cell is None else [number(value) for value in cell.per_fold] for cell in row] for row in cells
        ],
        "models": list(names),
        "map": str(matrix.settings.map),
        "dataset": matrix.settings.dataset,
        "folds": matrix.folds,
        "fold_numbers": list(matrix.numbers),
        "pairs": matrix.pairs,
        "missing": [
            {"source": source, "target": target, "reason": reason}
            for (source, target), reason in matrix.missing.items()
        ],
        "seconds": matrix.seconds,
    }
