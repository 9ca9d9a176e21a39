"""Overlay of aligned spaces: a target's faces and those of its sources, before and after the map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from canon_core.study.overlay_results import Overlay
from canon_core.study.overlay_text import overlay_line, scores_text

from ..theme import SMALL
from .bar_buttons import button_row, tool_button
from .blend_slider import BlendSlider
from .empty_state import EmptyState
from .face_list import FaceList
from .folded_text import FoldedText
from .labels import TextLabel
from .overlay_bar import OverlayBar
from .overlay_filter_menu import OverlayFilterMenu
from .overlay_rows import MOST_ROWS, overlay_rows, rows_text
from .point_card import PointCard
from .scatter_drag import Tool
from .scatter_legend import ScatterLegend
from .scatter_picture import MOST_LINES
from .scatter_plot import ScatterPlot
from .scatter_points import PlacedPoint, ScatterPoints
from .table_twin import TableTwin

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails

#: Entries of a legend that stand above the plot; more take a column beside it, where there is room.
_MOST_ABOVE = 6


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
        self.bar = OverlayBar()
        self.legend, self.plot, self.slider = ScatterLegend(), ScatterPlot(), BlendSlider()
        self.plot.setAccessibleName("Overlay of aligned spaces")
        self.card, self.faces = PointCard(self.plot), FaceList()
        self.table = TableTwin("Overlay as a table")
        self.table.horizontalHeader().setResizeContentsPrecision(40)  # rows that decide how wide columns are
        self._empty = EmptyState()
        self._make_buttons()
        self._notice = self._make_notice()
        self._left_note = self._make_left_note()
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self._make_drawing())
        self._splitter.addWidget(self.faces)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setSizes([700, 210])
        self.faces.hide()
        self._stack = QStackedWidget()
        self._table_note = TextLabel(muted=True, size=SMALL)
        self._table_page = QWidget()
        page_column = QVBoxLayout(self._table_page)
        page_column.setContentsMargins(0, 0, 0, 0)
        page_column.addWidget(self._table_note)
        page_column.addWidget(self.table, 1)
        for page in (self._empty, self._splitter, self._table_page):
            self._stack.addWidget(page)
        self._score = FoldedText("Score")
        self._settings = FoldedText("Settings of this picture", muted=True, size=SMALL)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self.bar)
        layout.addWidget(self._notice)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._score)
        layout.addSpacing(-layout.spacing())
        layout.addWidget(self._settings)
        self.slider.moved.connect(self._move)
        self.legend.toggled.connect(self.plot.set_shown)
        self.plot.selectionChanged.connect(self._selected)
        self.plot.toolChanged.connect(self._show_tool)
        self.faces.clearRequested.connect(self._select_nothing)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        self._empty.actionRequested.connect(self.actionRequested)
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self._show()

    # -- building ------------------------------------------------------------------------------------------------
    def _make_drawing(self) -> QWidget:
        drawing = QWidget()
        column = QVBoxLayout(drawing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._above, self._beside = QHBoxLayout(), QHBoxLayout()
        self._above.addWidget(self.legend)
        column.addLayout(self._above)
        column.addWidget(self._left_note)
        self.placed_note = TextLabel(muted=True, size=SMALL)
        self.placed_note.setAccessibleName("Marked faces")
        self.placed_note.hide()
        column.addWidget(self.placed_note)
        self._beside.setSpacing(8)
        self._beside.addWidget(self.plot, 1)
        column.addLayout(self._beside, 1)
        column.addWidget(self.slider)
        return drawing

    def _make_buttons(self) -> None:
        self.tool_buttons = {
            Tool.MOVE: tool_button("Move", "Drag moves the picture; the wheel zooms"),
            Tool.RECTANGLE: tool_button("Rectangle", "Drag selects a rectangle (R; or Shift and drag)"),
            Tool.LASSO: tool_button("Lasso", "Drag around points to select them (L; or Ctrl and drag)"),
        }
        for tool, button in self.tool_buttons.items():
            button.setCheckable(True)
            button.clicked.connect(lambda _checked=False, tool=tool: self._take_up(tool))
        self.tool_buttons[Tool.MOVE].setChecked(True)
        self.fit_button = tool_button("Fit", "Show everything where it lies just now (F, or a double click)")
        self.fit_button.clicked.connect(self.plot.fit)
        self.lines_button = tool_button("Lines", "")
        self.lines_button.setCheckable(True)
        self.lines_button.toggled.connect(self._show_lines)
        self.lines_button.clicked.connect(self.linesChanged)
        self.filter_button = tool_button("Filter", "Leave only some points in the picture")
        self.filter_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.filter_menu = OverlayFilterMenu(self.filter_button)
        self.filter_button.setMenu(self.filter_menu)
        self.table_button = tool_button("Table", "The points as a table, for the keyboard and the screen reader")
        self.table_button.setCheckable(True)
        self.table_button.toggled.connect(self._show_page)
        self.copy_button = tool_button("Copy", "Copy the points as a table, or the command that makes this picture")
        self.copy_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.copy_button)
        self.copy_table_action = QAction("Copy as table (tab-separated)", menu, triggered=self.copy_table)
        self.copy_command_action = QAction("Copy as canon command", menu, triggered=self.copy_command)
        menu.addActions([self.copy_table_action, self.copy_command_action])
        self.copy_button.setMenu(menu)
        self.export_button = tool_button("Export…", "Save as figure (PDF, SVG, PNG) or the coordinates (CSV)")
        self.export_button.clicked.connect(self.exportRequested)
        self.bar.add_widget(button_row(*self.tool_buttons.values(), self.fit_button, self.lines_button))
        self.bar.add_widget(button_row(self.filter_button))
        self.bar.add_widget(button_row(self.table_button, self.copy_button, self.export_button))
        self.found = TextLabel(muted=True, size=SMALL, wrap=False)
        self.found.setAccessibleName("Found points")
        self.found.hide()
        self.bar.add_widget(self.bar.search)
        self.found_button = tool_button("Show", "Lay out those who were found too")
        self.found_button.clicked.connect(self.foundRequested)
        self.found_button.hide()
        found = QWidget()
        row = QHBoxLayout(found)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.found)
        row.addWidget(self.found_button)
        self.bar.add_widget(found)

    def _make_notice(self) -> QWidget:
        self._notice_text = TextLabel()
        self.compute_button = QPushButton("Compute")
        self.compute_button.clicked.connect(self.computeRequested)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancelRequested)
        self.all_button = QPushButton("All subjects again")
        self.all_button.clicked.connect(self.allSubjectsRequested)
        notice = QWidget()
        row = QHBoxLayout(notice)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._notice_text, 1)
        for button in (self.all_button, self.compute_button, self.cancel_button):
            row.addWidget(button)
        return notice

    def _make_left_note(self) -> QWidget:
        """The line that says which points are not in the picture, and what cannot be told of them."""
        self.left_text = TextLabel(muted=True, size=SMALL)
        self.left_text.setAccessibleName("Filtered points")
        self.all_points_button = tool_button("Show all", "Take back filters, and show every class")
        self.all_points_button.clicked.connect(self.allPointsRequested)
        note = QWidget()
        row = QHBoxLayout(note)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.left_text, 1)
        row.addWidget(self.all_points_button)
        note.hide()
        return note

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
        self.plot.set_points(points, same_points=same_points, same_layout=same_layout)
        if points is not None:
            self.legend.set_points(points, self.plot.shown)
            self._place_legend()
            self.plot.set_blend(self.slider.blend)
        self._show()
        self._show_lines()
        self.faces.setVisible(len(self.plot.selection) > 0)
        self.overlayShown.emit()

    def _place_legend(self) -> None:
        """Above the plot, or of many classes beside it: the window is wide, and height is what the plot needs."""
        many = len(self.legend.entries) > _MOST_ABOVE
        here, there = (self._beside, self._above) if many else (self._above, self._beside)
        there.removeWidget(self.legend)
        if here.indexOf(self.legend) < 0:
            here.addWidget(self.legend)
        self.legend.set_column(many)

    def set_details(self, details: OverlayDetails | None) -> None:
        """What is known of the single points of what is shown."""
        if details is self._details:
            return
        self._details = details
        if self.table_button.isChecked():
            self._show_page()

    def set_empty(self, text: str, action_text: str = "") -> None:
        """What to say while there is no overlay, and on the button below it."""
        self._empty.set_message(text, action_text)

    def set_notice(self, text: str, *, compute: str = "", cancel: bool = False, chosen: bool = False) -> None:
        """What is under way or was not done; ``compute`` is what the button for it says."""
        self._notice.setVisible(bool(text))
        self._notice_text.setText(text)
        self.compute_button.setText(compute)
        self.compute_button.setVisible(bool(compute))
        self.cancel_button.setVisible(cancel)
        self.all_button.setVisible(chosen)

    def set_lines(self, joined: bool) -> None:
        """Whether the images of a face are joined; no signal to others."""
        self.lines_button.setChecked(joined)

    def set_left(self, text: str, *, filtered: bool) -> None:
        """Say what is not in the picture; with a button that shows everything where something is ``filtered``."""
        self.left_text.setText(text)
        self.all_points_button.setVisible(filtered)
        self._left_note.setVisible(bool(text))

    def set_hidden(self, names: Sequence[str]) -> None:
        """Hide the classes of these names, and show all others."""
        if self.plot.points is not None:
            for code, each in enumerate(self.plot.points.classes):
                self.plot.set_shown(code, not each.hidden and each.name not in names)
            self.legend.set_shown(self.plot.shown)
            if self.table_button.isChecked():
                self._show_page()

    def set_placed(self, placed: Sequence[PlacedPoint], words: str) -> None:
        """Mark faces that are no points of the overlay, and say how they came to their places."""
        self.plot.set_placed(placed)
        self.placed_note.setText(words)
        self.placed_note.setVisible(bool(words))

    def set_found(self, points: NDArray[np.int32], text: str, *, offered: bool = False) -> None:
        """Ring what was searched for, and say how much it is; with a button that shows it where it can be."""
        self.plot.set_marked(points)
        self.plot.zoom_to(points)
        self.found.setText(text)
        self.found.setVisible(bool(text))
        self.found_button.setVisible(offered)

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

    def items_of(self, points: NDArray[np.integer]) -> NDArray[np.int64]:
        """Items (images or templates) of some points, each once, ascending."""
        assert self._result is not None
        return items_of(self._result, points)

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
    def _move(self, blend: float) -> None:
        self.plot.set_blend(blend)

    def _take_up(self, tool: Tool) -> None:
        self.plot.set_tool(tool)
        self._show_tool(tool)
        self.plot.setFocus()

    def _show_tool(self, tool: Tool) -> None:
        for each, button in self.tool_buttons.items():
            button.setChecked(each is tool)

    def _select_nothing(self) -> None:
        self.plot.set_selection([])
        self.plot.selectionChanged.emit(self.plot.selection)

    def _selected(self, _numbers: object) -> None:
        self.faces.setVisible(len(self.plot.selection) > 0)
        self._show_lines()
        if self.table_button.isChecked():
            self._show_page()

    def _row_chosen(self, index: object) -> None:
        number = self.table.row_number(index)  # type: ignore[arg-type]
        if 0 <= number < len(self._rows):
            self.plot.set_current(int(self._rows[number]))

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        there = self._result is not None
        for widget in (self._score, self._settings):
            widget.setVisible(there)
        for button in (self.table_button, self.copy_button, self.export_button, self.filter_button, self.fit_button,
                       self.lines_button, *self.tool_buttons.values()):  # fmt: skip
            button.setEnabled(there)
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
        elif self.table_button.isChecked():
            self._fill_table()
            self._stack.setCurrentWidget(self._table_page)
        else:
            self._stack.setCurrentWidget(self._splitter)

    def _show_lines(self, *_: object) -> None:
        if self._result is None:
            return
        count, models, selection = self._result.items[0], len(self._result.models), self.plot.selection
        least = -(-len(selection) // models) if len(selection) else count  # items, at least
        many = least * (models - 1) > MOST_LINES
        if not many:
            items = self.items_of(selection) if len(selection) else np.arange(count)
            many = len(items) * (models - 1) > MOST_LINES
        self.lines_button.setToolTip(
            f"Join the images of the same face; {MOST_LINES:,} lines at most: select some points first"
            if many
            else "Join the source's and the target's point of each face"
        )
        if not self.lines_button.isChecked() or many:
            self.plot.set_lines(np.zeros((0, 2), np.int32))
            return
        ends = [np.stack([items + number * count, items], axis=1) for number in range(1, models)]
        self.plot.set_lines(np.concatenate(ends))

    def _fill_table(self) -> str:
        """Put the points of the picture into the table, or those that are selected of them; which these are, where they
        are not all."""
        result = self._result
        if result is None:
            self._rows = np.zeros(0, np.int64)
            self.table.set_table([], [])
            return ""
        seen = self.plot.seen(np.arange(len(result.model)))
        selected = len(self.plot.selection) > 0
        points = self.plot.seen(self.plot.selection.astype(np.int64)) if selected else seen
        self._rows = points[:MOST_ROWS]
        which = rows_text(len(points), selected=selected, filtered=len(seen) < len(result.model))
        hint = "" if selected else " Select points to list them alone."
        self._table_note.setText(f"{which}.{hint} Export… writes the coordinates of all.")
        self.table.set_table(*overlay_rows(result, self._details, self._rows))
        if len(self._rows) == len(result.model):
            return ""
        return which if len(seen) == len(result.model) else f"{which} ({self.left_text.text().rstrip('.')})"


def items_of(result: Overlay, points: NDArray[np.integer]) -> NDArray[np.int64]:
    """Items of some points, each once, ascending; a million in 20 ms, where sorting them would take a second."""
    there = np.zeros(result.items[0], bool)
    there[points % result.items[0]] = True
    return np.flatnonzero(there)


def _range_text(shares: Sequence[float]) -> str:
    """A share, or from the least to the greatest of several."""
    known = [share for share in shares if not math.isnan(share)]
    if not known:
        return "–"
    low, high = f"{100 * min(known):.1f}", f"{100 * max(known):.1f}"
    return f"{low} %" if low == high else f"{low}–{high} %"
