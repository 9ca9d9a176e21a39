"""``study.json``: what a study remembers, as it is written on disk."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from canon_core import limits
from canon_core.datasets.options import DatasetOptions
from canon_core.errors import StudyError
from canon_core.models.spec import ModelSpec
from canon_core.store.atomic import write_atomically

#: Version of the study format this program writes. Older ones are migrated, newer ones refused.
SCHEMA = 3
MANIFEST = "study.json"


#: What models and datasets may be called, and the folders made of those names: never a path.
NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_ .+-]{0,63}$"
_FOLDER_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,79}$"
#: Unusable rows that are remembered one by one; where there are more, the embeddings are looked through again.
MOST_BAD_ROWS = 1000

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Folder = Annotated[str, StringConstraints(pattern=_FOLDER_PATTERN)]
#: A SHA-256: names of files are made of it.
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
#: Numbers of a manifest that nobody vouches for.
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Images = Annotated[int, Field(ge=0, le=limits.MAX_IMAGES)]
Dimensions = Annotated[int, Field(ge=1, le=limits.MAX_DIMENSIONS)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class OutsidePath(_Record):
    """A file or folder outside the study: where it was, absolutely and seen from the study.

    A study moved or copied together with its data finds its own by ``relative``, one moved alone by ``absolute``. What
    lies there may be something else; :mod:`canon_core.study.places` tells it apart.
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

    def places(self, study: Path) -> tuple[Path, ...]:
        """Where something lies that it may be, the nearest first."""
        places = [] if self.relative is None else [Path(os.path.normpath(study / self.relative))]
        return tuple(dict.fromkeys(place for place in (*places, Path(self.absolute)) if _exists(place)))

    def locate(self, study: Path) -> Path:
        """Where it is now; where it was, when it is nowhere."""
        return next(iter(self.places(study)), Path(self.absolute))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or none
        return False


class FileStamp(_Record):
    """By which a file is recognised as unchanged without reading it; ``name`` is relative to the network's folder."""

    name: str
    size: int
    mtime_ns: int


class ModelRecord(_Record):
    """A network in the study. ``folder`` names its embeddings and never changes; ``name`` may.

    Of a model whose embeddings were made elsewhere there is no network: ``imported`` is True and ``file`` is the first
    file of embeddings.
    """

    name: Name
    folder: Folder
    file: OutsidePath
    stamps: tuple[FileStamp, ...]  # the network's file and those its weights lie in
    sha256: Digest | Literal[""]  # empty without a network
    spec: ModelSpec
    origin: str
    notes: tuple[str, ...] = ()
    dimensions: Dimensions
    parameters: Count
    macs: Count
    flops: Count
    imported: bool = False


class OptionsRecord(_Record):
    """How a dataset's folder is to be read: every option of :class:`DatasetOptions`, by the same name."""

    format: str = "auto"
    aligned: str | None = None
    landmarks: OutsidePath | None = None
    pairs: OutsidePath | None = None
    detector: OutsidePath | None = None
    whole_image: bool = False
    max_per_subject: int | None = None
    seed: int = 0

    @classmethod
    def of(cls, options: DatasetOptions, study: Path) -> OptionsRecord:
        """Remember options, their files as seen from the folder ``study``."""
        given: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(options)}
        for name, value in given.items():
            if isinstance(value, Path):
                given[name] = OutsidePath.of(value, study)
        return cls(**given)

    def locate(self, study: Path) -> DatasetOptions:
        """The options, with their files where they are now."""
        found: dict[str, Any] = dict(self)
        for name, value in found.items():
            if isinstance(value, OutsidePath):
                found[name] = value.locate(study)
        return DatasetOptions(**found)


class SourceStamp(_Record):
    """A file that a dataset's protocol was read from, by which it is recognised as unchanged without reading it."""

    file: OutsidePath
    size: int
    mtime_ns: int


class TemplatesRecord(_Record):
    """What a template protocol holds; the protocol itself lies in ``datasets/<folder>.<fingerprint>.protocol.h5``.

    ``compared`` covers what scores depend on, templates, pairs and galleries, and no covariates; the records of old
    have none, and scores then depend on the whole fingerprint.
    """

    fingerprint: Digest
    compared: Digest | None = None
    templates: Count
    pairs: Count
    genuine: Count
    galleries: tuple[str, ...] = ()
    probes: Count = 0
    covariates: tuple[str, ...] = ()


