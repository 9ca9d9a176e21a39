"""Opens the one export dialog for every view, remembers how it was used last, and says what was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from .computing import Computing, wanted_cells
from .document import Document
from .exportables import Exportable, ExportChoice, everything_export
from .message_bar import MessageBar, Tone


class Exporting(QObject):
    """What is chosen stays chosen until the window closes; the folder until another study is opened."""

    def __init__(self, window: QWidget, document: Document, messages: MessageBar) -> None:
        super().__init__(window)
        self._window, self._document, self._messages = window, document, messages
        self._folder: Path | None = None
        self._remembered: dict[str, object] = {}
        document.opened.connect(self._forget_folder)

    def ask(self, offers: Sequence[Exportable | None]) -> None:
        """Let one of these be chosen and written, the first unless another is; without any, nothing happens."""
        from .dialogs.export import ExportDialog

        contents = self._document.contents
        there = [offer for offer in offers if offer is not None]
        if contents is None or not there:
            return
        folder = self._folder or contents.path.parent
        dialog = ExportDialog(self._document, there, folder, self._window)
        if there[0].everything is None:
            dialog.recall(self._remembered)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def done() -> None:
            choice = dialog.choice
            if choice is None:
                return
            if choice.what.everything is None:
                self._remembered, self._folder = dialog.memory(), choice.folder
                self._written(choice.folder, dialog.written)
            else:
                choice.what.everything(choice)

        dialog.accepted.connect(done)
        dialog.open()

    def everything(self, computing: Computing) -> Exportable | None:
        """What ``canon export`` writes of the matrix that is shown, by a job; None where that cannot be."""
        contents, matrix, state = self._document.contents, computing.matrix, self._document.state
        missing = len(wanted_cells(matrix))
        if contents is None or matrix is None or (contents.read_only and missing):
            return None

        def write(choice: ExportChoice) -> None:
            def done(files: Sequence[Path]) -> None:
                self._say(f"{len(files)} files were written to {choice.folder}.", choice.folder)

            computing.export(
                choice.folder, choice.figures, choice.tables, done, width=choice.width, dpi=choice.dpi
            )

        far = state.far if state.far in matrix.settings.far else matrix.settings.far[0]
        return everything_export(matrix, far, state.rule, missing, len(state.cells), write)

    def _written(self, folder: Path, files: Sequence[Path]) -> None:
        if len(files) == 1:
            self._say(f"{files[0]} was written.", folder)
        else:
            names = ", ".join(file.name for file in files)
            self._say(f"{len(files)} files were written to {folder}: {names}.", folder)

    def _say(self, text: str, folder: Path) -> None:
        self._messages.say(
            text,
            Tone.DONE,
            "Open folder",
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))),
        )

    def _forget_folder(self, *_: object) -> None:
        self._folder = None
