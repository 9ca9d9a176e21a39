"""How an overlay lies on the disk: its points as arrays beside its facts; a file that holds no overlay is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.store.arrays import save_arrays
from canon_core.study.overlay_results import Overlay, OverlayPart, OverlayScore, OverlaySettings
from canon_core.study.result_files import as_text, from_text, reading, reading_arrays
from canon_core.study.results import FitMode

#: Places are nearer to the middle than this: UMAP's lie within tens, straight axes within 1.
_FARTHEST: Final = 1e6
#: What a file ought to be, and how it comes again.
_SAID: Final = ("an overlay", "it will be computed again")
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
    with reading_arrays(path, *_SAID, [*_ARRAYS, "subject_names", "facts"]) as (arrays, _):
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
    return reading(path, *_SAID)


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
