"""The points of an overlay: which images or templates are shown, whose they are, and their embeddings."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from canon_core.datasets.template_protocol import UNKNOWN, VerificationProtocol
from canon_core.errors import SettingsError
from canon_core.experiments.cell_base import Cells, Float32, Rows
from canon_core.experiments.template_cells import TemplateCells
from canon_core.experiments.template_reader import TemplateReader
from canon_core.experiments.usable import UsableEmbeddings, subject_half
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.maps.unit import unit_rows
from canon_core.store.embeddings import read_embeddings
from canon_core.study.overlay_results import DEFAULT_POINTS, EVERYTHING, OverlayLevel, OverlaySettings
from canon_core.study.results import FitMode
from canon_core.study.study import Study
from canon_core.verification.templates import TemplateSet

_STREAM: Final = 0x0E


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Everything that could be shown.

    Attributes
    ----------
    position : (n,) int64
        Rows of the embeddings, or positions of templates; ascending.
    item : (n,) int64
        As the result names them.
    codes : (n,) int
        Subjects, by ``names``.
    """

    position: Rows
    item: Rows
    codes: npt.NDArray[np.integer]
    names: Sequence[str]


class OverlayPoints:
    """What is shown of one study.

    Attributes
    ----------
    item : (m,) int64
        Rows of images, or ids of templates.
    subject : (m,) int32
        Place in ``subject_names``.
    subject_names : tuple of str
        Those that are shown.
    half : (m,) int8
        Which map a source point goes through: that of its subject's half, or the only one.
    belongs : (m, g) sparse
        Which images and media each point belongs to.
    items, subjects : (int, int)
        How many are shown, and how many there are.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset, or nothing is left to show.
    """

    def __init__(self, study: Study, cells: Cells, settings: OverlaySettings) -> None:
        self._usable: UsableEmbeddings = cells.usable
        self._templates = settings.level is OverlayLevel.TEMPLATES
        self._reader: TemplateReader | None = None
        protocol = None
        if isinstance(cells, TemplateCells):
            known = study.templates(settings.dataset)
            assert known is not None
            protocol = known.verification
            self._reader = TemplateReader(cells.rows, cells.features, cells.usable)
        elif self._templates:
            raise SettingsError(
                f"'{settings.dataset}' compares single images: it has no templates to show", remedy="show images"
            )
        found = _candidates(cells, protocol, settings)
        shown = np.sort(_drawn(found, settings))
        kept = np.flatnonzero(np.isin(found.codes, shown))
        if len(kept) < 3:
            raise SettingsError(
                f"{len(kept)} {settings.level} make no picture", remedy="show more subjects, or another --seed"
            )
        self._position = found.position[kept]
        self.item = found.item[kept]
        self.subject: npt.NDArray[np.int32] = np.searchsorted(shown, found.codes[kept]).astype(np.int32)
        self.subject_names = tuple(found.names[code] for code in shown.tolist())
        halves = [subject_half(name, settings.seed) for name in self.subject_names]
        self.half = np.array(halves, np.int8)[self.subject]
        if settings.mode is not FitMode.DISJOINT:
            self.half[:] = 0
        self.items = len(kept), len(found.position)
        self.subjects = len(shown), len(np.unique(found.codes))
        self._cells, self._protocol = cells, protocol

    @cached_property
    def belongs(self) -> sparse.csr_array:
        """Which images and media each point belongs to, (m, g)."""
        return self._belongs(self._cells, self._protocol)

    def raw(self, model: str, ctx: JobContext) -> Float32:
        """(m, d) unit rows of a model's own points."""
        if self._templates:
            assert self._reader is not None
            return self._reader.templates(model, [self._position], None, ctx)[0]
        found = read_embeddings(self._usable.paths[model], self._position)
        upright = found[:, 0] if found.ndim == 3 else found
        return unit_rows(upright).astype(np.float32, copy=False)

    def mapped(self, model: str, raw: Float32, maps: Sequence[FittedMap], ctx: JobContext) -> Float32:
        """(m, d_target) unit rows of a model's points, each through the map of its half."""
        result = np.empty((len(self._position), maps[0].matrix.shape[1]), np.float32)
        places = [np.flatnonzero(self.half == half) for half in range(len(maps))]
        if self._templates:
            assert self._reader is not None
            sets = [TemplateSet(mapping, self._position[rows]) for mapping, rows in zip(maps, places, strict=True)]
            parts = self._reader.stream(model, sets, ctx)
        else:
            parts = [mapping.apply(raw[rows]) for mapping, rows in zip(maps, places, strict=True)]
        for rows, part in zip(places, parts, strict=True):
            result[rows] = part
        return result

    def _belongs(self, cells: Cells, protocol: VerificationProtocol | None) -> sparse.csr_array:
        """Points against what they are made of: images, told apart by their bytes, and media."""
        count = len(self._position)
        if self._templates:
            assert isinstance(cells, TemplateCells)
            wanted = np.full(cells.rows.ids.size, -1, np.int64)
            wanted[self._position] = np.arange(count)
            point = wanted[cells.rows.template]
            image, point = cells.rows.image[point >= 0], point[point >= 0]
        else:
            image, point = self._position, np.arange(count)
        groups: list[npt.NDArray[Any]] = [image]
        faces = self._usable.faces
        if faces.has_images:
            groups.append(np.array([faces.sha256[row] for row in image.tolist()]))
        if protocol is not None:
            groups.append(protocol.media[image])
        points, columns, first = [], [], 0
        for group in groups:
            names, codes = np.unique(group, return_inverse=True)
            points.append(point)
            columns.append(codes + first)
            first += len(names)
        places = np.concatenate(points), np.concatenate(columns)
        return sparse.csr_array((np.ones(len(places[0]), np.int32), places), shape=(count, first))


