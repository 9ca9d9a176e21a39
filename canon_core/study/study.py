"""The document: models, datasets, embeddings and results in one folder ``NAME.canon``."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.lfw import FoldProtocol
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.jobs import JobContext
from canon_core.models.resolve import ResolvedModel
from canon_core.models.spec import ModelSpec
from canon_core.study.cached_files import RESULTS, Cached, CacheKind, bytes_in, sizes
from canon_core.study.dataset_reading import add_dataset, locate_dataset, refresh_dataset
from canon_core.study.dataset_tables import DatasetTables
from canon_core.study.drafts import Draft, discard, draft_import, settle_imports, take_in
from canon_core.study.embedding_files import EmbeddingFiles
from canon_core.study.entries import DatasetEntry, EmbeddingState, ModelEntry, dataset_entry, model_entry
from canon_core.study.manifest import MANIFEST, ImportRecord
from canon_core.study.naming import new_study_path, study_path
from canon_core.study.networks import (
    add_network,
    locate_network,
    locate_networks_beside,
    refresh_network,
    resolved_network,
    set_preprocessing,
)
from canon_core.study.own_files import delete_own
from canon_core.study.register import ROOMS, Register
from canon_core.study.removal import (
    clear_cached,
    files_to_clear,
    remove_dataset,
    remove_model,
    results_and_maps,
)

if TYPE_CHECKING:
    from canon_core.study.imports import ImportReport


class Study:
    """A study folder, open for reading or for reading and writing.

    Make one with :meth:`create` or :meth:`open`; close it, or use it as a context manager. Methods may be called from
    several threads. What the properties return is frozen.
    """

    def __init__(self, register: Register) -> None:
        self._register = register
        self._tables = DatasetTables(register)
        self._embeddings = EmbeddingFiles(register)

    # -- opening and closing -------------------------------------------------------------------------------------
    @classmethod
    def create(cls, path: str | Path, *, owner: str = "canon") -> Study:
        """Make a new, empty study; ``.canon`` is appended where missing.

        Raises
        ------
        StudyError
            When it is no name, something is there already, or the folder cannot be written.
        """
        return cls(Register.create(new_study_path(path), owner))

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
        register = Register.open(folder, owner, read_only=read_only)
        if not read_only:
            settle_imports(register)
        return cls(register)

    def close(self) -> None:
        """Give the study back to other processes."""
        self._register.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it holds -------------------------------------------------------------------------------------------
    @property
    def path(self) -> Path:
        """The study's folder."""
        return self._register.folder

    @property
    def name(self) -> str:
        """The folder's name without ``.canon``."""
        return self.path.name.removesuffix(".canon")

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return self._register.read_only

    @property
    def revision(self) -> int:
        """Grows with every change of models or datasets; results of an older revision are stale."""
        return self._register.revision

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """The networks, in the order they were added."""
        return tuple(model_entry(record, self.path) for record in self._register.manifest.models)

    @property
    def datasets(self) -> tuple[DatasetEntry, ...]:
        """The datasets, in the order they were added."""
        return tuple(dataset_entry(record, self.path) for record in self._register.manifest.datasets)

    def model(self, name: str) -> ModelEntry:
        """The model of that name; StudyError naming the nearest otherwise."""
        return model_entry(self._register.model(name), self.path)

    def dataset(self, name: str) -> DatasetEntry:
        """The dataset of that name; StudyError naming the nearest otherwise."""
        return dataset_entry(self._register.dataset(name), self.path)

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
        record = add_network(self._register, file, name=name, preset=preset, spec_file=spec_file, spec=spec)
        return model_entry(record, self.path)

    def set_spec(self, name: str, spec: ModelSpec) -> ModelEntry:
        """Change a model's preprocessing; allowed until something was embedded with it.

        Raises
        ------
        StudyError
            When embeddings exist that were made with the present one.
        """
        return model_entry(set_preprocessing(self._register, name, spec), self.path)

    def resolved(self, name: str) -> ResolvedModel:
        """The model ready to be run, its file found and checked.

        A file that changed since it was added gets its new hash remembered, so that its old embeddings no longer
        count.

        Raises
        ------
        ModelError
            When the file is gone or no longer usable.
        """
        return resolved_network(self._register, name)

    def refresh_model(self, name: str) -> None:
        """Look whether a network's files changed since they were hashed (by size and time) and hash them if so."""
        refresh_network(self._register, name)

    def locate_model(self, name: str, file: str | Path) -> ModelEntry:
        """Say where a network lies now whose file moved; its content must be what it was.

        Raises
        ------
        ModelError
            When the file is no network, or another one.
        """
        return model_entry(locate_network(self._register, name, file), self.path)

    def locate_models_beside(self, file: str | Path) -> tuple[str, ...]:
        """Look for the networks that are still gone beside a file that was found again, by their files' names.

        Returns
        -------
        tuple of str
            The models whose networks were found with the content they had; others stay gone.
        """
        return locate_networks_beside(self._register, file)

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
        return dataset_entry(locate_dataset(self._register, self._tables, name, path, ctx), self.path)

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
        return dataset_entry(add_dataset(self._register, self._tables, path, options, ctx, name), self.path)

    def faces(self, dataset: str) -> FaceImages:
        """The dataset's images as they were when it was last read."""
        return self._tables.images(self._register.dataset(dataset))[0]

    def folds(self, dataset: str) -> FoldProtocol | None:
        """The dataset's verification folds, where it has them."""
        return self._tables.images(self._register.dataset(dataset))[1]

    def templates(self, dataset: str) -> TemplateProtocols | None:
        """Templates, pairs, galleries and covariates of the dataset; None where it compares single images."""
        return self._tables.templates(self._register.dataset(dataset))

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
        record = refresh_dataset(self._register, self._tables, dataset, ctx, images=images)
        return dataset_entry(record, self.path)

    # -- embeddings ----------------------------------------------------------------------------------------------
    def embeddings_path(self, model: str, dataset: str) -> Path:
        """Where one model's embeddings of one dataset lie, or will lie."""
        return self._embeddings.path(model, dataset)

    def embeddings_key(self, model: str, dataset: str) -> str:
        """Content key of the embeddings, if they are current as last seen by :meth:`refresh_states`; else the one that
        they would have to carry."""
        return self._embeddings.key(model, dataset)

    def fingerprints(self, dataset: str) -> tuple[str, ...]:
        """Of images whose embeddings are the dataset's, today's first: templates may have been given other subjects
        since."""
        return self._register.dataset(dataset).fingerprints

    def embedding_state(self, model: str, dataset: str) -> EmbeddingState:
        """How far these embeddings are, as last seen by :meth:`refresh_states`; touches no HDF5 file."""
        return self._embeddings.state(model, dataset)

    def refresh_states(self) -> None:
        """Read how far every embeddings file is; call it on an engine thread after opening and after work."""
        self._embeddings.refresh()

    def bad_rows(self, model: str, dataset: str) -> tuple[int, ...]:
        """Rows without a usable embedding (not finite, or all zero) of a complete, current file.

        Where they were not noted (the program was killed in between), or are very many, the file is looked through.
        """
        return self._embeddings.bad_rows(model, dataset)

    def note_embedded(self, model: str, dataset: str, key: str, bad_rows: Sequence[int]) -> None:
        """Remember that embeddings with this content key are complete, and which rows of them are unusable."""
        self._embeddings.note(model, dataset, key, bad_rows)

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
        return draft_import(self._register, file, model, dimensions, dataset, faces)

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
        take_in(self._register, draft, record, key, bad_rows)
        self._embeddings.refresh()

    def discard(self, draft: Draft) -> None:
        """Delete what was written for an import that did not come to its end."""
        discard(self._register, draft)

    def imported_from(self, model: str, dataset: str) -> ImportRecord | None:
        """Where these embeddings came from, None where they were not imported."""
        return self._register.manifest.imports.get(self._register.pair(model, dataset))

    # -- results -------------------------------------------------------------------------------------------------
    def stored(self, room: str, key: str) -> Path:
        """Where a map (``"maps"``) or result (``"results"``) of that content key lies, or will lie."""
        return self.path / room / f"{key}.h5"

    def clear_results(self) -> int:
        """Delete every stored map and result; returns the bytes freed. They can all be computed again."""
        with self._register.mutex:
            self._register.need_writing()
            return delete_own(self.path, results_and_maps(self.path))

    def cached(self) -> tuple[Cached, ...]:
        """What is kept so as not to be computed again: files and bytes of each kind that there is."""
        return sizes(files_to_clear(self._register))

    def embeddings_at_stake(self) -> tuple[str, ...]:
        """Models and datasets with embeddings that could not be made again: the network's file, or the folder of
        images, is gone."""
        embedded = [
            (model, data)
            for model in self.models
            for data in self.datasets
            if not model.imported and self._embeddings.path(model.name, data.name).is_file()
        ]
        models = [model.name for model, _ in embedded if not model.file.is_file()]
        datasets = [data.name for _, data in embedded if not data.path.exists()]
        return tuple(dict.fromkeys((*models, *datasets)))

    def clear_cached(self, kinds: Collection[CacheKind] = RESULTS) -> int:
        """Delete what is kept of these kinds; returns the bytes freed.

        It can all be computed again. Embeddings are touched only where they are among ``kinds``, and imported ones
        never.
        """
        freed = clear_cached(self._register, kinds)
        self._embeddings.refresh()
        return freed

    def disk_usage(self) -> dict[str, int]:
        """Bytes in each part of the study."""
        return {room: bytes_in(self.path / room) for room in ROOMS}

    # -- management ----------------------------------------------------------------------------------------------
    def remove_model(self, name: str) -> None:
        """Forget a model and delete its embeddings and every result made with it. Its ONNX file is not touched."""
        with self._register.mutex:
            self._embeddings.forget_model(remove_model(self._register, name))

    def remove_dataset(self, name: str) -> None:
        """Forget a dataset and delete its embeddings and every result made with it. Its images are not touched."""
        with self._register.mutex:
            folder = remove_dataset(self._register, name)
            self._tables.forget(folder)
            self._embeddings.forget_dataset(folder)

    def rename_model(self, old: str, new: str) -> None:
        """Give a model another name; its files keep theirs."""
        self._register.rename_model(old, new)

    def rename_dataset(self, old: str, new: str) -> None:
        """Give a dataset another name; its files keep theirs."""
        self._register.rename_dataset(old, new)

    @property
    def view(self) -> dict[str, Any]:
        """What the window remembers (JSON-able); empty when there is nothing."""
        return dict(self._register.manifest.view)

    def save_view(self, view: Mapping[str, Any]) -> None:
        """Remember the window's state; without effect on a read-only study."""
        register = self._register
        with register.mutex:
            if not register.read_only and dict(view) != register.manifest.view:
                register.change(view=dict(view), revise=False)
