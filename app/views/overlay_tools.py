"""The buttons of an overlay: what dragging does in its plot, what is drawn, its table, its copies, its export."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton, QWidget

from .bar_buttons import button_row, copy_button, tool_button
from .overlay_filter_menu import OverlayFilterMenu
from .scatter_drag import Tool
from .scatter_plot import ScatterPlot


class OverlayTools:
    """Tools and fitting act on the plot; of the others who owns these buttons is told.

    Attributes
    ----------
    rows : tuple of QWidget
        The buttons, those that belong together in one.
    """

    def __init__(self, plot: ScatterPlot) -> None:
        self._plot = plot
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
        self.fit_button.clicked.connect(plot.fit)
        self.lines_button = tool_button("Lines", "")
        self.lines_button.setCheckable(True)
        self.filter_button = tool_button("Filter", "Leave only some points in the picture")
        self.filter_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.filter_menu = OverlayFilterMenu(self.filter_button)
        self.filter_button.setMenu(self.filter_menu)
        self.table_button = tool_button("Table", "The points as a table, for the keyboard and the screen reader")
        self.table_button.setCheckable(True)
        self.copy_table_action = QAction("Copy as table (tab-separated)", plot)
        self.copy_command_action = QAction("Copy as canon command", plot)
        self.copy_button = copy_button(
            "Copy the points as a table, or the command that makes this picture",
            (self.copy_table_action, self.copy_command_action),
        )
        self.export_button = tool_button("Export…", "Save as figure (PDF, SVG, PNG) or the coordinates (CSV)")
        self.rows: tuple[QWidget, ...] = (
            button_row(*self.tool_buttons.values(), self.fit_button, self.lines_button),
            button_row(self.filter_button),
            button_row(self.table_button, self.copy_button, self.export_button),
        )
        plot.toolChanged.connect(self._show_tool)

    def set_enabled(self, enabled: bool) -> None:
        """Let them be used, or not: there is nothing to use them on."""
        for button in (self.table_button, self.copy_button, self.export_button, self.filter_button, self.fit_button,
                       self.lines_button, *self.tool_buttons.values()):  # fmt: skip
            button.setEnabled(enabled)

    def _take_up(self, tool: Tool) -> None:
        self._plot.set_tool(tool)
        self._show_tool(tool)
        self._plot.setFocus()

    def _show_tool(self, tool: Tool) -> None:
        for each, button in self.tool_buttons.items():
            button.setChecked(each is tool)
