"""The points of an overlay, dataset by dataset: which are shown, whose they are, what they share."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from canon_core.errors import SettingsError
from canon_core.experiments.cell_base import Cells, Float32
from canon_core.experiments.overlay_dataset import DatasetPoints
from canon_core.experiments.overlay_shared import shared_subjects
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.study.overlay_results import OverlaySettings
from canon_core.study.results import FitMode
from canon_core.study.study import Study


@dataclass(frozen=True, eq=False)
class OverlayCells:
    """The cells behind an overlay: those of the dataset that the maps are fitted on, and of each added one."""

    main: Cells
    added: tuple[Cells, ...] = ()

    @property
    def every(self) -> tuple[Cells, ...]:
        """The first is the one of the maps."""
        return (self.main, *self.added)


class OverlayPoints:
    """What is shown of one study: the points of the overlay's dataset, then those of each added one.

    Attributes
    ----------
    parts : tuple of DatasetPoints
    item : (m,) int64
        Rows of images, or ids of templates, of their own dataset.
    subject : (m,) int32
        Place in ``subject_names``.
    subject_names : tuple of str
        Those that are shown. Subjects of different datasets are different people, whatever their names, unless the
        settings say otherwise.
    half : (m,) int8
        Which map a source point goes through: that of its subject's half, or the only one.
    belongs : (m, g) sparse
        Which images and media each point belongs to.
    items, subjects : (int, int)
        How many are shown, and how many there are.
    notes : tuple of str
        What was done about images that several datasets have.

    Raises
    ------
    SettingsError
        When the settings do not fit a dataset, or nothing is left to show.
    """

    def __init__(self, study: Study, cells: OverlayCells, settings: OverlaySettings) -> None:
        self.parts = [DatasetPoints(study, cells.main, settings)]
        notes: list[str] = []
        for each in cells.added:
            halves, without = {}, frozenset[str]()
            if settings.mode is FitMode.DISJOINT:
                shared = shared_subjects(study, cells.main, each, settings.seed)
                halves, without = shared.halves, shared.undecided
                notes += shared.notes
            self.parts.append(DatasetPoints(study, each, settings, halves, without))
        self.notes = tuple(notes)
        if settings.chosen:
            _check_chosen(cells, settings, {name for part in self.parts for name in part.subject_names})
        shown = sum(part.items[0] for part in self.parts)
        if shown < 3:
            raise SettingsError(
                f"{shown} {settings.level} make no picture", remedy="show more subjects, or another --seed"
            )
        self.item = np.concatenate([part.item for part in self.parts])
        self.half = np.concatenate([part.half for part in self.parts])
        self.subject, self.subject_names = _people(self.parts, same_names=settings.same_names)
        self.items = shown, sum(part.items[1] for part in self.parts)
        everybody = sum(part.subjects[1] for part in self.parts)
        if settings.same_names and len(self.parts) > 1:
            everybody = len({name for each in cells.every for name in each.subject_names})
        self.subjects = len(self.subject_names), everybody

    @property
    def rows(self) -> tuple[slice, ...]:
        """Which points are of which dataset."""
        ends = np.cumsum([0, *(part.items[0] for part in self.parts)]).tolist()
        return tuple(slice(low, high) for low, high in pairwise(ends))

    @cached_property
    def belongs(self) -> sparse.csr_array:
        """Which images and media each point belongs to, (m, g). Images of different datasets are the same where their
        bytes are."""
        made = [part.made_of() for part in self.parts]
        points, columns, groups = [], [], 0
        for labels, shared in (
            ([each.image for each in made], False),
            ([each.hashes for each in made], True),
            ([each.media for each in made], False),
        ):
            of, codes, count = _coded(labels, shared=shared)
            points += [made[number].point + self.rows[number].start for number in of]
            columns += [each + groups for each in codes]
            groups += count
        places = np.concatenate(points), np.concatenate(columns)
        return sparse.csr_array((np.ones(len(places[0]), np.int32), places), shape=(self.items[0], groups))

    def raw(self, model: str, ctx: JobContext) -> Float32:
        """(m, d) unit rows of a model's own points."""
        return np.concatenate([part.raw(model, ctx) for part in self.parts])

    def mapped(self, model: str, raw: Float32, maps: Sequence[FittedMap], ctx: JobContext) -> Float32:
        """(m, d_target) unit rows of a model's points, each through the map of its half."""
        return np.concatenate(
            [part.mapped(model, raw[rows], maps, ctx) for part, rows in zip(self.parts, self.rows, strict=True)]
        )


# -- private ---------------------------------------------------------------------------------------------------------
def _people(parts: Sequence[DatasetPoints], *, same_names: bool) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Whose every point is, and the names: those of the first dataset, then those of the next."""
    names: list[str] = []
    known: dict[str, int] = {}
    found = []
    for part in parts:
        codes = np.zeros(len(part.subject_names), np.int32)
        for place, name in enumerate(part.subject_names):
            if not same_names or name not in known:
                known[name] = len(names)
                names.append(name)
            codes[place] = known[name]
        found.append(codes[part.subject])
    return np.concatenate(found), tuple(names)


def _coded(
    labels: Sequence[npt.NDArray[Any] | None], *, shared: bool
) -> tuple[list[int], list[npt.NDArray[np.int64]], int]:
    """Numbers for what points are made of: which datasets have any, their numbers, and how many numbers there are. The
    same label is the same thing in one dataset, and in all where they are ``shared``."""
    of = [number for number, each in enumerate(labels) if each is not None]
    there = [each for each in labels if each is not None]
    if not there:
        return of, [], 0
    if shared:
        _, codes = np.unique(np.concatenate(there), return_inverse=True)
        ends = np.cumsum([len(each) for each in there])[:-1]
        return of, [part.astype(np.int64) for part in np.split(codes, ends)], int(codes.max(initial=-1)) + 1
    found, first = [], 0
    for each in there:
        names, codes = np.unique(each, return_inverse=True)
        found.append(codes.astype(np.int64) + first)
        first += len(names)
    return of, found, first


def _check_chosen(cells: OverlayCells, settings: OverlaySettings, shown: set[str]) -> None:
    unknown = [name for name in settings.chosen if name not in shown]
    if unknown:
        known = [name for each in cells.every for name in each.subject_names]
        near = difflib.get_close_matches(unknown[0], known, 1)
        raise SettingsError(
            f"{' and '.join(repr(name) for name in settings.datasets)} show no subject '{unknown[0]}'"
            if cells.added
            else f"'{settings.dataset}' shows no subject '{unknown[0]}'",
            remedy=f"did you mean '{near[0]}'?" if near else "choose among the dataset's subjects",
        )
