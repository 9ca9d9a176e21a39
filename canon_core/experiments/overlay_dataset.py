"""What an overlay shows of one dataset: which images or templates, whose they are, and their embeddings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

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
class Candidates:
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


@dataclass(frozen=True, eq=False)
class MadeOf:
    """What the points of a dataset are made of, a row each time.

    Attributes
    ----------
    point : (k,) int64
    image : (k,) int64
        Row of the dataset's image.
    hashes : (k,) str or None
        Of the images' bytes; None where there are no files.
    media : (k,) int or None
        None where single images are compared.
    """

    point: Rows
    image: Rows
    hashes: npt.NDArray[Any] | None
    media: npt.NDArray[Any] | None


class DatasetPoints:
    """What is shown of one dataset; it may be nothing.

    Parameters
    ----------
    study : Study
    cells : Cells
        Of the dataset.
    settings : OverlaySettings
        ``dataset`` is the one that the maps were fitted on, be it this one or not.
    halves : mapping
        Subjects that belong to another half than their name says.
    without : collection of str
        Subjects that are not shown.

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
    items, subjects : (int, int)
        How many are shown, and how many there are.

    Raises
    ------
    SettingsError
        When templates are wanted and there are none.
    """

    def __init__(
        self,
        study: Study,
        cells: Cells,
        settings: OverlaySettings,
        halves: Mapping[str, int] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._cells, self._usable = cells, cells.usable
        self._templates = settings.level is OverlayLevel.TEMPLATES
        self._reader: TemplateReader | None = None
        self._protocol = protocol_of(study, cells)
        if isinstance(cells, TemplateCells):
            self._reader = TemplateReader(cells.rows, cells.features, cells.usable)
        elif self._templates:
            added = cells.settings.dataset != settings.dataset
            raise SettingsError(
                f"'{cells.settings.dataset}' compares single images: it has no templates to show",
                remedy=f"show images, or leave '{cells.settings.dataset}' out" if added else "show images",
            )
        found = candidates(cells, self._protocol, settings)
        if without:
            free = ~np.isin(found.codes, [code for code, name in enumerate(found.names) if name in without])
            found = Candidates(found.position[free], found.item[free], found.codes[free], found.names)
        shown = np.sort(_drawn(found, settings))
        kept = np.flatnonzero(np.isin(found.codes, shown))
        self._position = found.position[kept]
        self.item = found.item[kept]
        self.subject: npt.NDArray[np.int32] = np.searchsorted(shown, found.codes[kept]).astype(np.int32)
        self.subject_names = tuple(found.names[code] for code in shown.tolist())
        known = halves or {}
        each = [known.get(name, subject_half(name, settings.seed)) for name in self.subject_names]
        self.half = np.array(each, np.int8)[self.subject]
        if settings.mode is not FitMode.DISJOINT:
            self.half[:] = 0
        self.items = len(kept), len(found.position)
        self.subjects = len(shown), len(np.unique(found.codes))

    @property
    def usable(self) -> UsableEmbeddings:
        """The images that count."""
        return self._usable

    def raw(self, model: str, ctx: JobContext) -> Float32:
        """(m, d) unit rows of a model's own points."""
        if not len(self._position):
            return np.zeros((0, self._usable.dimensions[model]), np.float32)
        if self._templates:
            assert self._reader is not None
            return self._reader.templates(model, [self._position], None, ctx)[0]
        found = read_embeddings(self._usable.paths[model], self._position)
        upright = found[:, 0] if found.ndim == 3 else found
        return unit_rows(upright).astype(np.float32, copy=False)

    def mapped(self, model: str, raw: Float32, maps: Sequence[FittedMap], ctx: JobContext) -> Float32:
        """(m, d_target) unit rows of a model's points, each through the map of its half."""
        result = np.empty((len(self._position), maps[0].matrix.shape[1]), np.float32)
        if not len(result):
            return result
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

    def made_of(self) -> MadeOf:
        """Images and media of the points."""
        count = len(self._position)
        if self._templates:
            assert isinstance(self._cells, TemplateCells)
            wanted = np.full(self._cells.rows.ids.size, -1, np.int64)
            wanted[self._position] = np.arange(count)
            point = wanted[self._cells.rows.template]
            image, point = self._cells.rows.image[point >= 0], point[point >= 0]
        else:
            image, point = self._position, np.arange(count)
        faces = self._usable.faces
        hashes = np.array([faces.sha256[row] for row in image.tolist()], dtype="U64") if faces.has_images else None
        return MadeOf(point, image, hashes, None if self._protocol is None else self._protocol.media[image])


def protocol_of(study: Study, cells: Cells) -> VerificationProtocol | None:
    """The templates that a dataset compares; None where it compares single images."""
    if not isinstance(cells, TemplateCells):
        return None
    known = study.templates(cells.settings.dataset)
    assert known is not None
    return known.verification


def candidates(cells: Cells, protocol: VerificationProtocol | None, settings: OverlaySettings) -> Candidates:
    """What of a dataset can be shown."""
    rows = cells.usable.rows
    if not isinstance(cells, TemplateCells) or protocol is None:
        return Candidates(rows, rows, cells.usable.subjects, cells.subject_names)
    if settings.level is OverlayLevel.TEMPLATES:
        position = np.flatnonzero(~cells.rows.without_images)
        template, item = position, protocol.template_ids[position]
    else:
        position = item = rows
        template = protocol.template[rows].astype(np.int64)
    # Nobody knows whose these are: neither score nor, with disjoint, a half could be told.
    known = protocol.subjects[template] != UNKNOWN
    return Candidates(position[known], item[known], cells.codes[template[known]], cells.subject_names)


# -- private ---------------------------------------------------------------------------------------------------------
def _drawn(found: Candidates, settings: OverlaySettings) -> Rows:
    """Codes of the subjects that are shown: chosen ones as far as there are any of these names, or so many of each
    dataset, drawn at random."""
    present, sizes = np.unique(found.codes, return_counts=True)
    codes: Rows = present.astype(np.int64)
    if settings.chosen:
        place = {found.names[code]: code for code in codes.tolist()}
        return np.array(sorted({place[name] for name in settings.chosen if name in place}), np.int64)
    if settings.subjects == EVERYTHING or not len(codes):
        return codes
    order = np.random.default_rng([_STREAM, settings.seed]).permutation(len(codes))
    if settings.subjects is not None:
        return codes[order[: settings.subjects]]
    most = DEFAULT_POINTS // ((1 + len(settings.sources)) * len(settings.datasets))
    fitting = int(np.searchsorted(np.cumsum(sizes[order]), most, side="right"))
    return codes[order[: max(fitting, 1)]]
