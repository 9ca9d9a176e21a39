"""The studies that were open lately, on the start page and in a menu; those that are gone cannot be chosen there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from .engine_bridge import EngineBridge
from .start_page import StartPage
from .user_files import recent_studies


class RecentList(QObject):
    """Looks for the studies in the errands' thread, and lists them; ``chosen`` is called with one's path."""

    def __init__(self, bridge: EngineBridge, page: StartPage, menu: QMenu, chosen: Callable[[Path], object]) -> None:
        super().__init__(page)
        self._bridge, self._page, self._menu, self._chosen = bridge, page, menu, chosen

    def read(self) -> None:
        """List what the last run remembered."""
        self._bridge.run_errand(lambda: _with_presence(recent_studies()), self._list)

    def show(self, paths: Sequence[Path]) -> None:
        """List these."""
        self._bridge.run_errand(lambda: _with_presence(paths), self._list)

    def _list(self, studies: Sequence[tuple[Path, bool]]) -> None:
        self._page.show_recent(studies)
        self._menu.clear()
        for path, there in studies:
            action = self._menu.addAction(path.name.removesuffix(".canon").replace("&", "&&"))
            action.setToolTip(str(path))
            action.setStatusTip(str(path) if there else f"{path} is not there now")
            action.setEnabled(there)
            action.triggered.connect(lambda _checked=False, path=path: self._chosen(path))
        self._menu.setEnabled(bool(studies))


def _with_presence(paths: Sequence[Path]) -> list[tuple[Path, bool]]:
    return [(path, (path / "study.json").is_file()) for path in paths]
