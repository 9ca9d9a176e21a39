"""What is measured of a map on single images: thresholds of a cell, and how impostor pairs of images score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.errors import CanonError, StudyError
from canon_core.experiments.cells import Cells, open_cells
from canon_core.experiments.image_cells import ImageCells
from canon_core.experiments.template_cells import TemplateCells
from canon_core.experiments.usable import subject_half
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows
from canon_core.store.embeddings import read_embeddings
from canon_core.study.results import FEW_FALSE_ACCEPTS, Cell, Features, FitMode, MatrixSettings, far_text
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule, accepts

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
#: Images whose impostor pairs are looked at: half a million pairs settle a percentile to a thousandth.
_SAMPLED: Final = 800


@dataclass(frozen=True)
class Decision:
    """Whether a score is accepted at the threshold of a cell.

    Attributes
    ----------
    far : float
        Target FAR.
    threshold : float
    accepted : bool
    few : bool
        Whether fewer than 30 impostor pairs settle the threshold.
    """

    far: float
    threshold: float
    accepted: bool
    few: bool


@dataclass(frozen=True)
class DecidedScore:
    """A similarity with what is known of such similarities.

    Attributes
    ----------
    score : float
    percentile : float or None
        Percent of impostor pairs of images that score lower; None where there are none.
    impostors : int
        Pairs that the percentile was taken from.
    decisions : tuple of Decision
        Empty where no image-level cell was scored.
    note : str
        What was done to be able to compare.
    """

    score: float
    percentile: float | None
    impostors: int
    decisions: tuple[Decision, ...]
    note: str = ""


class ImageMeasure:
    """A map between two models, for single images.

    Attributes
    ----------
    basis : str
        Where the thresholds come from, or why there are none.
    """

    def __init__(
        self,
        study: Study,
        cells: Cells,
        source: str,
        target: str,
        rule: FarRule,
        far: Sequence[float],
        mode: FitMode,
        seed: int,
        kind: MapKind,
    ) -> None:
        self._study, self._cells, self._source, self._target = study, cells, source, target
        self._kind, self._mode, self._seed = kind, mode, seed
        self._rule, self._far = rule, tuple(far)
        self._maps: list[FittedMap] | None = None
        self._samples: dict[tuple[int, bool], Float32] = {}
        self._cell, self._raw_cell, self.basis = self._thresholds()

    @property
    def _maps_there(self) -> bool:
        return self._source != self._target and self._kind is not MapKind.NONE

    def _thresholds(self) -> tuple[Cell | None, Cell | None, str]:
        name = self._cells.usable.dataset.name
        if isinstance(self._cells, TemplateCells):
            return None, None, (
                f"'{name}' compares templates: a threshold of templates does not hold for single images, so there is"
                " none. Add a folder of faces and compute its matrix at the same map and fit to have one."
            )
        cell = self._cells.stored_cell(self._source, self._target)
        raw = None
        if self._maps_there:
            settings = replace(self._cells.settings, map=MapKind.NONE)
            cells = open_cells(self._study, settings)
            if not cells.usable.why_not(self._source, self._target, MapKind.NONE):
                raw = cells.stored_cell(self._source, self._target)
        else:
            raw = cell
        title = self._source if self._source == self._target else f"{self._source} → {self._target}"
        if not set(self._far) & set(self._cells.settings.far):
            fars = " or ".join(far_text(far) for far in self._far)
            return None, None, f"the matrix is not read at a FAR of {fars}, so there is no threshold"
        if cell is None:
            here = "" if raw is None else " through the map (without it there is one)"
            return None, raw, (
                f"{title} is not scored on single images of '{name}' at these settings, so there is no"
                f" threshold{here}. Compute the matrix to have one."
            )
        return cell, raw, (
            f"thresholds: image-level cell {title} of {self._cells.usable.dataset.title}"
            + (f", map {self._kind}" if self._maps_there else "")
            + f", fit {self._mode}, FAR rule {self._rule}"
        )

    # -- the map -------------------------------------------------------------------------------------------------
    def pool_of(self, rows: Sequence[int], dataset: str) -> tuple[int, bool]:
        """Half of the subjects whose map serves images of a dataset, and whether its fit saw the subject of any.

        It is their own half where they are of one, else the first; its map was fitted on the other half.
        """
        known = dataset == self._cells.usable.dataset.name
        if self._mode is not FitMode.DISJOINT:
            return 0, known and bool(rows)
        faces = self._cells.usable.faces
        halves = {subject_half(faces.subjects[row], self._seed) for row in rows} if known else set()
        return (halves.pop(), False) if len(halves) == 1 else (0, len(halves) > 1)

    def mapped(self, embedding: Float32, pool: int, ctx: JobContext) -> Float32:
        """(d_target,) an embedding of the source through the map; itself without one."""
        if not self._maps_there:
            return embedding
        mapped: Float32 = self._map(pool, ctx).apply(embedding[None])[0]
        return mapped

    def map_words(self, pool: int, ctx: JobContext, *, seen: bool = False) -> str:
        """Which map it is, and what it was fitted on; ``seen`` says that a face of the comparison was among it."""
        if not self._maps_there:
            return "no map: both are compared as they are"
        mapping = self._map(pool, ctx)
        what = "enrolment images" if isinstance(self._cells, TemplateCells) else "images"
        name = self._cells.usable.dataset.name
        if self._mode is FitMode.DISJOINT:
            on = f"the {mapping.pairs:,} {what} of one half of the subjects of {name}"
        else:
            on = f"all {mapping.pairs:,} {what} of {name}"
        return f"{self._kind} map, fitted on {on}" + (", the subject of a face shown here among them" if seen else "")

    def _map(self, pool: int, ctx: JobContext) -> FittedMap:
        if self._maps is None:
            self._maps = self._cells.maps(self._source, self._target, ctx.quiet())
        return self._maps[pool]

    # -- scores --------------------------------------------------------------------------------------------------
    def decide(self, first: Float32, second: Float32, pool: int, ctx: JobContext, *, raw: bool) -> DecidedScore:
        """The similarity of two embeddings, and what is known of such: raw ones, or with the first mapped."""
        shared = min(first.size, second.size)
        score = float(first[:shared] @ second[:shared])
        note = (
            ""
            if first.size == second.size
            else f"{first.size} and {second.size} dimensions: zeros are put behind the shorter"
        )
        impostors = self._impostors(pool, raw, ctx)
        percentile = None
        if impostors.size:
            percentile = 100 * int(np.searchsorted(impostors, np.float32(score))) / impostors.size
        cell = self._raw_cell if raw else self._cell
        return DecidedScore(score, percentile, impostors.size, self._decisions(cell, score), note)

    def _decisions(self, cell: Cell | None, score: float) -> tuple[Decision, ...]:
        if cell is None:
            return ()
        known = self._cells.settings.far
        points = [cell.readings[self._rule][known.index(far)].point for far in self._far if far in known]
        return tuple(
            Decision(
                point.target,
                point.threshold,
                accepts(score, point.threshold),
                point.false_accepts < FEW_FALSE_ACCEPTS,
            )
            for point in points
        )

    def _impostors(self, pool: int, raw: bool, ctx: JobContext) -> Float32:
        """Ascending scores of pairs of images of different subjects, outside the map's fit where it is held out."""
        raw = raw or not self._maps_there
        if (pool, raw) not in self._samples:
            ctx.check()
            rows = self._outside(pool)
            if len(rows) > _SAMPLED:
                rows = np.sort(np.random.default_rng(0).choice(rows, _SAMPLED, replace=False))
            source, target = (self._unit(name, rows) for name in (self._source, self._target))
            if not raw:
                source = self._map(pool, ctx).apply(source)
            shared = min(source.shape[1], target.shape[1])
            scores = source[:, :shared] @ target[:, :shared].T
            codes = self._cells.usable.faces.subject_codes[rows]
            impostor = codes[:, None] != codes[None, :]
            if self._source == self._target:  # each pair once: the other way round it has the same score
                impostor = np.triu(impostor)
            self._samples[pool, raw] = np.sort(scores[impostor])
        return self._samples[pool, raw]

    def _outside(self, pool: int) -> Rows:
        if isinstance(self._cells, TemplateCells):
            return self._cells.halves[pool].outside
        assert isinstance(self._cells, ImageCells)
        return self._cells.pool_rows(pool)

    def _unit(self, model: str, rows: Rows) -> Float32:
        stored = read_embeddings(self._cells.usable.paths[model], rows)
        flat = stored[:, 0] if stored.ndim == 3 else stored
        return unit_rows(flat).astype(np.float32, copy=False)


