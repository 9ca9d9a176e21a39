"""Import embeddings that another program made: which file, whose they are, and of which images."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from canon_core.errors import CanonError
from canon_core.resources import packaged

from .. import file_choosers
from ..document import Document
from ..names import why_no_name
from ..theme import SMALL
from ..views.labels import TextLabel
from .job_dialog import FieldsPage, JobDialog, described
from .path_field import PathField

_WHAT = {
    ".npy": "One array, a row an image. It holds no ids: rows are paired in the order of the images, or by a list of"
    " ids below.",
    ".npz": "The array embs (with embs_f as the mirrored images', as the paper's authors save them), embeddings or"
    " features, or the only table of numbers in it; an array ids or names pairs the rows.",
    ".h5": "The table embs, embeddings or features, or the only one in it; an array ids or names pairs the rows.",
    ".csv": "A row an image; the first column is the image's id where it holds anything but numbers.",
    ".parquet": "This package of the program cannot read Parquet: save the embeddings as .npy, .npz, .h5 or .csv."
    if packaged()
    else "One column of lists, or many of numbers; needs pyarrow.",
}
_WHAT[".hdf5"] = _WHAT[".h5"]
#: Files that hold arrays by name.
_OF_SEVERAL = (".npz", ".h5", ".hdf5")
_NOTHING_CHOSEN = "A file with one row an image: .npy, .npz, .h5, .csv or .parquet. Its rows are copied into the study."


class ImportEmbeddingsDialog(JobDialog):
    """Asks, then takes the rows in as a job; what did not match is reported afterwards."""

    def __init__(self, document: Document, file: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(document, "Import embeddings", "Import", parent)
        self.resize(640, 440)
        contents = document.contents
        start = contents.newest_embeddings if contents is not None else None
        self.file = PathField("file of embeddings", file_choosers.choose_embeddings, start=start, looked_at=True)
        self.file.pathChanged.connect(self._file_changed)
        self.about_file = TextLabel(_NOTHING_CHOSEN, muted=True, size=SMALL)
        self._proposed = "", ""  # names made of the file's path, which follow it until others are chosen
        self.model = _name_box("model")
        self.dataset = _name_box("dataset")
        if contents is not None:
            self.model.addItems([model.name for model in contents.models if model.imported])
            self.dataset.addItems(list(contents.dataset_names))
        self.model.setCurrentText("")
        self.dataset.setCurrentText(document.state.dataset)
        self.about_model, self.about_dataset = (TextLabel(muted=True, size=SMALL) for _ in range(2))
        for box in (self.model, self.dataset):
            box.currentTextChanged.connect(self._show_names)
        self.array = QLineEdit()
        self.array.setAccessibleName("array")
        self.array.setPlaceholderText("name of the array, where the file holds several")
        self.ids = PathField("ids.txt, one line a row", file_choosers.choose_ids, start=start)
        self._lay_out(self._make_fields())
        self.file.set_path(file)
        self._show_names()
        (self.file if file is None else self.model).setFocus()

    def _make_fields(self) -> QWidget:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("File", described(self.file, self.about_file))
        about_array = TextLabel(
            "Only where the file holds several tables and none is called so: the name of the one with the embeddings,"
            " with its groups (group/name) in .h5.",
            muted=True,
            size=SMALL,
        )
        self._array_row = described(self.array, about_array)
        form.addRow("Array", self._array_row)
        self._form = form
        form.addRow("Model", described(self.model, self.about_model))
        form.addRow("Dataset", described(self.dataset, self.about_dataset))
        about_ids = TextLabel(
            "Only where the file names no ids and its rows are not in the order of the images: the id (an image's path"
            " below the dataset's folder) of each row.",
            muted=True,
            size=SMALL,
        )
        form.addRow("Ids", described(self.ids, about_ids))
        page = FieldsPage()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 8, 4)
        column.addLayout(form)
        column.addStretch(1)
        return page

    # -- choosing ------------------------------------------------------------------------------------------------
    @property
    def ready(self) -> bool:
        return self.file.path is not None and bool(self.model_name) and bool(self.dataset_name)

    @property
    def model_name(self) -> str:
        """Whose embeddings they are."""
        return self.model.currentText().strip()

    @property
    def dataset_name(self) -> str:
        """Of which images."""
        return self.dataset.currentText().strip()

    def _file_changed(self, path: Path | None) -> None:
        if path is None:
            self.about_file.setText(_NOTHING_CHOSEN)
        elif (suffix := path.suffix.casefold()) in _WHAT:
            self.about_file.setText(_WHAT[suffix])
            self._propose(_as_name(path.stem), _as_name(path.parent.name) or "imported")
        else:
            unknown = f"Files ending in '{path.suffix}' cannot be read. " if suffix else ""
            self.about_file.setText(unknown + _NOTHING_CHOSEN)
        named = path is not None and path.suffix.casefold() in _OF_SEVERAL
        self._form.setRowVisible(self._array_row, named)
        if not named:
            self.array.clear()
        self._show_ready()

    def _propose(self, *names: str) -> None:
        """Name model and dataset after the file, where the user named them in no other way."""
        for box, name, before in zip((self.model, self.dataset), names, self._proposed, strict=True):
            if box.currentText().strip() in ("", before):
                box.setCurrentText(name)
        self._proposed = names[0], names[1]

    def _show_names(self, *_: object) -> None:
        """Say what becomes of the names that were chosen."""
        contents = self._document.contents
        model = contents.model(self.model_name) if contents is not None else None
        dataset = contents.dataset(self.dataset_name) if contents is not None else None
        if not self.model_name:
            about = "Whose embeddings they are."
        elif model is None:
            about = "A new model, of which there are embeddings only."
        elif not model.imported:
            about = f"'{model.name}' has a network, whose embeddings are made here: choose another name."
        elif contents is not None and (model.name, self.dataset_name) in contents.imports:
            about = f"Takes the place of what was imported before: {contents.imports[model.name, dataset.name].text}."
        else:
            about = f"More embeddings of '{model.name}', of {model.dimensions} dimensions."
        self.about_model.setText(about)
        if not self.dataset_name:
            about = "Of which images they are."
        elif dataset is None:
            about = (
                "A new dataset without images, made of the ids in the file: an id subject/image says whose it is; ids"
                " without a folder are each a subject of its own."
            )
        else:
            about = f"Paired with its {dataset.images:,} images by id, else row by row."
        self.about_dataset.setText(about)
        self._show_ready()

    # -- importing -----------------------------------------------------------------------------------------------
    def _begin(self) -> int:
        file = self.file.path
        assert file is not None
        for name, what in ((self.model_name, "model"), (self.dataset_name, "dataset")):
            if why := why_no_name(name, what):
                raise CanonError(f"'{name}' cannot be a {what}'s name", remedy=why[:1].lower() + why[1:])
        return self._document.changes.import_embeddings(
            file, self.model_name, self.dataset_name, self.ids.path, self.array.text().strip() or None, self._done,
            self._failed, self._cancelled,
        )


def _name_box(what: str) -> QComboBox:
    box = QComboBox()
    box.setEditable(True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    box.setAccessibleName(what)
    box.lineEdit().setMaxLength(64)
    box.lineEdit().setPlaceholderText(f"name of the {what}, known or new")
    return box


def _as_name(text: str) -> str:
    """A text made to fit as a name."""
    return re.sub(r"[^A-Za-z0-9_ .+-]", "_", text).lstrip(" .+-")[:60]
