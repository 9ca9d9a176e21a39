"""Cells of datasets that compare single images: every pair of them (house plan, Protocols)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from canon_core.errors import SettingsError
from canon_core.experiments.cell_base import Cells, Float32, Measured, Rows
from canon_core.experiments.usable import UsableEmbeddings
from canon_core.jobs import JobContext
from canon_core.maps.fit import SourceFit
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.maps.residual import residual
from canon_core.maps.unit import unit_rows
from canon_core.store.embeddings import read_embeddings
from canon_core.study.results import Fit, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.all_pairs import PairScores, Pool, score_all_pairs
from canon_core.verification.listed_scores import listed_scores
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.template_scores import ScoredPairs

#: Pairs that are listed one by one, with 9 bytes each; matrices need no list.
MAX_LISTED_PAIRS: Final = 20_000_000


class ImageCells(Cells):
    """Cells whose templates are single images, all pairs of which are compared."""

    def __init__(self, study: Study, settings: MatrixSettings, usable: UsableEmbeddings) -> None:
        super().__init__(study, settings, usable)
        self._halves: tuple[Rows, Rows] | None = None
        self._source_fits: tuple[str, list[SourceFit]] | None = None
        self._plans: dict[bool, list[PairPlan]] = {}
        self._itself = usable.dataset.one_image_each

    @property
    def subject_names(self) -> Sequence[str]:
        """Subjects by code."""
        return self.usable.subject_names

    def measure(self, source: str, target: str, ctx: JobContext) -> Measured:
        """Fit and score one cell."""
        pools, fits = self._pools(source, target)
        ctx.check()
        scores = score_all_pairs(pools, self._far, ctx.quiet())
        return Measured(scores, fits, scores.histogram)

    def measure_through(
        self, source: str, target: str, maps: Sequence[FittedMap], ctx: JobContext
    ) -> PairScores:
        """Score a cell through maps that were fitted elsewhere; see :meth:`Cells.measure_through`."""
        embedded, aim = self.usable.read(source), self.usable.read(target)
        pools = [
            self._cross_pool(mapping.apply(embedded[rows]), aim[rows], rows)
            for mapping, rows in zip(maps, self._scored_rows(), strict=True)
        ]
        return score_all_pairs(pools, self._far, ctx.quiet())

    def fit_embeddings(self, model: str, half: int, ctx: JobContext) -> Float32:
        """Embeddings of the images that the map of a half is fitted on."""
        ctx.check()
        return self.usable.read(model)[self._fitted_rows(half)]

    @property
    def fit_sizes(self) -> tuple[int, ...]:
        """Images that the map of each half is fitted on."""
        return tuple(len(self._fitted_rows(half)) for half in range(len(self._scored_rows())))

    def scored(self, source: str, target: str, ctx: JobContext) -> list[ScoredPairs]:
        """Every score of a cell, to the last bit as the matrix has it; see :meth:`Cells.scored`."""
        single = source == target
        plans = self._listed(single)
        pools, _ = self._pools(source, target)
        found = []
        for plan, pool in zip(plans, pools, strict=True):
            ctx.check()
            found.append(listed_scores(pool, plan, ctx=ctx.quiet()))
        return found

    def some_images(self, model: str, rows: Rows) -> Float32:
        """(k, d) unit embeddings of a few images, by their rows in the dataset."""
        stored = read_embeddings(self.usable.paths[model], rows)
        flat = stored[:, 0] if stored.ndim == 3 else stored
        return unit_rows(flat).astype(np.float32, copy=False)

    def pools(self, source: str, target: str) -> list[Pool]:
        """The images of a cell's pools, those of the source mapped."""
        return self._pools(source, target)[0]

    def pool_rows(self, pool: int) -> Rows:
        """Rows of the dataset's images that a pool compares, in the pool's order."""
        return self.usable.rows[self._scored_rows()[pool]]

    def maps(self, source: str, target: str, ctx: JobContext) -> list[FittedMap]:
        """The map of each pool; see :meth:`Cells.maps`."""
        ctx.check()
        stored = [self._stored_map(source, target, half) for half in range(len(self._scored_rows()))]
        if None in stored:
            embedded = self.usable.read(source), self.usable.read(target)
            return [self._map(source, target, half, *embedded) for half in range(len(stored))]
        return [mapping for mapping in stored if mapping is not None]

    def pair_rows(self, single: bool, pool: int) -> tuple[Rows, Rows, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Rows of both images of each listed pair of a pool, and whether it is genuine, in the order of
        :meth:`ScoredPairs.in_order`."""
        rows = self._scored_rows()[pool]
        first, second, genuine = _pairs(self.usable.subjects[rows], single=single, itself=self._itself)
        return self.usable.rows[rows[first]], self.usable.rows[rows[second]], genuine

    def fitted_on(self, half: int) -> str:
        """Which images the map of a half is fitted on."""
        return f"half {1 - half} of seed {self._settings.seed}" if self._disjoint else "all images"

    def protocol_key(self, single: bool) -> dict[str, Any]:
        """What a cell's key holds beside embeddings, map and FARs."""
        parts: dict[str, Any] = {
            "mode": str(self._settings.mode),
            "seed": self._settings.seed if self._disjoint else None,
        }
        return {**parts, "itself": True} if self._itself and not single else parts

    # -- rows ----------------------------------------------------------------------------------------------------
    def _scored_rows(self) -> tuple[Rows, ...]:
        """Rows of each pool: both halves of the subjects, or everything."""
        if not self._disjoint:
            return (np.arange(len(self.usable.rows), dtype=np.int64),)
        if self._halves is None:
            self._halves = self.usable.halves(self._settings.seed)
        return self._halves

    def _fitted_rows(self, half: int) -> Rows:
        """Rows that the map scored on pool ``half`` is fitted on: the other half, or everything."""
        rows = self._scored_rows()
        return rows[1 - half] if self._disjoint else rows[0]

    def _pools(self, source: str, target: str) -> tuple[list[Pool], tuple[Fit, ...]]:
        """The images of a cell's pools, mapped, and how the maps were fitted."""
        embedded_source, embedded_target = self.usable.read(source), self.usable.read(target)
        pools, fits = [], []
        for half, rows in enumerate(self._scored_rows()):
            outside = embedded_source[rows]
            if source == target:
                subjects = self.usable.subjects[rows]
                pools.append(Pool(source=outside, target=outside, subjects=subjects, ordered=False))
                continue
            aim = embedded_target[rows]
            if self._settings.map is not MapKind.NONE:
                mapping = self._map(source, target, half, embedded_source, embedded_target)
                fits.append(self._fit(source, target, half, mapping, residual(mapping, outside, aim)))
                outside = mapping.apply(outside)
            pools.append(self._cross_pool(outside, aim, rows))
        return pools, tuple(fits)

    def _cross_pool(self, mapped: Float32, aim: Float32, rows: Rows) -> Pool:
        return Pool(
            source=mapped, target=aim, subjects=self.usable.subjects[rows], ordered=True, itself=self._itself
        )

    def _map(
        self, source: str, target: str, half: int, embedded_source: Float32, embedded_target: Float32
    ) -> FittedMap:
        mapping = self._stored_map(source, target, half)
        if mapping is None:
            if self._source_fits is None or self._source_fits[0] != source:
                self._source_fits = (
                    source,
                    [SourceFit(embedded_source[self._fitted_rows(side)]) for side in range(len(self._scored_rows()))],
                )
            mapping = self._source_fits[1][half].fit(self._settings.map, embedded_target[self._fitted_rows(half)])
            self._store_map(source, target, half, mapping)
        return mapping

    def _listed(self, single: bool) -> list[PairPlan]:
        if single not in self._plans:
            sizes = [len(rows) for rows in self._scored_rows()]
            pairs = sum(size * size for size in sizes) // (2 if single else 1)
            if pairs > MAX_LISTED_PAIRS:
                raise SettingsError(
                    f"{pairs:,} pairs are more than the {MAX_LISTED_PAIRS:,} that are listed one by one",
                    remedy="add the dataset again with --max-per-subject N to draw fewer images of each subject",
                )
            self._plans[single] = [
                PairPlan.of(
                    *_pairs(self.usable.subjects[rows], single=single, itself=self._itself),
                    self.usable.subjects[rows],
                )
                for rows in self._scored_rows()
            ]
        return self._plans[single]


def _pairs(
    subjects: np.ndarray[Any, np.dtype[np.int32]], *, single: bool, itself: bool
) -> tuple[Rows, Rows, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Positions of every pair's images, row by row, and whether they show one subject."""
    count = len(subjects)
    first, second = np.divmod(np.arange(count * count, dtype=np.int64), max(count, 1))
    if single or not itself:
        kept = first < second if single else first != second
        first, second = first[kept], second[kept]
    return first, second, subjects[first] == subjects[second]
