"""Models, datasets and embeddings of a study as the rest of the program sees them: frozen, with paths as of now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from canon_core.datasets.options import DatasetOptions
from canon_core.models.spec import ModelSpec
from canon_core.study.manifest import DatasetRecord, ModelRecord, TemplatesRecord
from canon_core.study.places import network_place
from canon_core.study.results import TEMPLATE_PAIRS


@dataclass(frozen=True)
class ModelEntry:
    """A network of the study; ``file`` is where it lies now.

    Where ``imported``, there is no network: its embeddings were made elsewhere, and ``file`` holds the first of them.
    """

    name: str
    folder: str
    file: Path
    sha256: str
    spec: ModelSpec
    origin: str
    notes: tuple[str, ...]
    dimensions: int
    parameters: int
    macs: int
    flops: int
    imported: bool = False


@dataclass(frozen=True)
class TemplateCounts:
    """What a template protocol holds: templates, pairs of them, galleries with their probes, covariates.

    ``fingerprint`` is of all of it, ``compared`` of what scores depend on: without the covariates.
    """

    fingerprint: str
    templates: int
    pairs: int
    genuine: int
    galleries: tuple[str, ...]
    probes: int
    covariates: tuple[str, ...]
    compared: str = ""


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset of the study; ``path`` is where it lies now, ``problems`` the number of images left out.

    ``templates`` is None where every image is compared by itself. Without images (``has_images``) only embeddings made
    elsewhere can be used.
    """

    name: str
    folder: str
    format: str
    path: Path
    options: DatasetOptions
    fingerprint: str
    images: int
    subjects: int
    alignment: str | None
    problems: int
    fold_pairs: int
    notes: tuple[str, ...]
    templates: TemplateCounts | None = None
    has_images: bool = True

    @property
    def has_folds(self) -> bool:
        """Whether it brings LFW's verification folds."""
        return self.fold_pairs > 0

    @property
    def has_templates(self) -> bool:
        """Whether it compares templates by a list of pairs, as IJB does."""
        return self.templates is not None

    @property
    def has_search(self) -> bool:
        """Whether it brings galleries and probes for 1:N identification."""
        return self.templates is not None and bool(self.templates.galleries)

    @property
    def protocol(self) -> str:
        """What is compared."""
        if self.has_templates:
            return TEMPLATE_PAIRS
        return "all pairs, an image with itself across models" if self.one_image_each else "all pairs"

    @property
    def one_image_each(self) -> bool:
        """Whether no subject has two images: the only genuine pairs then are one image seen by two models."""
        return self.templates is None and self.subjects == self.images

    @property
    def title(self) -> str:
        """Name and size, as shown under results."""
        templates = "" if self.templates is None else f"{self.templates.templates:,} templates, "
        return f"{self.name} ({self.images:,} images, {templates}{self.subjects:,} subjects)"


@dataclass(frozen=True)
class EmbeddingState:
    """How far one model's embeddings of one dataset are.

    ``current`` is False when the file was made with another model file, preprocessing or set of images, or does not
    exist; ``damage`` says what is wrong with a file that cannot be read.
    """

    done: int
    rows: int
    current: bool
    bad_rows: int = 0
    provider: str = ""
    damage: str = ""

    @property
    def complete(self) -> bool:
        """Every image embedded with today's model, preprocessing and images."""
        return self.current and self.rows > 0 and self.done == self.rows


def model_entry(record: ModelRecord, study: Path) -> ModelEntry:
    """The model of that record, its file looked for as seen from the folder ``study``."""
    return ModelEntry(
        name=record.name,
        folder=record.folder,
        file=network_place(record, study),
        sha256=record.sha256,
        spec=record.spec,
        origin=record.origin,
        notes=record.notes,
        dimensions=record.dimensions,
        parameters=record.parameters,
        macs=record.macs,
        flops=record.flops,
        imported=record.imported,
    )


def dataset_entry(record: DatasetRecord, study: Path) -> DatasetEntry:
    """The dataset of that record, its files looked for as seen from the folder ``study``."""
    return DatasetEntry(
        name=record.name,
        folder=record.folder,
        format=record.format,
        path=record.root.locate(study),
        options=record.options.locate(study),
        fingerprint=record.fingerprint,
        images=record.images,
        subjects=record.subjects,
        alignment=record.alignment,
        problems=record.problems,
        fold_pairs=record.fold_pairs,
        notes=record.notes,
        templates=None if record.templates is None else _counts(record.templates),
        has_images=record.has_images,
    )


def _counts(record: TemplatesRecord) -> TemplateCounts:
    return TemplateCounts(**{**record.model_dump(), "compared": record.compared or record.fingerprint})
