"""``study.json``: what a study remembers, as it is written on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from canon_core import limits
from canon_core.errors import StudyError
from canon_core.models.spec import ModelSpec
from canon_core.store.atomic import write_atomically

#: Version of the study format this program writes. Older ones are migrated, newer ones refused.
SCHEMA = 1
MANIFEST = "study.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class OutsidePath(_Record):
    """A file or folder outside the study: where it was, absolutely and seen from the study.

    A study moved together with its data finds it by ``relative``, one moved alone by ``absolute``.
    """

    absolute: str
    relative: str | None = None

    @classmethod
    def of(cls, path: Path, study: Path) -> OutsidePath:
        """Remember ``path`` as seen from the folder ``study``."""
        absolute = Path(os.path.abspath(path))
        try:
            relative = PurePosixPath(Path(os.path.relpath(absolute, study))).as_posix()
        except ValueError:  # another drive
            return cls(absolute=str(absolute))
        return cls(absolute=str(absolute), relative=relative)

    def locate(self, study: Path) -> Path:
        """Where it is now; where it was, when it is nowhere."""
        absolute = Path(self.absolute)
        if self.relative is not None and not absolute.exists():
            beside = Path(os.path.normpath(study / self.relative))
            if beside.exists():
                return beside
        return absolute


class ModelRecord(_Record):
    """A network in the study. ``folder`` names its embeddings and never changes; ``name`` may."""

    name: str
    folder: str
    file: OutsidePath
    file_size: int
    mtime_ns: int
    sha256: str
    spec: ModelSpec
    origin: str
    notes: tuple[str, ...] = ()
    dimensions: int
    parameters: int
    macs: int
    flops: int


class OptionsRecord(_Record):
    """How a dataset's folder is to be read."""

    format: str = "auto"
    aligned: str | None = None
    landmarks: OutsidePath | None = None
    pairs: OutsidePath | None = None
    detector: OutsidePath | None = None
    whole_image: bool = False
    max_per_subject: int | None = None
    seed: int = 0


class DatasetRecord(_Record):
    """A dataset in the study; its images are listed in ``datasets/<folder>.h5``."""

    name: str
    folder: str
    root: OutsidePath
    options: OptionsRecord
    format: str
    fingerprint: str
    images: int
    subjects: int
    alignment: str | None
    problems: int
    fold_pairs: int = 0
    notes: tuple[str, ...] = ()


class EmbeddingRecord(_Record):
    """What is known of a complete embeddings file beyond its own attributes."""

    key: str
    bad_rows: tuple[int, ...] = ()


class Manifest(_Record):
    """The whole of ``study.json``."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    program: str = ""
    models: tuple[ModelRecord, ...] = ()
    datasets: tuple[DatasetRecord, ...] = ()
    embeddings: dict[str, EmbeddingRecord] = Field(default_factory=dict)  # "<model folder>/<dataset folder>"
    view: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), populate_by_name=True)


def read_manifest(folder: Path) -> Manifest:
    """Read a study's manifest, migrating older schema versions.

    Raises
    ------
    StudyError
        When the folder is no study, is newer than the program, or its manifest is damaged.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        what = "not a study: a study is a folder NAME.canon" if folder.exists() else "no such study"
        raise StudyError(what, path=folder, remedy="check the path, or make a new one with `canon new STUDY`")
    if not path.is_file():
        raise StudyError(
            f"not a study: it holds no {MANIFEST}", path=folder, remedy="make a new one with `canon new STUDY`"
        )
    damaged = "restore it from a backup; embeddings and results beside it are untouched"
    if path.stat().st_size > limits.MAX_DOCUMENT_BYTES:
        raise StudyError("larger than any study's manifest can be", path=path, remedy=damaged)
    try:
        document = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        raise StudyError("damaged: it is not valid JSON", path=path, remedy=damaged) from None
    version = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise StudyError("not a study's manifest: it names no schema version", path=path, remedy=damaged)
    if version > SCHEMA:
        raise StudyError(
            f"made by a newer version of the program (study format {version}, this one reads up to {SCHEMA})",
            path=path,
            remedy="update Canon Explorer",
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StudyError(f"damaged at '{where}': {first['msg']}", path=path, remedy=damaged) from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace a study's manifest by temporary file, fsync and rename."""
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False)
    write_atomically(folder / MANIFEST, text.encode("utf-8"))
