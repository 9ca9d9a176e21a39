"""What is taken into a study: networks, datasets, embeddings made elsewhere; each asked for in a dialog of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QDialog

from .document import Document
from .message_bar import MessageBar, Tone

if TYPE_CHECKING:
    from canon_core.datasets.faces import Problem
    from canon_core.study.entries import DatasetEntry
    from canon_core.study.imports import ImportReport

    from .dialogs.report import Report
    from .main_window import MainWindow


class Adding(QObject):
    """Opens the dialogs, and tells what was found in what they read, also where they were closed meanwhile."""

    def __init__(self, window: MainWindow, document: Document, messages: MessageBar) -> None:
        super().__init__(window)
        self._window, self._document, self._messages = window, document, messages
        document.changes.datasetAdded.connect(self._dataset_added)
        document.changes.embeddingsImported.connect(self._embeddings_imported)

    def ask_for(self, networks: Sequence[Path], datasets: Sequence[Path], embeddings: Sequence[Path]) -> None:
        """One dialog after the other, for what was dropped together."""
        if networks:
            dialog, rest = self.add_models(networks), ((), datasets, embeddings)
        elif datasets:
            dialog, rest = self.add_dataset(datasets[0]), ((), datasets[1:], embeddings)
        elif embeddings:
            dialog, rest = self.import_embeddings(embeddings[0]), ((), (), embeddings[1:])
        else:
            return
        dialog.finished.connect(lambda _: self.ask_for(*rest))

    def add_models(self, files: Sequence[Path] = ()) -> QDialog:
        """Ask for networks."""
        from .dialogs.add_model import AddModelDialog

        dialog = AddModelDialog(self._document, files, self._window)
        _show(dialog)
        if not files:
            QTimer.singleShot(0, dialog, dialog.choose_files)
        return dialog

    def add_dataset(self, path: Path | None = None) -> QDialog:
        """Ask for a folder or a file of faces."""
        from .dialogs.add_dataset import AddDatasetDialog

        dialog = AddDatasetDialog(self._document, path, self._window)
        _show(dialog)
        return dialog

    def import_embeddings(self, file: Path | None = None) -> QDialog:
        """Ask for embeddings made elsewhere."""
        from .dialogs.import_embeddings import ImportEmbeddingsDialog

        dialog = ImportEmbeddingsDialog(self._document, file, self._window)
        _show(dialog)
        return dialog

    def _dataset_added(self, entry: DatasetEntry, problems: Sequence[Problem]) -> None:
        from .dialogs.report import dataset_report

        faceless = entry.has_images and entry.alignment is None
        self._tell_report(dataset_report(entry, problems), at_once=bool(problems) or faceless or entry.has_templates)

    def _embeddings_imported(self, report: ImportReport) -> None:
        from .dialogs.report import import_report

        found = import_report(report)
        self._tell_report(found, at_once=bool(found.sections))

    def _tell_report(self, report: Report, *, at_once: bool) -> None:
        """Say what was read; all of it at once where something was left out or needs to be known."""
        from .dialogs.report import ReportDialog

        def show() -> None:
            _show(ReportDialog(report, self._window))

        self._messages.say(report.headline, Tone.DONE, "What was found", show)
        if at_once:
            show()


def _show(dialog: QDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
