"""Writes an overlay to a file one chooses: as a figure drawn by the engine, or its coordinates as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from canon_core.study.overlay_results import Overlay

from . import file_choosers
from .document import Document
from .message_bar import MessageBar, Tone

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_KINDS = {"pdf": "PDF figure", "svg": "SVG figure", "png": "PNG figure", "csv": "CSV table"}


def export_overlay(window: QWidget, document: Document, messages: MessageBar, shown: Overlay, blend: float) -> None:
    """Ask where to, and write it in a job."""
    contents = document.contents
    if contents is None:
        return
    settings = shown.settings
    name = f"{settings.dataset}-{'-'.join(settings.sources[:3])}-{settings.target}-{settings.method}"
    plain = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
    start = contents.path.parent / f"{plain}.pdf"
    path = file_choosers.choose_file_to_write(window, "Export overlay", start, _KINDS)
    if path is not None:
        _write(document, messages, path, shown, blend)


def _write(document: Document, messages: MessageBar, path: Path, shown: Overlay, blend: float) -> None:
    raise NotImplementedError
