"""How many image pairs a map needs (paper Figures 4 and 9): every cell again with maps fitted on random subsets."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from canon_core.errors import SettingsError
from canon_core.experiments.cell_base import Cells, Rows
from canon_core.experiments.cells import open_cells
from canon_core.jobs import JobContext
from canon_core.maps.fit import SourceFit
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.study.keys import content_key
from canon_core.study.results import DEFAULT_FAR, Cell, MatrixSettings, stands_beside
from canon_core.study.sensitivity_results import (
    Pair,
    Points,
    Sensitivity,
    SensitivityCell,
    SensitivitySettings,
    load_sensitivity_cell,
    models_of,
    save_sensitivity_cell,
)
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

#: Fit pairs of the smallest step unless others are asked for.
_FIRST_STEP: Final = 32
_STREAM: Final = 0x5E


def run_sensitivity(study: Study, settings: SensitivitySettings, ctx: JobContext) -> Sensitivity:
    """TAR of every cross-model cell against the number of image pairs that its map is fitted on.

    The subsets are drawn without replacement from each half's fit images, from the seed, the size and the repetition:
    the same for every cell of a repetition. Cells are stored one by one, and what is stored is read. Whatever FARs are
    asked for, cells are read at the paper's too, so that another one of them needs no second computation.

    Parameters
    ----------
    ctx : JobContext
        Progress and cancellation; each :class:`SensitivityCell` is a partial result.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset, or a step has more pairs than there are.
    StudyError
        When no model has embeddings.
    """
    start = time.perf_counter()
    work = _Work(study, settings, ctx)
    cells, missing = work.stored()
    todo = [pair for pair, cell in cells.items() if cell is None and pair not in missing]
    total = len(cells) - len(missing)
    what = f"fitting {settings.map} maps on fewer pairs"
    ctx.report(total - len(todo), total, what)
    for done, (source, target) in enumerate(todo, total - len(todo)):
        cell = work.compute(source, target, ctx)
        cells[source, target] = cell
        ctx.partial(cell)
        ctx.report(done + 1, total, what)
    single = {name: work.single(name, ctx) for name in settings.models if name not in work.cells.usable.missing}
    return work.result(cells, missing, single, time.perf_counter() - start)


def stored_sensitivity(study: Study, settings: SensitivitySettings) -> Sensitivity:
    """What is stored of it, without fitting or scoring anything; other cells are None, other single models left out.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset, or a step has more pairs than there are.
    StudyError
        When no model has embeddings.
    """
    work = _Work(study, settings, None)
    cells, missing = work.stored()
    single = {name: work.stored_single(name) for name in work.cells.usable.models}
    there = {name: points for name, points in single.items() if points is not None}
    return work.result(cells, missing, there, 0.0)


class _Work:
    """Steps, keys, and the work, of one sensitivity."""

    def __init__(self, study: Study, settings: SensitivitySettings, ctx: JobContext | None) -> None:
        if settings.map is MapKind.NONE:
            raise SettingsError("raw embeddings need no fit", remedy="use --map rotation or --map linear")
        if settings.repeats < 1:
            raise SettingsError(f"{settings.repeats} repetitions draw nothing", remedy="give --repeats 1 or more")
        if not settings.far:
            raise SettingsError("no FAR to read", remedy="give e.g. --far 1e-2,1e-3")
        self._study, self._settings = study, settings
        # With the paper's FARs cells share their keys with the matrix's, whose single models are read.
        self._far = tuple(sorted({*DEFAULT_FAR, *settings.far}, reverse=True))
        matrix = MatrixSettings(
            dataset=settings.dataset,
            models=settings.models,
            map=settings.map,
            mode=settings.mode,
            features=settings.features,
            far=self._far,
            seed=settings.seed,
        )
        self.cells: Cells = open_cells(study, matrix, ctx)
        self._sizes = self.cells.fit_sizes
        self.steps = _steps(settings, min(self._sizes))
        self._subsets: dict[tuple[int, int], list[Rows]] = {}
        self._fits: tuple[str, dict[tuple[int, int], list[SourceFit]]] = ("", {})

    def stored(self) -> tuple[dict[Pair, SensitivityCell | None], dict[Pair, str]]:
        """Every cross-model cell with its stored points where all are there, and why some cannot exist."""
        names = self._settings.models
        cells: dict[Pair, SensitivityCell | None] = {}
        missing: dict[Pair, str] = {}
        for source in names:
            for target in names:
                if source == target:
                    continue
                cells[source, target] = None
                reason = self.cells.usable.why_not(source, target, self._settings.map)
                if reason:
                    missing[source, target] = reason
                    continue
                known = load_sensitivity_cell(self._path(source, target))
                if all(step in known for step in self._wanted()):
                    cells[source, target] = self._cell(source, target, known)
        return cells, missing

    def compute(self, source: str, target: str, ctx: JobContext) -> SensitivityCell:
        """Fit and score the steps of a cell that are not known; what is done is stored even where it is cancelled."""
        path = self._path(source, target)
        known = load_sensitivity_cell(path)
        before = len(known)
        try:
            for step in self._wanted():
                if step not in known:
                    ctx.check()
                    maps = self._maps(source, target, step, ctx)
                    scores = self.cells.measure_through(source, target, maps, ctx)
                    known[step] = {rule: scores.points[rule] for rule in FarRule}
        finally:
            if len(known) > before and not self._study.read_only:
                folders = self.cells.usable.folders
                attributes = {"source": folders[source], "target": folders[target]}
                attributes["dataset"] = self.cells.usable.dataset.folder
                save_sensitivity_cell(path, known, attributes)
        return self._cell(source, target, known)

    def single(self, model: str, ctx: JobContext) -> Points:
        """A model by itself, read where the matrix has it."""
        return self._as_asked_of(self.cells.stored_cell(model, model) or self.cells.compute(model, model, ctx))

    def stored_single(self, model: str) -> Points | None:
        """A model by itself where the matrix has it."""
        cell = self.cells.stored_cell(model, model)
        return None if cell is None else self._as_asked_of(cell)

    def result(
        self,
        cells: Mapping[Pair, SensitivityCell | None],
        missing: Mapping[Pair, str],
        single: Mapping[str, Points],
        seconds: float,
    ) -> Sensitivity:
        """All of it, with what is known of the steps."""
        usable = self.cells.usable
        return Sensitivity(
            settings=self._settings,
            protocol=usable.dataset.protocol,
            dataset_title=usable.dataset.title,
            pairs=tuple(pairs for pairs, _ in self.steps),
            repeats=tuple(repeats for _, repeats in self.steps),
            cells=cells,
            single=single,
            missing=missing,
            dimensions=usable.dimensions,
            available=min(self._sizes),
            seconds=seconds,
        )

    def _as_asked_of(self, cell: Cell) -> Points:
        return {rule: tuple(cell.readings[rule][place].point for place in self._places) for rule in FarRule}

    @property
    def _places(self) -> list[int]:
        """Where the FARs that were asked for stand among those that are kept."""
        return [self._far.index(far) for far in self._settings.far]

    def _wanted(self) -> list[tuple[int, int]]:
        return [(pairs, repeat) for pairs, repeats in self.steps for repeat in range(repeats)]

    def _maps(self, source: str, target: str, step: tuple[int, int], ctx: JobContext) -> list[FittedMap]:
        if self._fits[0] != source:
            self._fits = (source, {})
        fits = self._fits[1]
        subsets = self._drawn(step)
        if step not in fits:
            fits[step] = [
                SourceFit(self.cells.fit_embeddings(source, half, ctx)[rows]) for half, rows in enumerate(subsets)
            ]
        return [
            fit.fit(self._settings.map, self.cells.fit_embeddings(target, half, ctx)[self._partners(step, half, rows)])
            for half, (fit, rows) in enumerate(zip(fits[step], subsets, strict=True))
        ]

    def _partners(self, step: tuple[int, int], half: int, rows: Rows) -> Rows:
        """The target's image for each of the source's: the same one, or where shuffled never the same one."""
        if not self._settings.shuffled:
            return rows
        rng = np.random.default_rng([_STREAM, self._settings.seed, *step, half, 1])
        order = rng.permutation(len(rows))
        partners = np.empty_like(rows)
        partners[order] = rows[np.roll(order, 1)]  # one cycle through all: nothing stays in its place
        return partners

    def _drawn(self, step: tuple[int, int]) -> list[Rows]:
        """Positions among each half's fit images, ascending."""
        if step not in self._subsets:
            pairs, repeat = step
            everything = pairs >= min(self._sizes)
            found = []
            for half, size in enumerate(self._sizes):
                if everything:
                    found.append(np.arange(size))
                    continue
                rng = np.random.default_rng([_STREAM, self._settings.seed, pairs, repeat, half])
                found.append(np.sort(rng.choice(size, pairs, replace=False)))
            self._subsets[step] = found
        return self._subsets[step]

    def _cell(self, source: str, target: str, known: dict[tuple[int, int], Points]) -> SensitivityCell:
        """The cell with its FARs in the order asked for."""
        points = {
            step: {rule: tuple(known[step][rule][place] for place in self._places) for rule in FarRule}
            for step in self._wanted()
        }
        return SensitivityCell(self._key(source, target), source, target, points)

    def _key(self, source: str, target: str) -> str:
        control = {"shuffled": True} if self._settings.shuffled else {}
        return content_key("sensitivity", cell=self.cells.key(source, target), seed=self._settings.seed, **control)

    def _path(self, source: str, target: str) -> Path:
        return self._study.stored("results", self._key(source, target))


