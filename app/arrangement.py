"""Where the window and its docks are: as the last run left them, and as they were at the first start."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow

from .dock_widths import DockWidths
from .first_size import keep_on_screen
from .jobs_shown import JobsShown
from .user_files import read_window

#: Grows when docks change so that a remembered arrangement no longer fits.
_LAYOUT_VERSION = 1


class Arrangement:
    """Puts the docks of a window, which are where they are at the first start when this is made."""

    def __init__(self, window: QMainWindow, jobs_shown: JobsShown, widths: DockWidths) -> None:
        self._window, self._jobs_shown, self._widths = window, jobs_shown, widths
        self._first = window.saveState(_LAYOUT_VERSION)

    def as_at_first(self) -> None:
        """Put every dock back where it was at the first start."""
        self._window.restoreState(self._first, _LAYOUT_VERSION)
        self._jobs_shown.restore(chosen=False)
        self._widths.use({})

    def facts(self) -> dict[str, Any]:
        """What :meth:`restore` wants to find the next time (JSON-able)."""
        return {
            "geometry": _encoded(self._window.saveGeometry()),
            "docks": _encoded(self._window.saveState(_LAYOUT_VERSION)),
            "dock_widths": self._widths.chosen,
            "jobs_chosen": self._jobs_shown.chosen,
        }

    def restore(self) -> None:
        """Put window and docks where the last run left them, as far as the screen has room."""
        facts = read_window()
        if (geometry := _decoded(facts.get("geometry"))) is not None:
            self._window.restoreGeometry(geometry)
        keep_on_screen(self._window)
        if (docks := _decoded(facts.get("docks"))) is not None:
            self._window.restoreState(docks, _LAYOUT_VERSION)
        self._jobs_shown.restore(chosen=facts.get("jobs_chosen") is True)
        self._widths.use(_widths(facts.get("dock_widths")))


def _encoded(data: QByteArray) -> str:
    return base64.b64encode(bytes(data)).decode("ascii")


def _widths(found: object) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    return {name: width for name, width in found.items() if isinstance(name, str) and type(width) is int and width > 0}


def _decoded(text: object) -> QByteArray | None:
    if not isinstance(text, str):
        return None
    try:
        return QByteArray(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        return None
