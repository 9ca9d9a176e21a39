"""Add a dataset: which folder or file, and what says where the faces lie in its images."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from canon_core.datasets.options import DatasetOptions
from canon_core.errors import CanonError

from .. import file_choosers
from ..document import Document
from ..theme import SMALL, sized
from ..views.labels import TextLabel
from ..wording import fault_text
from .folder_look import FolderLook, look_into_folder
from .format_fields import WAYS, Way, way_words, why_no_limit, why_no_pairs, why_no_way
from .job_dialog import FieldsPage, JobDialog, described
from .path_field import PathField

_TOPIC = "look into a folder"
_FORMATS = {
    "auto": "recognise",
    "ijbc": "IJB-C, InsightFace's layout (meta, loose_crop)",
    "ijbb": "IJB-B, InsightFace's layout (meta, loose_crop)",
    "nist": "IJB, NIST's layout (protocols)",
    "lfw": "LFW, with pairs.txt",
    "bin": "verification set (.bin)",
    "folder": "folder, one sub-folder a person",
}
_NOTHING_CHOSEN = (
    "A folder with one sub-folder a person, IJB-B or IJB-C in InsightFace's or NIST's layout, LFW, or a .bin file."
    " Nothing is copied."
)
#: On the button that shows what else was looked for in a folder.
_MORE, _LESS = "Why no other kind?", "Less"
_LIMIT_TIP = "One person can own most genuine pairs of a set; a seeded draw evens that out"


class AddDatasetDialog(JobDialog):
    """Asks, then reads the images as a job and shows how far it is; faults of the input are told here.

    What the folder or file seems to be is looked up at once, and fields that make no sense for it are disabled, with
    the reason.
    """

    def __init__(self, document: Document, folder: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(document, "Add dataset", "Add", parent)
        self.resize(660, 640)
        self._look: FolderLook | None = None
        self.folder = PathField(
            "folder or .bin file of faces",
            file_choosers.choose_faces,
            choose_file=file_choosers.choose_verification_set,
            start=document.contents.newest_faces if document.contents is not None else None,
            looked_at=True,
        )
        self.folder.pathChanged.connect(self._folder_changed)
        self.look, self.details = TextLabel(muted=True), TextLabel(muted=True, size=SMALL)
        self.details_button = QPushButton(_MORE)
        self.details_button.setAutoDefault(False)
        self.details_button.setCheckable(True)
        self.details_button.toggled.connect(self._show_details)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setPlaceholderText("the folder's name")
        self.format = QComboBox()
        for value, text in _FORMATS.items():
            self.format.addItem(text, value)
        self.format.currentIndexChanged.connect(self._show_fields)
        self.pairs = PathField(
            "list of pairs",
            file_choosers.choose_pairs,
            placeholder="optional: a pairs.txt that is not in the folder or its parent",
        )
        self.landmarks = PathField(
            "file of landmarks", file_choosers.choose_landmarks, placeholder="nothing chosen, e.g. landmarks.csv"
        )
        self.detector = PathField(
            "detector's ONNX file", file_choosers.choose_detector, placeholder="nothing chosen, e.g. yunet.onnx"
        )
        self.limit = QCheckBox("at most")
        self.limit_count = QSpinBox()
        self.limit_count.setRange(1, 1_000_000)
        self.limit_count.setValue(20)
        self.limit_seed = QSpinBox()
        self.limit_seed.setRange(0, 999_999)
        self.limit.toggled.connect(self._show_fields)
        self._why_no_pairs, self._why_no_limit = (TextLabel(muted=True, size=SMALL) for _ in range(2))
        self._lay_out(self._make_fields())
        self.folder.set_path(folder)
        self._show_fields()
        if folder is None:
            self._folder_changed(None)
        (self.folder if folder is None else self.name).setFocus()

    def _make_fields(self) -> QWidget:
        first = QFormLayout()
        first.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        looked = QWidget()
        row = QHBoxLayout(looked)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.look, 1)
        row.addWidget(self.details_button, 0, Qt.AlignmentFlag.AlignTop)
        found = described(self.folder, looked)
        found.layout().addWidget(self.details)
        first.addRow("Folder or file", found)
        first.addRow("Name", self.name)
        first.addRow("Format", self.format)
        pairs = described(self.pairs, self._why_no_pairs)
        first.addRow("Pairs", pairs)
        limit = QWidget()
        row = QHBoxLayout(limit)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.limit, self.limit_count, QLabel("images a person, drawn with seed"), self.limit_seed):
            row.addWidget(widget)
        row.addStretch(1)
        limit = described(limit, self._why_no_limit)
        first.addRow("Use", limit)
        self._pairs_title, self._limit_title = first.labelForField(pairs), first.labelForField(limit)
        heading = QLabel("Where are the faces in these images?")
        heading.setFont(sized(self.font(), 1.0, bold=True))
        page = FieldsPage()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 8, 4)
        column.addLayout(first)
        column.addSpacing(6)
        column.addWidget(heading)
        self.ways = QButtonGroup(self)
        self._words: dict[Way, TextLabel] = {}
        for way, text in WAYS.items():
            radio = QRadioButton(text)
            self.ways.addButton(radio, way)
            column.addWidget(radio)
            inside = QVBoxLayout()
            inside.setContentsMargins(24, 0, 0, 4)
            inside.setSpacing(3)
            self._words[way] = TextLabel(muted=True, size=SMALL)
            inside.addWidget(self._words[way])
            if way is Way.LANDMARKS:
                inside.addWidget(self.landmarks)
            elif way is Way.DETECTOR:
                inside.addWidget(self.detector)
            column.addLayout(inside)
        column.addStretch(1)
        self.ways.button(Way.AUTO).setChecked(True)
        self.ways.idToggled.connect(self._show_fields)
        return page

    # -- choosing ------------------------------------------------------------------------------------------------
    @property
    def ready(self) -> bool:
        return self.folder.path is not None

    @property
    def chosen_format(self) -> str:
        """The format that the images will be read as; empty while it is not known."""
        chosen = self.format.currentData()
        if chosen != "auto":
            return str(chosen)
        return self._look.format if self._look is not None else ""

    def _folder_changed(self, path: Path | None) -> None:
        self._look = None
        self.fault.hide()  # it was of another folder
        self._show_details()
        self._show_ready()
        self._show_fields()
        if path is None:
            self._document.bridge.drop(_TOPIC)
            self.look.setText(_NOTHING_CHOSEN)
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
        self._look = found
        self.look.setText(found.text)
        self.details.setText(found.details)
        self._show_details()
        self._show_fields()

    def _show_details(self, *_: object) -> None:
        """What else was looked for, where the user asks for it."""
        there = self._look is not None and bool(self._look.details)
        self.details_button.setVisible(there)
        self.details.setVisible(there and self.details_button.isChecked())
        self.details_button.setText(_LESS if self.details_button.isChecked() else _MORE)

    def _show_fields(self, *_: object) -> None:
        """Enable what makes sense for the format, and say why not of the rest."""
        known, chosen = self.chosen_format, str(self.format.currentData())
        for way, words in self._words.items():
            button, refusal = self.ways.button(way), why_no_way(way, known)
            if refusal and button.isChecked():
                self.ways.button(Way.AUTO).setChecked(True)  # comes back here
            button.setEnabled(not refusal)
            button.setToolTip(refusal)
            said = way_words(way, known)
            words.setText(said)
            button.setAccessibleDescription(said)
        way = self.ways.checkedId()
        self.landmarks.setEnabled(way == Way.LANDMARKS)
        self.detector.setEnabled(way == Way.DETECTOR)
        for field, title, words, refusal, tip in (
            (self.pairs, self._pairs_title, self._why_no_pairs, why_no_pairs(known, chosen), ""),
            (self.limit, self._limit_title, self._why_no_limit, why_no_limit(known), _LIMIT_TIP),
        ):
            field.setEnabled(not refusal)
            field.setToolTip(refusal or tip)
            title.setEnabled(not refusal)
            words.setText(refusal)
            words.setVisible(bool(refusal))
        limited = self.limit.isChecked() and self.limit.isEnabled()
        self.limit_count.setEnabled(limited)
        self.limit_seed.setEnabled(limited)

    def options(self) -> DatasetOptions:
        """What was chosen; of fields that are disabled nothing counts.

        Raises
        ------
        CanonError
            When the choices contradict each other or one is missing.
        """
        way = self.ways.checkedId()
        for needed, field, what in (
            (Way.LANDMARKS, self.landmarks, "the file of landmarks"),
            (Way.DETECTOR, self.detector, "the detector's ONNX file"),
        ):
            if way == needed and field.path is None:
                raise CanonError(f"{what} is not chosen", remedy="choose it, or say otherwise where the faces are")
        limited = not why_no_limit(self.chosen_format) and self.limit.isChecked()
        options = DatasetOptions(
            format=self.format.currentData(),
            aligned="arcface" if way == Way.ALIGNED else None,
            landmarks=self.landmarks.path if way == Way.LANDMARKS else None,
            pairs=self.pairs.path if not why_no_pairs(self.chosen_format, self.format.currentData()) else None,
            detector=self.detector.path if way == Way.DETECTOR else None,
            whole_image=way == Way.WHOLE,
            max_per_subject=self.limit_count.value() if limited else None,
            seed=self.limit_seed.value() if limited else 0,
        )
        options.check()
        return options

    # -- reading -------------------------------------------------------------------------------------------------
    def _begin(self) -> int:
        path = self.folder.path
        assert path is not None
        return self._document.changes.add_dataset(
            path, self.options(), self.name.text().strip() or None, self._done, self._failed, self._cancelled
        )

    def _ended(self) -> None:
        super()._ended()
        self._document.bridge.drop(_TOPIC)