def _steps(settings: SensitivitySettings, available: int) -> tuple[tuple[int, int], ...]:
    """Fit pairs and repetitions of each step, ascending; all pairs are drawn once."""
    if settings.pairs:
        sizes = sorted({available if pairs == 0 else pairs for pairs in settings.pairs})
        for pairs in sizes:
            if not 2 <= pairs <= available:
                raise SettingsError(
                    f"{pairs:,} fit pairs cannot be drawn: there are {available:,}"
                    + (" in the smaller half" if settings.mode.value == "disjoint" else ""),
                    remedy=f"give --pairs between 2 and {available:,}, or 0 for all",
                )
    else:
        sizes = []
        size = _FIRST_STEP
        while size < available:
            sizes.append(size)
            size *= 2
        sizes.append(available)
    return tuple((pairs, 1 if pairs == available else settings.repeats) for pairs in sizes)


def sensitivity_json(
    result: Sensitivity, rule: FarRule, among: Collection[Pair] | None = None
) -> dict[str, Any]:
    """Sensitivity as ``canon sensitivity --json`` prints it (house plan, The command line).

    ``tar`` is ``[n][repeat][far]``, the mean over the cells that ``among`` names (source, target), where null over all
    off the diagonal without the models that ``beside`` names; ``single`` is over the same models; ``cells`` is
    ``[n][repeat][s][t][far]`` with null on the diagonal.
    """
    settings = result.settings
    names = settings.models

    def row(step: int, repeat: int, source: str, target: str) -> list[float | None] | None:
        if source == target or result.cells.get((source, target)) is None:
            return None
        return [result.tar(source, target, step, repeat, far, rule) for far in settings.far]

    def table(step: int, repeat: int) -> list[list[list[float | None] | None]]:
        return [[row(step, repeat, source, target) for target in names] for source in names]

    steps = tuple(enumerate(result.repeats))
    return {
        "dataset": settings.dataset,
        "protocol": result.protocol,
        "map": str(settings.map),
        "mode": str(settings.mode),
        "features": str(settings.features),
        "far_rule": str(rule),
        "seed": settings.seed,
        "shuffled": settings.shuffled,
        "models": list(names),
        "among": None if among is None else [list(pair) for pair in among],
        "beside": [name for name in names if stands_beside(name)],
        "pairs": list(result.pairs),
        "far": list(settings.far),
        "tar": [
            [[result.mean(step, repeat, far, rule, among) for far in settings.far] for repeat in range(repeats)]
            for step, repeats in steps
        ],
        "cells": [[table(step, repeat) for repeat in range(repeats)] for step, repeats in steps],
        "single": [result.single_mean(far, rule, models_of(among)) for far in settings.far],
        "missing": [
            {"source": source, "target": target, "reason": reason}
            for (source, target), reason in result.missing.items()
        ],
        "seconds": result.seconds,
    }

