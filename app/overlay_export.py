"""Writes an overlay to a file one chooses: as a figure drawn by the engine, or its coordinates as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from canon_core.study.overlay_results import Overlay

from . import file_choosers
from .document import Document
from .message_bar import MessageBar, Tone

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_KINDS = {"pdf": "PDF figure", "svg": "SVG figure", "png": "PNG figure", "csv": "CSV table"}


class OverlayExport:
    """Asks where to, and writes in a job; images and subjects are numbered there, not named."""

    def __init__(self, window: QWidget, document: Document, messages: MessageBar) -> None:
        self._window, self._document, self._messages = window, document, messages

    def ask(self, shown: Overlay, *, by_subject: bool, lines: bool) -> None:
        """Write this overlay, coloured by model or by subject, with or without lines between the images of a face."""
        contents = self._document.contents
        if contents is None:
            return
        settings = shown.settings
        name = f"{settings.dataset}-{'-'.join(settings.sources[:3])}-{settings.target}-{settings.method}"
        plain = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
        start = contents.path.parent / f"{plain}.pdf"
        path = file_choosers.choose_file_to_write(self._window, "Export overlay", start, _KINDS)
        if path is not None:
            self._write(path, shown, by_subject, lines)

    def _write(self, path: Path, shown: Overlay, by_subject: bool, lines: bool) -> None:
        study = self._document.study
        if study is None:
            return

        def work(_ctx: JobContext) -> Path:
            kind = path.suffix.lower().removeprefix(".")
            if kind == "csv":
                from canon_core.experiments.overlay_export import export_overlay

                export_overlay(study, shown, path)
            else:
                from canon_core.figures.overlay_figure import OverlayColour, overlay_figure
                from canon_core.figures.save import save_figure

                colour = OverlayColour.SUBJECT if by_subject else OverlayColour.MODEL
                figure = overlay_figure(shown, colour=colour, lines=lines)
                return save_figure(figure, path.with_suffix(""), [kind])[0]  # X.PDF becomes X.pdf
            return path

        self._document.bridge.submit(
            f"Export to {path.name}",
            work,
            on_result=self._written,
            on_failure=self._document.faulted.emit,
            resume=lambda: self._write(path, shown, by_subject, lines),
        )

    def _written(self, path: Path) -> None:
        self._messages.say(
            f"{path} was written; images and subjects are numbered in it, not named.",
            Tone.DONE,
            "Open folder",
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))),
        )
