"""Add a dataset: which folder, and what says where the faces lie in its images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from canon_core.datasets.options import DatasetOptions
from canon_core.errors import CanonError
from canon_core.jobs import Progress

from .. import file_choosers
from ..document import Document
from ..jobs_panel import progress_text
from ..theme import SMALL, sized
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .folder_look import FolderLook, look_into_folder
from .path_field import PathField

_TOPIC = "look into a folder"
_AUTO, _ALIGNED, _LANDMARKS, _DETECTOR, _WHOLE = range(5)
_WAYS = {
    _AUTO: (
        "Find out from the images",
        "Images that all are 112 × 112 are taken as aligned; else a landmarks.csv in the folder is used. Without"
        " either, networks that want aligned faces refuse these images.",
    ),
    _ALIGNED: (
        "They are aligned already",
        "Every image is a 112 × 112 crop on the ArcFace template, as face-recognition sets usually come.",
    ),
    _LANDMARKS: (
        "Five landmarks from a file",
        "A CSV with the image's path below the folder, five x, y pairs (eyes, nose, mouth corners) and, if there is"
        " one, the detector's score.",
    ),
    _DETECTOR: (
        "A face detector finds them",
        "YuNet as an ONNX file. Images without a face are left out, and named.",
    ),
    _WHOLE: (
        "Feed whole images",
        "For images that show nothing but the face in a way the networks know. Whole photographs give numbers that mean"
        " nothing.",
    ),
}
_FORMATS = {"auto": "recognise", "folder": "folder, one sub-folder a person", "lfw": "LFW, with pairs.txt"}


class _Page(QWidget):
    """Fields that scroll. What wraps claims the height of its narrowest self; the height for its width is enough."""

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class AddDatasetDialog(QDialog):
    """Asks, then reads the images as a job and shows how far it is; faults of the input are told here.

    The reading may go on after the dialog was closed with *Go on in the background*.
    """

    def __init__(self, document: Document, folder: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add dataset")
        self.resize(660, 620)
        self._document = document
        self._job = 0
        self._closed = False
        self.folder = PathField("folder of faces", file_choosers.choose_faces)
        self.folder.pathChanged.connect(self._folder_changed)
        self.look = TextLabel(muted=True)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setPlaceholderText("the folder's name")
        self.format = QComboBox()
        for value, text in _FORMATS.items():
            self.format.addItem(text, value)
        self.pairs = PathField("pairs.txt, where it is not in the folder or its parent", file_choosers.choose_pairs)
        self.landmarks = PathField("landmarks.csv", file_choosers.choose_landmarks)
        self.detector = PathField("yunet.onnx", file_choosers.choose_detector)
        self.limit = QCheckBox("at most")
        self.limit_count = QSpinBox()
        self.limit_count.setRange(1, 1_000_000)
        self.limit_count.setValue(20)
        self.limit_count.setEnabled(False)
        self.limit.toggled.connect(self.limit_count.setEnabled)
        self.limit_seed = QSpinBox()
        self.limit_seed.setRange(0, 999_999)
        self.limit_seed.setEnabled(False)
        self.limit.toggled.connect(self.limit_seed.setEnabled)
        self.fault = Note("")
        self.fault.hide()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.progress = TextLabel(muted=True, size=SMALL)
        self.buttons = QDialogButtonBox()
        self.add_button = self.buttons.addButton("Add", QDialogButtonBox.ButtonRole.AcceptRole)
        self.background_button = QPushButton("Go on in the background")
        self.buttons.addButton(self.background_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._add)
        self.buttons.rejected.connect(self.reject)
        self.background_button.clicked.connect(self._leave)
        self._fields = self._make_fields()
        scroll = QScrollArea()
        scroll.setWidget(self._fields)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.fault)
        layout.addWidget(self.bar)
        layout.addWidget(self.progress)
        layout.addWidget(self.buttons)
        document.bridge.progress.connect(self._progressed)
        document.bridge.queued.connect(self._job_queued)
        self.finished.connect(self._ended)
        self.folder.set_path(folder)
        self._show_running(False)

    def _make_fields(self) -> QWidget:
        first = QFormLayout()
        first.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        first.addRow("Folder", self.folder)
        first.addRow("Name", self.name)
        first.addRow("Format", self.format)
        first.addRow("Pairs", self.pairs)
        limit = QWidget()
        row = QHBoxLayout(limit)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.limit, self.limit_count, QLabel("images a person, drawn with seed"), self.limit_seed):
            row.addWidget(widget)
        row.addStretch(1)
        first.addRow("Use", limit)
        self.limit.setToolTip("One person can own most genuine pairs of a set; a seeded draw evens that out")
        heading = QLabel("Where are the faces in these images?")
        heading.setFont(sized(self.font(), 1.0, bold=True))
        page = _Page()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 8, 4)
        column.addLayout(first)
        column.addWidget(self.look)
        column.addSpacing(6)
        column.addWidget(heading)
        self.ways = QButtonGroup(self)
        for way, (text, explanation) in _WAYS.items():
            radio = QRadioButton(text)
            radio.setAccessibleDescription(explanation)
            self.ways.addButton(radio, way)
            column.addWidget(radio)
            inside = QVBoxLayout()
            inside.setContentsMargins(24, 0, 0, 4)
            inside.setSpacing(3)
            inside.addWidget(TextLabel(explanation, muted=True, size=SMALL))
            if way == _LANDMARKS:
                inside.addWidget(self.landmarks)
            elif way == _DETECTOR:
                inside.addWidget(self.detector)
            column.addLayout(inside)
        column.addStretch(1)
        self.ways.button(_AUTO).setChecked(True)
        self.ways.idToggled.connect(self._way_changed)
        self._way_changed()
        return page

    # -- choosing ------------------------------------------------------------------------------------------------
    def _way_changed(self, *_: object) -> None:
        self.landmarks.setEnabled(self.ways.checkedId() == _LANDMARKS)
        self.detector.setEnabled(self.ways.checkedId() == _DETECTOR)

    def _folder_changed(self, path: Path | None) -> None:
        self.add_button.setEnabled(path is not None)
        if path is None:
            self.look.setText("One sub-folder a person, with that person's images. Nothing is copied.")
            return
        self.look.setText("Looking…")
        self.name.setPlaceholderText(path.name)
        self._document.bridge.ask(
            _TOPIC,
            lambda ctx: look_into_folder(path, ctx),
            on_result=self._looked,
            on_failure=lambda error: self.look.setText(fault_text(error)),
        )

    def _looked(self, found: FolderLook) -> None:
        self.look.setText(found.text)

    def options(self) -> DatasetOptions:
        """What was chosen.

        Raises
        ------
        SettingsError
            When the choices contradict each other or one is missing.
        """
        way = self.ways.checkedId()
        for needed, field, what in (
            (_LANDMARKS, self.landmarks, "the file of landmarks"),
            (_DETECTOR, self.detector, "the detector's ONNX file"),
        ):
            if way == needed and field.path is None:
                raise CanonError(f"{what} is not chosen", remedy="choose it, or say otherwise where the faces are")
        options = DatasetOptions(
            format=self.format.currentData(),
            aligned="arcface" if way == _ALIGNED else None,
            landmarks=self.landmarks.path if way == _LANDMARKS else None,
            pairs=self.pairs.path,
            detector=self.detector.path if way == _DETECTOR else None,
            whole_image=way == _WHOLE,
            max_per_subject=self.limit_count.value() if self.limit.isChecked() else None,
            seed=self.limit_seed.value() if self.limit.isChecked() else 0,
        )
        options.check()
        return options

    # -- reading -------------------------------------------------------------------------------------------------
    def _add(self) -> None:
        self.fault.hide()
        path = self.folder.path
        if path is None:
            return
        try:
            options = self.options()
        except CanonError as error:
            self._failed(error)
            return
        self._job = self._document.add_dataset(
            path, options, self.name.text().strip() or None, self._added, self._failed, self._cancelled
        )
        self._show_running(True)

    def _added(self, _entry: Any) -> None:
        self._job = 0
        if not self._closed:
            self.accept()

    def _failed(self, error: CanonError) -> None:
        self._job = 0
        if self._closed:
            self._document.faulted.emit(error)
            return
        self.fault.label.setText(fault_text(error))
        self.fault.show()
        self._show_running(False)

    def _cancelled(self) -> None:
        self._job = 0
        if not self._closed:
            self._show_running(False)

    def _job_queued(self, number: int, _title: str) -> None:
        if number == self._job:
            self.progress.setText("Waits for the job before it…")

    def _progressed(self, progress: Progress) -> None:
        if progress.job == self._job and not self._closed:
            self.bar.setRange(0, 1000 if progress.total else 0)
            self.bar.setValue(round(1000 * progress.done / progress.total) if progress.total else 0)
            self.progress.setText(progress_text(progress))

    def _show_running(self, running: bool) -> None:
        self._fields.setEnabled(not running)
        self.bar.setRange(0, 0)
        self.bar.setVisible(running)
        self.progress.setVisible(running)
        self.add_button.setEnabled(not running and self.folder.path is not None)
        self.background_button.setVisible(running)
        if not running:
            self.add_button.setDefault(True)

    def _leave(self) -> None:
        """Close the dialog and let the job go on."""
        super().reject()

    def reject(self) -> None:
        """Cancel the reading where it runs, else close."""
        if self._job:
            self._document.bridge.cancel(self._job)
            self.progress.setText("Cancelling…")
        else:
            super().reject()

    def _ended(self) -> None:
        self._closed = True
        self._document.bridge.drop(_TOPIC)
