"""One pair in full: both faces large, who they are, and every similarity against its own threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from canon_core.experiments.pair_sides import PairSide
from canon_core.experiments.pairs import FacePair

from ..theme import LARGE
from .face_image import FaceImage, FaceStrip
from .labels import TextLabel
from .score_bars import BarLine, ScoreBars

if TYPE_CHECKING:
    from canon_core.experiments.pair_details import PairDetails, PairScore

#: Pixels of a large face: in a low window, and at most.
FACE_SIDE, _LARGEST_FACE = 140, 600


class _Side:
    """One face with its name, its subject, and the other images of its template."""

    def __init__(self, name: str) -> None:
        self.face = FaceImage(name, FACE_SIDE)
        self.strip = FaceStrip()
        self.through = TextLabel(muted=True)
        self.title = TextLabel()
        self.subject = TextLabel(muted=True)
        self.strip.hide()

    def add_to(self, grid: QGridLayout, column: int) -> None:
        """Put it beside the other, line by line: names of different length do not move the faces."""
        for row, widget in enumerate((self.through, self.face, self.title, self.subject, self.strip)):
            grid.addWidget(widget, row, column)
        grid.setColumnStretch(column, 1)

    def show_side(self, side: PairSide, through: str, *, pictures: bool) -> None:
        self.through.setText(through)
        self.title.setText(side.name.rsplit("/", 1)[-1])
        self.title.setToolTip(side.name)
        images = f", {side.images} images" if side.images > 1 else ""
        self.subject.setText(f"subject {side.subject}{images}")
        self.face.setVisible(pictures)
        self.face.set_image(None, "…")
        self.strip.hide()


class PairPanel(QScrollArea):
    """What is known of the chosen pair.

    Signals
    -------
    compareRequested() :
        The button that takes both faces to the view of two faces.
    """

    compareRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Chosen pair")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._pair: FacePair | None = None
        self._details: PairDetails | None = None
        self._rows: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        self._pictures: dict[int, QImage | None] = {}
        self.title, self.words = TextLabel(bold=True, size=LARGE), TextLabel(muted=True)
        self.sides = _Side("First face"), _Side("Second face")
        self.bars = ScoreBars()
        self.compare_button = QPushButton("Compare in Two faces")
        self.compare_button.setToolTip("Take both images to the view where any two faces meet any two models")
        self.compare_button.clicked.connect(self.compareRequested)
        sheet = QWidget()
        column = QVBoxLayout(sheet)
        column.setContentsMargins(10, 0, 8, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.compare_button)
        column.addLayout(head)
        column.addWidget(self.words)
        self._faces = QWidget()
        faces = QGridLayout(self._faces)
        faces.setContentsMargins(0, 0, 0, 0)
        faces.setHorizontalSpacing(12)
        faces.setVerticalSpacing(3)
        for number, side in enumerate(self.sides):
            side.add_to(faces, number)
        column.addWidget(self._faces)
        column.addWidget(self.bars)
        column.addStretch(1)
        self.setWidget(sheet)
        self.setMinimumWidth(300)
        self.show_pair(None)

    def show_pair(
        self,
        pair: FacePair | None,
        *,
        source: str = "",
        target: str = "",
        halves: bool = False,
        pictures: bool = True,
        templates: bool = False,
    ) -> None:
        """Show who a pair is of; its scores follow with :meth:`show_details`."""
        self._pair, self._details = pair, None
        self._rows = ((), ())
        self._pictures.clear()
        there = pair is not None
        for widget in (self._faces, self.bars, self.words):
            widget.setVisible(there)
        self.compare_button.setVisible(there)
        self.bars.set_lines(())
        if pair is None:
            self.title.setText("")
            return
        half = f", of half {pair.pool + 1} of the subjects" if halves else ""
        self.title.setText("Labelled as one person" if pair.genuine else "Labelled as two people")
        kind = "templates" if templates else "images"
        self.words.setText(f"{'A genuine' if pair.genuine else 'An impostor'} pair of {kind}{half}.")
        single = source == target
        through = (source, source) if single else (f"source {source}", f"target {target}")
        for side, of, name in zip(self.sides, (pair.first, pair.second), through, strict=True):
            side.show_side(of, name, pictures=pictures)

    def show_details(self, details: PairDetails) -> None:
        """Its scores, and which images it has."""
        self._details, self._rows = details, details.images
        *others, cell = details.scores
        scores = (cell, *others)  # first the one that it is listed by
        self.bars.set_lines([_line(score, genuine=details.pair.genuine) for score in scores])
        self._show_pictures()

    def show_picture(self, row: int, image: QImage | None, reason: str = "") -> None:
        """A picture arrived, or why there is none."""
        self._pictures[row] = image
        pair = self._pair
        if pair is not None:
            for side, of in zip(self.sides, (pair.first, pair.second), strict=True):
                if of.image == row:
                    side.face.set_image(image, reason)
        self._show_pictures()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Faces take what the similarities below leave."""
        super().resizeEvent(event)
        side = max(FACE_SIDE, min(_LARGEST_FACE, self.height() - 320, self.width() // 2 - 30))
        for each in self.sides:
            each.face.set_side(side)

    @property
    def pair(self) -> FacePair | None:
        """The pair shown."""
        return self._pair

    @property
    def details(self) -> PairDetails | None:
        """Its scores, once they are known."""
        return self._details

    def text(self) -> str:
        """Everything on it, to copy."""
        pair = self._pair
        if pair is None:
            return ""
        lines = [f"{pair.words} pair"]
        lines += [f"{side.name} (subject {side.subject})" for side in (pair.first, pair.second)]
        return "\n".join([*lines, self.bars.text()]) + "\n"

    def _show_pictures(self) -> None:
        pair = self._pair
        if pair is None:
            return
        for side, of, rows in zip(self.sides, (pair.first, pair.second), self._rows, strict=True):
            if of.images > 1 and self._pictures:
                side.strip.set_images([self._pictures.get(row) for row in rows], of.images)


def _line(score: PairScore, *, genuine: bool) -> BarLine:
    accepted = score.accepted
    if score.score is None or score.threshold is None or accepted is None:
        thresholds = () if score.threshold is None else ((score.threshold, ""),)
        return BarLine(score.name, score.score, thresholds, note=score.note)
    sign = "≥" if accepted else "<"
    text = f"{sign} {score.threshold:.3f}".replace("-", "−")
    return BarLine(
        score.name,
        score.score,
        ((score.threshold, ""),),
        f"{text}: {'a match' if accepted else 'no match'}",
        accepted == genuine,
        score.note,
    )
