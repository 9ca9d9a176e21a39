"""What jobs said, one line each."""

from __future__ import annotations

import logging
import re
from datetime import datetime

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QSyntaxHighlighter
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from canon_core.errors import CanonError

from .engine_bridge import EngineBridge
from .theme import Theme, theme_for
from .wording import fault_text

_MAX_LINES = 5000
#: A line: its time, and the word that a warning or a fault begins with.
_LINE = re.compile(r"(\d\d:\d\d:\d\d)  (?:(error|warning): )?")


class _Colours(QSyntaxHighlighter):
    """Colours lines as they are drawn, so that old ones can be read in another theme too."""

    def __init__(self, panel: QPlainTextEdit) -> None:
        super().__init__(panel.document())
        self.theme = theme_for(panel)

    def highlightBlock(self, text: str) -> None:
        line = _LINE.match(text)
        if line is None:
            return
        self.setFormat(0, len(text), QColor(_colour(self.theme, line[2])))
        self.setFormat(0, len(line[1]), QColor(self.theme.muted))


class LogPanel(QPlainTextEdit):
    """Lines with their time; warnings and faults stand out by a word as well as by colour."""

    def __init__(self, bridge: EngineBridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setMaximumBlockCount(_MAX_LINES)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setPlaceholderText("Nothing was logged yet.")
        self.setAccessibleName("Log")
        self._colours = _Colours(self)
        bridge.log.connect(lambda _job, level, text: self.add(text, level))
        bridge.finished.connect(lambda number, _result, seconds: self.add(f"job {number} done in {seconds:.1f} s"))
        bridge.cancelled.connect(lambda number: self.add(f"job {number} cancelled"))
        bridge.failed.connect(lambda _job, error: self.add_error(error))
        bridge.started.connect(lambda number, title: self.add(f"job {number}: {title}"))

    def add(self, text: str, level: int = logging.INFO) -> None:
        """One more line."""
        word = "error: " if level >= logging.ERROR else "warning: " if level >= logging.WARNING else ""
        self.appendPlainText(f"{datetime.now():%H:%M:%S}  {word}{' '.join(text.split())}")

    def add_error(self, error: CanonError) -> None:
        """A fault, in its own sentence."""
        self.add(fault_text(error), logging.ERROR)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._colours.theme = theme_for(self)
            self._colours.rehighlight()


def _colour(theme: Theme, word: str | None) -> str:
    return {"error": theme.error, "warning": theme.warning}.get(word or "", theme.text)
