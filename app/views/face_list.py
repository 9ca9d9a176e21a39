"""The panel beside an overlay: the faces of the selected points, with their names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPixmap
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from ..theme import LARGE, SMALL, theme_for
from .labels import TextLabel

_SIDE = 72
#: Faces listed at once; more are counted.
MOST_LISTED = 120


@dataclass(frozen=True)
class ListedFace:
    """One item: its number, id and subject."""

    item: int
    name: str
    subject: str


class FaceList(QWidget):
    """Faces in rows.

    Signals
    -------
    faceChosen(item) : int
    pickedChanged() :
        Other faces are marked in the list.
    onlyRequested(), clearRequested(), pairRequested() :
        Show only the subjects of the listed faces; select nothing; look at the two selected points as a pair.
    """

    faceChosen = Signal(int)
    pickedChanged = Signal()
    onlyRequested = Signal()
    clearRequested = Signal()
    pairRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item = "image"
        self.title = TextLabel("", size=LARGE, bold=True)
        self.counts = TextLabel("", muted=True, size=SMALL)
        self.list = QListWidget()
        self.list.setViewMode(QListWidget.ViewMode.IconMode)
        self.list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.list.setMovement(QListWidget.Movement.Static)
        self.list.setIconSize(QSize(_SIDE, _SIDE))
        self.list.setSpacing(4)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._pick)
        self.list.setAccessibleName("Selected faces")
        self.list.currentItemChanged.connect(self._tell)
        self.only_button = QPushButton("Only these subjects")
        self.only_button.clicked.connect(self.onlyRequested)
        self.pair_button = QPushButton("Open as pair")
        self.pair_button.clicked.connect(self.pairRequested)
        self.clear_button = QPushButton("Clear selection")
        self.clear_button.clicked.connect(self.clearRequested)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 0, 0)
        column.setSpacing(6)
        for widget in (self.title, self.counts):
            column.addWidget(widget)
        column.addWidget(self.list, 1)
        column.addWidget(self.pair_button)
        column.addWidget(self.only_button)
        column.addWidget(self.clear_button)
        self.setMinimumWidth(190)
        self._picked: list[int] = []
        self.set_only()

    @property
    def picked(self) -> tuple[int, ...]:
        """Items that are marked in the list, in the order in which they were."""
        return tuple(self._picked)

    def _pick(self) -> None:
        now = [int(entry.data(Qt.ItemDataRole.UserRole)) for entry in self.list.selectedItems()]
        kept = [item for item in self._picked if item in now]
        self._picked = [*kept, *(item for item in now if item not in kept)]
        self.pickedChanged.emit()

    def show_faces(
        self, points: int, faces: Sequence[ListedFace], items: int, subjects: int, *, one: str = "image"
    ) -> None:
        """List the first faces of a selection; ``one`` says what an item is."""
        self.title.setText(f"{points:,} point{'s' * (points != 1)} selected")
        text = f"{items:,} {one}{'s' * (items != 1)} of {subjects:,} subject{'s' * (subjects != 1)}"
        if items > len(faces):
            text += f"; the first {len(faces):,} are listed"
        self.counts.setText(text)
        self.list.blockSignals(True)
        self.list.clear()
        for face, caption in zip(faces, captions([face.name for face in faces]), strict=True):
            entry = QListWidgetItem(caption)
            entry.setData(Qt.ItemDataRole.UserRole, face.item)
            entry.setToolTip(f"{face.name}\n{face.subject}")
            entry.setData(Qt.ItemDataRole.AccessibleTextRole, f"{face.name}, subject {face.subject}")
            entry.setSizeHint(QSize(_SIDE + 12, _SIDE + 24))
            entry.setIcon(self._icon(None))
            self.list.addItem(entry)
        self.list.blockSignals(False)
        self._pick()

    def set_only(self, refusal: str = "") -> None:
        """Say what the button for these subjects alone does, or why it does nothing."""
        tip = refusal or "Lay out the subjects of these faces alone"
        self.only_button.setToolTip(tip)
        self.only_button.setAccessibleDescription(tip)
        self.only_button.setEnabled(not refusal)

    def set_pair(self, tip: str, refusal: str = "") -> None:
        """Say what the button for a pair does, or why it does nothing."""
        self.pair_button.setToolTip(refusal or tip)
        self.pair_button.setAccessibleDescription(refusal or tip)
        self.pair_button.setEnabled(not refusal)

    def show_image(self, place: int, face: QImage | None) -> None:
        """The picture of the face with this number in the list."""
        entry = self.list.item(place)
        if entry is not None:
            entry.setIcon(self._icon(face))

    def _icon(self, face: QImage | None) -> QIcon:
        if face is not None:
            return QIcon(QPixmap.fromImage(face))
        empty = QPixmap(_SIDE, _SIDE)
        empty.fill(QColor(theme_for(self).grid))
        return QIcon(empty)

    def _tell(self, entry: QListWidgetItem | None) -> None:
        self.faceChosen.emit(-1 if entry is None else int(entry.data(Qt.ItemDataRole.UserRole)))


def captions(names: Sequence[str]) -> list[str]:
    """What tells names apart: without ending, without the folder unless others have the same name in theirs, and
    without the words that all begin with."""
    whole = [os.path.splitext(name)[0] or name for name in names]
    stems = [name.rsplit("/", 1)[-1] for name in whole]
    if len(set(stems)) < len(set(whole)):
        stems = ["/".join(name.split("/")[-2:]) for name in whole]
    if len(set(stems)) < 2:
        return stems
    first, last = min(stems), max(stems)  # what these two share, all share
    shared = next(place for place in range(len(last)) if first[place : place + 1] != last[place])
    cut = max(first.rfind(mark, 0, shared) for mark in "_- /") + 1  # whole words only
    return [stem[cut:] or stem for stem in stems]
