"""The document: models, datasets, embeddings and results in one folder ``NAME.canon``."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.lfw import FoldProtocol
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset, read_dataset
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.errors import CanonError, DatasetError, ModelError, StoreError, StudyError
from canon_core.jobs import JobContext, system_error
from canon_core.models.onnx_file import content_hash, open_onnx
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.models.spec import ModelSpec
from canon_core.resources import version
from canon_core.store.arrays import load_arrays
from canon_core.store.embeddings import EmbeddingsInfo, read_info, successor_path
from canon_core.store.embeddings import bad_rows as find_bad_rows
from canon_core.store.lock import StudyLock
from canon_core.study.cached_files import RESULTS, Cached, CacheKind, cached_files, sizes
from canon_core.study.dataset_files import load_images, load_templates, save_images, save_templates
from canon_core.study.keys import embeddings_key, imported_key
from canon_core.study.manifest import (
    MANIFEST,
    MOST_BAD_ROWS,
    NAME_PATTERN,
    DatasetRecord,
    EmbeddingRecord,
    FileStamp,
    ImportRecord,
    Manifest,
    ModelRecord,
    OptionsRecord,
    OutsidePath,
    SourceStamp,
    TemplatesRecord,
    read_manifest,
    write_manifest,
)
from canon_core.study.results import TEMPLATE_PAIRS

if TYPE_CHECKING:
    from canon_core.study.imports import ImportReport

_NAME = re.compile(NAME_PATTERN, re.ASCII)
#: Fingerprints of relabelled images that are remembered.
_MOST_EARLIER = 50
#: Format of a dataset of which only ids are known.
LISTED = "ids"
_FOLDERS = ("datasets", "embeddings", "maps", "results")


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
    """What a template protocol holds: templates, pairs of them, galleries with their probes, covariates."""

    fingerprint: str
    templates: int
    pairs: int
    genuine: int
    galleries: tuple[str, ...]
    probes: int
    covariates: tuple[str, ...]


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


@dataclass(frozen=True, eq=False)
class Draft:
    """Embeddings on their way in: where they are to be written, and what is made with them where it is new.

    ``pair`` is the model's and the dataset's folder, as the manifest names embeddings.
    """

    target: Path
    pair: str
    model: ModelRecord | None
    dataset: DatasetRecord | None
    faces: FaceImages | None


class Study:
    """A study folder, open for reading or for reading and writing.

    Make one with :meth:`create` or :meth:`open`; close it, or use it as a context manager. Methods may be called from
    several threads. What the properties return is frozen.
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: StudyLock | None) -> None:
        self._folder = folder
        self._manifest = manifest
        self._lock = lock
        self._mutex = threading.RLock()
        self._faces: dict[str, tuple[str, FaceImages, FoldProtocol | None]] = {}
        self._templates: dict[str, tuple[str, TemplateProtocols]] = {}
        self._states: dict[tuple[str, str], tuple[tuple[int, int], EmbeddingsInfo | str]] = {}
        self._revision = 1

    # -- opening and closing -------------------------------------------------------------------------------------
    @classmethod
    def create(cls, path: str | Path, *, owner: str = "canon") -> Study:
        """Make a new, empty study; ``.canon`` is appended where missing.

        Raises
        ------
        StudyError
            When something is there already, or the folder cannot be written.
        """
        folder = study_path(path)
        if (folder / MANIFEST).exists():
            raise StudyError("there is a study already", path=folder, remedy="open it, or choose another name")
        if folder.exists() and not _is_unfinished(folder):
            raise StudyError("there is something else already", path=folder, remedy="choose another name")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in _FOLDERS:
                (folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StudyError(system_error(error).problem, path=folder, remedy="choose a folder you may write") from None
        lock = StudyLock(folder, owner)
        lock.acquire()
        manifest = Manifest(program=version())
        try:
            write_manifest(folder, manifest)
        except BaseException:
            lock.release()
            raise
        return cls(folder, manifest, lock)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False, owner: str = "canon") -> Study:
        """Open an existing study.

        Raises
        ------
        StudyError
            When it is no study, is damaged, or is newer than the program.
        StudyInUse
            When another process holds it and ``read_only`` is False.
        """
        folder = Path(os.path.abspath(path))
        if not (folder / MANIFEST).exists() and study_path(path).exists():  # a folder of photographs may be beside it
            folder = study_path(path)
        manifest = read_manifest(folder)
        lock = None
        if not read_only:
            lock = StudyLock(folder, owner)
            lock.acquire()
            try:
                manifest = read_manifest(folder)  # it may have changed while we waited for the lock's answer
                for name in _FOLDERS:
                    (folder / name).mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                lock.release()
                raise StudyError(
                    system_error(error).problem, path=folder, remedy="make it writable, or open it read-only"
                ) from None
            except BaseException:
                lock.release()
                raise
        return cls(folder, manifest, lock)

    def close(self) -> None:
        """Give the study back to other processes."""
        with self._mutex:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it holds -------------------------------------------------------------------------------------------
    @property
    def path(self) -> Path:
        """The study's folder."""
        return self._folder

    @property
    def name(self) -> str:
        """The folder's name without ``.canon``."""
        return self._folder.name.removesuffix(".canon")

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return self._lock is None

    @property
    def revision(self) -> int:
        """Grows with every change of models or datasets; results of an older revision are stale."""
        return self._revision

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """The networks, in the order they were added."""
        return tuple(self._model_entry(record) for record in self._manifest.models)

    @property
    def datasets(self) -> tuple[DatasetEntry, ...]:
        """The datasets, in the order they were added."""
        return tuple(self._dataset_entry(record) for record in self._manifest.datasets)

    def model(self, name: str) -> ModelEntry:
        """The model of that name; StudyError naming the nearest otherwise."""
        return self._model_entry(self._model_record(name))

    def dataset(self, name: str) -> DatasetEntry:
        """The dataset of that name; StudyError naming the nearest otherwise."""
        return self._dataset_entry(self._dataset_record(name))

    # -- models --------------------------------------------------------------------------------------------------
    def add_model(
        self,
        file: str | Path,
        *,
        name: str | None = None,
        preset: str | None = None,
        spec_file: Path | None = None,
        spec: ModelSpec | None = None,
    ) -> ModelEntry:
        """Add a network. Its file stays where it is and is remembered with its hash.

        Raises
        ------
        ModelError
            When it is not a usable network or the spec contradicts it.
        StudyError
            When the name is taken or not allowed.
        """
        path = Path(os.path.abspath(file))
        with self._mutex:
            self._need_writing()
            name = self._free_name(name, path.stem, [model.name for model in self._manifest.models], "model")
        resolved = resolve_model(path, preset=preset, spec_file=spec_file, spec=spec)
        stamps = _stamps(path)
        with self._mutex:
            name = self._free_name(name, name, [model.name for model in self._manifest.models], "model")
            taken = {model.folder for model in self._manifest.models}
            record = self._record_model(name, _slug(name, taken), resolved, stamps)
            self._change(models=(*self._manifest.models, record))
            return self._model_entry(record)

    def set_spec(self, name: str, spec: ModelSpec) -> ModelEntry:
        """Change a model's preprocessing; allowed until something was embedded with it.

        Raises
        ------
        StudyError
            When embeddings exist that were made with the present one.
        """
        record = self._model_record(name)
        if record.imported:
            raise StudyError(f"'{name}' has no network whose preprocessing could be changed", path=self._folder)
        self._need_no_embeddings(record)
        file = self._model_entry(record).file
        resolved, stamps = resolve_model(file, spec=spec), _stamps(file)
        with self._mutex:
            self._need_no_embeddings(record)
            now = self._model_by_folder(record.folder)
            changed = self._record_model(now.name, now.folder, resolved, stamps)
            self._put_model(changed)
            return self._model_entry(changed)

    def resolved(self, name: str) -> ResolvedModel:
        """The model ready to be run, its file found and checked.

        A file that changed since it was added gets its new hash remembered, so that its old embeddings no longer
        count.

        Raises
        ------
        ModelError
            When the file is gone or no longer usable.
        """
        record = self._model_record(name)
        file = self._model_entry(record).file
        if record.imported:
            raise ModelError(
                f"'{name}' has no network: its embeddings were made elsewhere", path=file, remedy="leave it out"
            )
        if not file.is_file():
            raise ModelError("the network is gone", path=file, remedy="put it back, or remove and add the model")
        resolved, stamps = resolve_model(file, spec=record.spec), _stamps(file)
        with self._mutex:
            now = self._model_by_folder(record.folder)
            if now.spec == record.spec:  # else the user chose another one meanwhile, and that stays
                changed = self._record_model(now.name, now.folder, resolved, stamps).model_copy(
                    update={"origin": now.origin, "notes": now.notes}
                )
                if changed != now:
                    self._put_model(changed, revise=changed.sha256 != now.sha256)
        return resolved

    def refresh_model(self, name: str) -> None:
        """Look whether a network's files changed since they were hashed (by size and time) and hash them if so."""
        record = self._model_record(name)
        if record.imported:
            return
        folder = self._model_entry(record).file.parent
        try:
            seen = tuple(_stamp(folder, stamp.name) for stamp in record.stamps)
        except OSError:
            return  # its embeddings can be used without it
        if seen != record.stamps:
            self.resolved(name)

    def locate_model(self, name: str, file: str | Path) -> ModelEntry:
        """Say where a network lies now whose file moved; its content must be what it was.

        Raises
        ------
        ModelError
            When the file is no network, or another one.
        """
        record, path = self._model_record(name), Path(os.path.abspath(file))
        self._need_writing()
        if record.imported:
            raise StudyError(f"'{name}' has no network: its embeddings were made elsewhere", path=self._folder)
        found = content_hash(path, open_onnx(path).data_files)
        if found != record.sha256:
            raise ModelError(
                f"not the network '{name}': its SHA-256 begins with {found[:12]}, and '{name}' had"
                f" {record.sha256[:12]}",
                path=path,
                remedy="choose the file that was added, or add this one as another model",
            )
        resolved, stamps = resolve_model(path, spec=record.spec), _stamps(path)
        with self._mutex:
            now = self._model_by_folder(record.folder)
            changed = self._record_model(now.name, now.folder, resolved, stamps).model_copy(
                update={"origin": now.origin, "notes": now.notes}
            )
            self._put_model(changed, revise=False)
            return self._model_entry(changed)

    # -- datasets ------------------------------------------------------------------------------------------------
    def locate_dataset(self, name: str, path: str | Path, ctx: JobContext) -> DatasetEntry:
        """Say where a dataset lies now whose folder moved; every image is hashed again and must be what it was.

        Files that were named with it (landmarks, pairs, a detector) are looked for in its new place where they lay
        below the old one.

        Raises
        ------
        DatasetError
            When it holds no usable image, or other images or another protocol than the study knows.
        """
        record, root = self._dataset_record(name), Path(os.path.abspath(path))
        self._need_writing()
        if record.format == LISTED:
            raise StudyError(f"'{name}' has no folder: only its ids are known", path=self._folder)
        entry = self._dataset_entry(record)
        options = _moved_options(entry.options, entry.path, root)
        loaded = read_dataset(root, options, ctx, unpack_to=self._unpacked(record.folder))
        templates = None if loaded.templates is None else loaded.templates.fingerprint
        known = None if record.templates is None else record.templates.fingerprint
        if loaded.faces.fingerprint != record.fingerprint:
            raise DatasetError(
                f"not the dataset '{name}': it holds {len(loaded.faces):,} images that are not all the"
                f" {record.images:,} of '{name}'",
                path=root,
                remedy="choose the folder that was added, or add this one as another dataset",
            )
        if templates != known:
            raise DatasetError(
                f"not the dataset '{name}': its templates or pairs differ",
                path=root,
                remedy="choose the folder that was added, or add this one as another dataset",
            )
        with self._mutex:
            now = self._dataset_by_folder(record.folder)
            changed = self._record_dataset(now.name, now.folder, root, options, loaded)
            self._save_dataset(changed, loaded)
            self._put_dataset(changed, revise=False)
        return self._dataset_entry(changed)

    def add_dataset(
        self, path: str | Path, options: DatasetOptions, ctx: JobContext, name: str | None = None
    ) -> DatasetEntry:
        """Add a dataset: every image is hashed and checked once; nothing is copied.

        Raises
        ------
        DatasetError
            When it holds no usable image, or a file of it is at fault.
        StudyError
            When the name is taken or not allowed.
        """
        root = Path(os.path.abspath(path))
        self._need_writing()
        asked = name
        name, folder = self._new_dataset(asked, root.name)
        unpacked = self._unpacked(folder)
        try:
            loaded = read_dataset(root, options, ctx, unpack_to=unpacked)
            if asked is None and loaded.format in ("ijbc", "ijbb"):  # it may have been found from a folder inside it
                name, folder = self._new_dataset(None, loaded.faces.root.parent.name)
            return self._put_in(name, folder, root, options, loaded)
        except BaseException:
            if folder not in {data.folder for data in self._manifest.datasets}:
                shutil.rmtree(unpacked, ignore_errors=True)
            raise

    def _new_dataset(self, asked: str | None, default: str) -> tuple[str, str]:
        """Name and folder of a new dataset."""
        with self._mutex:
            name = self._free_name(asked, default, [data.name for data in self._manifest.datasets], "dataset")
            return name, _slug(name, {data.folder for data in self._manifest.datasets})

    def _put_in(
        self, name: str, folder: str, root: Path, options: DatasetOptions, loaded: LoadedDataset
    ) -> DatasetEntry:
        with self._mutex:
            name = self._free_name(name, name, [data.name for data in self._manifest.datasets], "dataset")
            if folder in {data.folder for data in self._manifest.datasets}:  # another job was faster
                raise StudyError(f"a dataset in '{folder}' was added meanwhile", path=self._folder, remedy="try again")
            record = self._record_dataset(name, folder, root, options, loaded)
            self._save_dataset(record, loaded)
            self._change(datasets=(*self._manifest.datasets, record))
        return self._dataset_entry(record)

    def faces(self, dataset: str) -> FaceImages:
        """The dataset's images as they were when it was last read."""
        return self._load_dataset(self._dataset_record(dataset))[0]

    def folds(self, dataset: str) -> FoldProtocol | None:
        """The dataset's verification folds, where it has them."""
        return self._load_dataset(self._dataset_record(dataset))[1]

    def templates(self, dataset: str) -> TemplateProtocols | None:
        """Templates, pairs, galleries and covariates of the dataset; None where it compares single images."""
        record = self._dataset_record(dataset)
        if record.templates is None or record.protocol_table is None:
            return None
        with self._mutex:
            held = self._templates.get(record.folder)
        if held is not None and held[0] == record.templates.fingerprint:
            return held[1]
        found = load_templates(self._folder / "datasets" / record.protocol_table, record.templates.fingerprint)
        with self._mutex:
            self._templates[record.folder] = (record.templates.fingerprint, found)
        return found

    def refresh_dataset(self, dataset: str, ctx: JobContext, *, images: bool = True) -> DatasetEntry:
        """Look again at the dataset's files and remember what changed. Unchanged images are not read again.

        Parameters
        ----------
        images : bool
            Whether to look at every image. Without, a dataset whose protocol stands in files is taken as unchanged
            where these are.

        Raises
        ------
        DatasetError
            When the folder is gone or holds no usable image any more.
        """
        record = self._dataset_record(dataset)
        entry = self._dataset_entry(record)
        if record.format == LISTED:
            return entry
        if not entry.path.exists():
            raise DatasetError("the dataset is gone", path=entry.path, remedy="put it back")
        if record.sources and not images and self._same_sources(record):
            return entry
        try:
            known, folds = self._load_dataset(record)
        except (StoreError, StudyError):
            known, folds = None, None  # the list of images is damaged or gone: it is made again
        loaded = read_dataset(entry.path, entry.options, ctx, known=known, unpack_to=self._unpacked(record.folder))
        same_images = loaded.faces.fingerprint == record.fingerprint
        same_protocol = (None if loaded.templates is None else loaded.templates.fingerprint) == (
            None if record.templates is None else record.templates.fingerprint
        )
        if (
            known is not None
            and same_images
            and same_protocol
            and _same_table(known, loaded.faces)
            and _same_folds(folds, loaded.folds)
            and self._same_sources(record)
        ):
            return entry
        relabelled = (
            not same_images
            and known is not None
            and record.templates is not None
            and loaded.templates is not None
            and loaded.faces.same_but_subjects(known)
        )
        if relabelled:
            ctx.log(f"{record.name}: the same images show other subjects than before; embeddings still count")
        elif not same_images:
            ctx.log(f"{record.name}: its images changed since they were last read; older embeddings are out of date")
        with self._mutex:
            now = self._dataset_by_folder(record.folder)
            changed = self._record_dataset(now.name, now.folder, entry.path, entry.options, loaded)
            if relabelled or same_images:
                earlier = tuple(dict.fromkeys(one for one in now.fingerprints if one != changed.fingerprint))
                changed = changed.model_copy(update={"earlier": earlier[:_MOST_EARLIER]})
            self._save_dataset(changed, loaded)
            self._put_dataset(changed, revise=changed != now)
            if not self.read_only:  # only now are the old lists no longer needed
                _delete(self._folder / "datasets" / name for name in now.tables if name not in changed.tables)
        return self._dataset_entry(changed)

    # -- embeddings ----------------------------------------------------------------------------------------------
    def embeddings_path(self, model: str, dataset: str) -> Path:
        """Where one model's embeddings of one dataset lie, or will lie."""
        folder = self._model_record(model).folder
        return self._folder / "embeddings" / folder / f"{self._dataset_record(dataset).folder}.h5"

    def embeddings_key(self, model: str, dataset: str) -> str:
        """Content key of the embeddings, if they are current as last seen by :meth:`refresh_states`; else the one that
        they would have to carry."""
        with self._mutex:
            keys = self._current_keys(model, dataset)
            seen = self._states.get((self._model_record(model).folder, self._dataset_record(dataset).folder))
            held = None if seen is None or isinstance(seen[1], str) else seen[1].attributes.get("key")
        return str(held) if held in keys else keys[0]

    def fingerprints(self, dataset: str) -> tuple[str, ...]:
        """Of images whose embeddings are the dataset's, today's first: templates may have been given other subjects
        since."""
        return self._dataset_record(dataset).fingerprints

    def _current_keys(self, model: str, dataset: str) -> tuple[str, ...]:
        """Content keys of which the embeddings must carry one to count as current, today's first."""
        record = self._model_record(model)
        fingerprints = self._dataset_record(dataset).fingerprints
        if record.imported:
            imported = self._manifest.imports.get(self._pair(model, dataset))
            content = "" if imported is None else imported.sha256
            return tuple(imported_key(content, fingerprint) for fingerprint in fingerprints)
        spec = record.spec.digest()
        return tuple(embeddings_key(record.sha256, spec, fingerprint) for fingerprint in fingerprints)

    def embedding_state(self, model: str, dataset: str) -> EmbeddingState:
        """How far these embeddings are, as last seen by :meth:`refresh_states`; touches no HDF5 file."""
        with self._mutex:
            seen = self._states.get((self._model_record(model).folder, self._dataset_record(dataset).folder))
            if seen is None:
                return EmbeddingState(0, self._dataset_record(dataset).images, current=False)
            return self._state(model, dataset, seen[1])

    def refresh_states(self) -> None:
        """Read how far every embeddings file is; call it on an engine thread after opening and after work."""
        for model in self._manifest.models:
            for data in self._manifest.datasets:
                path = self._folder / "embeddings" / model.folder / f"{data.folder}.h5"
                pair = (model.folder, data.folder)
                try:
                    found = path.stat()
                except OSError:
                    self._states.pop(pair, None)
                    continue
                stamp = (found.st_mtime_ns, found.st_size)
                if pair in self._states and self._states[pair][0] == stamp:
                    continue
                try:
                    info: EmbeddingsInfo | str = read_info(path)
                except CanonError as error:
                    info = error.sentence()
                self._states[pair] = (stamp, info)

    def bad_rows(self, model: str, dataset: str) -> tuple[int, ...]:
        """Rows without a usable embedding (not finite, or all zero) of a complete, current file.

        Where they were not noted (the program was killed in between), or are very many, the file is looked through.
        """
        record = self._embedding_record(model, dataset)
        if record is not None and record.bad == len(record.bad_rows):
            return record.bad_rows
        found = find_bad_rows(self.embeddings_path(model, dataset))
        self.note_embedded(model, dataset, self.embeddings_key(model, dataset), found)
        return found

    def note_embedded(self, model: str, dataset: str, key: str, bad_rows: Sequence[int]) -> None:
        """Remember that embeddings with this content key are complete, and which rows of them are unusable."""
        record = _embedding_record(key, bad_rows)
        with self._mutex:
            pair = self._pair(model, dataset)
            if self._manifest.embeddings.get(pair) != record:
                self._change(embeddings={**self._manifest.embeddings, pair: record}, revise=False)
        self.refresh_states()

    def import_embeddings(
        self,
        file: Path,
        *,
        model: str,
        dataset: str,
        ids: Path | None = None,
        array: str | None = None,
        ctx: JobContext,
    ) -> ImportReport:
        """Take in embeddings that were made elsewhere: :func:`canon_core.study.imports.import_embeddings`."""
        from canon_core.study.imports import import_embeddings

        return import_embeddings(self, file, model=model, dataset=dataset, ids=ids, array=array, ctx=ctx)

    def draft_import(self, file: Path, model: str, dimensions: int, dataset: str, faces: FaceImages | None) -> Draft:
        """Where imported embeddings are to be written, before anything of them is in the study.

        Parameters
        ----------
        file : Path
            Where they come from.
        model, dataset : str
            Names; what the study has none of is made when the draft is taken in.
        dimensions : int
            Width of the embeddings.
        faces : FaceImages or None
            The ids of a new dataset.

        Raises
        ------
        StudyError
            When a name is not allowed.
        """
        with self._mutex:
            self._need_writing()
            models = {record.name: record for record in self._manifest.models}
            datasets = {record.name: record for record in self._manifest.datasets}
            new_dataset = None
            if faces is not None:
                name, folder = self._new_dataset(dataset, dataset)
                notes = (f"ids as they came with {file.name}; there are no images",)
                listed = LoadedDataset(format=LISTED, faces=faces, folds=None, notes=notes)
                new_dataset = self._record_dataset(name, folder, file, DatasetOptions(), listed)
            new_model = None
            if model not in models:
                new_model = self._imported_model(self._free_name(model, model, models, "model"), file, dimensions)
            model_folder = (new_model or models[model]).folder
            dataset_folder = (new_dataset or datasets[dataset]).folder
        target = self._folder / "embeddings" / model_folder / f"{dataset_folder}.h5"
        return Draft(target, f"{model_folder}/{dataset_folder}", new_model, new_dataset, faces)

    def take_in(self, draft: Draft, record: ImportRecord, key: str, bad_rows: Sequence[int]) -> None:
        """Make imported embeddings, which are written, the current ones, with what they need that is new: all of it in
        one change of the manifest, or nothing.

        Raises
        ------
        StudyError
            When another job was faster with a model or dataset of that name.
        StoreError
            When it cannot be written.
        """
        with self._mutex:
            self._need_writing()
            models, datasets = self._manifest.models, self._manifest.datasets
            for new, old in ((draft.model, models), (draft.dataset, datasets)):
                if new is not None and any(new.name == one.name or new.folder == one.folder for one in old):
                    raise StudyError(f"'{new.name}' was added meanwhile", path=self._folder, remedy="try again")
            fields: dict[str, Any] = {
                "imports": {**self._manifest.imports, draft.pair: record},
                "embeddings": {**self._manifest.embeddings, draft.pair: _embedding_record(key, bad_rows)},
            }
            if draft.model is not None:
                fields["models"] = (*models, draft.model)
            if draft.dataset is not None and draft.faces is not None:
                fields["datasets"] = (*datasets, draft.dataset)
                save_images(self._folder / "datasets" / draft.dataset.table, draft.faces, None)
            try:
                self._change(**fields)
            except BaseException:
                if draft.dataset is not None:
                    _delete([self._folder / "datasets" / draft.dataset.table])
                raise
        self.refresh_states()

    def discard(self, draft: Draft) -> None:
        """Delete what was written for an import that did not come to its end."""
        with self._mutex:
            if draft.pair in self._manifest.embeddings:
                return  # they took the place of others, or another job was faster
            _delete([draft.target])
            if draft.model is not None and draft.model.folder not in {one.folder for one in self._manifest.models}:
                shutil.rmtree(draft.target.parent, ignore_errors=True)

    def _imported_model(self, name: str, file: Path, dimensions: int) -> ModelRecord:
        return ModelRecord(
            name=name,
            folder=_slug(name, {model.folder for model in self._manifest.models}),
            file=OutsidePath.of(file, self._folder),
            stamps=(),
            sha256="",
            spec=ModelSpec(),
            origin="imported",
            dimensions=dimensions,
            parameters=0,
            macs=0,
            flops=0,
            imported=True,
        )

    def imported_from(self, model: str, dataset: str) -> ImportRecord | None:
        """Where these embeddings came from, None where they were not imported."""
        return self._manifest.imports.get(self._pair(model, dataset))

    def _embedding_record(self, model: str, dataset: str) -> EmbeddingRecord | None:
        record = self._manifest.embeddings.get(self._pair(model, dataset))
        return record if record is not None and record.key == self.embeddings_key(model, dataset) else None

    # -- results -------------------------------------------------------------------------------------------------
    def stored(self, room: str, key: str) -> Path:
        """Where a map (``"maps"``) or result (``"results"``) of that content key lies, or will lie."""
        return self._folder / room / f"{key}.h5"

    def clear_results(self) -> int:
        """Delete every stored map and result; returns the bytes freed. They can all be computed again."""
        with self._mutex:
            self._need_writing()
            return _delete(path for room in ("maps", "results") for path in (self._folder / room).glob("*.h5"))

    def cached(self) -> tuple[Cached, ...]:
        """What is kept so as not to be computed again: files and bytes of each kind that there is."""
        return sizes(self._cached_files())

    def clear_cached(self, kinds: Collection[CacheKind] = RESULTS) -> int:
        """Delete what is kept of these kinds; returns the bytes freed.

        It can all be computed again. Embeddings are touched only where they are among ``kinds``, and imported ones
        never.
        """
        with self._mutex:
            self._need_writing()
            files = self._cached_files()
            freed = _delete(path for kind in kinds for path in files[kind])
            if CacheKind.EMBEDDINGS in kinds:
                own = {model.folder for model in self._manifest.models if not model.imported}
                kept = {pair: found for pair, found in self._manifest.embeddings.items()
                        if pair.partition("/")[0] not in own}  # fmt: skip
                self._change(embeddings=kept)
        self.refresh_states()
        return freed

    def _cached_files(self) -> dict[CacheKind, list[Path]]:
        return cached_files(self._folder, [model.folder for model in self._manifest.models if not model.imported])

    def disk_usage(self) -> dict[str, int]:
        """Bytes in each part of the study."""
        return {
            room: sum(path.stat().st_size for path in (self._folder / room).rglob("*") if path.is_file())
            for room in _FOLDERS
        }

    # -- management ----------------------------------------------------------------------------------------------
    def remove_model(self, name: str) -> None:
        """Forget a model and delete its embeddings and every result made with it. Its ONNX file is not touched."""
        with self._mutex:
            self._need_writing()
            record = self._model_record(name)
            keep = tuple(model for model in self._manifest.models if model.name != name)
            embeddings = {pair: value for pair, value in self._manifest.embeddings.items()
                          if not pair.startswith(record.folder + "/")}  # fmt: skip
            imports = {pair: value for pair, value in self._manifest.imports.items()
                       if not pair.startswith(record.folder + "/")}  # fmt: skip
            self._delete_results("model", record.folder)
            self._change(models=keep, embeddings=embeddings, imports=imports)
            shutil.rmtree(self._folder / "embeddings" / record.folder, ignore_errors=True)
            self._states = {pair: state for pair, state in self._states.items() if pair[0] != record.folder}

    def remove_dataset(self, name: str) -> None:
        """Forget a dataset and delete its embeddings and every result made with it. Its images are not touched."""
        with self._mutex:
            self._need_writing()
            record = self._dataset_record(name)
            keep = tuple(data for data in self._manifest.datasets if data.name != name)
            embeddings = {pair: value for pair, value in self._manifest.embeddings.items()
                          if not pair.endswith("/" + record.folder)}  # fmt: skip
            imports = {pair: value for pair, value in self._manifest.imports.items()
                       if not pair.endswith("/" + record.folder)}  # fmt: skip
            self._delete_results("dataset", record.folder)
            self._change(datasets=keep, embeddings=embeddings, imports=imports)
            made = [path / f"{record.folder}.h5" for path in (self._folder / "embeddings").iterdir() if path.is_dir()]
            _delete([*made, *(successor_path(path) for path in made)])
            _delete(self._folder / "datasets" / name for name in record.tables)
            shutil.rmtree(self._unpacked(record.folder), ignore_errors=True)
            self._faces.pop(record.folder, None)
            self._templates.pop(record.folder, None)
            self._states = {pair: state for pair, state in self._states.items() if pair[1] != record.folder}

    def rename_model(self, old: str, new: str) -> None:
        """Give a model another name; its files keep theirs."""
        with self._mutex:
            self._need_writing()
            record = self._model_record(old)
            others = [model.name for model in self._manifest.models if model.name != old]
            changed = record.model_copy(update={"name": self._free_name(new, new, others, "model")})
            self._change(models=[changed if model.name == old else model for model in self._manifest.models])

    def rename_dataset(self, old: str, new: str) -> None:
        """Give a dataset another name; its files keep theirs."""
        with self._mutex:
            self._need_writing()
            record = self._dataset_record(old)
            others = [data.name for data in self._manifest.datasets if data.name != old]
            changed = record.model_copy(update={"name": self._free_name(new, new, others, "dataset")})
            self._change(datasets=[changed if data.name == old else data for data in self._manifest.datasets])

    @property
    def view(self) -> dict[str, Any]:
        """What the window remembers (JSON-able); empty when there is nothing."""
        return dict(self._manifest.view)

    def save_view(self, view: Mapping[str, Any]) -> None:
        """Remember the window's state; without effect on a read-only study."""
        with self._mutex:
            if not self.read_only and dict(view) != self._manifest.view:
                self._change(view=dict(view), revise=False)

    # -- inside --------------------------------------------------------------------------------------------------
    def _change(self, *, revise: bool = True, **fields: Any) -> None:
        """Write a changed manifest, then use it. A read-only study only knows the change itself, until it is closed."""
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        manifest = self._manifest.model_copy(update={**fields, "program": version()})
        if not self.read_only:
            write_manifest(self._folder, manifest)
        self._manifest = manifest
        self._revision += int(revise)

    def _put_model(self, record: ModelRecord, *, revise: bool = True) -> None:
        models = [record if model.folder == record.folder else model for model in self._manifest.models]
        self._change(models=models, revise=revise)

    def _put_dataset(self, record: DatasetRecord, *, revise: bool = True) -> None:
        datasets = [record if data.folder == record.folder else data for data in self._manifest.datasets]
        self._change(datasets=datasets, revise=revise)

    def _model_by_folder(self, folder: str) -> ModelRecord:
        """The record as it is now, whatever it is called; StudyError when it was removed meanwhile."""
        for record in self._manifest.models:
            if record.folder == folder:
                return record
        raise StudyError(f"the model in '{folder}' was removed meanwhile", path=self._folder)

    def _dataset_by_folder(self, folder: str) -> DatasetRecord:
        for record in self._manifest.datasets:
            if record.folder == folder:
                return record
        raise StudyError(f"the dataset in '{folder}' was removed meanwhile", path=self._folder)

    def _need_no_embeddings(self, record: ModelRecord) -> None:
        self._need_writing()
        for path in (self._folder / "embeddings" / record.folder).glob("*.h5"):
            try:
                begun = read_info(path).done > 0
            except CanonError:
                begun = True
            if begun:
                raise StudyError(
                    f"model '{record.name}' has embeddings made with its present preprocessing",
                    path=self._folder,
                    remedy="add the network once more under another name with the new one",
                )

    def _need_writing(self) -> None:
        if self._lock is None:
            raise StudyError(
                "open read-only", path=self._folder, remedy="close it where it is in use and open it again"
            )

    def _model_record(self, name: str) -> ModelRecord:
        for record in self._manifest.models:
            if record.name == name:
                return record
        raise self._unknown("model", name, [record.name for record in self._manifest.models])

    def _dataset_record(self, name: str) -> DatasetRecord:
        for record in self._manifest.datasets:
            if record.name == name:
                return record
        raise self._unknown("dataset", name, [record.name for record in self._manifest.datasets])

    def _unknown(self, what: str, name: str, known: list[str]) -> StudyError:
        near = difflib.get_close_matches(name, known, 1)
        if near:
            remedy = f"did you mean '{near[0]}'"
        elif known:
            remedy = f"it has {', '.join(known)}"
        else:
            remedy = f"add one first with `canon add-{what}`"
        return StudyError(f"no {what} '{name}'", path=self._folder, remedy=remedy)

    def _free_name(self, asked: str | None, default: str, taken: Iterable[str], what: str) -> str:
        """A name for something new: the one asked for, or the default made to fit."""
        names = set(taken)
        if asked is not None:
            if not _NAME.fullmatch(asked) or "," in asked:
                raise StudyError(
                    f"'{asked}' cannot be a {what}'s name",
                    remedy="use up to 64 letters, digits, spaces and . _ + -, beginning with a letter or digit",
                )
            if asked in names:
                raise StudyError(
                    f"there is a {what} '{asked}' already", path=self._folder, remedy="choose another with --name"
                )
            return asked
        base = re.sub(r"[^\w .+-]", "_", default, flags=re.ASCII).lstrip(" .+-")[:60] or what
        name, number = base, 2
        while name in names:
            name, number = f"{base}-{number}", number + 1
        return name

    def _record_model(
        self, name: str, folder: str, resolved: ResolvedModel, stamps: tuple[FileStamp, ...]
    ) -> ModelRecord:
        return ModelRecord(
            name=name,
            folder=folder,
            file=OutsidePath.of(resolved.path, self._folder),
            stamps=stamps,
            sha256=resolved.sha256,
            spec=resolved.spec,
            origin=resolved.origin,
            notes=resolved.notes,
            dimensions=resolved.dimensions,
            parameters=resolved.facts.parameters,
            macs=resolved.facts.macs,
            flops=resolved.facts.flops,
        )

    def _record_dataset(
        self, name: str, folder: str, root: Path, options: DatasetOptions, loaded: LoadedDataset
    ) -> DatasetRecord:
        faces = loaded.faces
        return DatasetRecord(
            name=name,
            folder=folder,
            root=OutsidePath.of(root, self._folder),
            options=OptionsRecord(
                format=options.format,
                aligned=options.aligned,
                landmarks=self._outside(options.landmarks),
                pairs=self._outside(options.pairs),
                detector=self._outside(options.detector),
                whole_image=options.whole_image,
                max_per_subject=options.max_per_subject,
                seed=options.seed,
            ),
            format=loaded.format,
            fingerprint=faces.fingerprint,
            images=len(faces),
            subjects=len(set(faces.subjects)),
            alignment=None if faces.alignment is None else str(faces.alignment),
            problems=len(faces.problems),
            fold_pairs=0 if loaded.folds is None else len(loaded.folds.first),
            notes=loaded.notes,
            image_root=None if faces.root == root else OutsidePath.of(faces.root, self._folder),
            has_images=faces.has_images,
            templates=None if loaded.templates is None else _templates_record(loaded.templates),
            sources=tuple(self._source_stamp(path) for path in loaded.sources),
        )

    def _source_stamp(self, path: Path) -> SourceStamp:
        found = path.stat()
        return SourceStamp(file=OutsidePath.of(path, self._folder), size=found.st_size, mtime_ns=found.st_mtime_ns)

    def _same_sources(self, record: DatasetRecord) -> bool:
        """Whether the files a protocol was read from have the size and time they had then."""
        for source in record.sources:
            try:
                found = source.file.locate(self._folder).stat()
            except OSError:
                return False
            if (found.st_size, found.st_mtime_ns) != (source.size, source.mtime_ns):
                return False
        return True

    def _unpacked(self, folder: str) -> Path:
        """Where images that come packed in one file are unpacked."""
        return self._folder / "datasets" / f"{folder}.images"

    def _outside(self, path: Path | None) -> OutsidePath | None:
        return None if path is None else OutsidePath.of(path, self._folder)

    def _model_entry(self, record: ModelRecord) -> ModelEntry:
        return ModelEntry(
            name=record.name,
            folder=record.folder,
            file=record.file.locate(self._folder),
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

    def _dataset_entry(self, record: DatasetRecord) -> DatasetEntry:
        options = record.options

        def located(path: OutsidePath | None) -> Path | None:
            return None if path is None else path.locate(self._folder)

        return DatasetEntry(
            name=record.name,
            folder=record.folder,
            format=record.format,
            path=record.root.locate(self._folder),
            options=DatasetOptions(
                format=options.format,
                aligned=options.aligned,
                landmarks=located(options.landmarks),
                pairs=located(options.pairs),
                detector=located(options.detector),
                whole_image=options.whole_image,
                max_per_subject=options.max_per_subject,
                seed=options.seed,
            ),
            fingerprint=record.fingerprint,
            images=record.images,
            subjects=record.subjects,
            alignment=record.alignment,
            problems=record.problems,
            fold_pairs=record.fold_pairs,
            notes=record.notes,
            templates=None if record.templates is None else TemplateCounts(**record.templates.model_dump()),
            has_images=record.has_images,
        )

    def _pair(self, model: str, dataset: str) -> str:
        return f"{self._model_record(model).folder}/{self._dataset_record(dataset).folder}"

    def _state(self, model: str, dataset: str, info: EmbeddingsInfo | str) -> EmbeddingState:
        rows = self._dataset_record(dataset).images
        if isinstance(info, str):
            return EmbeddingState(0, rows, current=False, damage=info)
        current = info.attributes.get("key") in self._current_keys(model, dataset)
        return EmbeddingState(
            done=info.done,
            rows=info.rows,
            current=current,
            bad_rows=record.bad if (record := self._embedding_record(model, dataset)) is not None else 0,
            provider=str(info.attributes.get("provider", "")),
        )

    def _save_dataset(self, record: DatasetRecord, loaded: LoadedDataset) -> None:
        self._faces[record.folder] = (record.fingerprint, loaded.faces, loaded.folds)
        if record.templates is not None and loaded.templates is not None:
            self._templates[record.folder] = (record.templates.fingerprint, loaded.templates)
        if self.read_only:
            return
        folder = self._folder / "datasets"
        if loaded.templates is not None and record.protocol_table is not None:
            save_templates(folder / record.protocol_table, loaded.templates)
        save_images(folder / record.table, loaded.faces, loaded.folds)

    def _load_dataset(self, record: DatasetRecord) -> tuple[FaceImages, FoldProtocol | None]:
        with self._mutex:
            held = self._faces.get(record.folder)
        if held is not None and held[0] == record.fingerprint:
            return held[1], held[2]
        root = (record.image_root or record.root).locate(self._folder)
        faces, folds = load_images(self._folder / "datasets" / record.table, root, record.fingerprint)
        with self._mutex:
            self._faces[record.folder] = (record.fingerprint, faces, folds)
        return faces, folds

    def _delete_results(self, what: str, folder: str) -> None:
        """Delete every map and result whose attributes name the model's or dataset's folder (several, a line each)."""
        doomed = []
        names = ("source", "target") if what == "model" else ("dataset",)
        for room in ("maps", "results"):
            for path in (self._folder / room).glob("*.h5"):
                try:
                    _, attributes = load_arrays(path, ())
                except CanonError:
                    continue
                if any(folder in str(attributes.get(name, "")).split("\n") for name in names):
                    doomed.append(path)
        _delete(doomed)


def _moved_options(options: DatasetOptions, before: Path, now: Path) -> DatasetOptions:
    """The same options for a dataset in another place: files below it moved with it."""

    def moved(file: Path | None) -> Path | None:
        if file is None or file.exists() or not file.is_relative_to(before):
            return file
        return now / file.relative_to(before)

    return replace(
        options, landmarks=moved(options.landmarks), pairs=moved(options.pairs), detector=moved(options.detector)
    )


def _embedding_record(key: str, bad_rows: Sequence[int]) -> EmbeddingRecord:
    rows = tuple(int(row) for row in bad_rows)
    return EmbeddingRecord(key=key, bad=len(rows), bad_rows=rows if len(rows) <= MOST_BAD_ROWS else ())


def study_path(path: str | Path) -> Path:
    """Absolute path of a study: ``.canon`` appended where missing."""
    absolute = Path(os.path.abspath(path))
    return absolute if absolute.suffix == ".canon" else absolute.with_name(absolute.name + ".canon")


def _is_unfinished(folder: Path) -> bool:
    """Whether a folder is empty, or holds only what making a study leaves behind when the disk is full."""
    if not folder.is_dir():
        return False
    for entry in folder.iterdir():
        if entry.name == ".lock":
            continue
        if entry.name not in _FOLDERS or not entry.is_dir() or any(entry.iterdir()):
            return False
    return True


def _stamps(file: Path) -> tuple[FileStamp, ...]:
    """Size and time of a network's file and of those its weights lie in."""
    names = [file.name, *(data.relative_to(file.parent.resolve()).as_posix() for data in open_onnx(file).data_files)]
    return tuple(_stamp(file.parent, name) for name in names)


def _stamp(folder: Path, name: str) -> FileStamp:
    found = (folder / name).stat()
    return FileStamp(name=name, size=found.st_size, mtime_ns=found.st_mtime_ns)


def _slug(name: str, taken: Iterable[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9._+-]", "_", name)
    folders = {folder.casefold() for folder in taken}  # case-insensitive file systems
    folder, number = base, 2
    while folder.casefold() in folders:
        folder, number = f"{base}-{number}", number + 1
    return folder


def _templates_record(templates: TemplateProtocols) -> TemplatesRecord:
    verification, search = templates.verification, templates.search
    return TemplatesRecord(
        fingerprint=templates.fingerprint,
        templates=verification.templates,
        pairs=len(verification),
        genuine=verification.genuine_count,
        galleries=() if search is None else tuple(gallery.name for gallery in search.galleries),
        probes=0 if search is None else len(search.probes),
        covariates=tuple(covariate.name for covariate in templates.covariates),
    )


def _same_table(one: FaceImages, other: FaceImages) -> bool:
    """Whether what is remembered besides the fingerprint (file times, sizes, what was left out) is the same."""
    return one.problems == other.problems and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("file_size", "mtime_ns")
    )


def _same_folds(one: FoldProtocol | None, other: FoldProtocol | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("first", "second", "genuine", "fold")
    )


def _delete(paths: Iterable[Path]) -> int:
    freed = 0
    for path in list(paths):
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            continue
        freed += size
    return freed
