"""Cells of template protocols (IJB): templates against templates, by a list of pairs (house plan, Protocols)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from canon_core.datasets.template_protocol import UNKNOWN, VerificationProtocol
from canon_core.errors import Cancelled, CanonError, SettingsError, StudyError
from canon_core.experiments.cell_base import Cells, Float32, Measured, Rows
from canon_core.experiments.template_reader import TemplateReader
from canon_core.experiments.usable import UsableEmbeddings, subject_half
from canon_core.jobs import JobContext
from canon_core.maps.fit_set import FitSet
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.maps.residual import residual
from canon_core.models.gpu_product import DeviceProduct, gpu
from canon_core.study.results import Features, FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.all_pairs import PairScores
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.template_rows import TemplateRows, template_rows
from canon_core.verification.template_scores import (
    Device,
    ScoredPairs,
    score_pairs,
    template_scores,
    without_cancelled,
)
from canon_core.verification.templates import (
    INSIGHTFACE_FEATURES,
    PAPER_FEATURES,
    TemplateFeatures,
    TemplateSet,
    aggregates_first,
)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Half:
    """One pool of pairs.

    Attributes
    ----------
    pairs : (k,) int64 or slice
        Which pairs of the protocol; a slice of all where none is left out.
    plan : PairPlan
        Its first templates go through the source and the map.
    fitted : (n,) int64, ascending
        Rows of the images that the map scored on it is fitted on.
    outside : (m,) int64, ascending
        Rows of the images that the map's quality is measured on: outside its fit with ``disjoint``, else those in it.
    """

    pairs: Rows | slice
    plan: PairPlan
    fitted: Rows
    outside: Rows


class TemplateCells(Cells):
    """Cells of a template protocol.

    Attributes
    ----------
    halves : tuple of Half
        The pools: one, or one a half of the subjects.
    features : TemplateFeatures
    """

    def __init__(self, study: Study, settings: MatrixSettings, usable: UsableEmbeddings) -> None:
        super().__init__(study, settings, usable)
        self.features: TemplateFeatures = (
            PAPER_FEATURES if settings.features is Features.PAPER else INSIGHTFACE_FEATURES
        )
        self._halves: tuple[Half, ...] | None = None
        self._maps: dict[tuple[str, str], list[FittedMap]] = {}
        self._mapped: dict[tuple[str, str], list[Float32]] = {}

    # -- what is compared ----------------------------------------------------------------------------------------
    @cached_property
    def _protocol(self) -> VerificationProtocol:
        protocols = self._study.templates(self._settings.dataset)
        if protocols is None:
            raise StudyError(f"'{self._settings.dataset}' compares no templates", path=self._study.path)
        return protocols.verification

    @cached_property
    def _coded(self) -> tuple[Rows, tuple[str, ...]]:
        return _subjects(self._protocol.subjects, self._protocol.template_ids)

    @property
    def codes(self) -> Rows:
        """(t,) code of each template's subject."""
        return self._coded[0]

    @property
    def subject_names(self) -> Sequence[str]:
        """Subjects by code."""
        return self._coded[1]

    @cached_property
    def _half_of(self) -> npt.NDArray[np.int8]:
        """Half of each subject; −1 where nobody knows whose a template is: it might be anybody's of the fitted half."""
        halves = np.array([subject_half(name, self._settings.seed) for name in self.subject_names], np.int8)
        halves[self.codes[self._protocol.subjects == UNKNOWN]] = -1
        return halves

    @cached_property
    def rows(self) -> TemplateRows:
        """Which usable images make which template; not worked out where stored cells are only looked up."""
        protocol, scores, kept = self._protocol, self.usable.faces.scores, self.usable.rows
        return template_rows(
            protocol.template[kept],
            protocol.media[kept],
            None if scores is None else scores[kept],
            images=kept,
            ids=np.arange(protocol.templates),
        )

    @cached_property
    def _reader(self) -> TemplateReader:
        return TemplateReader(self.rows, self.features, self.usable)

    @property
    def halves(self) -> tuple[Half, ...]:
        """The pools of pairs.

        Raises
        ------
        SettingsError
            When there is no pair to score, or no image to fit a map on.
        """
        if self._halves is None:
            self._halves = tuple(self._half(number) for number in range(2 if self._disjoint else 1))
        return self._halves

    @property
    def plans(self) -> list[PairPlan]:
        """The plan of each pool."""
        return [half.plan for half in self.halves]

    def pair_ids(self, pool: int) -> tuple[Rows, Rows, Bools]:
        """Template ids of p1 and p2 of each pair of a pool, and whether it is genuine, in the order of
        :meth:`ScoredPairs.in_order`."""
        protocol, pairs = self._protocol, self.halves[pool].pairs
        ids = protocol.template_ids
        return ids[protocol.p1[pairs]], ids[protocol.p2[pairs]], protocol.genuine[pairs]

    def fitted_rows(self, half: int | None) -> Rows:
        """Rows of the usable enrolment images: all of them, or those of one half of the subjects.

        Raises
        ------
        SettingsError
            When there is none.
        """
        template = self._protocol.template[self.usable.rows]
        wanted = self._protocol.enrolled[template]
        if half is not None:
            wanted &= self._half_of[self.codes[template]] == half
        rows: Rows = self.usable.rows[wanted]
        if not len(rows):
            which = "" if half is None else f" of half {half} of the subjects"
            raise SettingsError(
                f"'{self.usable.dataset.name}' has no usable enrolment image{which} to fit a map on",
                remedy="use another --seed, or a larger dataset",
            )
        return rows

    def _half(self, number: int) -> Half:
        protocol = self._protocol
        lost = self.rows.without_images
        kept = ~lost if lost.any() else None
        if self._disjoint:
            inside = self._half_of[self.codes] == number
            kept = inside if kept is None else inside & kept
        pairs = slice(None) if kept is None else np.flatnonzero(kept[protocol.p1] & kept[protocol.p2])
        p1, p2, genuine = protocol.p1[pairs], protocol.p2[pairs], protocol.genuine[pairs]
        if not len(p1):
            which = f" within half {number} of the subjects" if self._disjoint else ""
            raise SettingsError(
                f"'{self.usable.dataset.name}' has no pair of templates to compare{which}",
                remedy="use another --seed or --mode authors, or a larger dataset",
            )
        first, second = (p2, p1) if self._settings.mode is FitMode.REVERSED else (p1, p2)
        plan = PairPlan.of(first, second, genuine, self.codes)
        if not self._disjoint:
            everything = self.fitted_rows(None)
            return Half(pairs, plan, everything, everything)
        return Half(pairs, plan, self.fitted_rows(1 - number), self.fitted_rows(number))

    # -- keys ----------------------------------------------------------------------------------------------------
    def fitted_on(self, half: int) -> str:
        """Which images the map of a half is fitted on."""
        which = f"half {1 - half} of seed {self._settings.seed}" if self._disjoint else "all subjects"
        return f"enrolment images, {which}, of {self._fingerprint}"

    def protocol_key(self, single: bool) -> dict[str, Any]:
        """What a cell's key holds beside embeddings, map and FARs. A single model is the same in both of the modes that
        score all pairs."""
        mode = self._settings.mode
        return {
            "mode": str(FitMode.AUTHORS if single and mode is FitMode.REVERSED else mode),
            "seed": self._settings.seed if self._disjoint else None,
            "protocol": self._fingerprint,
        }

    @property
    def _fingerprint(self) -> str:
        templates = self.usable.dataset.templates
        assert templates is not None
        return templates.compared

    # -- scoring -------------------------------------------------------------------------------------------------
    def measure(self, source: str, target: str, ctx: JobContext) -> Measured:
        """Fit and score one cell."""
        scored = self.scored(source, target, ctx)
        fits = []
        with ThreadPoolExecutor(1) as pool:  # one core sorts scores while the others measure maps
            found = pool.submit(template_scores, scored, self._far)
            if source != target and self._settings.map is not MapKind.NONE:
                for number, half in enumerate(self.halves):
                    mapping = self.maps(source, target, ctx)[number]
                    one, other = (self._upright(name, half.outside, ctx) for name in (source, target))
                    fits.append(self._fit(source, target, number, mapping, residual(mapping, one, other)))
        cancelled = sum(one.cancelled for one in scored)
        return Measured(found.result().scores, tuple(fits), found.result().histogram, cancelled)

    def scored(self, source: str, target: str, ctx: JobContext) -> list[ScoredPairs]:
        """Every score of a cell; see :meth:`Cells.scored`."""
        firsts, seconds = [half.plan.first for half in self.halves], [half.plan.second for half in self.halves]
        if source == target:
            found = self._reader.templates(source, [*firsts, *seconds], self._images_too(source), ctx)
            mapped, aims = found[: len(firsts)], found[len(firsts) :]
        else:
            if self._settings.map is MapKind.NONE:
                mapped = self._reader.templates(source, firsts, self._images_too(source), ctx)
            else:
                mapped = self._mapped_templates(source, target, ctx)
            aims = self._reader.templates(target, seconds, self._images_too(target), ctx)
        return self._compared(mapped, aims, ctx)

    def measure_through(self, source: str, target: str, maps: Sequence[FittedMap], ctx: JobContext) -> PairScores:
        """Score a cell through maps that were fitted elsewhere; see :meth:`Cells.measure_through`."""
        mapped = self._held_templates(source, maps, ctx)
        if mapped is None:
            sets = [TemplateSet(mapping, half.plan.first) for mapping, half in zip(maps, self.halves, strict=True)]
            mapped = self._reader.stream(source, sets, ctx)
        aims = self._reader.templates(target, [half.plan.second for half in self.halves], None, ctx)
        return template_scores(self._compared(mapped, aims, ctx), self._far).scores

    def fit_embeddings(self, model: str, half: int, ctx: JobContext) -> Float32:
        """Embeddings of the images that the map of a half is fitted on."""
        return self._upright(model, self.halves[half].fitted, ctx)

    @property
    def fit_sizes(self) -> tuple[int, ...]:
        """Images that the map of each half is fitted on; found without the plan of the pairs, which takes seconds."""
        return tuple(len(self.fitted_rows(half)) for half in ((1, 0) if self._disjoint else (None,)))

    def _compared(self, mapped: list[Float32], aims: list[Float32], ctx: JobContext) -> list[ScoredPairs]:
        """Scores of the pairs of each pool, on the GPU where there is one."""
        try:
            return self._scored(mapped, aims, self._device, ctx)
        except (CanonError, Cancelled):
            raise
        except Exception as error:  # ONNX Runtime's own exceptions have no common base
            if self._device is None:
                raise
            ctx.log(f"the GPU cannot multiply templates ({error}); the CPU goes on", logging.WARNING)
            self._device = None
            return self._scored(mapped, aims, None, ctx)

    def _scored(
        self, mapped: list[Float32], aims: list[Float32], device: Device | None, ctx: JobContext
    ) -> list[ScoredPairs]:
        return [
            without_cancelled(score_pairs(first, second, half.plan, ctx=ctx.quiet(), device=device), first, second)
            for first, second, half in zip(mapped, aims, self.halves, strict=True)
        ]

    def some_templates(
        self, model: str, mapping: FittedMap | None, positions: Rows, ctx: JobContext
    ) -> Float32:
        """(k, d) a few templates, by ascending position: a model's own, or through a map; unit rows, not held."""
        return self._reader.stream(model, [TemplateSet(mapping, positions)], ctx)[0]

    def maps(self, source: str, target: str, ctx: JobContext) -> list[FittedMap]:
        """The map of each pool, read or fitted; all that will be asked for of the source at once."""
        if (source, target) not in self._maps:
            if any(pair[0] != source for pair in self._maps):
                self._maps.clear()
                self._mapped.clear()
            waiting = [(source, other) for other in self._waiting(source, target)]
            found = [self._maps_of_half(number, waiting, ctx) for number in range(len(self.halves))]
            self._maps.update((pair, [maps[place] for maps in found]) for place, pair in enumerate(waiting))
        return self._maps[source, target]

    def _maps_of_half(self, number: int, pairs: list[tuple[str, str]], ctx: JobContext) -> list[FittedMap]:
        maps = {pair: self._stored_map(*pair, number) for pair in pairs}
        todo = [pair for pair, mapping in maps.items() if mapping is None]
        for pair, mapping in zip(todo, self._fit_sets[number].fit(self._settings.map, todo, ctx), strict=True):
            self._store_map(*pair, number, mapping)
            maps[pair] = mapping
        return [mapping for mapping in maps.values() if mapping is not None]

    def _waiting(self, source: str, target: str) -> list[str]:
        """The target and the others that the source is expected to be mapped to."""
        return list(dict.fromkeys([target, *(b for a, b in self._expected if a == source != b)]))

    @cached_property
    def _fit_sets(self) -> list[FitSet]:
        # Not self, or gigabytes would wait for garbage collection when the matrix is done.
        images, enrolment = self._reader, self._enrolment_images

        def reader(half: Half) -> Callable[[str], Float32]:
            return lambda model: images.upright(model, half.fitted, enrolment, JobContext())

        return [FitSet(reader(half)) for half in self.halves]

    def _mapped_templates(self, source: str, target: str, ctx: JobContext) -> list[Float32]:
        """The first templates of each pool, through source and map."""
        held = self._held_templates(source, self.maps(source, target, ctx), ctx)
        if held is not None:
            return held
        if (source, target) not in self._mapped:  # all maps of the source in one pass over its images
            firsts = [half.plan.first for half in self.halves]
            waiting = self._waiting(source, target)
            sets = [
                TemplateSet(mapping, first)
                for other in waiting
                for mapping, first in zip(self.maps(source, other, ctx), firsts, strict=True)
            ]
            found = self._reader.stream(source, sets, ctx)
            step = len(firsts)
            self._mapped = {
                (source, other): found[place * step : (place + 1) * step] for place, other in enumerate(waiting)
            }
        return self._mapped[source, target]

    def _held_templates(self, source: str, maps: Sequence[FittedMap], ctx: JobContext) -> list[Float32] | None:
        """The first templates of each pool, through source and maps, where that takes no pass over all images."""
        firsts = [half.plan.first for half in self.halves]
        if all(aggregates_first(mapping, self.features) and mapping.offset is None for mapping in maps):
            own = self._reader.templates(source, firsts, self._images_too(source), ctx)
            return [mapping.apply(templates) for mapping, templates in zip(maps, own, strict=True)]
        if not self._reader.cover(firsts, self._enrolment_images):
            return None
        sets = [TemplateSet(mapping, first) for mapping, first in zip(maps, firsts, strict=True)]
        return self._reader.from_images(source, self._enrolment_images, sets, ctx)

    @cached_property
    def _device(self) -> Device | None:
        """Products on a GPU where there is one."""
        found = gpu()
        return None if found is None else DeviceProduct(found).with_columns

    @cached_property
    def _enrolment_images(self) -> Rows:
        return np.unique(np.concatenate([rows for half in self.halves for rows in (half.fitted, half.outside)]))

    def _images_too(self, model: str) -> Rows | None:
        """The images that maps are fitted on, where the model will need them: they are kept from the same pass."""
        cross = any(one != other and model in (one, other) for one, other in self._expected)
        return self._enrolment_images if cross and self._settings.map is not MapKind.NONE else None

    def _upright(self, model: str, rows: Rows, ctx: JobContext) -> Float32:
        """(n, d) embeddings of some enrolment images, unflipped and as they are."""
        return self._reader.upright(model, rows, self._enrolment_images, ctx)


def _subjects(
    subjects: npt.NDArray[np.int64], template_ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Code of each template's subject, and every subject's name; a template of unknown subject is one by itself."""
    known = subjects != UNKNOWN
    names, codes = np.unique(subjects[known], return_inverse=True)
    found = np.empty(len(subjects), np.int64)
    found[known] = codes
    found[~known] = len(names) + np.arange(int(np.count_nonzero(~known)))
    unknown = [f"unknown, template {number}" for number in template_ids[~known].tolist()]
    return found, (*map(str, names.tolist()), *unknown)
