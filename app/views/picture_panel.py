"""One of the two faces of a comparison: its picture, who says where the face is, and the network that sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from canon_core.embedding.face_picture import Picture, Placing

from .choosers import labelled
from .face_image import FaceImage
from .labels import TextLabel
from .picture_canvas import POINTS, PictureCanvas
from .point_diagram import POINT_NAMES, PointDiagram

_PLACINGS = {
    Placing.DETECTOR: ("face by the detector", "YuNet finds the face and its five points"),
    Placing.POINTS: ("face by five clicks", "You click on eyes, nose and mouth corners"),
    Placing.CROP: ("already a crop", "The picture is a 112 × 112 crop on the ArcFace template"),
}
_CROP_SIDE = 92
#: Pixels that a chooser has at least.
_NARROWEST = 80


class PicturePanel(QWidget):
    """A picture with its choosers.

    Signals
    -------
    pictureChanged() :
        Another picture, or its face is placed in another way.
    modelChanged(name) : str
    chooseRequested() :
        A file is to be chosen.
    """

    pictureChanged = Signal()
    modelChanged = Signal(str)
    chooseRequested = Signal()

    def __init__(self, name: str, model_label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self._file: Path | None = None  # that the image of the dataset was chosen as
        self._what = self._why = ""
        self._wanted = Placing.DETECTOR  # as the user, or the program at first, would place any picture
        self.model, self.placing = QComboBox(), QComboBox()
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for box in (self.model, self.placing):
            box.setMinimumWidth(_NARROWEST)  # the longest name must not hold the view open
        for placing, (text, tip) in _PLACINGS.items():
            self.placing.addItem(text, placing)
            self.placing.setItemData(self.placing.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.placing.setAccessibleName("Who says where the face is")
        self.canvas = PictureCanvas(name)
        self.crop = FaceImage(f"What the network sees of the {name.lower()}", _CROP_SIDE)
        self.diagram = PointDiagram()
        self.title, self.note = TextLabel(wrap=True), TextLabel(muted=True)
        self.choose_button = QPushButton("Choose…")
        self.choose_button.setToolTip("Choose a picture of a face; it can be dropped on the frame as well")
        self.choose_button.setAutoDefault(False)
        self.clear_button = QPushButton("Click again")
        self.clear_button.setToolTip("Take all points away (Backspace takes the last one)")
        self.clear_button.setAutoDefault(False)
        top = QHBoxLayout()
        top.addWidget(labelled(model_label, self.model, f"The model that embeds the {name.lower()}"))
        top.addStretch(1)
        top.addWidget(self.choose_button)
        place = QHBoxLayout()
        place.addWidget(self.placing)
        place.addWidget(self.clear_button)
        place.addStretch(1)
        self._seen = TextLabel("the network sees")
        self.crop.setFixedWidth(_CROP_SIDE)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.crop, 0, Qt.AlignmentFlag.AlignTop)
        below.addWidget(self.diagram, 0, Qt.AlignmentFlag.AlignTop)
        below.addWidget(self._seen, 1, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.canvas, 1)
        column.addLayout(place)
        column.addWidget(self.title)
        column.addWidget(self.note)
        column.addLayout(below)
        self.canvas.dropped.connect(self.set_file)
        self.canvas.clicked.connect(self.chooseRequested)
        self.canvas.pointsChanged.connect(self._clicked)
        self.choose_button.clicked.connect(self.chooseRequested)
        self.clear_button.clicked.connect(self._click_again)
        self.placing.activated.connect(self._place)
        self.model.textActivated.connect(self.modelChanged)
        self._show()

    # -- given from outside --------------------------------------------------------------------------------------
    def set_models(self, names: Sequence[str], current: str) -> None:
        """Models to choose among; no signal."""
        if [self.model.itemText(number) for number in range(self.model.count())] != list(names):
            self.model.clear()
            self.model.addItems(list(names))
        if current in names:
            self.model.setCurrentIndex(list(names).index(current))

    def set_file(self, path: Path) -> None:
        """Take a picture from a file; its face is placed as it was last asked for."""
        self.placing.setCurrentIndex(self.placing.findData(self._wanted))
        self._file = None
        self._take(Picture(path, self._wanted), path.name)

    def set_row(self, row: int, name: str, fingerprint: str, file: Path | None = None) -> None:
        """Take an image of the dataset of that fingerprint, chosen as that ``file`` where it was; its face is where the
        dataset says."""
        self._file = file
        self._take(Picture(row=row, fingerprint=fingerprint), name)

    def leave_dataset(self) -> None:
        """The dataset that the row is of is there no more: its file stays, where it was chosen as one."""
        if self._file is not None:
            self.set_file(self._file)
        else:
            self.clear()

    def clear(self) -> None:
        """No picture."""
        self._picture, self._file, self._what, self._why = None, None, "", ""
        self._say("")
        self.canvas.set_picture(None)
        self.show_crop(None)
        self._show()

    def show_picture(
        self, image: QImage, scale: float, points: Sequence[tuple[float, float]], *, note: str = ""
    ) -> None:
        """The picture as it was decoded; ``points`` in its own pixels."""
        mine = self._picture
        own = mine.points if mine is not None and mine.placing is Placing.POINTS and mine.path is not None else points
        self.canvas.set_picture(image, scale, own)
        self._say(note)
        self._show()

    def show_fault(self, text: str) -> None:
        """Why it cannot be used as it is."""
        self._say(text, muted=False)
        self._show()

    def show_crop(self, image: QImage | None, words: str = "") -> None:
        """What the network sees of it."""
        self.crop.set_image(image, words)

    def prefer(self, placing: Placing) -> None:
        """Place faces in this way from the next picture on."""
        self._wanted = placing

    def set_placing(self, placing: Placing, why: str = "") -> None:
        """Place this face in another way, without being asked to; ``why`` says it. The next picture begins anew."""
        self._why = why
        self.placing.setCurrentIndex(self.placing.findData(placing))
        if self._picture is not None and self._picture.path is not None:
            self._picture = replace(self._picture, placing=placing)
        self._show()

    # -- what is there -------------------------------------------------------------------------------------------
    @property
    def picture(self) -> Picture | None:
        """What is to be looked at; None without any."""
        return self._picture

    @property
    def file(self) -> Path | None:
        """The file that an image of the dataset was chosen as."""
        return self._file

    @property
    def ready(self) -> bool:
        """Whether the face can be embedded: points, where they are clicked, are all there."""
        mine = self._picture
        return mine is not None and (
            mine.path is None or mine.placing is not Placing.POINTS or len(mine.points) == POINTS
        )

    @property
    def name(self) -> str:
        """What the picture is called."""
        return self._what

    # -- chosen by the user --------------------------------------------------------------------------------------
    def _take(self, picture: Picture, name: str) -> None:
        self._picture, self._what, self._why = picture, name, ""
        self.canvas.set_points(())
        self._say("")
        self.show_crop(None)
        self._show()
        self.pictureChanged.emit()

    def _place(self) -> None:
        self._wanted = placing = Placing(self.placing.currentData())
        self._why = ""
        if self._picture is not None and self._picture.path is not None:
            self._picture = replace(self._picture, placing=placing, points=())
            self.canvas.set_points(())
            self.show_crop(None)
            self._say("")
            self._show()
            self.pictureChanged.emit()
        self._show()

    def _clicked(self, points: tuple[tuple[float, float], ...]) -> None:
        if self._picture is not None:
            self._picture = replace(self._picture, points=points)
            self._show()
            self.pictureChanged.emit()

    def _click_again(self) -> None:
        self.canvas.set_points(())
        self._clicked(())
        self.canvas.setFocus()

    def _show(self) -> None:
        mine = self._picture
        from_file = mine is None or mine.path is not None
        clicking = mine is not None and mine.path is not None and mine.placing is Placing.POINTS
        self.placing.setVisible(from_file)
        there = self.canvas.image is not None
        self.clear_button.setVisible(clicking and there)
        self.diagram.setVisible(clicking and there)
        seen = there and not (clicking and mine is not None and len(mine.points) < POINTS)
        self.crop.setVisible(seen)
        self._seen.setVisible(seen)
        self.canvas.set_clicking(clicking)
        self.title.setText(self._what.rsplit("/", 1)[-1])
        self.title.setToolTip(self._what)
        self.title.setVisible(bool(self._what))
        if clicking and there and mine is not None:
            done = len(mine.points)
            self.diagram.set_next(done)
            if done < POINTS:
                why = f"{self._why} " if self._why and not done else ""
                self._say(f"{why}Click {done + 1} of {POINTS}: {POINT_NAMES[done]}.", muted=not why)
            elif "Click " in self.note.text():
                self._say("")

    def _say(self, text: str, *, muted: bool = True) -> None:
        self.note.setText(text)
        role = QPalette.ColorRole.PlaceholderText if muted else QPalette.ColorRole.WindowText
        self.note.setForegroundRole(role)
        self.note.setVisible(bool(text))