def find_measure(
    study: Study,
    settings: MatrixSettings,
    source: str,
    target: str,
    rule: FarRule,
    far: Sequence[float],
    ctx: JobContext,
) -> ImageMeasure:
    """A map between two models, measured on single images where the study has any that both embedded.

    The settings' own dataset is taken where it compares single images; else another one that does, scored at the same
    fit mode; else the settings' dataset, whose templates give a map but no threshold.

    Raises
    ------
    StudyError
        When no dataset was embedded with both models.
    """
    names = [settings.dataset, *(entry.name for entry in study.datasets if entry.name != settings.dataset)]
    single = [name for name in names if not study.dataset(name).has_templates]
    image_mode = settings.mode in (FitMode.DISJOINT, FitMode.IN_SAMPLE)
    wanted = [*(single if image_mode else []), *(name for name in names if name not in single)]
    fault: CanonError | None = None
    for name in wanted:
        ctx.check()
        both = all(study.embedding_state(model, name).complete for model in (source, target))
        others = tuple(one for one in dict.fromkeys((source, target)) if one not in settings.models)
        asked = replace(settings, dataset=name, models=(*settings.models, *others))
        if name in single:
            asked = replace(asked, features=Features.PAPER)
        if not both or (name not in single and settings.mode is FitMode.IN_SAMPLE):
            continue
        try:
            cells = open_cells(study, asked)
            return ImageMeasure(study, cells, source, target, rule, far, asked.mode, asked.seed, asked.map)
        except CanonError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    raise StudyError(
        f"no dataset is embedded with both '{source}' and '{target}', so there is no map between them",
        path=study.path,
        remedy="embed a dataset with both, or import their embeddings",
    )
