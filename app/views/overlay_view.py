"""Overlay of aligned spaces: a target's faces and those of its sources, before and after the map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from canon_core.study.overlay_results import Overlay
from canon_core.study.overlay_text import overlay_line, scores_text

from ..theme import SMALL
from .empty_state import EmptyState
from .face_list import FaceList
from .folded_text import FoldedText
from .overlay_bar import OverlayBar
from .overlay_drawing import OverlayDrawing
from .overlay_found import OverlayFound
from .overlay_lines import lines_of
from .overlay_status import OverlayStatus
from .overlay_table import OverlayTable
from .overlay_tools import OverlayTools
from .scatter_picture import MOST_LINES
from .scatter_points import PlacedPoint, ScatterPoints

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails


class OverlayView(QWidget):
    """A scatter plot with its choosers, its slider, its settings and its table.

    Signals
    -------
    exportRequested(), computeRequested(), cancelRequested(), actionRequested(), allSubjectsRequested() :
        The buttons for export, for a layout that was not computed, for one that is, of the empty state, and for going
        back from chosen subjects to all.
    allPointsRequested() :
        The button that takes back filters and hidden classes.
    foundRequested() :
        The button that shows who was searched for and is not drawn.
    linesChanged(joined) : bool
        The images of a face are to be joined, or not.
    overlayShown() :
        Another overlay, or none, is on the screen, or the same in other classes.
    """

    exportRequested = Signal()
    computeRequested = Signal()
    cancelRequested = Signal()
    actionRequested = Signal()
    allSubjectsRequested = Signal()
    allPointsRequested = Signal()
    foundRequested = Signal()
    linesChanged = Signal(bool)
    overlayShown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: Overlay | None = None
        self._details: OverlayDetails | None = None
        self._command = ""
        self.bar, self.status, self.drawing = OverlayBar(), OverlayStatus(), OverlayDrawing()
        self.plot, self.legend, self.slider = self.drawing.plot, self.drawing.legend, self.drawing.slider
        self.card, self.faces = self.drawing.card, FaceList()
        self.tools, self.found = OverlayTools(self.plot), OverlayFound()
        for part in (*self.tools.rows, self.bar.search, self.found):
            self.bar.add_widget(part)
        self._empty, self._table_page = EmptyState(), OverlayTable()
        self.table = self._table_page.table
        self._score = FoldedText("Score")
        self._settings = FoldedText("Settings of this picture", muted=True, size=SMALL)
        self._splitter, self._stack = QSplitter(Qt.Orientation.Horizontal), QStackedWidget()
        self._lay_out()
        self._connect()
        self._show()

    # -- building ------------------------------------------------------------------------------------------------
    def _lay_out(self) -> None:
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.drawing)
        self._splitter.addWidget(self.faces)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setSizes([700, 210])
        self.faces.hide()
        for page in (self._empty, self._splitter, self._table_page):
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._score)
        layout.addSpacing(-layout.spacing())
        layout.addWidget(self._settings)

    def _connect(self) -> None:
        tools = self.tools
        tools.lines_button.toggled.connect(self._show_lines)
        tools.lines_button.clicked.connect(self.linesChanged)
        tools.table_button.toggled.connect(self._show_page)
        tools.copy_table_action.triggered.connect(self.copy_table)
        tools.copy_command_action.triggered.connect(self.copy_command)
        tools.export_button.clicked.connect(self.exportRequested)
        self.found.button.clicked.connect(self.foundRequested)
        self.status.compute_button.clicked.connect(self.computeRequested)
        self.status.cancel_button.clicked.connect(self.cancelRequested)
        self.status.all_button.clicked.connect(self.allSubjectsRequested)
        self.drawing.all_points_button.clicked.connect(self.allPointsRequested)
        self.plot.selectionChanged.connect(self._selected)
        self.faces.clearRequested.connect(self._select_nothing)
        self._table_page.pointChosen.connect(self.plot.set_current)
        self._empty.actionRequested.connect(self.actionRequested)

    # -- given from outside --------------------------------------------------------------------------------------
    def set_overlay(
        self,
        result: Overlay | None,
        points: ScatterPoints | None,
        details: OverlayDetails | None = None,
        *,
        same_points: bool = False,
        same_layout: bool = False,
    ) -> None:
        """Show an overlay with what is known of its points; None shows the empty state. Selection and view are kept
        where points and layout are those of before."""
        self._result, self._details = result, details
        self.drawing.set_points(points, same_points=same_points, same_layout=same_layout)
        self._show()
        self._show_lines()
        self.faces.setVisible(len(self.plot.selection) > 0)
        self.overlayShown.emit()

    def set_details(self, details: OverlayDetails | None) -> None:
        """What is known of the single points of what is shown."""
        if details is self._details:
            return
        self._details = details
        if self.tools.table_button.isChecked():
            self._show_page()

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no overlay, and on the button below it."""
        self._empty.set_message(text, action_text)

    def set_notice(self, text: str, *, compute: str = "", cancel: bool = False, chosen: bool = False) -> None:
        """What is under way or was not done; ``compute`` is what the button for it says."""
        self.status.show_text(text, compute=compute, cancel=cancel, chosen=chosen)

    def set_lines(self, joined: bool) -> None:
        """Whether the images of a face are joined; no signal to others."""
        self.tools.lines_button.setChecked(joined)

    def set_left(self, text: str, *, filtered: bool) -> None:
        """Say what is not in the picture; with a button that shows everything where something is ``filtered``."""
        self.drawing.set_left(text, filtered=filtered)

    def set_hidden(self, names: Sequence[str]) -> None:
        """Hide the classes of these names, and show all others."""
        self.drawing.set_hidden(names)
        if self.plot.points is not None and self.tools.table_button.isChecked():
            self._show_page()

    def set_placed(self, placed: Sequence[PlacedPoint], words: str) -> None:
        """Mark faces that are no points of the overlay, and say how they came to their places."""
        self.drawing.set_placed(placed, words)

    def set_found(self, points: NDArray[np.int32], text: str, *, offered: bool = False) -> None:
        """Ring what was searched for, and say how much it is; with a button that shows it where it can be."""
        self.plot.set_marked(points)
        self.plot.zoom_to(points)
        self.found.show_text(text, offered=offered)

    def set_command(self, command: str) -> None:
        """The command that makes this picture, to be copied."""
        self._command = command

    @property
    def command(self) -> str:
        """That command; empty where nothing is shown."""
        return self._command if self._result is not None else ""

    @property
    def no_command(self) -> str:
        """Why there is none; empty where there is."""
        return "" if self._result is not None else "No overlay is shown: there is no canon command of it to copy."

    @property
    def result(self) -> Overlay | None:
        """The overlay shown."""
        return self._result

    @property
    def settings_line(self) -> str:
        """Every setting behind the picture."""
        return overlay_line(self._result) if self._result is not None else ""

    # -- copying -------------------------------------------------------------------------------------------------
    def copy_table(self) -> None:
        """The table, tab-separated, with the settings in the last line, to the clipboard."""
        which = self._fill_table()
        if self._result is None:
            return
        last = f"{which} · {self.settings_line}" if which else self.settings_line
        QGuiApplication.clipboard().setText(f"{self.table.text()}{last}\n")

    def copy_command(self) -> None:
        """The command to the clipboard."""
        if self.command:
            QGuiApplication.clipboard().setText(self.command)

    # -- doing ---------------------------------------------------------------------------------------------------
    def _select_nothing(self) -> None:
        self.plot.set_selection([])
        self.plot.selectionChanged.emit(self.plot.selection)

    def _selected(self, _numbers: object) -> None:
        self.faces.setVisible(len(self.plot.selection) > 0)
        self._show_lines()
        if self.tools.table_button.isChecked():
            self._show_page()

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        there = self._result is not None
        for widget in (self._score, self._settings):
            widget.setVisible(there)
        self.tools.set_enabled(there)
        if self._result is not None:
            self._settings.setText(self.settings_line)
            self._show_scores(self._result)
        self._show_page()

    def _show_scores(self, result: Overlay) -> None:
        level = result.settings.level
        text = scores_text(result)
        self._score.setText(text[:1].upper() + text[1:] + ".")
        before = [score.before for score in result.scores if score.asked]
        after = [score.after for score in result.scores if score.asked]
        one = str(level).removesuffix("s")
        self.slider.set_shares(
            _range_text(before), _range_text(after),
            f"Share of source {level} whose nearest other target {one} shows the same subject, in the embedding space",
        )  # fmt: skip

    def _show_page(self) -> None:
        if self._result is None:
            self._stack.setCurrentWidget(self._empty)
        elif self.tools.table_button.isChecked():
            self._fill_table()
            self._stack.setCurrentWidget(self._table_page)
        else:
            self._stack.setCurrentWidget(self._splitter)

    def _show_lines(self, *_: object) -> None:
        if self._result is None:
            return
        lines, button = lines_of(self._result, self.plot.selection), self.tools.lines_button
        button.setToolTip(
            f"Join the images of the same face; {MOST_LINES:,} lines at most: select some points first"
            if lines is None
            else "Join the source's and the target's point of each face"
        )
        self.plot.set_lines(lines if lines is not None and button.isChecked() else np.zeros((0, 2), np.int32))

    def _fill_table(self) -> str:
        """Put the points of the picture into the table, or those that are selected of them; which these are, where they
        are not all."""
        if self._result is None:
            self._table_page.clear()
            return ""
        return self._table_page.show_points(self._result, self._details, self.plot, self.drawing.left_text.text())


def _range_text(shares: Sequence[float]) -> str:
    """A share, or from the least to the greatest of several."""
    known = [share for share in shares if not math.isnan(share)]
    if not known:
        return "–"
    low, high = f"{100 * min(known):.1f}", f"{100 * max(known):.1f}"
    return f"{low} %" if low == high else f"{low}–{high} %"
