"""Overlays of aligned spaces: where the points of a target and of its sources lie, before a map and after it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from canon_core.errors import StoreError
from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.store.arrays import load_arrays, save_arrays
from canon_core.study.results import Features, FitMode, features_text

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
    "overlay_line",
    "save_overlay",
    "score_text",
    "scores_text",
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


def overlay_line(result: Overlay) -> str:
    """Every setting behind an overlay in one line, as it stands under each view and figure."""
    settings = result.settings
    templates = settings.level is OverlayLevel.TEMPLATES
    fit = f"fit {settings.mode}"
    if settings.mode is FitMode.DISJOINT:
        fit += f" (seed {settings.seed}; each half of the subjects through the map fitted on the other)"
    method = str(settings.method).upper() if settings.method is not OverlayMethod.SINGULAR else "singular directions"
    if settings.method is OverlayMethod.UMAP:
        method += f" (cosine, {settings.neighbours} neighbours, min-dist {settings.min_dist:g}, seed {settings.seed})"
    parts = [
        *_shown(result),
        f"{', '.join(settings.sources)} → {settings.target}",
        f"map {settings.map}",
        fit,
        *_across(result),
        features_text(settings.features) if templates else "unit norm",
    ]
    if result.fit_pairs:
        parts.append("fit pairs " + " + ".join(f"{count:,}" for count in result.fit_pairs))
    parts += [method, *result.notes]
    if result.left_out:
        parts.append(f"{result.left_out} images left out")
    return " · ".join(parts)


def _shown(result: Overlay) -> list[str]:
    """Each dataset, and how much of it is shown."""
    if not result.parts:
        return [result.dataset_title, _subset(result.settings, result.items, result.subjects)]
    titles = (result.dataset_title, *result.added_titles)
    return [
        f"{title}: {_subset(result.settings, part.items, part.subjects)}"
        for title, part in zip(titles, result.parts, strict=True)
    ]


def _subset(settings: OverlaySettings, items: tuple[int, int], subjects: tuple[int, int]) -> str:
    shown = f"{items[0]:,} of {items[1]:,} {settings.level} of {subjects[0]:,} of {subjects[1]:,}"
    if settings.chosen:
        return f"{shown} subjects, chosen"
    if items[0] < items[1]:
        return f"{shown} subjects, drawn at random (seed {settings.seed})"
    return f"all {items[1]:,} {settings.level} of {subjects[1]:,} subjects"


def _across(result: Overlay) -> list[str]:
    """What holds where several datasets are shown: on which the maps were fitted, and who is who."""
    settings = result.settings
    if not settings.added:
        return []
    fitted = f"maps fitted on {settings.dataset} alone; {', '.join(settings.added)} through the same maps"
    if settings.mode is FitMode.DISJOINT:
        fitted += ", halves by the same split of subjects' names"
    if settings.same_names:
        return [fitted, "subjects of the same name are one person"]
    people = "subjects of different datasets are different people"
    twice = len(result.subject_names) - len(set(result.subject_names))
    if twice:
        people += f", also where names are the same ({twice:,} shown)"
    return [fitted, people]


def score_text(score: OverlayScore, level: OverlayLevel) -> str:
    """A score in words, with what it counts."""
    one = str(level).removesuffix("s")
    if not score.asked:
        return f"no {one} shown has another of its subject to find"
    before, after, source, target = (
        _percent(share) for share in (score.before, score.after, score.source_own, score.target_own)
    )
    return (
        f"nearest other target {one} shows the same subject: before {before}, after {after} of {score.asked:,} {level}"
        f" (source alone {source}, target alone {target}, chance {_percent(score.chance, 2)})"
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def scores_text(result: Overlay) -> str:
    """Every score with what it counts; what several sources have in common once, and each dataset by itself."""
    level, scores = result.settings.level, result.scores
    if len(scores) == 1 or not scores[0].asked:
        text = score_text(scores[0], level)
    else:
        each = ", ".join(
            f"{name} {100 * score.before:.1f} → {100 * score.after:.1f} % (alone {100 * score.source_own:.1f} %)"
            for name, score in zip(result.settings.sources, scores, strict=True)
        )
        text = (
            f"nearest other target {str(level).removesuffix('s')} shows the same subject, before → after, of"
            f" {scores[0].asked:,} {level} each: {each}; target alone {100 * scores[0].target_own:.1f} %,"
            f" chance {100 * scores[0].chance:.2f} %"
        )
    return "; ".join([text, *(_part_text(result, place) for place in range(len(result.parts)))])


def _part_text(result: Overlay, place: int) -> str:
    """The scores of one dataset among its own points; of several sources from the least to the greatest."""
    settings, part = result.settings, result.parts[place]
    where = f"within {settings.datasets[place]}{'' if place else ', which the maps were fitted on'}"
    if not part.scores[0].asked:
        return f"{where} nobody shown has another {str(settings.level).removesuffix('s')} to find"
    first = part.scores[0]
    before, after, alone = (
        _ends([getattr(score, name) for score in part.scores]) for name in ("before", "after", "source_own")
    )
    return (
        f"{where}: {before} → {after} % of {first.asked:,} (source{'s' * (len(part.scores) > 1)} alone {alone} %,"
        f" target alone {100 * first.target_own:.1f} %, chance {100 * first.chance:.2f} %)"
    )


def _ends(shares: Sequence[float]) -> str:
    """The least and the greatest, in percent."""
    return "–".join(dict.fromkeys(f"{100 * share:.1f}" for share in (min(shares), max(shares))))


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


_FACTS = TypeAdapter(_Facts)


def save_overlay(path: Path, result: Overlay, folders: Sequence[str], datasets: Sequence[str]) -> None:
    """Write an overlay; ``folders`` are those of the target and of each source, ``datasets`` those of each dataset."""
    facts = _Facts(**{name: getattr(result, name) for name in _Facts.__dataclass_fields__})
    arrays: dict[str, Any] = {name: getattr(result, name) for name in _ARRAYS}
    arrays["subject_names"] = list(result.subject_names)
    arrays["facts"] = [json.dumps(asdict(facts), allow_nan=True)]
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
    try:
        facts = _FACTS.validate_json(str(arrays["facts"][0]))
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
    except (IndexError, TypeError, ValueError, ValidationError) as error:
        raise damaged_overlay(path) from error
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


def damaged_overlay(path: Path) -> StoreError:
    """What is said of a file that holds no overlay of this study."""
    return StoreError(
        "not an overlay this program wrote", path=path, remedy="delete the file: it will be computed again"
    )


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
