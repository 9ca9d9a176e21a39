"""The button in the overlay's bar that adds the faces of further datasets; there only where the study has any."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from .bar_buttons import tool_button

_TIP = (
    "Show another dataset's faces too. They go through the maps that were fitted on {main}: whether these hold for"
    " other faces is seen, and scored for each dataset."
)


class AddedDatasets(QWidget):
    """A menu with an entry for each dataset that can be added.

    Signals
    -------
    chosen(names) : tuple of str
        These datasets are wanted.
    sameNamesChosen(same) : bool
        Subjects of the same name are to be one person, or not.
    """

    chosen = Signal(object)
    sameNamesChosen = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = tool_button("Add dataset", "")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.button)
        self.menu.setToolTipsVisible(True)
        self.button.setMenu(self.menu)
        self.same_names = QAction("Same names are the same people", self, checkable=True)
        self.same_names.setToolTip("Else subjects of different datasets are different people, whatever they are called")
        self.same_names.triggered.connect(self.sameNamesChosen)
        self.entries: dict[str, QAction] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        self.hide()

    def show_choices(self, main: str, addable: Sequence[str], added: Sequence[str], *, same_names: bool) -> None:
        """What can be added to the faces of ``main``, and what is; no signal."""
        self.setVisible(bool(addable))
        if list(self.entries) != list(addable):
            self._offer(addable)
        for name, action in self.entries.items():
            action.setChecked(name in added)
        self.same_names.setChecked(same_names)
        self.same_names.setEnabled(bool(added))
        text = "Add dataset" if not added else f"with {added[0]}" if len(added) == 1 else f"with {len(added)} datasets"
        self.button.setText(text if len(text) <= 32 else f"{text[:30]}…")
        tip = _TIP.format(main=f"'{main}'")
        self.button.setToolTip(tip)
        self.button.setAccessibleDescription(tip)

    def _offer(self, addable: Sequence[str]) -> None:
        for action in self.entries.values():
            action.deleteLater()
        self.menu.clear()
        self.entries = {}
        for name in addable:
            action = QAction(name.replace("&", "&&"), self.menu, checkable=True)
            action.triggered.connect(self._tell)
            self.menu.addAction(action)
            self.entries[name] = action
        self.menu.addSeparator()
        self.menu.addAction(self.same_names)

    def _tell(self, _on: bool) -> None:
        self.chosen.emit(tuple(name for name, action in self.entries.items() if action.isChecked()))
