"""Templates: one embedding for several images of a person, weighted by detector score and fair to each medium."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from canon_core.cores import usable_cores
from canon_core.errors import SettingsError
from canon_core.jobs import JobContext
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows
from canon_core.verification.template_rows import TemplateRows
from canon_core.verification.threads import share_out

Embeddings = NDArray[np.float32]
Positions = NDArray[np.integer]
#: First row, and the embeddings from there on or what reads them.
Block = tuple[int, NDArray[np.floating] | Callable[[], NDArray[np.floating]]]

#: Squares of norms in between are far from what float32 cannot hold; others are taken in float64.
_SAFE_SQUARES = (1e-24, 1e24)


@dataclass(frozen=True)
class TemplateFeatures:
    """How a template's images enter it (field facts, Template features and scores).

    Attributes
    ----------
    unit_norm : bool
        Every image is brought to norm 1 first, and again after a map. Otherwise norms are kept before and after.
    detector_weighted : bool
        Images are weighted by their detector score (1 where there is none); otherwise all alike.
    flip_summed : bool
        The mirrored image's embedding is added where the embeddings keep it.
    """

    unit_norm: bool
    detector_weighted: bool
    flip_summed: bool


#: The settings behind the paper's figures: unit norm, detector-weighted, no flip.
PAPER_FEATURES = TemplateFeatures(unit_norm=True, detector_weighted=True, flip_summed=False)
#: The settings behind Table 3's diagonal: norms kept, detector-weighted, flips summed.
INSIGHTFACE_FEATURES = TemplateFeatures(unit_norm=False, detector_weighted=True, flip_summed=True)


@dataclass(frozen=True, eq=False)
class TemplateSet:
    """Templates wanted of one pass over the images.

    Attributes
    ----------
    mapping : FittedMap or None
        Applied to every image; None for the model's own templates.
    wanted : (k,) int array or None
        Positions in ``TemplateRows.ids``, each at most once; None for all, in order.
    """

    mapping: FittedMap | None = None
    wanted: Positions | None = None


def aggregates_first(mapping: FittedMap | None, features: TemplateFeatures) -> bool:
    """Whether mapping the templates gives exactly what mapping every image and aggregating gives.

    So it is where nothing is normalised in between: with kept norms, and for unit norms where the map keeps them
    (a rotation of full rank into no fewer dimensions).
    """
    if mapping is None or mapping.kind is MapKind.NONE or not features.unit_norm:
        return True
    return mapping.kind is MapKind.ROTATION and mapping.rank == mapping.matrix.shape[0]


def template_embeddings(
    blocks: Iterable[Block],
    rows: TemplateRows,
    features: TemplateFeatures,
    sets: Sequence[TemplateSet] = (TemplateSet(),),
    *,
    threads: int | None = None,
    ctx: JobContext | None = None,
) -> list[Embeddings]:
    """Aggregate image embeddings to templates: ``L2norm(Σ_media mean_{i ∈ media ∩ template} w_i · e_i)``.

    All sets come from one pass over the images. An image is mapped only where a set that needs it cannot be mapped
    after aggregation (:func:`aggregates_first`).

    Parameters
    ----------
    blocks : iterable of (start, embeddings)
        Row ``start`` and the following of the embeddings, (k, d) or, with flips kept, (k, 2, d) float32, or a function
        that reads them. Blocks may come in any order and leave out rows that no wanted template has
        (:meth:`TemplateRows.images_of`). Worker threads take them from the iterable one at a time; functions are called
        in several threads at once.
    rows : TemplateRows
    features : TemplateFeatures
    sets : sequence of TemplateSet
    threads : int, optional
        The usable cores unless given. The result does not depend on it.
    ctx : JobContext, optional
        Checked at every block.

    Returns
    -------
    list of (k, d_target) float32
        One a set, rows in the order of ``wanted``, of norm 1; a template whose sum is zero, or that has no image
        (:attr:`TemplateRows.without_images`), is zero.

    Raises
    ------
    SettingsError
        When embeddings of wanted templates are missing, not finite, or do not fit a map.
    Cancelled
    """
    context = ctx or JobContext()
    after = [number for number, one in enumerate(sets) if aggregates_first(one.mapping, features)]
    before = [number for number in range(len(sets)) if number not in after]
    sums = {number: _Sums(rows, features, sets[number].wanted, sets[number].mapping) for number in before}
    plain = _Sums(rows, features, _union([sets[number].wanted for number in after]), None) if after else None
    everything = [*([plain] if plain else []), *sums.values()]

    def worker() -> Callable[[tuple[int, Block]], None]:
        def add(item: tuple[int, Block]) -> None:
            context.check()
            turn, (start, block) = item
            images = _image_embeddings(block() if callable(block) else block, features)
            for one in everything:
                one.add(turn, start, images)

        return add

    share_out(enumerate(blocks), worker, threads or usable_cores())
    found: list[Embeddings] = []
    for number, one in enumerate(sets):
        if number in sums:
            found.append(unit_rows(sums[number].result()).astype(np.float32, copy=False))
        else:
            assert plain is not None
            chosen = plain.of(one.wanted)
            total = plain.result()[chosen]
            if one.mapping is not None and one.mapping.kind is not MapKind.NONE:
                total = _mapped_sums(one.mapping, total, plain.shares()[chosen])
            found.append(unit_rows(total).astype(np.float32, copy=False))
    return found


def _image_embeddings(block: NDArray[np.floating], features: TemplateFeatures) -> Embeddings:
    if block.ndim == 3:
        block = block[:, 0] + block[:, 1] if features.flip_summed else block[:, 0]
    return np.ascontiguousarray(block, np.float32)


def _union(wanted: Sequence[Positions | None]) -> Positions | None:
    chosen = [one for one in wanted if one is not None]
    return np.unique(np.concatenate(chosen)) if len(chosen) == len(wanted) else None


def _mapped_sums(mapping: FittedMap, sums: Embeddings, shares: NDArray[np.float64]) -> Embeddings:
    """Σ share · (e @ M + offset), from Σ share · e and Σ share."""
    if not len(sums):
        return np.zeros((0, mapping.matrix.shape[1]), np.float32)
    if mapping.offset is None:
        return mapping.apply(sums, normalise=False)
    mapped = sums @ mapping.matrix.astype(np.float32)
    mapped += np.outer(shares, mapping.offset)
    return mapped


class _Sums:
    """Weighted sums of images over templates. Blocks are added in turn, so that rounding does not depend on which
    thread is faster."""

    def __init__(
        self, rows: TemplateRows, features: TemplateFeatures, wanted: Positions | None, mapping: FittedMap | None
    ) -> None:
        self._wanted = np.arange(rows.ids.size) if wanted is None else np.asarray(wanted, np.int64)
        self._place = np.full(rows.ids.size, -1, np.int64)
        self._place[self._wanted] = np.arange(self._wanted.size)
        kept = slice(None) if wanted is None else np.flatnonzero(self._place[rows.template] >= 0)
        self._image = rows.image[kept]
        self._template = self._place[rows.template[kept]]
        self._share = rows.shares(features.detector_weighted)[kept]
        self._unit, self._mapping = features.unit_norm, mapping
        self._total: Embeddings | None = None
        self._added = self._width = 0
        self._turn = 0
        self._waiting: dict[int, tuple[Positions, Embeddings] | None] = {}
        self._lock = threading.Lock()

    def of(self, wanted: Positions | None) -> Positions:
        """Where some templates' sums are."""
        return self._place if wanted is None else self._place[wanted]

    def shares(self) -> NDArray[np.float64]:
        """Each template's images' shares together."""
        return np.asarray(np.bincount(self._template, self._share, self._wanted.size), np.float64)

    def result(self) -> Embeddings:
        """(k, d) float32 sums."""
        if self._added != self._image.size:
            raise SettingsError(f"{self._image.size - self._added:,} embeddings that templates need are missing")
        if self._total is None:
            width = self._width if self._mapping is None else self._mapping.matrix.shape[1]
            return np.zeros((self._wanted.size, width), np.float32)
        return self._total

    def add(self, turn: int, start: int, images: Embeddings) -> None:
        """Add a block: it counts once all blocks of earlier turns did."""
        first, last = np.searchsorted(self._image, [start, start + len(images)])
        piece = self._piece(slice(first, last), start, images) if last > first else None
        with self._lock:
            self._added += int(last - first)
            self._width = images.shape[1]
            self._waiting[turn] = piece
            while self._turn in self._waiting:
                due = self._waiting.pop(self._turn)
                self._turn += 1
                if due is not None:
                    if self._total is None:
                        self._total = np.zeros((self._wanted.size, due[1].shape[1]), np.float32)
                    self._total[due[0]] += due[1]

    def _piece(self, part: slice, start: int, images: Embeddings) -> tuple[Positions, Embeddings]:
        used, column = np.unique(self._image[part] - start, return_inverse=True)
        taken = images if used.size == len(images) else images[used]
        scale = _inverse_norms(taken)
        if self._mapping is not None:
            if self._mapping.offset is None:  # the norm before such a map is lost again by the one after it
                taken = self._mapping.apply(taken, normalise=False)
                scale = _inverse_norms(taken)
            else:
                taken = self._mapping.apply(taken)
                scale = np.ones(len(taken))
        share = self._share[part] * scale[column] if self._unit else self._share[part]
        present, row = np.unique(self._template[part], return_inverse=True)
        shape = present.size, len(taken)
        weights = sparse.csr_array((share.astype(np.float32), (row, column)), shape=shape)
        return present, np.asarray(weights @ taken, np.float32)


def _inverse_norms(rows: Embeddings) -> NDArray[np.float64]:
    """1 / Euclidean norm of each row, 0 for rows of zeros.

    Raises
    ------
    SettingsError
        When a row holds NaN or infinite numbers.
    """
    squares = np.einsum("ij,ij->i", rows, rows).astype(np.float64)
    odd = np.flatnonzero(~((squares > _SAFE_SQUARES[0]) & (squares < _SAFE_SQUARES[1])))
    if odd.size:
        squares[odd] = np.square(rows[odd].astype(np.float64)).sum(axis=1)
        if not np.isfinite(squares[odd]).all():
            raise SettingsError("embeddings hold NaN or infinite numbers", remedy="leave those images out")
    norms = np.sqrt(squares)
    inverse: NDArray[np.float64] = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return inverse
