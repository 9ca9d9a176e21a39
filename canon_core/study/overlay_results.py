"""Overlays of aligned spaces: where the points of a target and of its sources lie, before a map and after it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.result_files import as_text, from_text, reading
from canon_core.study.results import Features, FitMode

__all__ = [
    "DEFAULT_POINTS",
    "EVERYTHING",
    "Overlay",
    "OverlayLevel",
    "OverlayMethod",
    "OverlayPart",
    "OverlayScore",
    "OverlaySettings",
    "load_overlay",
    "save_overlay",
]

#: Points of all models together unless a subset is asked for: UMAP of them takes five seconds of an idle core (and the
#: process that computes it eight to start, or twenty the first time).
DEFAULT_POINTS: Final = 4_000
#: Neighbours and least distance of UMAP unless others are asked for: UMAP's own.
DEFAULT_NEIGHBOURS: Final = 15
DEFAULT_MIN_DIST: Final = 0.1
#: Number of subjects that stands for all of them.
EVERYTHING: Final = 0


class OverlayLevel(StrEnum):
    """What a point is."""

    IMAGES = "images"
    TEMPLATES = "templates"


@dataclass(frozen=True)
class OverlaySettings:
    """Everything an overlay depends on besides the embeddings.

    Attributes
    ----------
    sources : tuple of str
        Models whose points go through a map each; several show all of them in one target.
    features : Features
        How templates are made; points of the level ``images`` are of unit norm, nothing else.
    subjects : int or None
        How many random subjects are shown; :data:`EVERYTHING` for all of them; None for as many as make about
        :data:`DEFAULT_POINTS` points.
    chosen : tuple of str
        Names of the subjects that are shown; then ``subjects`` does not count.
    neighbours, min_dist :
        Of UMAP.
    seed : int
        Of the split into halves, of the random subjects, and of UMAP.
    added : tuple of str
        Further datasets whose points are shown: they go through the maps that were fitted on ``dataset``.
    same_names : bool
        Whether subjects of the same name in several datasets are one person; else they are different people.
    """

    dataset: str
    sources: tuple[str, ...]
    target: str
    map: MapKind = MapKind.LINEAR
    mode: FitMode = FitMode.DISJOINT
    features: Features = Features.PAPER
    level: OverlayLevel = OverlayLevel.IMAGES
    subjects: int | None = None
    chosen: tuple[str, ...] = ()
    method: OverlayMethod = OverlayMethod.UMAP
    neighbours: int = DEFAULT_NEIGHBOURS
    min_dist: float = DEFAULT_MIN_DIST
    seed: int = 0
    added: tuple[str, ...] = ()
    same_names: bool = False

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every dataset that is shown; the maps are fitted on the first."""
        return (self.dataset, *self.added)


@dataclass(frozen=True)
class OverlayScore:
    """Share of a source's points whose nearest target point is of the same subject, in the embedding space.

    Attributes
    ----------
    asked : int
        Points that have a partner: a target point of their subject that shares no image and no medium with them. Others
        are not asked, and what shares an image or a medium does not count as the nearest.
    before, after : float
        Raw, and through the map; NaN where none is asked.
    chance : float
        Where any target point were the nearest with the same probability.
    source_own, target_own : float
        Both models by themselves: nearest point of their own.
    """

    asked: int
    before: float
    after: float
    chance: float
    source_own: float
    target_own: float


@dataclass(frozen=True)
class OverlayPart:
    """What an overlay of several datasets shows of one of them.

    Attributes
    ----------
    items, subjects : (int, int)
        How many are shown, and how many there are.
    scores : tuple of OverlayScore
        One a source, among the dataset's own points, as if it were alone.
    left_out : int
        Images without a usable embedding in one of the models.
    """

    items: tuple[int, int]
    subjects: tuple[int, int]
    scores: tuple[OverlayScore, ...]
    left_out: int = 0


