"""The manifest of an open study: looked up by name, and written anew at each change."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from canon_core.errors import StudyError
from canon_core.jobs import system_error
from canon_core.resources import version
from canon_core.store.lock import StudyLock
from canon_core.study.manifest import MANIFEST, DatasetRecord, Manifest, ModelRecord, read_manifest, write_manifest
from canon_core.study.naming import folder_name, free_name, unknown
from canon_core.study.own_files import refuse_links

#: Folders in a study's folder.
ROOMS: Final = ("datasets", "embeddings", "maps", "results")


class Register:
    """What a study knows of its models, datasets and embeddings, as it stands on disk.

    Several threads may use it; who changes it after having looked at it holds :attr:`mutex` for both.

    Attributes
    ----------
    folder : Path
        The study's folder.
    manifest : Manifest
        Frozen; another one after each change.
    revision : int
        Grows with every change of models or datasets.
    mutex : threading.RLock
        Held while it is changed.
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: StudyLock | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self.revision = 1
        self.mutex = threading.RLock()
        self._lock = lock

    # -- opening and closing -------------------------------------------------------------------------------------
    @classmethod
    def create(cls, folder: Path, owner: str) -> Register:
        """Make the folder of a new study; StudyError where there is something already."""
        _need_nothing_in(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ROOMS:
                (folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StudyError(system_error(error).problem, path=folder, remedy="choose a folder you may write") from None
        lock = StudyLock(folder, owner)
        lock.acquire()
        manifest = Manifest(program=version())
        try:
            _need_nothing_in(folder)  # another process may have made one before the lock was ours
            write_manifest(folder, manifest)
        except BaseException:
            lock.release()
            raise
        return cls(folder, manifest, lock)

    @classmethod
    def open(cls, folder: Path, owner: str, *, read_only: bool) -> Register:
        """Read the manifest of an existing study, and take the study for this process unless ``read_only``."""
        manifest = read_manifest(folder)
        lock = None
        if not read_only:
            lock = StudyLock(folder, owner)
            lock.acquire()
            try:
                manifest = read_manifest(folder)  # it may have changed while we waited for the lock's answer
                refuse_links(folder, ROOMS)
                for name in ROOMS:
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
        with self.mutex:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return self._lock is None

    def need_writing(self) -> None:
        """StudyError where the study is open for reading only."""
        if self._lock is None:
            raise StudyError("open read-only", path=self.folder, remedy="close it where it is in use and open it again")

    # -- looking up ----------------------------------------------------------------------------------------------
    def model(self, name: str) -> ModelRecord:
        """The model of that name; UnknownName naming the nearest otherwise."""
        for record in self.manifest.models:
            if record.name == name:
                return record
        raise unknown("model", name, [record.name for record in self.manifest.models], self.folder)

    def dataset(self, name: str) -> DatasetRecord:
        """The dataset of that name; UnknownName naming the nearest otherwise."""
        for record in self.manifest.datasets:
            if record.name == name:
                return record
        raise unknown("dataset", name, [record.name for record in self.manifest.datasets], self.folder)

    def model_in(self, folder: str) -> ModelRecord:
        """The record as it is now, whatever it is called; StudyError when it was removed meanwhile."""
        for record in self.manifest.models:
            if record.folder == folder:
                return record
        raise StudyError(f"the model in '{folder}' was removed meanwhile", path=self.folder)

    def dataset_in(self, folder: str) -> DatasetRecord:
        """The record as it is now, whatever it is called; StudyError when it was removed meanwhile."""
        for record in self.manifest.datasets:
            if record.folder == folder:
                return record
        raise StudyError(f"the dataset in '{folder}' was removed meanwhile", path=self.folder)

    def pair(self, model: str, dataset: str) -> str:
        """As the manifest names the embeddings of that dataset by that model."""
        return f"{self.model(model).folder}/{self.dataset(dataset).folder}"

    # -- names for what is new -----------------------------------------------------------------------------------
    def free_model_name(self, asked: str | None, default: str) -> str:
        """A name for a new model: the one asked for, or the default made to fit."""
        return free_name(asked, default, [model.name for model in self.manifest.models], "model", self.folder)

    def free_dataset_name(self, asked: str | None, default: str) -> str:
        """A name for a new dataset: the one asked for, or the default made to fit."""
        return free_name(asked, default, [data.name for data in self.manifest.datasets], "dataset", self.folder)

    def new_model_folder(self, name: str) -> str:
        """A folder for a new model of that name."""
        return folder_name(name, {model.folder for model in self.manifest.models})

    def new_dataset(self, asked: str | None, default: str) -> tuple[str, str]:
        """Name and folder of a new dataset."""
        with self.mutex:
            name = self.free_dataset_name(asked, default)
            return name, folder_name(name, {data.folder for data in self.manifest.datasets})

    # -- changing ------------------------------------------------------------------------------------------------
    def change(self, *, revise: bool = True, **fields: Any) -> None:
        """Write a changed manifest, then use it. A read-only study only knows the change itself, until it is closed."""
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        manifest = self.manifest.model_copy(update={**fields, "program": version()})
        if not self.read_only:
            write_manifest(self.folder, manifest)
        self.manifest = manifest
        self.revision += int(revise)

    def put_model(self, record: ModelRecord, *, revise: bool = True) -> None:
        """Put a record in the place of the one with its folder."""
        models = [record if model.folder == record.folder else model for model in self.manifest.models]
        self.change(models=models, revise=revise)

    def put_dataset(self, record: DatasetRecord, *, revise: bool = True) -> None:
        """Put a record in the place of the one with its folder."""
        datasets = [record if data.folder == record.folder else data for data in self.manifest.datasets]
        self.change(datasets=datasets, revise=revise)

    def rename_model(self, old: str, new: str) -> None:
        """Give a model another name; its files keep theirs."""
        with self.mutex:
            self.need_writing()
            record = self.model(old)
            others = [model.name for model in self.manifest.models if model.name != old]
            name = free_name(new, new, others, "model", self.folder)
            self.put_model(record.model_copy(update={"name": name}))

    def rename_dataset(self, old: str, new: str) -> None:
        """Give a dataset another name; its files keep theirs."""
        with self.mutex:
            self.need_writing()
            record = self.dataset(old)
            others = [data.name for data in self.manifest.datasets if data.name != old]
            name = free_name(new, new, others, "dataset", self.folder)
            self.put_dataset(record.model_copy(update={"name": name}))


def _need_nothing_in(folder: Path) -> None:
    """StudyError where there is something already that a new study would be made over."""
    if (folder / MANIFEST).exists():
        raise StudyError("there is a study already", path=folder, remedy="open it, or choose another name")
    if folder.exists() and not _is_unfinished(folder):
        raise StudyError("there is something else already", path=folder, remedy="choose another name")


def _is_unfinished(folder: Path) -> bool:
    """Whether a folder is empty, or holds only what making a study leaves behind when the disk is full."""
    if not folder.is_dir():
        return False
    for entry in folder.iterdir():
        if entry.name == ".lock":
            continue
        if entry.name not in ROOMS or not entry.is_dir() or any(entry.iterdir()):
            return False
    return True
