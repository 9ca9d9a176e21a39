"""What jobs said, one line each."""

from __future__ import annotations

import html
import logging
from datetime import datetime

from PySide6.QtWidgets import QPlainTextEdit, QWidget

from canon_core.errors import CanonError

from .engine_bridge import EngineBridge
from .theme import theme_for

_MAX_LINES = 5000


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
        bridge.log.connect(lambda _job, level, text: self.add(text, level))
        bridge.finished.connect(lambda number, _result, seconds: self.add(f"job {number} done in {seconds:.1f} s"))
        bridge.cancelled.connect(lambda number: self.add(f"job {number} cancelled"))
        bridge.failed.connect(lambda _job, error: self.add_error(error))
        bridge.started.connect(lambda number, title: self.add(f"job {number}: {title}"))

    def add(self, text: str, level: int = logging.INFO) -> None:
        """One more line."""
        theme = theme_for(self)
        word, colour = "", theme.text
        if level >= logging.ERROR:
            word, colour = "error: ", theme.error
        elif level >= logging.WARNING:
            word, colour = "warning: ", theme.warning
        line = html.escape(f"{word}{' '.join(text.split())}")
        self.appendHtml(
            f'<span style="color:{theme.muted}">{datetime.now():%H:%M:%S}</span>&nbsp; '
            f'<span style="color:{colour}">{line}</span>'
        )

    def add_error(self, error: CanonError) -> None:
        """A fault, in its own sentence."""
        self.add(error.sentence(), logging.ERROR)
