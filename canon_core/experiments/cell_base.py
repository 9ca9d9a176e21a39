"""What the cells of every kind of protocol share: content keys, stored results and maps."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from canon_core.errors import SettingsError
from canon_core.experiments.usable import UsableEmbeddings
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.maps.residual import Residual
from canon_core.study.cells import load_cell, save_cell
from canon_core.study.keys import content_key
from canon_core.study.map_files import load_map, save_map
from canon_core.study.results import Cell, Features, Fit, FitMode, MatrixSettings, Reading
from canon_core.study.study import Study
from canon_core.verification.all_pairs import PairScores
from canon_core.verification.roc import FarRule
from canon_core.verification.score_histogram import ScoreHistogram
from canon_core.verification.template_scores import ScoredPairs

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Measured:
    """What scoring a cell gives; ``histogram`` is None where scores are not kept, ``cancelled`` are templates left out
    with their pairs because they are of zeros."""

    scores: PairScores
    fits: tuple[Fit, ...]
    histogram: ScoreHistogram | None = None
    cancelled: int = 0


class Cells(ABC):
    """Keys, and the work, of the cells of one matrix.

    Attributes
    ----------
    usable : UsableEmbeddings
        Models, and images, that count.
    """

    def __init__(self, study: Study, settings: MatrixSettings, usable: UsableEmbeddings) -> None:
        self.usable = usable
        self._study = study
        self._settings = settings
        self._disjoint = settings.mode is FitMode.DISJOINT
        # Whatever order FARs were asked for in, it is the same cell; its readings are kept from the highest down.
        self._far = tuple(sorted(set(settings.far), reverse=True))
        self._expected: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> MatrixSettings:
        """What the cells were opened with."""
        return self._settings

    @property
    @abstractmethod
    def subject_names(self) -> Sequence[str]:
        """By code, as subjects are coded in scored pairs."""

    def stored(
        self, pairs: Collection[tuple[str, str]] | None = None
    ) -> tuple[dict[tuple[str, str], Cell | None], dict[tuple[str, str], str]]:
        """Every cell with its stored result (with ``pairs``: of others None), and why some cannot exist. The diagonal
        comes first."""
        names = self._settings.models
        order = [(name, name) for name in names] + [(s, t) for s in names for t in names if s != t]
        cells: dict[tuple[str, str], Cell | None] = {}
        missing = {}
        for source, target in order:
            cells[source, target] = None
            reason = self.usable.why_not(source, target, self._settings.map)
            if reason:
                missing[source, target] = reason
            elif pairs is None or (source, target) in pairs:
                cells[source, target] = self.stored_cell(source, target)
        return cells, missing

    def stored_cell(self, source: str, target: str) -> Cell | None:
        """A cell's stored result, None where there is none."""
        path = self._study.stored("results", self.key(source, target))
        return self._as_asked(load_cell(path, source, target))

    def expect(self, pairs: Collection[tuple[str, str]]) -> None:
        """Say which cells will be asked for, in the order of ``stored``: what they share is then worked out once."""
        self._expected = tuple(pairs)

    def compute(self, source: str, target: str, ctx: JobContext) -> Cell:
        """Fit and score one cell, and store it.

        Raises
        ------
        SettingsError
            When the dataset cannot be scored with the settings.
        Cancelled
        """
        start = time.perf_counter()
        measured = self.measure(source, target, ctx)
        if measured.cancelled:
            ctx.log(
                f"{source} → {target}: the images of {measured.cancelled:,} templates cancel out, so these were left "
                "out with their pairs",
                logging.WARNING,
            )
        cell = self._cell(source, target, measured, time.perf_counter() - start)
        if not self._study.read_only:
            path = self._study.stored("results", cell.key)
            save_cell(path, cell, measured.scores.roc, self._folders(source, target), measured.histogram)
        asked = self._as_asked(cell)
        assert asked is not None
        return asked

    @abstractmethod
    def measure(self, source: str, target: str, ctx: JobContext) -> Measured:
        """Fit and score one cell."""

    @abstractmethod
    def scored(self, source: str, target: str, ctx: JobContext) -> list[ScoredPairs]:
        """Every score of a cell, one entry a pool (one, or one a half of the subjects).

        Raises
        ------
        SettingsError
            When there are too many pairs to list.
        Cancelled
        """

    @abstractmethod
    def measure_through(
        self, source: str, target: str, maps: Sequence[FittedMap], ctx: JobContext
    ) -> PairScores:
        """Score a cell through maps that were fitted elsewhere, one a half; nothing is stored."""

    @abstractmethod
    def maps(self, source: str, target: str, ctx: JobContext) -> list[FittedMap]:
        """The map of each pool, read or fitted and stored: with ``disjoint`` map 0 is fitted on half 1, and 1 on 0."""

    @abstractmethod
    def fit_embeddings(self, model: str, half: int, ctx: JobContext) -> Float32:
        """(n, d) embeddings of the images that the map of a half is fitted on, in an order that all models share."""

    @property
    @abstractmethod
    def fit_sizes(self) -> tuple[int, ...]:
        """Images that the map of each half is fitted on."""

    @abstractmethod
    def fitted_on(self, half: int) -> str:
        """Which images the map of a half is fitted on, as it stands in its key."""

    @abstractmethod
    def protocol_key(self, single: bool) -> dict[str, Any]:
        """What a cell's key holds beside embeddings, map and FARs."""

    def key(self, source: str, target: str) -> str:
        """Content key of a cell."""
        single = source == target
        return content_key(
            "cell",
            single=single,
            source=self.usable.keys[source],
            target=self.usable.keys[target],
            map=None if single else str(self._settings.map),
            features=str(self._settings.features),
            far=list(self._far),
            left_out=self.usable.left_out_digest,
            **self.protocol_key(single),
        )

    def map_key(self, source: str, target: str, half: int) -> str:
        """Content key of the map that is scored on a half."""
        return content_key(
            "map",
            source=self.usable.keys[source],
            target=self.usable.keys[target],
            map=str(self._settings.map),
            fitted_on=self.fitted_on(half),
            left_out=self.usable.left_out_digest,
        )

    # -- for the kinds of cells ----------------------------------------------------------------------------------
    def _stored_map(self, source: str, target: str, half: int) -> FittedMap | None:
        return load_map(self._map_path(source, target, half))

    def _store_map(self, source: str, target: str, half: int, mapping: FittedMap) -> None:
        if not self._study.read_only:
            save_map(self._map_path(source, target, half), mapping, self._folders(source, target))

    def _map_path(self, source: str, target: str, half: int) -> Path:
        return self._study.stored("maps", self.map_key(source, target, half))

    def _fit(self, source: str, target: str, half: int, mapping: FittedMap, quality: Residual) -> Fit:
        return Fit(
            key=self.map_key(source, target, half),
            pairs=mapping.pairs,
            dimensions=self.usable.dimensions[source],
            rank=mapping.rank,
            condition=mapping.condition,
            singular_values=tuple(float(value) for value in mapping.singular_values),
            residual=quality.cosine,
            r2=quality.r2,
            residual_pairs=quality.pairs,
            held_out=self._disjoint,
        )

    def _folders(self, source: str, target: str) -> dict[str, str]:
        folders = self.usable.folders
        return {"source": folders[source], "target": folders[target], "dataset": self.usable.dataset.folder}

    def _as_asked(self, cell: Cell | None) -> Cell | None:
        """A cell with its readings in the order of the settings' FARs."""
        if cell is None or self._far == self._settings.far:
            return cell
        places = [self._far.index(far) for far in self._settings.far]
        readings = {rule: tuple(kept[place] for place in places) for rule, kept in cell.readings.items()}
        return replace(cell, readings=readings)

    def _cell(self, source: str, target: str, measured: Measured, seconds: float) -> Cell:
        scores = measured.scores
        readings = {}
        for rule in FarRule:
            readings[rule] = tuple(
                Reading(
                    point=point,
                    subject_tar=scores.subject_tar[rule][position],
                    halves=tuple(part[rule][position] for part in scores.parts) if len(scores.parts) > 1 else (),
                )
                for position, point in enumerate(scores.points[rule])
            )
        code = scores.largest_subject
        return Cell(
            key=self.key(source, target),
            source=source,
            target=target,
            readings=readings,
            genuine=scores.roc.genuine,
            impostors=scores.roc.impostors,
            auc=scores.roc.auc,
            eer=scores.roc.eer,
            largest_subject=self.subject_names[code] if code >= 0 else "",
            largest_subject_share=scores.largest_subject_share,
            fits=measured.fits,
            left_out=len(self.usable.left_out),
            seconds=seconds,
            cancelled=measured.cancelled,
        )


