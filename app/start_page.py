"""What is seen without a study: what the program is for, and the ways in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from .theme import LARGE, TITLE, sized
from .views.labels import TextLabel

_WIDTH = 560


class StartPage(QScrollArea):
    """Signals
    -------
    newRequested(), openRequested() :
        The two buttons.
    studyRequested(path), forgetRequested(path) : Path
        A recent study, to be opened or taken off the list.
    """

    newRequested = Signal()
    openRequested = Signal()
    studyRequested = Signal(object)
    forgetRequested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        title = QLabel("Canon Explorer")
        title.setFont(sized(self.font(), TITLE * 1.5, bold=True))
        what = TextLabel(
            "How far do different face-recognition networks agree on what a face is? Load networks and faces, fit a map"
            " between every two of them, and see how well one network's faces are recognised in another's space.",
            size=LARGE,
        )
        steps = TextLabel(
            "A study is a folder that holds networks, face images by reference, embeddings and results. Everything in"
            " it is saved as you go.",
            muted=True,
        )
        self.new_button = QPushButton("New study…")
        self.new_button.setDefault(True)
        self.new_button.clicked.connect(self.newRequested)
        self.open_button = QPushButton("Open study…")
        self.open_button.clicked.connect(self.openRequested)
        buttons = QHBoxLayout()
        for button in (self.new_button, self.open_button):
            button.setMinimumSize(140, 34)
            buttons.addWidget(button)
        buttons.addStretch(1)
        drop = TextLabel(
            "or drop a study, ONNX files, a set of faces or files of embeddings anywhere on this window", muted=True
        )
        self._recent_title = QLabel("Recent studies")
        self._recent_title.setFont(sized(self.font(), 1.0, bold=True))
        self.recent = QListWidget()
        self.recent.setAccessibleName("Recent studies")
        self.recent.setUniformItemSizes(True)
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.recent.customContextMenuRequested.connect(self._menu)
        self.recent.itemActivated.connect(self._activated)
        self.recent.itemClicked.connect(self._activated)
        column = QWidget()
        column.setMaximumWidth(_WIDTH)
        inside = QVBoxLayout(column)
        inside.setSpacing(12)
        inside.addStretch(2)
        inside.addWidget(title)
        inside.addWidget(what)
        inside.addWidget(steps)
        inside.addSpacing(8)
        inside.addLayout(buttons)
        inside.addWidget(drop)
        inside.addSpacing(14)
        inside.addWidget(self._recent_title)
        inside.addWidget(self.recent)
        inside.addStretch(3)
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(24, 16, 24, 16)
        row.addStretch(1)
        row.addWidget(column, 100)
        row.addStretch(1)
        self.setWidget(page)
        self.show_recent(())

    def show_recent(self, studies: Sequence[tuple[Path, bool]]) -> None:
        """List recent studies, each with whether it is still there; those that are gone are greyed."""
        self.recent.clear()
        for path, there in studies:
            name = path.name.removesuffix(".canon")
            item = QListWidgetItem(f"{name}{'' if there else ' (not there now)'}   —   {_short(path.parent)}")
            item.setSizeHint(QSize(0, self.fontMetrics().height() + 12))
            item.setData(Qt.ItemDataRole.UserRole, str(path))
            item.setToolTip(str(path) if there else f"{path} is gone, or on a disk that is not there now")
            if not there:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.recent.addItem(item)
        shown = bool(studies)
        self._recent_title.setVisible(shown)
        self.recent.setVisible(shown)
        rows = min(len(studies), 6)
        if rows:
            self.recent.setFixedHeight(rows * self.recent.sizeHintForRow(0) + 2 * self.recent.frameWidth() + 2)

    def _activated(self, item: QListWidgetItem) -> None:
        if item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.studyRequested.emit(Path(item.data(Qt.ItemDataRole.UserRole)))

    def _menu(self, position: QPoint) -> None:
        item = self.recent.itemAt(position)
        if item is None:
            return
        path = Path(item.data(Qt.ItemDataRole.UserRole))
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Take off this list").triggered.connect(lambda: self.forgetRequested.emit(path))
        menu.popup(self.recent.viewport().mapToGlobal(position))


def _short(folder: Path) -> str:
    """A folder with the user's home as ``~``."""
    try:
        return str(Path("~") / folder.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(folder)
