"""The menu of a field of the matrix: every view of that cell, what can be saved of it, its matrix's command."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from .actions import Actions
from .document import Document
from .views.matrix_view import MatrixView
from .views.shown_matrix import matrix_command

#: What is shown of a cell: words and action.
_VIEWS = (
    ("Show ROC", "view.roc"),
    ("Show overlay", "view.overlay"),
    ("Show pairs", "view.pairs"),
    ("Confidence", "experiment.confidence"),
)
#: What is written of it.
_FILES = (("Save map…", "file.save_map"), ("Save scores…", "file.save_scores"))


class CellMenu(QObject):
    """Opens where a field is clicked with the right button, or the menu key is pressed; the field is chosen then."""

    def __init__(self, document: Document, actions: Actions, view: MatrixView) -> None:
        super().__init__(view)
        self._document, self._actions, self._view = document, actions, view
        self.menu: QMenu | None = None
        view.heat_map.menuRequested.connect(self._open)

    def _open(self, source: str, target: str, at: QPoint) -> None:
        menu = self.menu = QMenu(self._view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        menu.destroyed.connect(self._closed)
        for part in (_VIEWS, _FILES):
            for text, key in part:
                action = self._actions[key]
                entry = menu.addAction(text, action.trigger)
                entry.setEnabled(action.isEnabled())
                entry.setToolTip(action.toolTip())
            menu.addSeparator()
        menu.addAction("Copy command", self._copy_command)
        menu.popup(at)

    def _closed(self) -> None:
        self.menu = None

    def _copy_command(self) -> None:
        # With all models of the matrix: the images that all of them have are what the field was computed on.
        contents, matrix = self._document.contents, self._view.matrix
        if contents is not None and matrix is not None:
            QGuiApplication.clipboard().setText(
                matrix_command(str(contents.path), matrix.settings, self._document.state.rule)
            )