@dataclass(frozen=True, eq=False)
class Overlay:
    """Points of the target (model 0) and of each source (1, 2, …), the same items in the same order for each.

    With m items and k sources there are n = (1 + k)·m points, one model after the other: row ``i`` of the target and
    row ``s·m + i`` of source s are the same image (or template). The items of each dataset lie side by side.

    Attributes
    ----------
    before, after : (n, 2) float32
        Positions with raw sources, and with mapped ones, both aligned to the target's own layout.
    model : (n,) int16
        0 for the target, else which source.
    item : (n,) int64
        Row of the image in its dataset (``study.faces(dataset).ids``), or id of the template in the protocol's files.
    subject : (n,) int32
        Place in ``subject_names``, where two datasets may have the same name for different people.
    half : (n,) int8
        Half of its subject with fit mode ``disjoint``: mapped by the map fitted on the other half. Else 0.
    scores : tuple of OverlayScore
        One a source, among all points of all datasets.
    items, subjects : (int, int)
        How many are shown, and how many there are.
    fit_pairs : tuple of int
        Image pairs behind the map of each half.
    notes : tuple of str
        What a reader of the picture must know: padding, axes, how far the target moved.
    left_out : int
        Images without a usable embedding in one of the models.
    parts : tuple of OverlayPart
        One a dataset of the settings; empty where there is only one.
    added_titles : tuple of str
        Present names of the added datasets.
    """

    key: str
    settings: OverlaySettings
    dataset_title: str
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    model: NDArray[np.int16]
    item: NDArray[np.int64]
    subject: NDArray[np.int32]
    half: NDArray[np.int8]
    subject_names: tuple[str, ...]
    scores: tuple[OverlayScore, ...]
    items: tuple[int, int]
    subjects: tuple[int, int]
    fit_pairs: tuple[int, ...]
    notes: tuple[str, ...] = ()
    left_out: int = 0
    seconds: float = 0.0
    parts: tuple[OverlayPart, ...] = ()
    added_titles: tuple[str, ...] = ()

    @cached_property
    def dataset(self) -> NDArray[np.int16]:
        """(m,) place of each item's dataset among those of the settings."""
        counts = [part.items[0] for part in self.parts] or [self.items[0]]
        return np.repeat(np.arange(len(counts), dtype=np.int16), counts)

    @cached_property
    def subject_labels(self) -> tuple[str, ...]:
        """Names of the subjects; with their dataset where two datasets have the same name for different people."""
        seen = Counter(self.subject_names)
        if len(seen) == len(self.subject_names):
            return self.subject_names
        whose = np.zeros(len(self.subject_names), np.int16)
        whose[self.subject[self.rows(0)]] = self.dataset
        names = self.settings.datasets
        return tuple(
            f"{name} ({names[place]})" if seen[name] > 1 else name
            for name, place in zip(self.subject_names, whose.tolist(), strict=True)
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Names by the numbers in ``model``: the target, then the sources."""
        return (self.settings.target, *self.settings.sources)

    @property
    def sampled(self) -> bool:
        """Whether some items are not shown."""
        return self.items[0] < self.items[1]

    def rows(self, model: int) -> slice:
        """The points of one model, by its number in :attr:`models`."""
        return slice(model * self.items[0], (model + 1) * self.items[0])


#: Places are nearer to the middle than this: UMAP's lie within tens, straight axes within 1.
_FARTHEST: Final = 1e6
_ARRAYS: Final[Mapping[str, Any]] = {
    "before": np.float32,
    "after": np.float32,
    "model": np.int16,
    "item": np.int64,
    "subject": np.int32,
    "half": np.int8,
}


@dataclass(frozen=True)
class _Facts:
    key: str
    scores: tuple[OverlayScore, ...]
    items: tuple[int, int]
    subjects: tuple[int, int]
    fit_pairs: tuple[int, ...]
    notes: tuple[str, ...]
    left_out: int
    seconds: float
    parts: tuple[OverlayPart, ...] = ()


def save_overlay(path: Path, result: Overlay, folders: Sequence[str], datasets: Sequence[str]) -> None:
    """Write an overlay; ``folders`` are those of the target and of each source, ``datasets`` those of each dataset."""
    facts = _Facts(**{name: getattr(result, name) for name in _Facts.__dataclass_fields__})
    arrays: dict[str, Any] = {name: getattr(result, name) for name in _ARRAYS}
    arrays["subject_names"] = list(result.subject_names)
    arrays["facts"] = as_text(facts)
    attributes = {"target": folders[0], "source": "\n".join(folders[1:]), "dataset": "\n".join(datasets)}
    save_arrays(path, arrays, attributes, compress=False)


def load_overlay(
    path: Path, settings: OverlaySettings, dataset_title: str, added_titles: tuple[str, ...] = ()
) -> Overlay | None:
    """Read an overlay, None where there is none; the models' present names are those of the settings.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    if not path.exists():
        return None
    arrays, _ = load_arrays(path, [*_ARRAYS, "subject_names", "facts"])
    with reading_overlay(path):
        facts = from_text(_Facts, arrays["facts"])
        columns = {name: arrays[name].astype(kind, casting="same_kind", copy=False) for name, kind in _ARRAYS.items()}
        names = tuple(map(str, arrays["subject_names"].tolist()))
        count = (1 + len(settings.sources)) * facts.items[0]
        for name, array in columns.items():
            if array.shape != ((count, 2) if name in ("before", "after") else (count,)):
                raise ValueError(f"{name} has shape {array.shape}")
        if count and not 0 <= int(columns["subject"].min()) <= int(columns["subject"].max()) < len(names):
            raise ValueError("a subject has no name")
        if len(facts.scores) != len(settings.sources):
            raise ValueError("scores and sources differ in number")
        _check_values(columns, facts, settings, len(names))
        if settings.added and not _fit_settings(facts, settings):
            raise ValueError("what is shown of each dataset does not fit the settings")
    return Overlay(
        settings=settings,
        dataset_title=dataset_title,
        added_titles=added_titles,
        subject_names=names,
        parts=facts.parts if settings.added else (),
        key=facts.key,
        scores=facts.scores,
        items=facts.items,
        subjects=facts.subjects,
        fit_pairs=facts.fit_pairs,
        notes=facts.notes,
        left_out=facts.left_out,
        seconds=facts.seconds,
        **columns,
    )


def reading_overlay(path: Path) -> AbstractContextManager[None]:
    """Take apart a file's overlay, or hold it against the study; ValueError in it: it is none of this one's."""
    return reading(path, "an overlay", "it will be computed again")


def _check_values(
    columns: Mapping[str, NDArray[Any]], facts: _Facts, settings: OverlaySettings, subjects: int
) -> None:
    """Raise ValueError unless every number is one that an overlay can have; shapes fit already."""
    shown, models = facts.items[0], 1 + len(settings.sources)
    if not 0 < shown <= facts.items[1] or not 0 < facts.subjects[0] <= facts.subjects[1]:
        raise ValueError(f"{facts.items} items of {facts.subjects} subjects")
    if facts.subjects[0] != subjects:
        raise ValueError(f"{subjects} names of {facts.subjects[0]} subjects")
    if (columns["model"].reshape(models, shown) != np.arange(models)[:, None]).any():
        raise ValueError("points of one model do not stand together")
    for name in ("item", "subject", "half"):
        each = columns[name].reshape(models, shown)
        if (each != each[0]).any():
            raise ValueError(f"{name} differs between models")
    if int(columns["item"].min()) < 0:
        raise ValueError("a negative item")
    if not set(np.unique(columns["half"]).tolist()) <= ({0, 1} if settings.mode is FitMode.DISJOINT else {0}):
        raise ValueError("a half that there is not")
    for name in ("before", "after"):
        if not (np.abs(columns[name]) < _FARTHEST).all():  # NaN neither
            raise ValueError(f"places {name} are no places")
    for part in facts.parts:
        if not 0 <= part.items[0] <= part.items[1] or not 0 <= part.subjects[0] <= part.subjects[1]:
            raise ValueError(f"{part.items} items of {part.subjects} subjects")
    for count, scores in ((shown, facts.scores), *((part.items[0], part.scores) for part in facts.parts)):
        for score in scores:
            shares = (score.before, score.after, score.chance, score.source_own, score.target_own)
            if not 0 <= score.asked <= count or not all(0 <= share <= 1 for share in shares if score.asked):
                raise ValueError(f"a score of {score}")
    if min(facts.fit_pairs, default=1) < 1 or facts.left_out < 0 or not 0 <= facts.seconds < math.inf:
        raise ValueError("a count that is none")


def _fit_settings(facts: _Facts, settings: OverlaySettings) -> bool:
    return (
        len(facts.parts) == len(settings.datasets)
        and sum(part.items[0] for part in facts.parts) == facts.items[0]
        and all(part.items[0] >= 0 and len(part.scores) == len(settings.sources) for part in facts.parts)
    )
