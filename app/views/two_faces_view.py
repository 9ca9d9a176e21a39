"""Two faces, each through a model of its own: how alike they are before and after the map, and what that decides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from canon_core.maps.kinds import MapKind
from canon_core.study.results import FEW_FALSE_ACCEPTS, far_text

from ..theme import TITLE
from .bar_buttons import button_row, tool_button
from .empty_state import EmptyState
from .face_image import image_of
from .flow_layout import FlowLayout
from .labels import SettingsLabel, TextLabel
from .picture_canvas import pictures_of
from .picture_panel import PicturePanel
from .score_bars import BarLine, ScoreBars, signed
from .sideways import Sideways

if TYPE_CHECKING:
    from canon_core.experiments.image_measure import DecidedScore
    from canon_core.experiments.two_faces import Comparison

#: Pixels of the words between the pictures where there is plenty of room.
_WIDEST_WORDS = 440
_HELP = (
    "Give each side a picture: the first goes through the source and the map, the second through the target.\n\n"
    "A network wants to know where the face is. In images of the dataset that is known; in a picture of your own it is"
    " found by a detector (Detector…: the ONNX file of YuNet), or by your five clicks on eyes, nose and corners of the"
    " mouth."
)


class TwoFacesView(QWidget):
    """Both pictures with what is measured between them.

    Signals
    -------
    swapRequested(), detectorRequested(), exportRequested(), actionRequested() :
        The buttons that exchange the models, choose a detector and export, and that of the empty state.
    compared(comparison) : Comparison or None
        What is shown from now on; it holds both embeddings, for views that draw where they lie.
    """

    swapRequested = Signal()
    detectorRequested = Signal()
    exportRequested = Signal()
    actionRequested = Signal()
    compared = Signal(object)
    #: Why there is none to be copied.
    no_command = "Two faces are compared in the window alone: no canon command does it."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._found: Comparison | None = None
        self._dragged = 0  # pictures that are dragged over it
        self.first, self.second = PicturePanel("First face", "source"), PicturePanel("Second face", "target")
        self.verdict, self.words = TextLabel(bold=True, size=TITLE), TextLabel()
        self.bars, self.likelihood = ScoreBars(), TextLabel(muted=True)
        self.note = TextLabel(muted=True)
        self._settings = SettingsLabel()
        self._empty = EmptyState()
        between = QWidget()
        column = QVBoxLayout(between)
        column.setContentsMargins(4, 0, 4, 0)
        column.setSpacing(8)
        for widget in (self.verdict, self.words, self.bars, self.likelihood, self.note):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setAccessibleName("Similarity and decisions")
        scroll.setWidget(between)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(196)
        scroll.setMaximumWidth(_WIDEST_WORDS)
        sides = QWidget()
        row = QHBoxLayout(sides)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.first, 5)
        row.addWidget(scroll, 4)
        row.addWidget(self.second, 5)
        sheet = QWidget()
        column = QVBoxLayout(sheet)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._make_bar())
        self.sides = Sideways(sides, "Both faces")
        column.addWidget(self.sides, 1)
        column.addWidget(self._settings)
        self._sheet = sheet
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(sheet)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addWidget(self._stack)
        self._empty.actionRequested.connect(self.actionRequested)
        self.show_comparison(None)

    def _make_bar(self) -> QWidget:
        self.swap_button = tool_button("Swap models", "Let the first face go through the second's model, and the other"
                                       " way round: the map then runs the other way too")
        self.swap_button.clicked.connect(self.swapRequested)
        self.detector_button = tool_button("Detector…", "Choose the ONNX file of the face detector YuNet; it is"
                                           " remembered")
        self.detector_button.clicked.connect(self.detectorRequested)
        self.copy_button = tool_button("Copy", "Copy similarities, thresholds and settings as text")
        self.copy_button.clicked.connect(self.copy)
        self.export_button = tool_button("Export…", "Save both faces with their similarity (PDF, SVG, PNG), or its"
                                         " numbers (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        bar = QWidget()
        row = FlowLayout(bar, spacing=14)
        row.addWidget(button_row(self.swap_button))
        row.addWidget(button_row(self.detector_button))
        row.addWidget(button_row(self.copy_button, self.export_button))
        return bar

    # -- given from outside --------------------------------------------------------------------------------------
    def set_empty(self, text: str, action_text: str = "") -> None:
        """Why nothing can be compared, and the button below it."""
        self._empty.set_message(text, action_text)
        self._stack.setCurrentWidget(self._empty)

    def set_there(self) -> None:
        """Pictures can be compared."""
        self._stack.setCurrentWidget(self._sheet)

    def set_detector(self, name: str) -> None:
        """Name the detector's file."""
        self.detector_button.setText(f"Detector: {name}…" if name else "Detector…")

    def show_comparison(self, found: Comparison | None) -> None:
        """What was measured; None while nothing is."""
        before, self._found = self._found, found
        there = found is not None
        for widget in (self.bars, self.likelihood):
            widget.setVisible(there)
        self.note.setVisible(there and bool(self.note.text()))
        self._settings.setVisible(there)
        self.copy_button.setEnabled(there)
        self.export_button.setEnabled(there)
        if found is None:
            self.verdict.setText("")
            self.words.setText(_HELP)
            self.bars.set_lines(())
            if before is not None:
                self.compared.emit(None)
            return
        decided = found.score if found.score is not None else found.raw
        self.verdict.setText(_verdict(decided))
        self.words.setText(_decisions(decided))
        self.bars.set_lines(_lines(found))
        self.likelihood.setText(_likelihood(decided))
        self.note.setText(found.raw.note and f"Before the map: {found.raw.note}.")
        self.note.setVisible(bool(self.note.text()))
        self._settings.setText(
            f"{found.map_words} · {found.basis} · single images, unit norm · answered in {found.seconds * 1000:.0f} ms"
        )
        for panel, crop, note in zip((self.first, self.second), found.crops, found.notes, strict=True):
            if crop is None:
                panel.show_crop(None, "embedding made elsewhere")
            else:
                panel.show_crop(image_of(crop))
            if note:
                panel.show_fault(note)
        self.compared.emit(found)

    def show_fault(self, text: str) -> None:
        """Why nothing could be measured."""
        self.show_comparison(None)
        self.words.setText(text)

    @property
    def comparison(self) -> Comparison | None:
        """What is shown."""
        return self._found

    @property
    def settings_line(self) -> str:
        """Every setting behind the numbers."""
        return self._settings.text()

    # -- dropping ------------------------------------------------------------------------------------------------
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._dragged = len(pictures_of(event))
        if self._dragged:
            event.acceptProposedAction()
            self._show_drop(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.acceptProposedAction()
        self._show_drop(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._show_drop(None)

    def _show_drop(self, event: QDragMoveEvent | None) -> None:
        """Mark the sides that a drop here would fill."""
        number = self._dragged if event is not None else 0
        right = event is not None and number == 1 and event.position().x() > self.width() / 2
        self.first.canvas.set_hovered(number > 0 and not right)
        self.second.canvas.set_hovered(number > 1 or right)

    def dropEvent(self, event: QDropEvent) -> None:
        """Two files are the two faces; one is that of the side it was dropped on."""
        files = pictures_of(event)
        self._show_drop(None)
        event.acceptProposedAction()
        panels = [self.first, self.second]
        if len(files) == 1 and event.position().x() > self.width() / 2:
            panels.reverse()
        for panel, path in zip(panels, files, strict=False):
            panel.set_file(path)

    # -- copying -------------------------------------------------------------------------------------------------
    def copy(self) -> None:
        """Everything that is read, as text, to the clipboard."""
        if self._found is None:
            return
        lines = [
            f"{self.first.name} through {self._found.settings.source}",
            f"{self.second.name} through {self._found.settings.target}",
            self.verdict.text(),
            self.words.text(),
            self.bars.text(),
            self.likelihood.text(),
            self.settings_line,
        ]
        QGuiApplication.clipboard().setText("\n".join(line for line in lines if line) + "\n")


def _lines(found: Comparison) -> list[BarLine]:
    asked = found.settings
    if found.score is None:
        name = "one model" if asked.source == asked.target else "no map"
        return [_line(name, found.raw)]
    kind = MapKind(asked.matrix.map).value
    return [_line("before the map", found.raw), _line(f"after the {kind} map", found.score)]


def _line(name: str, score: DecidedScore) -> BarLine:
    thresholds = tuple((one.threshold, far_text(one.far)) for one in score.decisions)
    return BarLine(name, score.score, thresholds)


def _verdict(score: DecidedScore) -> str:
    return f"Similarity {signed(score.score)}"


def _decisions(score: DecidedScore) -> str:
    if not score.decisions:
        return "No threshold is known for single images at these settings: only where impostors lie is."
    lines = []
    for one in score.decisions:
        sign, verdict = ("≥", "a match") if one.accepted else ("<", "no match")
        few = " *" if one.few else ""
        lines.append(f"FAR {far_text(one.far)}: {verdict} ({sign} {signed(one.threshold)}){few}")
    if any(one.few for one in score.decisions):
        lines.append(f"* fewer than {FEW_FALSE_ACCEPTS} impostor pairs settle it")
    return "\n".join(lines)


def _likelihood(score: DecidedScore) -> str:
    if score.percentile is None:
        return ""
    pairs = f"{score.impostors:,} impostor pairs of single images"
    sample = "(a sample, outside the map's fit where that is held out)"
    if score.percentile >= 100:
        return f"Higher than all of {pairs} {sample}."
    # Rounded down: 99.999 % are not all of them.
    return f"Higher than {math.floor(score.percentile * 1000) / 1000:g} % of {pairs} {sample}."
