"""Embeddings of several models on the same images: which images count, read and normalised once."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from canon_core.datasets.faces import FaceImages
from canon_core.errors import CanonError, SettingsError, StudyError
from canon_core.jobs import JobContext
from canon_core.maps.fit import unit_rows
from canon_core.maps.kinds import MapKind
from canon_core.store.embeddings import read_embeddings
from canon_core.study.entries import EmbeddingState
from canon_core.study.study import Study

Float32 = npt.NDArray[np.float32]
#: Bytes of embeddings kept in memory between cells; beyond it they are read again.
_HELD_BYTES = 768 * 2**20


def subject_half(subject: str, seed: int) -> int:
    """Half (0 or 1) that a subject belongs to under fit mode ``disjoint`` (house plan, Protocols)."""
    return zlib.crc32(f"{seed}:{subject}".encode()) & 1


class UsableEmbeddings:
    """Unit-norm embeddings of the images that every model could embed.

    Parameters
    ----------
    study : Study
        Its embedding states must be fresh.
    dataset : str
        Name of the dataset.
    models : sequence of str
        Names; those without complete embeddings end in ``missing`` with the reason.

    Attributes
    ----------
    models : tuple of str
        Those that can be used.
    keys, dimensions, folders : dict
        Content key of the embeddings, width, and folder of each.
    dataset : DatasetEntry
        As it was when this was made.
    paths : dict
        File of each model's embeddings.
    missing : dict
        The others, with why.
    faces : FaceImages
        The dataset's images.
    rows : (n,) int64
        Rows of the embeddings files that count.
    left_out : tuple of str
        Images without a usable embedding in one of the models.

    Raises
    ------
    StudyError
        When no model has complete embeddings.
    """

    def __init__(self, study: Study, dataset: str, models: Sequence[str]) -> None:
        self._dataset = dataset
        self.missing: dict[str, str] = {}
        for name in models:
            state = study.embedding_state(name, dataset)
            if not state.complete:
                self.missing[name] = _why(name, dataset, state, imported=study.model(name).imported)
        images = study.dataset(dataset).images
        bad_of = {name: study.bad_rows(name, dataset) for name in models if name not in self.missing}
        for name, rows in bad_of.items():
            if len(rows) == images:
                self.missing[name] = f"'{name}' has no usable embedding of '{dataset}': all are zero or not finite"
        self.models = tuple(name for name in models if name not in self.missing)
        if not self.models:
            reasons = list(self.missing.values()) or ["no model was chosen"]
            others = len(reasons) - 1
            more = f" (and {others} more model{'s' if others > 1 else ''})" if others else ""
            raise StudyError(
                f"nothing to score on '{dataset}': {reasons[0]}{more}",
                path=study.path,
                remedy=f"run `canon embed` with --dataset {dataset}, or `canon import` embeddings made elsewhere",
            )
        # Taken once, by key and path: a model may be renamed while its cells are computed.
        self.keys = {name: study.embeddings_key(name, dataset) for name in self.models}
        self.dimensions = {name: study.model(name).dimensions for name in self.models}
        self.folders = {name: study.model(name).folder for name in self.models}
        self.dataset = study.dataset(dataset)
        self.paths = {name: study.embeddings_path(name, dataset) for name in self.models}
        self._study = study
        bad = sorted({row for name in self.models for row in bad_of[name]})
        if len(bad) == images:
            raise StudyError(
                f"no image of '{dataset}' has a usable embedding in every one of {', '.join(self.models)}",
                path=study.path,
                remedy="choose fewer --models, or import them again",
            )
        self.rows = np.delete(np.arange(self.dataset.images, dtype=np.int64), bad)
        self.left_out = tuple(self.faces.ids[row] for row in bad)
        self.left_out_digest = hashlib.sha256("\n".join(self.left_out).encode()).hexdigest() if bad else ""
        self._held: OrderedDict[str, Float32] = OrderedDict()

    @cached_property
    def faces(self) -> FaceImages:
        """The images; half a million of them take a second to read, and stored cells are found without."""
        return self._study.faces(self._dataset)

    @cached_property
    def subjects(self) -> npt.NDArray[np.int32]:
        """(n,) subject code of each row; asked for where single images are compared, not where templates are."""
        return self.faces.subject_codes[self.rows]

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Subjects by code."""
        return self.faces.subject_names

    def why_not(self, source: str, target: str, kind: MapKind) -> str:
        """Why a cell cannot exist; empty where it can."""
        reason = self.missing.get(source) or self.missing.get(target)
        if reason is None and source != target and kind is MapKind.NONE:
            widths = self.dimensions[source], self.dimensions[target]
            if widths[0] != widths[1]:
                reason = f"raw embeddings of {widths[0]} and {widths[1]} dimensions cannot be compared"
        return reason or ""

    def read(self, model: str) -> Float32:
        """(n, d) float32 unit rows of one model, in the order of ``rows``."""
        if model in self._held:
            self._held.move_to_end(model)
            return self._held[model]
        stored = read_embeddings(self.paths[model])
        flat = stored[:, 0] if stored.ndim == 3 else stored  # single images: unit norm, nothing else, so no flip
        if len(self.left_out):
            flat = flat[self.rows]
        unit: Float32 = unit_rows(flat).astype(np.float32, copy=False)
        self._held[model] = unit
        while len(self._held) > 2 and sum(array.nbytes for array in self._held.values()) > _HELD_BYTES:
            self._held.popitem(last=False)
        return unit

    def halves(self, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Positions (into ``rows``) of the images of each half of the subjects.

        Raises
        ------
        SettingsError
            When a half is empty: too few subjects.
        """
        half_of = np.array([subject_half(name, seed) for name in self.subject_names], dtype=np.int8)
        half = half_of[self.subjects]
        first, second = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
        if not len(first) or not len(second):
            raise SettingsError(
                f"the {len(self.subject_names)} subjects of '{self._dataset}' cannot be split into two halves",
                remedy="use --mode in-sample, another --seed, or a dataset with more subjects",
            )
        return first, second


def prepare(study: Study, dataset: str, models: Sequence[str], ctx: JobContext) -> UsableEmbeddings:
    """Look whether models and images are still what was embedded, and collect what can be used."""
    looks: list[Callable[[], object]] = [partial(study.refresh_model, name) for name in models]
    if study.dataset(dataset).path.exists():
        looks.append(partial(study.refresh_dataset, dataset, ctx, images=False))
    for look in looks:
        try:
            look()
        except CanonError as error:  # what was embedded can be scored without the files it was made from
            ctx.log(f"cannot look whether anything changed since it was embedded: {error.sentence()}", logging.WARNING)
    study.refresh_states()
    usable = UsableEmbeddings(study, dataset, models)
    _ = usable.faces  # now: they may change, and the dataset may be renamed, while its cells are computed
    return usable


def _why(name: str, dataset: str, state: EmbeddingState, *, imported: bool) -> str:
    if state.damage:
        return state.damage.rstrip(".")
    if not state.done:
        return f"'{name}' has no embeddings of '{dataset}' yet"
    if not state.current and imported:
        return (
            f"the imported embeddings of '{name}' are out of date ('{dataset}' changed: take them in again with"
            " `canon import`)"
        )
    if not state.current:
        return f"the embeddings of '{name}' are out of date (its file, preprocessing or the images changed)"
    return f"'{name}' is embedded up to image {state.done:,} of {state.rows:,}"
