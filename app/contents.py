"""A frozen look at a study: what the tree and the menus show, taken off the GUI thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from canon_core.study.entries import DatasetEntry, EmbeddingState, ModelEntry
    from canon_core.study.study import Study


class Badge(Enum):
    """How far one model's embeddings of one dataset are, in a word."""

    NONE = "none"
    PARTIAL = "partial"
    COMPLETE = "complete"
    STALE = "stale"  #: made with another network file, preprocessing or set of images
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Imported:
    """Where embeddings that were made elsewhere came from, and how they were paired with the images."""

    dataset: str
    file: Path
    paired_by: str
    missing: int
    unused: int

    @property
    def text(self) -> str:
        """In a sentence without a full stop."""
        text = f"{self.file.name}, paired by {self.paired_by}"
        if self.missing:
            text += f"; {self.missing:,} image{'s have' if self.missing != 1 else ' has'} none"
        if self.unused:
            text += f"; {self.unused:,} of no image"
        return text


@dataclass(frozen=True, eq=False)
class Contents:
    """What a study holds at one moment.

    Attributes
    ----------
    states : mapping
        (model, dataset) → how far its embeddings are.
    missing_models, missing_datasets : frozenset of str
        Models whose ONNX file, and datasets whose folder, is not where it was.
    imports : mapping
        (model, dataset) → where embeddings that were made elsewhere came from.
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
    imports: Mapping[tuple[str, str], Imported] = field(default_factory=dict)

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

    @property
    def template_datasets(self) -> frozenset[str]:
        """Names of the datasets that compare templates."""
        return frozenset(dataset.name for dataset in self.datasets if dataset.has_templates)

    @property
    def newest_networks(self) -> Path:
        """The folder in which the newest model's network lies, else the study: where others may lie too."""
        return next((each.file.parent for each in reversed(self.models) if not each.imported), self.path.parent)

    @property
    def newest_faces(self) -> Path:
        """The folder in which the newest dataset of images lies, else the study: where another may lie too."""
        return next((each.path.parent for each in reversed(self.datasets) if each.has_images), self.path.parent)

    @property
    def newest_embeddings(self) -> Path:
        """The folder of the embeddings that were imported for the newest model, else the study's."""
        imported = [found for model in self.models for found in self.imports_of(model.name)]
        return imported[-1].file.parent if imported else self.path.parent

    def imports_of(self, model: str) -> tuple[Imported, ...]:
        """Where a model's embeddings came from, in the order of the datasets; empty for a network's."""
        found = (self.imports.get((model, dataset)) for dataset in self.dataset_names)
        return tuple(each for each in found if each is not None)

    def to_embed(self, dataset: str, models: Iterable[str]) -> tuple[str, ...]:
        """Those of some models with which a dataset can be embedded and is not yet."""
        entry = self.dataset(dataset)
        if entry is None or not entry.has_images:
            return ()
        done = set(self.embedded(dataset))
        wanted = set(models) - done
        return tuple(model.name for model in self.models if model.name in wanted and not model.imported)

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
        missing_models=frozenset(model.name for model in models if not model.imported and not model.file.is_file()),
        missing_datasets=frozenset(
            dataset.name for dataset in datasets if dataset.has_images and not dataset.path.exists()
        ),
        maps=_count(study.path / "maps"),
        results=_count(study.path / "results"),
        imports={
            (model.name, dataset.name): found
            for model in models
            if model.imported
            for dataset in datasets
            if (found := _imported(study, model.name, dataset.name)) is not None
        },
    )


def _imported(study: Study, model: str, dataset: str) -> Imported | None:
    record = study.imported_from(model, dataset)
    if record is None:
        return None
    return Imported(dataset, record.file.locate(study.path), record.paired_by, record.missing, record.unused)


def badge_of(state: EmbeddingState) -> Badge:
    """The word for a state."""
    if state.damage:
        return Badge.DAMAGED
    if not state.done:
        return Badge.NONE
    if not state.current:
        return Badge.STALE
    return Badge.COMPLETE if state.complete else Badge.PARTIAL


def badge_text(state: EmbeddingState, *, imported: bool = False, has_images: bool = True) -> str:
    """The badge as it stands in the tree; ``imported`` models have no network, and datasets may have no images."""
    badge = badge_of(state)
    if badge is Badge.PARTIAL:
        return f"{state.done:,} of {state.rows:,}"
    if badge is Badge.COMPLETE and state.bad_rows:
        bad = f"{state.bad_rows:,} bad row{'s' * (state.bad_rows != 1)}"
        return f"{state.bad_rows:,} left out" if imported else bad
    if badge is Badge.COMPLETE and imported:
        return "imported"
    if badge is Badge.NONE and imported:
        return "not imported"
    if badge is Badge.NONE and not has_images:
        return "no images"
    return {Badge.NONE: "not embedded", Badge.STALE: "out of date"}.get(badge, badge.value)


def badge_reason(
    state: EmbeddingState, model: str, dataset: str, *, source: Imported | None = None, has_images: bool = True
) -> str:
    """What the badge means, in a sentence; ``source`` is where imported embeddings came from."""
    badge = badge_of(state)
    if badge is Badge.DAMAGED:
        return state.damage
    if source is not None:
        if badge is Badge.STALE:
            return f"The images changed since {source.file.name} was imported; import it again."
        left_out = (
            f" {state.bad_rows:,} are missing or unusable (not finite, or zero) and left out of scores."
            if state.bad_rows
            else ""
        )
        return f"{state.rows:,} embeddings made elsewhere: {source.text}.{left_out}"
    if badge is Badge.NONE and not has_images:
        return f"'{dataset}' has no images to embed: import embeddings made elsewhere."
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
