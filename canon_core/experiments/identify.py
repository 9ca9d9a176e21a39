"""1:N identification of every model, and across models: source probes searched in target galleries."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.datasets.template_protocol import IdentificationProtocol
from canon_core.errors import DatasetError, SettingsError
from canon_core.experiments.cells import open_cells
from canon_core.experiments.searched_halves import SearchedHalf, searched_halves
from canon_core.experiments.template_cells import TemplateCells
from canon_core.experiments.template_reader import TemplateReader
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.identification_results import (
    IdentificationCell,
    IdentificationMatrix,
    IdentifySettings,
    MapFit,
    Pair,
    Searches,
    load_identification,
    save_searches,
)
from canon_core.study.keys import content_key
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.identification import GalleryScores, search
from canon_core.verification.roc import check_target
from canon_core.verification.templates import TemplateSet, aggregates_first

Float32 = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

_WHAT: Final = "searching galleries"


def run_identify(study: Study, settings: IdentifySettings, ctx: JobContext) -> IdentificationMatrix:
    """Search every gallery of the target with the probes of the source, mapped, for every two models.

    With mode ``authors`` maps are fitted on all enrolment images. With ``disjoint`` every gallery is cut into two
    halves of subjects, and the probes likewise: a probe is searched only in the half its subject belongs to, through
    the map fitted on the enrolment images of the other half; single models are searched in the same halves. Rank-k
    rates pool the mated probes of all galleries and halves. A gallery's TPIR takes both halves together, with one
    threshold chosen among the non-mated probes of both (each half by itself is reported too); the cell's TPIR is the
    mean over galleries. Where a subject's templates in a gallery have no image that every model could embed, its probes
    are left out of that gallery, and counted. Searches are stored, so other FPIRs ask for no new ones.

    Parameters
    ----------
    study : Study
        Open for writing; a read-only study gives what is computed without storing it.
    settings : IdentifySettings
    ctx : JobContext
        Progress and cancellation; each :class:`~canon_core.study.identification_results.IdentificationCell` is a
        partial result.

    Raises
    ------
    DatasetError
        When the dataset brings no galleries and probes.
    SettingsError
        When the settings do not fit the dataset, or a gallery has no subject in one half.
    StudyError
        When no model has embeddings.
    """
    start = time.perf_counter()
    work = _Identification(study, settings, ctx)
    cells = work.stored()
    todo = [pair for pair, cell in cells.items() if cell is None and pair not in work.missing]
    total = len(cells) - len(work.missing)
    done = total - len(todo)
    work.cells.expect(todo)
    ctx.report(done, total, _WHAT)
    for source, target in sorted(todo, key=lambda pair: settings.models.index(pair[0])):  # a source's maps in one pass
        ctx.check()
        waiting = [other for one, other in todo if one == source != other and cells[one, other] is None]
        cell = work.compute(source, target, waiting, ctx)
        cells[source, target] = cell
        done += 1
        ctx.partial(cell)
        ctx.report(done, total, _WHAT)
    return work.result(cells, time.perf_counter() - start)


def stored_identification(study: Study, settings: IdentifySettings) -> IdentificationMatrix:
    """What is stored of it, without searching anything; other cells are None."""
    work = _Identification(study, settings, None)
    return work.result(work.stored(), 0.0)


class _Identification:
    """Keys, and the work, of the cells of one identification matrix."""

    def __init__(self, study: Study, settings: IdentifySettings, ctx: JobContext | None) -> None:
        protocols = study.templates(settings.dataset)
        if protocols is None or protocols.search is None:
            raise DatasetError(
                "it brings no galleries and probes, so nobody can be searched",
                path=study.dataset(settings.dataset).path,
                remedy="use a dataset with 1:N files, such as IJB-C with its meta folder",
            )
        if settings.mode not in (FitMode.DISJOINT, FitMode.AUTHORS):
            raise SettingsError(
                f"fit mode '{settings.mode}' says nothing of probes and galleries",
                remedy="use --mode disjoint or --mode authors",
            )
        if not settings.fpir:
            raise SettingsError("no FPIR to read", remedy="give e.g. --fpir 1e-1,1e-2")
        for target in settings.fpir:
            check_target(target)
        self._study, self._settings = study, settings
        self._search: IdentificationProtocol = protocols.search
        matrix = MatrixSettings(
            settings.dataset, settings.models, settings.map, settings.mode, settings.features, seed=settings.seed
        )
        cells = open_cells(study, matrix, ctx)
        assert isinstance(cells, TemplateCells)
        self.cells = cells
        self.missing: dict[Pair, str] = {}
        self._disjoint = settings.mode is FitMode.DISJOINT
        self._reader = TemplateReader(cells.rows, cells.features, cells.usable)
        self._mapped: dict[Pair, list[Float32]] = {}

    def stored(self) -> dict[Pair, IdentificationCell | None]:
        """Every cell that is stored; the diagonal comes first. Why some cannot exist goes into ``missing``."""
        names = self._settings.models
        found: dict[Pair, IdentificationCell | None] = {}
        for source, target in [*((name, name) for name in names), *((s, t) for s in names for t in names if s != t)]:
            found[source, target] = None
            reason = self.cells.usable.why_not(source, target, self._settings.map)
            if reason:
                self.missing[source, target] = reason
                continue
            path = self._study.stored("results", self._key(source, target))
            found[source, target] = load_identification(path, source, target, self._settings.fpir)
        return found

    def compute(self, source: str, target: str, waiting: Sequence[str], ctx: JobContext) -> IdentificationCell:
        """Search the galleries of one cell, and store that; ``waiting`` are targets that the source's probes will be
        mapped to."""
        start = time.perf_counter()
        halves = self.halves
        fits: tuple[MapFit, ...] = ()
        if source == target:
            own = self._templates(source, [*(half.probes for half in halves), *(half.enrolled for half in halves)], ctx)
            probes, enrolled = own[: len(halves)], own[len(halves) :]
        else:
            if self._settings.map is MapKind.NONE:
                probes = self._templates(source, [half.probes for half in halves], ctx)
            else:
                probes = self._mapped_probes(source, target, waiting, ctx)
                fits = tuple(
                    MapFit(
                        key=self.cells.map_key(source, target, number),
                        pairs=mapping.pairs,
                        dimensions=mapping.matrix.shape[0],
                    )
                    for number, mapping in enumerate(self.cells.maps(source, target, ctx))
                )
            enrolled = self._templates(target, [half.enrolled for half in halves], ctx)
        searches = Searches(
            names=tuple(gallery.name for gallery in self._search.galleries),
            scores=tuple(
                tuple(
                    self._searched(half, probes[place], enrolled[place], number, ctx)
                    for place, half in enumerate(halves)
                )
                for number in range(len(self._search.galleries))
            ),
            fits=fits,
            left_out=len(self.cells.usable.left_out),
            seconds=time.perf_counter() - start,
        )
        key = self._key(source, target)
        cell = searches.read(key, source, target, self._settings.fpir)
        if not self._study.read_only:
            folders = self.cells.usable.folders
            attributes = {
                "source": folders[source],
                "target": folders[target],
                "dataset": self.cells.usable.dataset.folder,
            }
            save_searches(self._study.stored("results", key), searches, cell, attributes)
        return cell

    def result(self, cells: Mapping[Pair, IdentificationCell | None], seconds: float) -> IdentificationMatrix:
        """The matrix."""
        return IdentificationMatrix(
            settings=self._settings,
            dataset_title=self.cells.usable.dataset.title,
            probes=len(self._search.probes),
            cells=cells,
            missing=self.missing,
            left_out=self.cells.usable.left_out,
            seconds=seconds,
        )

    @cached_property
    def halves(self) -> tuple[SearchedHalf, ...]:
        """Who is searched where: everybody at once, or half by half.

        Raises
        ------
        SettingsError
            When a gallery has nobody in a half.
        """
        settings = self._settings
        usable, seed = ~self.cells.rows.without_images, settings.seed if self._disjoint else None
        return searched_halves(self._search, usable, seed, settings.dataset)

    # -- private -----------------------------------------------------------------------------------------------------
    def _key(self, source: str, target: str) -> str:
        settings, usable = self._settings, self.cells.usable
        assert usable.dataset.templates is not None
        return content_key(
            "searches",
            source=usable.keys[source],
            target=usable.keys[target],
            map=None if source == target else str(settings.map),
            mode=str(settings.mode),
            seed=settings.seed if self._disjoint else None,
            features=str(settings.features),
            left_out=usable.left_out_digest,
            protocol=usable.dataset.templates.compared,
        )

    def _templates(self, model: str, wanted: Sequence[Ids], ctx: JobContext) -> list[Float32]:
        return self._reader.templates(model, wanted, None, ctx)

    def _mapped_probes(self, source: str, target: str, waiting: Sequence[str], ctx: JobContext) -> list[Float32]:
        """The source's probes of each half, through the maps to the target."""
        maps = self.cells.maps(source, target, ctx)
        wanted = [half.probes for half in self.halves]
        if all(aggregates_first(mapping, self.cells.features) and mapping.offset is None for mapping in maps):
            own = self._templates(source, wanted, ctx)
            return [mapping.apply(templates) for mapping, templates in zip(maps, own, strict=True)]
        if (source, target) not in self._mapped:  # all maps of the source in one pass over its images
            targets = list(dict.fromkeys([target, *waiting]))
            sets = [
                TemplateSet(mapping, probes)
                for other in targets
                for mapping, probes in zip(self.cells.maps(source, other, ctx), wanted, strict=True)
            ]
            found = self._reader.stream(source, sets, ctx)
            step = len(wanted)
            self._mapped = {
                (source, other): found[place * step : (place + 1) * step] for place, other in enumerate(targets)
            }
        return self._mapped.pop((source, target))

    def _searched(
        self, half: SearchedHalf, probes: Float32, enrolled: Float32, number: int, ctx: JobContext
    ) -> GalleryScores:
        gallery = half.galleries[number]
        # A template of zeros, whose images cancel out, is like nobody: it is as good as lost.
        there = enrolled[gallery.templates].any(axis=1)
        lost = np.setdiff1d(gallery.subjects, gallery.subjects[there])
        by = gallery.searched_by
        by = by[probes[by].any(axis=1) & ~np.isin(half.probe_subjects[by], lost)]
        found = search(
            probes[by],
            half.probe_subjects[by],
            enrolled[gallery.templates[there]],
            gallery.subjects[there],
            ctx=ctx.quiet(),
        )
        return replace(
            found,
            lost_subjects=gallery.lost_subjects + len(lost),
            lost_probes=gallery.lost_probes + len(gallery.searched_by) - len(by),
        )