def check_settings(study: Study, settings: MatrixSettings) -> None:
    """Refuse settings that the dataset cannot have.

    Raises
    ------
    SettingsError
        Naming the setting and what to use instead.
    StudyError
        When there is no such dataset.
    """
    templates = study.dataset(settings.dataset).has_templates
    if not templates and settings.mode in (FitMode.AUTHORS, FitMode.REVERSED):
        raise SettingsError(
            f"fit mode '{settings.mode}' needs templates, and '{settings.dataset}' compares single images",
            remedy="use --mode disjoint or --mode in-sample",
        )
    if templates and settings.mode is FitMode.IN_SAMPLE:
        raise SettingsError(
            f"fit mode '{settings.mode}' is for single images, and '{settings.dataset}' compares templates",
            remedy="use --mode disjoint, authors or reversed",
        )
    if not templates and settings.features is not Features.PAPER:
        raise SettingsError(
            f"features '{settings.features}' need templates, and '{settings.dataset}' compares single images",
            remedy="leave --features out: single images are normalised, nothing else",
        )
    if not settings.far or any(not 0 < far <= 1 for far in settings.far):
        raise SettingsError("a FAR target lies above 0 and is at most 1", remedy="give e.g. --far 1e-2,1e-3")
    if len(set(settings.models)) != len(settings.models):
        raise SettingsError("a model is named twice", remedy="name each model once")
