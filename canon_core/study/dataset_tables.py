"""Images, folds and templates of a study's datasets, read from the study once and held while it is open."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.lfw import FoldProtocol
from canon_core.datasets.reader import LoadedDataset
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.errors import DatasetError
from canon_core.study.dataset_files import load_images, load_templates, save_images, save_templates
from canon_core.study.manifest import DatasetRecord
from canon_core.study.places import dataset_in_place, is_settled
from canon_core.study.register import Register


class DatasetTables:
    """What lies in a study's ``datasets``; several threads may ask."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._images: dict[str, tuple[str, FaceImages, FoldProtocol | None]] = {}
        self._templates: dict[str, tuple[str, TemplateProtocols]] = {}

    def images(self, record: DatasetRecord) -> tuple[FaceImages, FoldProtocol | None]:
        """Images and folds of a dataset as they were when it was last read."""
        with self._register.mutex:
            held = self._images.get(record.folder)
        if held is not None and held[0] == record.fingerprint:
            return held[1], held[2]
        root = (record.image_root or record.root).locate(self._register.folder)
        faces, folds = load_images(self.folder / record.table, root, record.fingerprint, record.images)
        if not is_settled(record, self._register.folder):  # the study came to lie elsewhere
            with suppress(DatasetError):  # said where the dataset is looked at again
                now = dataset_in_place(record, faces, self._register.folder)
                faces = replace(faces, root=(now.image_root or now.root).locate(self._register.folder))
        with self._register.mutex:
            self._images[record.folder] = (record.fingerprint, faces, folds)
        return faces, folds

    def templates(self, record: DatasetRecord) -> TemplateProtocols | None:
        """Templates and pairs of a dataset; None where it compares single images."""
        if record.templates is None or record.protocol_table is None:
            return None
        with self._register.mutex:
            held = self._templates.get(record.folder)
        if held is not None and held[0] == record.templates.fingerprint:
            return held[1]
        found = load_templates(self.folder / record.protocol_table, record.templates.fingerprint)
        with self._register.mutex:
            self._templates[record.folder] = (record.templates.fingerprint, found)
        return found

    def save(self, record: DatasetRecord, loaded: LoadedDataset) -> None:
        """Hold what was read, and write it unless the study is open for reading only."""
        self._images[record.folder] = (record.fingerprint, loaded.faces, loaded.folds)
        if record.templates is not None and loaded.templates is not None:
            self._templates[record.folder] = (record.templates.fingerprint, loaded.templates)
        if self._register.read_only:
            return
        if loaded.templates is not None and record.protocol_table is not None:
            save_templates(self.folder / record.protocol_table, loaded.templates)
        save_images(self.folder / record.table, loaded.faces, loaded.folds)

    def forget(self, folder: str) -> None:
        """Hold no longer what a removed dataset had."""
        self._images.pop(folder, None)
        self._templates.pop(folder, None)

    @property
    def folder(self) -> Path:
        """Where the tables lie."""
        return self._register.folder / "datasets"
