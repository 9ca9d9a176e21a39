"""Imported embeddings on their way into a study: all they bring comes in with one change of the manifest, or none.

They are written beside those they replace, under a name made of their content key. Once the manifest says that key they
are the current ones, wherever they lie; only then they are moved into place, at once or when the study is next opened.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset
from canon_core.errors import CanonError, StoreError, StudyError
from canon_core.store.atomic import move_into_place
from canon_core.study.dataset_files import save_images
from canon_core.study.dataset_reading import LISTED
from canon_core.study.keys import imported_key
from canon_core.study.manifest import DatasetRecord, EmbeddingRecord, ImportRecord, ModelRecord, read_manifest
from canon_core.study.own_files import delete_own
from canon_core.study.records import dataset_record, embedding_record, imported_model_record
from canon_core.study.register import Register


@dataclass(frozen=True, eq=False)
class Draft:
    """Embeddings on their way in: where they belong, and what is made with them where it is new.

    Until they are taken in they lie at :func:`drafted_path`.
    ``pair`` is the model's and the dataset's folder, as the manifest names embeddings.
    """

    target: Path
    pair: str
    model: ModelRecord | None
    dataset: DatasetRecord | None
    faces: FaceImages | None


def drafted_path(target: Path, key: str) -> Path:
    """Where embeddings with that content key lie that belong at ``target``, until they have replaced what is there. No
    dataset's own file is called so: names of files in a study hold no tilde."""
    return target.with_name(f"{target.stem}~{key[:16]}{target.suffix}")


def drafts_of(target: Path) -> list[Path]:
    """Whatever lies there on its way to ``target``."""
    return sorted(target.parent.glob(f"{target.stem}~{'?' * 16}{target.suffix}"))


def draft_import(
    register: Register, file: Path, model: str, dimensions: int, dataset: str, faces: FaceImages | None
) -> Draft:
    """Where embeddings from ``file`` are to be written; ``faces`` are the ids of a new dataset."""
    with register.mutex:
        register.need_writing()
        models = {record.name: record for record in register.manifest.models}
        datasets = {record.name: record for record in register.manifest.datasets}
        new_dataset = None
        if faces is not None:
            name, folder = register.new_dataset(dataset, dataset)
            notes = (f"ids as they came with {file.name}; there are no images",)
            listed = LoadedDataset(format=LISTED, faces=faces, folds=None, notes=notes)
            new_dataset = dataset_record(name, folder, file, DatasetOptions(), listed, register.folder)
        new_model = None
        if model not in models:
            name = register.free_model_name(model, model)
            new_model = imported_model_record(name, register.new_model_folder(name), file, dimensions, register.folder)
        model_folder = (new_model or models[model]).folder
        dataset_folder = (new_dataset or datasets[dataset]).folder
    target = register.folder / "embeddings" / model_folder / f"{dataset_folder}.h5"
    return Draft(target, f"{model_folder}/{dataset_folder}", new_model, new_dataset, faces)


def take_in(register: Register, draft: Draft, record: ImportRecord, key: str, bad_rows: Sequence[int]) -> None:
    """Make written embeddings the current ones, with the model and the dataset they need that are new."""
    beside = drafted_path(draft.target, key)
    with register.mutex:
        try:
            register.need_writing()
            if not beside.is_file():
                raise StudyError("another import took these in meanwhile", path=register.folder, remedy="try again")
            _name(register, draft, record, embedding_record(key, bad_rows))
        except BaseException:
            if not _is_named(register, draft, record):
                delete_own(register.folder, [beside])
            raise
        _move_into_place(beside, draft.target)


def settle_imports(register: Register) -> None:
    """Finish, in a study that was just opened for writing, what a killed import left: move into place what the manifest
    names, delete the rest."""
    folder = register.folder / "embeddings"
    with register.mutex:  # and no other process writes: the study's lock is ours
        named: dict[Path, Path] = {}
        for pair, record in register.manifest.imports.items():
            model, _, dataset = pair.rpartition("/")
            for data in (data for data in register.manifest.datasets if data.folder == dataset):
                target = folder / model / f"{dataset}.h5"
                named |= {drafted_path(target, imported_key(record.sha256, each)): target for each in data.fingerprints}
        for path in sorted(folder.glob(f"*/*~{'?' * 16}.h5")):
            if path in named:
                _move_into_place(path, named[path])
            else:
                _delete_left(register, path)
        for path in sorted(folder.glob(f"*/.*~{'?' * 16}.h5.*.tmp")):
            _delete_left(register, path)


def discard(register: Register, draft: Draft) -> None:
    """Delete the folder that was made for an import of a new model that did not come to its end."""
    with register.mutex:
        if draft.model is not None and draft.model.folder not in {one.folder for one in register.manifest.models}:
            shutil.rmtree(draft.target.parent, ignore_errors=True)


def _delete_left(register: Register, path: Path) -> None:
    """Delete what a killed import left, and the folder it was alone in, if that is no model's."""
    with suppress(OSError):  # it is in nobody's way
        delete_own(register.folder, [path])
        if path.parent.name not in {model.folder for model in register.manifest.models}:
            path.parent.rmdir()


def _name(register: Register, draft: Draft, record: ImportRecord, embeddings: EmbeddingRecord) -> None:
    """The one change of the manifest, by which they become the current ones."""
    models, datasets = register.manifest.models, register.manifest.datasets
    for new, old in ((draft.model, models), (draft.dataset, datasets)):
        if new is not None and any(new.name == one.name or new.folder == one.folder for one in old):
            raise StudyError(f"'{new.name}' was added meanwhile", path=register.folder, remedy="try again")
    fields: dict[str, Any] = {
        "imports": {**register.manifest.imports, draft.pair: record},
        "embeddings": {**register.manifest.embeddings, draft.pair: embeddings},
    }
    if draft.model is not None:
        fields["models"] = (*models, draft.model)
    if draft.dataset is not None and draft.faces is not None:
        fields["datasets"] = (*datasets, draft.dataset)
        save_images(register.folder / "datasets" / draft.dataset.table, draft.faces, None)
    try:
        register.change(**fields)
    except BaseException:
        if draft.dataset is not None and not _is_named(register, draft, record):
            delete_own(register.folder, [register.folder / "datasets" / draft.dataset.table])
        raise


def _is_named(register: Register, draft: Draft, record: ImportRecord) -> bool:
    """Whether the manifest on disk names these embeddings, or cannot be read; it may do so although writing it ended in
    an error, after the rename."""
    try:
        return read_manifest(register.folder).imports.get(draft.pair) == record
    except (CanonError, OSError):
        return True


def _move_into_place(path: Path, target: Path) -> None:
    with suppress(StoreError):  # it is read where it lies, and moved when the study is next opened
        move_into_place(path, target)
