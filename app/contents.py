"""A frozen look at a study: what the tree and the menus show, taken off the GUI thread."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from canon_core.study.study import DatasetEntry, EmbeddingState, ModelEntry, Study


class Badge(Enum):
    """How far one model's embeddings of one dataset are, in a word."""

    NONE = "none"
    PARTIAL = "partial"
    COMPLETE = "complete"
    STALE = "stale"  #: made with another network file, preprocessing or set of images
    DAMAGED = "damaged"


@dataclass(frozen=True, eq=False)
class Contents:
    """What a study holds at one moment.

    Attributes
    ----------
    states : mapping
        (model, dataset) → how far its embeddings are.
    missing : frozenset of str
        Models whose ONNX file, and datasets whose folder, is not where it was.
    maps, results : int
        Stored maps and scored cells.
    """

    path: Path
    name: str
    read_only: bool
    models: tuple[ModelEntry, ...]
    datasets: tuple[DatasetEntry, ...]
    states: Mapping[tuple[str, str], EmbeddingState]
    missing_models: frozenset[str]
    missing_datasets: frozenset[str]
    maps: int
    results: int

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names in the order the models were added."""
        return tuple(model.name for model in self.models)

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names in the order the datasets were added."""
        return tuple(dataset.name for dataset in self.datasets)

    def model(self, name: str) -> ModelEntry | None:
        """The model of that name."""
        return next((model for model in self.models if model.name == name), None)

    def dataset(self, name: str) -> DatasetEntry | None:
        """The dataset of that name."""
        return next((dataset for dataset in self.datasets if dataset.name == name), None)

    def embedded(self, dataset: str) -> tuple[str, ...]:
        """Models whose embeddings of a dataset are complete."""
        return tuple(name for name in self.model_names if self.states[name, dataset].complete)

    def has_embeddings(self, model: str) -> bool:
        """Whether anything was embedded with a model, so that its preprocessing is settled."""
        return any(badge_of(self.states[model, name]) is not Badge.NONE for name in self.dataset_names)


def look(study: Study, *, refresh: bool = True) -> Contents:
    """Look into a study; not on the GUI thread: it reads the heads of embeddings files and lists folders."""
    if refresh:
        study.refresh_states()
    models, datasets = study.models, study.datasets
    return Contents(
        path=study.path,
        name=study.name,
        read_only=study.read_only,
        models=models,
        datasets=datasets,
        states={
            (model.name, dataset.name): study.embedding_state(model.name, dataset.name)
            for model in models
            for dataset in datasets
        },
        missing_models=frozenset(model.name for model in models if not model.file.is_file()),
        missing_datasets=frozenset(dataset.name for dataset in datasets if not dataset.path.is_dir()),
        maps=_count(study.path / "maps"),
        results=_count(study.path / "results"),
    )


def badge_of(state: EmbeddingState) -> Badge:
    """The word for a state."""
    if state.damage:
        return Badge.DAMAGED
    if not state.done:
        return Badge.NONE
    if not state.current:
        return Badge.STALE
    return Badge.COMPLETE if state.complete else Badge.PARTIAL


def badge_text(state: EmbeddingState) -> str:
    """The badge as it stands in the tree."""
    badge = badge_of(state)
    if badge is Badge.PARTIAL:
        return f"{state.done:,} of {state.rows:,}"
    if badge is Badge.COMPLETE and state.bad_rows:
        return f"{state.bad_rows:,} bad row{'s' if state.bad_rows != 1 else ''}"
    return {Badge.NONE: "not embedded", Badge.STALE: "out of date"}.get(badge, badge.value)


def badge_reason(state: EmbeddingState, model: str, dataset: str) -> str:
    """What the badge means, in a sentence."""
    badge = badge_of(state)
    if badge is Badge.DAMAGED:
        return state.damage
    if badge is Badge.NONE:
        return f"'{model}' has no embeddings of '{dataset}' yet."
    if badge is Badge.STALE:
        return "The network file, its preprocessing or the images changed since; computing again replaces them."
    if badge is Badge.PARTIAL:
        return f"{state.done:,} of {state.rows:,} images are embedded; computing goes on from there."
    text = f"All {state.rows:,} images are embedded" + (f" ({state.provider})" if state.provider else "")
    if state.bad_rows:
        return f"{text}; {state.bad_rows:,} gave no usable embedding (not finite, or zero) and are left out of scores."
    return f"{text}."


def _count(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.name.endswith(".h5") for entry in entries)
    except OSError:
        return 0