def _candidates(cells: Cells, protocol: VerificationProtocol | None, settings: OverlaySettings) -> _Candidates:
    rows = cells.usable.rows
    if not isinstance(cells, TemplateCells) or protocol is None:
        return _Candidates(rows, rows, cells.usable.subjects, cells.subject_names)
    if settings.level is OverlayLevel.TEMPLATES:
        position = np.flatnonzero(~cells.rows.without_images)
        template, item = position, protocol.template_ids[position]
    else:
        position = item = rows
        template = protocol.template[rows].astype(np.int64)
    # Nobody knows whose these are: neither score nor, with disjoint, a half could be told.
    known = protocol.subjects[template] != UNKNOWN
    return _Candidates(position[known], item[known], cells.codes[template[known]], cells.subject_names)


def _drawn(found: _Candidates, settings: OverlaySettings) -> Rows:
    """Codes of the subjects that are shown."""
    present, sizes = np.unique(found.codes, return_counts=True)
    codes: Rows = present.astype(np.int64)
    if settings.chosen:
        place = {found.names[code]: code for code in codes.tolist()}
        unknown = [name for name in settings.chosen if name not in place]
        if unknown:
            near = difflib.get_close_matches(unknown[0], place, 1)
            raise SettingsError(
                f"'{settings.dataset}' shows no subject '{unknown[0]}'",
                remedy=f"did you mean '{near[0]}'?" if near else "choose among the dataset's subjects",
            )
        return np.array(sorted({place[name] for name in settings.chosen}), np.int64)
    if settings.subjects == EVERYTHING:
        return codes
    order = np.random.default_rng([_STREAM, settings.seed]).permutation(len(codes))
    if settings.subjects is not None:
        return codes[order[: settings.subjects]]
    most = DEFAULT_POINTS // (1 + len(settings.sources))
    fitting = int(np.searchsorted(np.cumsum(sizes[order]), most, side="right"))
    return codes[order[: max(fitting, 1)]]
