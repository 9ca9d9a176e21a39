"""Saves the chosen cell's map, and its scores, as files to use elsewhere; says of each whether that can be done now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices

from canon_core.maps.kinds import MapKind

from . import file_choosers
from .actions import Actions
from .chosen_cell import chosen_cell
from .computing import Computing
from .document import Document
from .message_bar import MessageBar, Tone

if TYPE_CHECKING:
    from .dialogs.save_cell import SaveCell
    from .main_window import MainWindow


class SavingCells(QObject):
    """Connects the two actions."""

    def __init__(
        self, window: MainWindow, document: Document, computing: Computing, actions: Actions, messages: MessageBar
    ) -> None:
        super().__init__(window)
        self._window, self._document, self._computing = window, document, computing
        self._actions, self._messages = actions, messages
        actions.connect("file.save_map", self.save_map)
        actions.connect("file.save_scores", self.save_scores)
        for changed in (document.opened, document.closed, document.stateChanged, computing.matrixChanged):
            changed.connect(self.allow)
        self.allow()

    def save_map(self) -> None:
        """Ask where to, then fit the cell's map on everything and write it."""
        from .dialogs.save_cell import SaveMap

        chosen = chosen_cell(self._document, self._computing)
        if chosen is not None:
            self._show(SaveMap(self._document, chosen, file_choosers.choose_map, self._written, self._window))

    def save_scores(self) -> None:
        """Ask where to, then write the cell's scores."""
        from .dialogs.save_cell import SaveScores

        chosen = chosen_cell(self._document, self._computing)
        if chosen is not None:
            self._show(SaveScores(self._document, chosen, file_choosers.choose_scores, self._written, self._window))

    def allow(self, *_: object) -> None:
        """Enable each action, or say why not."""
        chosen = chosen_cell(self._document, self._computing)
        if self._document.contents is None:
            map_refusal = scores_refusal = "Open or make a study first."
        elif chosen is None:
            map_refusal = scores_refusal = "Choose a cell of the matrix that has a number."
        else:
            map_refusal = scores_refusal = ""
            if chosen.cell.single:
                map_refusal = "A map takes one model to another: choose a cell off the diagonal."
            elif chosen.matrix.settings.map is MapKind.NONE:
                map_refusal = "The matrix is without a map: set it to linear, affine or rotation."
        self._actions.allow("file.save_map", map_refusal)
        self._actions.allow("file.save_scores", scores_refusal)

    def _show(self, dialog: SaveCell) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _written(self, text: str, folder: Path) -> None:
        self._messages.say(
            text,
            Tone.NOTE,
            "Open folder",
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))),
        )
