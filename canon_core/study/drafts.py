"""Imported embeddings on their way into a study: all they bring comes in with one change of the manifest, or none."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset
from canon_core.errors import StudyError
from canon_core.study.dataset_files import save_images
from canon_core.study.dataset_reading import LISTED
from canon_core.study.manifest import DatasetRecord, ImportRecord, ModelRecord
from canon_core.study.own_files import delete_own
from canon_core.study.records import dataset_record, embedding_record, imported_model_record
from canon_core.study.register import Register


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
    with register.mutex:
        register.need_writing()
        models, datasets = register.manifest.models, register.manifest.datasets
        for new, old in ((draft.model, models), (draft.dataset, datasets)):
            if new is not None and any(new.name == one.name or new.folder == one.folder for one in old):
                raise StudyError(f"'{new.name}' was added meanwhile", path=register.folder, remedy="try again")
        fields: dict[str, Any] = {
            "imports": {**register.manifest.imports, draft.pair: record},
            "embeddings": {**register.manifest.embeddings, draft.pair: embedding_record(key, bad_rows)},
        }
        if draft.model is not None:
            fields["models"] = (*models, draft.model)
        if draft.dataset is not None and draft.faces is not None:
            fields["datasets"] = (*datasets, draft.dataset)
            save_images(register.folder / "datasets" / draft.dataset.table, draft.faces, None)
        try:
            register.change(**fields)
        except BaseException:
            if draft.dataset is not None:
                delete_own(register.folder, [register.folder / "datasets" / draft.dataset.table])
            raise


def discard(register: Register, draft: Draft) -> None:
    """Delete what was written for an import that did not come to its end."""
    with register.mutex:
        if draft.pair in register.manifest.embeddings:
            return  # they took the place of others, or another job was faster
        delete_own(register.folder, [draft.target])
        if draft.model is not None and draft.model.folder not in {one.folder for one in register.manifest.models}:
            shutil.rmtree(draft.target.parent, ignore_errors=True)
