"""The menu bar and the tool bar: which actions stand where."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar, QToolButton

from .actions import Actions

#: Actions of the tool bar; an empty one is a line.
_TOOLS = (
    *("file.new", "file.open", "", "study.add_model", "study.add_dataset", "", "study.compute_all", "", "file.export"),
    *("", "edit.undo", "edit.redo"),
)


def fill_menu_bar(bar: QMenuBar, actions: Actions) -> QMenu:
    """Put every action into its menu; returns the menu of recent studies, which is empty."""
    menu = bar.addMenu("&File")
    actions.fill(menu, "file", [0])
    recent = menu.addMenu("Open &recent")
    menu.addSeparator()
    for group in (1, 2, 3, 4):
        actions.fill(menu, "file", [group])
        menu.addSeparator()
    actions.fill(bar.addMenu("&Edit"), "edit")
    actions.fill(bar.addMenu("&Study"), "study")
    actions.fill(bar.addMenu("E&xperiment"), "experiment")
    menu = bar.addMenu("&View")
    actions.fill(menu, "view", [0])
    menu.addSeparator()
    actions.fill(menu, "view", [1])
    actions.fill(menu, "view", [2])
    actions.fill(menu.addMenu("A&ppearance"), "view", [3])
    actions.fill(bar.addMenu("&Help"), "help")
    return recent


def make_tool_bar(actions: Actions) -> QToolBar:
    """The actions that the work begins with, as words."""
    tools = QToolBar("Tool bar")
    tools.setObjectName("tool-bar")
    tools.setMovable(False)
    tools.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    for key in _TOOLS:
        if key:
            tools.addAction(actions[key])
        else:
            tools.addSeparator()
    # In a narrow window it opens what has no room; Qt's picture of an arrow is dark on dark ground.
    more = tools.findChild(QToolButton, "qt_toolbar_ext_button")
    if more is not None:  # a part of Qt's own, which another version may name differently
        more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        more.setText("»")
        more.setToolTip("More actions")
        more.setAccessibleName("More actions")
    return tools
