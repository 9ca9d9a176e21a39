"""How sure the matrix is: subjects drawn again, for every cell with the same draws."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from canon_core.errors import SettingsError
from canon_core.experiments.cells import Cells, open_cells
from canon_core.jobs import Event, JobContext, Progress
from canon_core.study.confidence_results import (
    CellConfidence,
    Confidence,
    ConfidenceSettings,
    Differences,
    Pair,
    ResampledCell,
    TarDifference,
    load_resampled,
    save_resampled,
)
from canon_core.study.keys import content_key
from canon_core.study.results import Cell, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.bootstrap import (
    DEFAULT_LEVEL,
    DEFAULT_RESAMPLES,
    Draws,
    Rates,
    check_resampling,
    draw_subjects,
    impostor_weights,
    resampled_tar,
)
from canon_core.verification.intervals import TarInterval, difference_interval, threshold_evidence
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule
from canon_core.verification.template_scores import ScoredPairs

_WHAT = "drawing subjects again"


def run_confidence(
    study: Study,
    settings: MatrixSettings,
    ctx: JobContext,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
    level: float = DEFAULT_LEVEL,
    pairs: Sequence[Pair] | None = None,
) -> Confidence:
    """Intervals of every cell's TAR at each target FAR, and of differences of cells on the same draws.

    Subjects are drawn with replacement, and the threshold is found again in every draw. Each model's map is held
    fixed: what the intervals leave out is that other fit images would have given another map. A cell's TARs in every
    draw are stored, so that a second run draws and scores nothing.

    Parameters
    ----------
    study : Study
        Open for writing; a read-only study gives what is computed without storing it.
    settings : MatrixSettings
    ctx : JobContext
        Progress and cancellation; each :class:`~canon_core.study.confidence_results.CellConfidence` is a partial
        result.
    resamples, seed : int
        Draws, and their seed (not that of the split into halves).
    level : float
        Of the intervals.
    pairs : sequence of (source, target), optional
        Cells to resample; all unless given. Of the others what is stored is read.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset, or name no such cell.
    StudyError
        When no model has embeddings.
    """
    start = time.perf_counter()
    work = _Resampling(study, ConfidenceSettings(settings, resamples, seed, level), ctx)
    work.read_stored()
    todo = work.todo(pairs)
    for done, pair in enumerate(todo):
        ctx.check()
        work.compute(*pair, _part_of(ctx, done * resamples, len(todo) * resamples))
        ctx.partial(work.confidence_of(pair))
    ctx.report(len(todo), len(todo), _WHAT)
    return work.result(time.perf_counter() - start)


def stored_confidence(
    study: Study,
    settings: MatrixSettings,
    ctx: JobContext | None = None,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
    level: float = DEFAULT_LEVEL,
    pairs: Sequence[Pair] | None = None,
) -> Confidence:
    """What is stored of them, without drawing or scoring anything; other cells are None.

    Where ``ctx`` is given models and images are looked at again first. With ``pairs`` only those cells are read.
    """
    work = _Resampling(study, ConfidenceSettings(settings, resamples, seed, level), ctx)
    work.read_stored(pairs)
    return work.result(0.0)


class _Resampling:
    """The cells of one matrix, and the draws they share."""

    def __init__(self, study: Study, settings: ConfidenceSettings, ctx: JobContext | None) -> None:
        check_resampling(settings.resamples, settings.level)
        self._study, self._settings = study, settings
        self._cells: Cells = open_cells(study, settings.matrix, ctx)
        self._draws: Draws | None = None
        self._weights: list[tuple[tuple[PairPlan, ...], Rates]] = []
        self._far = tuple(sorted(set(settings.matrix.far), reverse=True))  # whatever order they were asked for in
        self._matrix: dict[Pair, Cell | None] = {}
        self.found: dict[Pair, ResampledCell | None] = {}
        self.missing: Mapping[Pair, str] = {}

    def read_stored(self, pairs: Sequence[Pair] | None = None) -> None:
        """Read what is stored of every cell; of some, without their TARs, where nothing is to be computed."""
        if pairs is None:
            cells, self.missing = self._cells.stored(pairs)
            self._matrix = dict(cells)
        else:
            names, usable = self._settings.matrix.models, self._cells.usable
            self._matrix = {(source, target): None for source in names for target in names}
            reasons = {pair: usable.why_not(*pair, self._settings.matrix.map) for pair in self._matrix}
            self.missing = {pair: reason for pair, reason in reasons.items() if reason}
        for pair in self._matrix:
            left_out = pair in self.missing or (pairs is not None and pair not in pairs)
            kept = None if left_out else load_resampled(self._study.stored("results", self._key(pair)))
            self.found[pair] = None if kept is None else self._as_asked(kept)

    def todo(self, pairs: Sequence[Pair] | None) -> list[Pair]:
        """Cells that are asked for, can exist, and are not resampled yet."""
        for source, target in pairs or ():
            if (source, target) not in self.found:
                raise SettingsError(f"the matrix has no cell {source} → {target}", remedy="name two of its models")
        chosen = [pair for pair in (dict.fromkeys(pairs) if pairs else self.found) if pair not in self.missing]
        todo = [pair for pair in chosen if self.found[pair] is None]
        self._cells.expect(todo)
        return todo

    def compute(self, source: str, target: str, ctx: JobContext) -> None:
        """Score a cell, resample it, and store that."""
        pair = source, target
        cell = self._matrix[pair] or self._cells.compute(source, target, ctx.quiet())
        self._matrix[pair] = cell
        scored = self._cells.scored(source, target, ctx.quiet())
        if self._draws is None:
            names = self._cells.subject_names
            self._draws = draw_subjects(len(names), self._settings.resamples, self._settings.seed)
        tar = resampled_tar(scored, self._far, self._draws, weights=self._impostor_weights(scored, ctx), ctx=ctx)
        order = [self._settings.matrix.far.index(far) for far in self._far]
        points = {rule: tuple(cell.readings[rule][place].point for place in order) for rule in FarRule}
        kept = ResampledCell(
            points=points,
            tar=tar,
            evidence={rule: threshold_evidence(scored, points[rule], self._draws) for rule in FarRule},
        )
        if not self._study.read_only:
            folders = self._cells.usable.folders
            attributes = {
                "source": folders[source],
                "target": folders[target],
                "dataset": self._cells.usable.dataset.folder,
            }
            save_resampled(self._study.stored("results", self._key(pair)), kept, attributes)
        self.found[pair] = self._as_asked(kept)

    def confidence_of(self, pair: Pair) -> CellConfidence | None:
        """Intervals of a cell, None where it is not resampled."""
        kept = self.found[pair]
        if kept is None:
            return None
        return CellConfidence(self._cells.key(*pair), *pair, kept.intervals(self._settings.level))

    def result(self, seconds: float) -> Confidence:
        """Intervals of all cells that are resampled, and their differences."""
        cells = {pair: self.confidence_of(pair) for pair in self.found}
        cross = [pair for pair in cells if pair[0] != pair[1]]
        usable = self._cells.usable
        return Confidence(
            settings=self._settings,
            protocol=usable.dataset.protocol,
            dataset_title=usable.dataset.title,
            subjects=len(self._cells.subject_names),
            cells=cells,
            missing=self.missing,
            to_weaker={
                (source, target): self._differences(cells, (source, target), [(source, source), (target, target)])
                for source, target in cross
            },
            to_reverse={
                (source, target): self._differences(cells, (source, target), [(target, source)])
                for source, target in cross
            },
            seconds=seconds,
        )

    # -- private -----------------------------------------------------------------------------------------------------
    def _key(self, pair: Pair) -> str:
        return content_key(
            "resampled cell",
            cell=self._cells.key(*pair),
            resamples=self._settings.resamples,
            seed=self._settings.seed,
        )

    def _as_asked(self, kept: ResampledCell) -> ResampledCell:
        return kept.as_asked([self._far.index(far) for far in self._settings.matrix.far])

    def _impostor_weights(self, scored: Sequence[ScoredPairs], ctx: JobContext) -> Rates:
        """Of the plans alone, which cells share; single models may have others than cross-model cells."""
        plans = tuple(one.plan for one in scored)
        for known, weights in self._weights:
            if len(known) == len(plans) and all(one is other for one, other in zip(known, plans, strict=True)):
                return weights
        assert self._draws is not None
        weights = impostor_weights(scored, self._draws, ctx)
        self._weights = [*self._weights[-1:], (plans, weights)]
        return weights

    def _differences(
        self, cells: Mapping[Pair, CellConfidence | None], pair: Pair, others: Sequence[Pair]
    ) -> Differences:
        """The cell minus the weakest of the others, at every FAR and by both rules."""
        found: dict[FarRule, tuple[TarDifference | None, ...]] = {}
        for rule in FarRule:
            found[rule] = tuple(
                self._difference(cells, pair, others, rule, number)
                for number in range(len(self._settings.matrix.far))
            )
        return found

    def _difference(
        self,
        cells: Mapping[Pair, CellConfidence | None],
        pair: Pair,
        others: Sequence[Pair],
        rule: FarRule,
        number: int,
    ) -> TarDifference | None:
        def interval(of: Pair) -> TarInterval | None:
            cell = cells.get(of)
            return None if cell is None else cell.intervals[rule][number]

        def draws(of: Pair) -> Rates:
            kept = self.found[of]
            assert kept is not None
            return np.asarray(kept.tar[rule][number], np.float64)

        one = interval(pair)
        known = {other: found for other in others if (found := interval(other)) is not None}
        tars = [found.tar for found in (one, *known.values()) if found is not None]
        if one is None or len(known) < len(others) or not all(map(math.isfinite, tars)):
            return None
        other = min(known, key=lambda name: known[name].tar)
        low, high = difference_interval(one, known[other], draws(pair), draws(other), self._settings.level)
        return TarDifference(
            other=other,
            tar=one.tar - known[other].tar,
            low=low,
            high=high,
            few_decide=one.few_decide or known[other].few_decide,
            unresolved=one.unresolved or known[other].unresolved,
        )


def _part_of(ctx: JobContext, before: int, total: int) -> JobContext:
    """A context for one cell of several: cancelled with the job, its progress counted on top of the cells before."""

    def passed_on(event: Event) -> None:
        if isinstance(event, Progress):
            ctx.report(before + event.done, total, _WHAT)

    return ctx.step(passed_on)


def confidence_json(confidence: Confidence, rule: FarRule) -> dict[str, Any]:
    """What ``canon matrix --confidence`` adds to the document of the matrix.

    ``tar_low`` and ``tar_high`` have the shape of ``tar``: ``[source][target][far]``. ``differences`` holds
    ``to_weaker`` (a cross-model cell minus the weaker of its two single models) and ``to_reverse`` (A→B minus B→A),
    each with ``tar``, ``low`` and ``high`` of that shape. A missing cell and a number that is not finite are None;
    ``unresolved`` says where fewer than 30 impostor scores decide, ``few_decide`` where fewer than 100 do.
    """
    settings = confidence.settings
    names = settings.matrix.models

    def intervals(what: str) -> list[list[list[Any] | None]]:
        def of_cell(cell: CellConfidence | None) -> list[Any] | None:
            return None if cell is None else [_finite(getattr(one, what)) for one in cell.intervals[rule]]

        return [[of_cell(confidence.cells.get((source, target))) for target in names] for source in names]

    def differences(kind: Mapping[Pair, Differences]) -> dict[str, Any]:
        def table(what: str) -> list[list[list[Any] | None]]:
            def of_cell(found: Differences | None) -> list[Any] | None:
                if found is None:
                    return None
                return [None if one is None else _finite(getattr(one, what)) for one in found[rule]]

            return [[of_cell(kind.get((source, target))) for target in names] for source in names]

        return {what: table(what) for what in ("tar", "low", "high")}

    return {
        "tar_low": intervals("low"),
        "tar_high": intervals("high"),
        "few_decide": intervals("few_decide"),
        "unresolved": intervals("unresolved"),
        "differences": {
            "to_weaker": differences(confidence.to_weaker),
            "to_reverse": differences(confidence.to_reverse),
        },
        "confidence": {
            "level": settings.level,
            "resamples": settings.resamples,
            "seed": settings.seed,
            "subjects": confidence.subjects,
            "map": "held fixed",
            "seconds": confidence.seconds,
        },
    }


def with_cell(confidence: Confidence, cell: CellConfidence) -> Confidence:
    """The result with one more cell, as a window shows it while cells arrive; differences come with the whole."""
    return replace(confidence, cells={**confidence.cells, (cell.source, cell.target): cell})


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
