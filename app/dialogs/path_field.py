"""A line for a path, with a button that opens the system's chooser."""

from __future__ import annotations

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

    def __init__(self, what: str, choose: Chooser, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choose = choose
        self.line = QLineEdit()
        self.line.setAccessibleName(what)
        self.line.setPlaceholderText(what)
        self.line.editingFinished.connect(self._tell)
        self.button = QPushButton("Browse…")
        self.button.setAccessibleName(f"Browse for {what}")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._browse)
        self._told: Path | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.line)

    @property
    def path(self) -> Path | None:
        """What stands in the line."""
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    def set_path(self, path: Path | None) -> None:
        """Put a path into the line, and tell it."""
        self.line.setText("" if path is None else str(path))
        self._tell()

    def _browse(self) -> None:
        path = self.path
        chosen = self._choose(self, path.parent if path is not None else None)
        if chosen is not None:
            self.set_path(chosen)

    def _tell(self) -> None:
        if self.path != self._told:
            self._told = self.path
            self.pathChanged.emit(self._told)