class DatasetRecord(_Record):
    """A dataset in the study; its images are listed in ``datasets/<folder>.<fingerprint, 16 digits>.h5``.

    ``root`` is what the user named, ``image_root`` the folder its images lie below where that is another. ``earlier``
    are fingerprints that a template dataset had when its lists gave the same images other subjects: embeddings made
    then still count (the protocol's own fingerprint covers subjects, and results depend on that).
    """

    name: Name
    folder: Folder
    root: OutsidePath
    options: OptionsRecord
    format: str
    fingerprint: Digest
    images: Images
    subjects: Images
    alignment: str | None
    problems: Count
    fold_pairs: Count = 0
    notes: tuple[str, ...] = ()
    image_root: OutsidePath | None = None
    has_images: bool = True
    templates: TemplatesRecord | None = None
    sources: tuple[SourceStamp, ...] = ()
    earlier: tuple[Digest, ...] = ()

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of images whose embeddings are this dataset's, today's first."""
        return (self.fingerprint, *self.earlier)

    @property
    def table(self) -> str:
        """Name of the file that lists the images."""
        return f"{self.folder}.{self.fingerprint[:16]}.h5"

    @property
    def protocol_table(self) -> str | None:
        """Name of the file that holds the template protocol, where there is one."""
        return None if self.templates is None else f"{self.folder}.{self.templates.fingerprint[:16]}.protocol.h5"

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all its files."""
        return (self.table,) if self.protocol_table is None else (self.table, self.protocol_table)


class EmbeddingRecord(_Record):
    """What is known of a complete embeddings file beyond its own attributes.

    ``bad_rows`` names the unusable rows where ``bad`` is at most :data:`MOST_BAD_ROWS`.
    """

    key: Digest
    bad: Images = 0
    bad_rows: tuple[int, ...] = ()


class ImportRecord(_Record):
    """Where imported embeddings came from. ``sha256`` is of the rows as they were paired with the dataset's images."""

    file: OutsidePath
    sha256: Digest
    paired_by: str
    missing: Count
    unused: Count


def _each_once(records: tuple[Any, ...]) -> tuple[Any, ...]:
    for what in ("name", "folder"):
        seen = [getattr(record, what).casefold() if what == "folder" else getattr(record, what) for record in records]
        if len(set(seen)) < len(seen):
            raise ValueError(f"two of them have the same {what}")
    return records


class Manifest(_Record):
    """The whole of ``study.json``."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    program: str = ""
    models: Annotated[tuple[ModelRecord, ...], AfterValidator(_each_once)] = ()
    datasets: Annotated[tuple[DatasetRecord, ...], AfterValidator(_each_once)] = ()
    embeddings: dict[str, EmbeddingRecord] = Field(default_factory=dict)  # "<model folder>/<dataset folder>"
    imports: dict[str, ImportRecord] = Field(default_factory=dict)  # the same
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
        # Version 1 knew neither templates nor imports, version 2 not what of a protocol is compared; what they lack
        # has a value that says so.
        return _bounded(Manifest.model_validate({**document, "schema": SCHEMA}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StudyError(f"damaged at '{where}': {first['msg']}", path=path, remedy=damaged) from None


def _bounded(manifest: Manifest) -> Manifest:
    """Without unusable rows that no image has; as their count then differs, the embeddings are looked through."""
    images = {data.folder: data.images for data in manifest.datasets}
    embeddings = {}
    for pair, record in manifest.embeddings.items():
        count = images.get(pair.rpartition("/")[2], 0)
        rows = tuple(row for row in record.bad_rows if 0 <= row < count)
        embeddings[pair] = record if rows == record.bad_rows else record.model_copy(update={"bad_rows": rows})
    return manifest.model_copy(update={"embeddings": embeddings})


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace a study's manifest by temporary file, fsync and rename.

    Raises
    ------
    StudyError
        When it would be larger than what :func:`read_manifest` accepts, or holds what cannot be written as text.
    StoreError
        When it cannot be written; the old one stays.
    """
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise StudyError(
            "a path in it is no valid text", path=folder / MANIFEST, remedy="rename the folder or file it names"
        ) from None
    if len(data) > limits.MAX_DOCUMENT_BYTES:
        raise StudyError("it would become larger than can be read again", path=folder / MANIFEST)
    write_atomically(folder / MANIFEST, data)
