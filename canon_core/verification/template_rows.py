"""Which images make which template, and how much each counts in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canon_core.errors import SettingsError

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TemplateRows:
    """Rows (template, medium, image) of a template protocol, in the order of the images.

    Attributes
    ----------
    ids : (t,) int64
        The templates, ascending; elsewhere a template is its position here.
    image : (r,) int64, ascending
        Row of the embeddings. An image may be in several templates.
    template : (r,) int64
        Positions in ``ids``.
    medium_size : (r,) int64
        Images that the row's template has of the row's medium.
    weight : (r,) float64
        Detector score, above 0; 1 where there is none.
    """

    ids: Codes
    image: Codes
    template: Codes
    medium_size: Codes
    weight: NDArray[np.float64]

    def shares(self, detector_weighted: bool) -> NDArray[np.float64]:
        """(r,) what each image is multiplied by: its weight (or 1) over the images of its medium in the template."""
        return np.asarray((self.weight if detector_weighted else 1.0) / self.medium_size, np.float64)

    def positions(self, ids: ArrayLike) -> Codes:
        """Position of each template id.

        Raises
        ------
        SettingsError
            When one is not a template.
        """
        return _positions(self.ids, np.asarray(ids, np.int64))

    @property
    def without_images(self) -> NDArray[np.bool_]:
        """(t,) templates none of whose images is left: their embedding is zero, and their pairs mean nothing."""
        mask = np.ones(self.ids.size, bool)
        mask[self.template] = False
        return mask

    def images_of(self, wanted: ArrayLike | None = None) -> Codes:
        """Embedding rows that some templates (by position; all unless given) need, ascending, each once."""
        image = self.image
        if wanted is not None:
            mask = np.zeros(self.ids.size, bool)
            mask[np.asarray(wanted, np.int64)] = True
            image = image[mask[self.template]]
        return image[np.flatnonzero(np.diff(image, prepend=-1))]


def template_rows(
    templates: ArrayLike,
    media: ArrayLike,
    scores: ArrayLike | None = None,
    images: ArrayLike | None = None,
    ids: ArrayLike | None = None,
) -> TemplateRows:
    """Lay out the rows of a protocol.

    Parameters
    ----------
    templates, media : (r,) array_like of int
        Template and medium id of each row, in any order, as sparse as they come. The same medium id in two templates
        counts in each by itself.
    scores : (r,) array_like of float, optional
        Detector scores; NaN where there is none. One of 0 or below counts as none: it says nothing of how much the
        image should weigh, and a template of such images alone would be of zeros, or turned round.
    images : (r,) array_like of int, optional
        Row of the embeddings; row by row unless given. Leave a row out to leave its image out.
    ids : (t,) array_like of int, optional
        Every template there is, ascending, those without a row included; those of the rows unless given.

    Raises
    ------
    SettingsError
        When lengths differ, an image is negative, a score is infinite, or ``ids`` lack a row's template.
    """
    template_ids, medium_ids = np.asarray(templates, np.int64), np.asarray(media, np.int64)
    image = np.arange(template_ids.size) if images is None else np.asarray(images, np.int64)
    given = np.ones(template_ids.size) if scores is None else np.asarray(scores, np.float64)
    if not template_ids.ndim == medium_ids.ndim == 1 or not (
        template_ids.shape == medium_ids.shape == image.shape == given.shape
    ):
        raise SettingsError(
            f"{template_ids.size} templates, {medium_ids.size} media, {given.size} scores and {image.size} images "
            "do not make rows"
        )
    if image.size and image.min() < 0:
        raise SettingsError("a row names an image before the first")
    if np.isinf(given).any():
        raise SettingsError("a detector score is infinite", remedy="leave it empty where there is none")
    weight = np.where(given > 0, given, 1.0)  # NaN is not
    if ids is None:
        known, template = np.unique(template_ids, return_inverse=True)
    else:
        known = np.asarray(ids, np.int64)
        if known.size and not (np.diff(known) > 0).all():
            raise SettingsError("template ids must rise and be distinct")
        template = _positions(known, template_ids)
    of_medium = template.astype(np.int64)
    if image.size:
        first, media_ids = int(medium_ids.min()), int(medium_ids.max()) - int(medium_ids.min()) + 1
        medium = medium_ids - first if media_ids * known.size < 2**62 else np.unique(medium_ids, return_inverse=True)[1]
        of_medium *= int(medium.max()) + 1
        of_medium += medium
    _, group, sizes = np.unique(of_medium, return_inverse=True, return_counts=True)
    order = np.argsort(image, kind="stable")
    return TemplateRows(
        ids=known,
        image=image[order],
        template=template[order].astype(np.int64),
        medium_size=sizes[group][order].astype(np.int64),
        weight=weight[order],
    )


def _positions(known: Codes, wanted: Codes) -> Codes:
    if not wanted.size:
        return wanted
    if not known.size or wanted.min() < known[0] or wanted.max() > known[-1]:
        outside = wanted[~np.isin(wanted, known)].ravel()[0]
        raise SettingsError(f"there is no template {int(outside)}")
    span = int(known[-1] - known[0]) + 1
    if span <= max(10_000_000, wanted.size):  # ids are sparse, but not that sparse: a table beats a search
        table = np.full(span, -1, np.int64)
        table[known - known[0]] = np.arange(known.size)
        found: Codes = table[wanted - known[0]]
    else:
        found = np.searchsorted(known, wanted)
        found[known[found] != wanted] = -1
    if found.min() < 0:
        raise SettingsError(f"there is no template {int(wanted[found < 0][0])}")
    return found
