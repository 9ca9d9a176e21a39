"""Writes what a view shows to a file that one chooses: as a figure or as a table, by a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from . import file_choosers
from .document import Document
from .message_bar import MessageBar, Tone

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from canon_core.jobs import JobContext

_FIGURES = {"pdf": "PDF figure", "svg": "SVG figure", "png": "PNG figure"}
_TABLE = {"csv": "CSV table"}


class ShownExport:
    """Asks where to, and says when it was written."""

    def __init__(self, window: QWidget, document: Document, messages: MessageBar) -> None:
        self._window, self._document, self._messages = window, document, messages

    def ask(self, title: str, name: str, table: Callable[[], str], figure: Callable[[], Figure] | None) -> None:
        """Let a file be chosen, called ``name`` unless renamed, and write the figure or the table into it.

        Parameters
        ----------
        table, figure : callable
            Called in the job's thread; without a figure only the table can be chosen.
        """
        contents = self._document.contents
        if contents is None:
            return
        kinds = _TABLE if figure is None else _FIGURES | _TABLE
        plain = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
        start = contents.path.parent / f"{plain}.{next(iter(kinds))}"
        path = file_choosers.choose_file_to_write(self._window, title, start, kinds)
        if path is not None:
            self._write(path, table, figure)

    def _write(self, path: Path, table: Callable[[], str], figure: Callable[[], Figure] | None) -> None:
        """Write a table (``.csv``) or a figure (``.pdf``, ``.svg``, ``.png``), by the path's suffix: a job."""

        def work(_ctx: JobContext) -> Path:
            from canon_core.figures.save import save_figure
            from canon_core.store.atomic import write_atomically

            kind = path.suffix.lower().removeprefix(".")
            if kind == "csv" or figure is None:
                write_atomically(path, table().encode("utf-8"))
            else:
                return save_figure(figure(), path.with_suffix(""), [kind])[0]  # X.PDF becomes X.pdf
            return path

        self._document.bridge.submit(
            f"Export to {path.name}",
            work,
            on_result=self._written,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._write(path, table, figure),
        )

    def _written(self, path: Path) -> None:
        self._messages.say(
            f"{path} was written.",
            Tone.DONE,
            "Open folder",
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))),
        )
