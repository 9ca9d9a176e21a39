"""A line for a path, with a button that opens the system's chooser; or two, where a folder and a file will do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

#: Asks the user for a path, beginning in a folder.
Chooser = Callable[[QWidget, Path | None], Path | None]


class PathField(QWidget):
    """Signals
    -------
    pathChanged(path) : Path or None
        Written or chosen.
    """

    pathChanged = Signal(object)

    def __init__(
        self,
        what: str,
        choose: Chooser,
        parent: QWidget | None = None,
        *,
        choose_file: Chooser | None = None,
        placeholder: str = "",
    ) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setAccessibleName(what)
        self.line.setPlaceholderText(placeholder or what)
        self.line.editingFinished.connect(self._tell)
        self.button = self._make_button("Browse…" if choose_file is None else "Folder…", f"Browse for {what}", choose)
        self._told: Path | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)
        if choose_file is not None:
            self.file_button = self._make_button("File…", f"Browse for {what}, as a file", choose_file)
            row.addWidget(self.file_button)
        self.setFocusProxy(self.line)

    def _make_button(self, text: str, says: str, choose: Chooser) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(says)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self._browse(choose))
        return button

    @property
    def path(self) -> Path | None:
        """What stands in the line; the home of nobody stays as it is written."""
        text = self.line.text().strip()
        return Path(os.path.expanduser(text)) if text else None

    @property
    def nobody(self) -> str:
        """Whose home was meant who has none here, as ``~alice``; empty where the path is somewhere."""
        path = self.path
        first = path.parts[0] if path is not None and path.parts else ""
        return first if first.startswith("~") else ""

    def set_path(self, path: Path | None) -> None:
        """Put a path into the line, and tell it."""
        self.line.setText("" if path is None else str(path))
        self._tell()

    def _browse(self, choose: Chooser) -> None:
        path = self.path
        chosen = choose(self, path.parent if path is not None else None)
        if chosen is not None:
            self.set_path(chosen)

    def _tell(self) -> None:
        if self.path != self._told:
            self._told = self.path
            self.pathChanged.emit(self._told)
