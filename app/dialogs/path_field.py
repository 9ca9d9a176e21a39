"""A line for a path, with a button that opens the system's chooser; or two, where a folder and a file will do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from ..settled import settled

#: Milliseconds without a key after which what stands in the line is taken for a path.
_PAUSE_MS = 400

#: Asks the user for a path, beginning in a folder.
Chooser = Callable[[QWidget, Path | None], Path | None]


class PathField(QWidget):
    """Where ``looked_at``, what is typed is told after a pause, and Return tells it at once and does no more: what was
    recognised can be read before a dialog goes on. Choosers begin at ``start`` while the line is empty.

    Signals
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
        start: Path | None = None,
        looked_at: bool = False,
    ) -> None:
        super().__init__(parent)
        self._start = start
        self.line = QLineEdit()
        self.line.setAccessibleName(what)
        self.line.setPlaceholderText(placeholder or what)
        self.line.editingFinished.connect(self._tell)
        self._pause = settled(self, _PAUSE_MS, self._tell)
        if looked_at:
            self.line.textEdited.connect(lambda *_: self._pause.start())
            self.line.installEventFilter(self)
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
        chosen = choose(self, path.parent if path is not None else self._start)
        if chosen is not None:
            self.set_path(chosen)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress
        if pressed and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell()
            return True
        return super().eventFilter(watched, event)

    def _tell(self) -> None:
        self._pause.stop()
        if self.path != self._told:
            self._told = self.path
            self.pathChanged.emit(self._told)
