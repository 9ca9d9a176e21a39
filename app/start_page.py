"""What is seen without a study: what the program shows, the demo study, and the ways in."""

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
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from canon_core.jobs import Progress

from .dialogs.job_dialog import FieldsPage
from .jobs_panel import progress_text
from .theme import LARGE, SMALL, TITLE, sized
from .views.labels import TextLabel

_WIDTH = 640
#: The paper's claim for somebody who never heard of an embedding.
_CLAIM = (
    "A face-recognition network turns a photograph of a face into a list of numbers, and every network is trained with"
    " numbers of its own, so that those of two networks cannot be compared. Yet they say nearly the same: one table of"
    " numbers, a map learned from faces that both networks have seen, turns the numbers of one into those of the other."
    " After that, a face kept by one network is recognised by another almost as well as by itself; this program"
    " measures how well, and shows it."
)
_DEMO = (
    "See it on synthetic faces: a small study of computer-made faces that belong to nobody, with networks to compare."
    " It is made on this computer the first time."
)


class StartPage(QScrollArea):
    """Signals
    -------
    newRequested(), openRequested() :
        The two buttons.
    demoRequested(), demoCancelled(), demoFolderRequested() :
        The demo study is to be opened, no longer to be made, or to be made elsewhere.
    studyRequested(path), forgetRequested(path) : Path
        A recent study, to be opened or taken off the list.
    """

    newRequested = Signal()
    openRequested = Signal()
    demoRequested = Signal()
    demoCancelled = Signal()
    demoFolderRequested = Signal()
    studyRequested = Signal(object)
    forgetRequested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Start page")
        title = QLabel("Canon Explorer")
        title.setFont(sized(self.font(), TITLE * 1.5, bold=True))
        what = TextLabel(_CLAIM, size=LARGE)
        demo = self._make_demo()
        steps = TextLabel(
            "Your own study is a folder that holds networks, face images by reference, embeddings and results."
            " Everything in it is saved as you go.",
            muted=True,
        )
        self.new_button = QPushButton("New study…")
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
        inside.addSpacing(2)
        inside.addWidget(demo)
        inside.addSpacing(6)
        inside.addWidget(steps)
        inside.addLayout(buttons)
        inside.addWidget(drop)
        inside.addSpacing(14)
        inside.addWidget(self._recent_title)
        inside.addWidget(self.recent)
        inside.addStretch(3)
        page = FieldsPage()
        row = QHBoxLayout(page)
        row.setContentsMargins(24, 16, 24, 16)
        row.addStretch(1)
        row.addWidget(column, 100)
        row.addStretch(1)
        self.setWidget(page)
        self.show_recent(())

    def _make_demo(self) -> QFrame:
        box = QFrame()
        box.setObjectName("demo-box")
        box.setFrameShape(QFrame.Shape.StyledPanel)
        self.demo_button = QPushButton("Open the demo study")
        self.demo_button.setProperty("primary", True)
        self.demo_button.setFont(sized(self.font(), 1.0, bold=True))
        self.demo_button.setMinimumSize(190, 38)
        self.demo_button.clicked.connect(self.demoRequested)
        self.demo_cancel_button = QPushButton("Cancel")
        self.demo_cancel_button.setAccessibleName("Cancel making the demo study")
        self.demo_cancel_button.clicked.connect(self.demoCancelled)
        self.demo_where = TextLabel(muted=True, size=SMALL)
        self.demo_folder_button = QToolButton()
        self.demo_folder_button.setText("Change…")
        self.demo_folder_button.setAutoRaise(True)
        self.demo_folder_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.demo_folder_button.setToolTip("Choose the folder of the demo study")
        self.demo_folder_button.setAccessibleName("Choose the folder of the demo study")
        self.demo_folder_button.clicked.connect(self.demoFolderRequested)
        self.demo_bar = QProgressBar()
        self.demo_bar.setTextVisible(False)
        self.demo_bar.setFixedHeight(8)
        self.demo_bar.setAccessibleName("Progress of the demo study")
        self.demo_says = TextLabel(muted=True, size=SMALL)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.demo_button)
        row.addWidget(self.demo_cancel_button)
        where = QVBoxLayout()
        where.setSpacing(0)
        where.addWidget(self.demo_where)
        where.addWidget(self.demo_folder_button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(where, 1)
        inside = QVBoxLayout(box)
        inside.setContentsMargins(14, 12, 14, 12)
        inside.setSpacing(8)
        inside.addWidget(TextLabel(_DEMO))
        inside.addLayout(row)
        inside.addWidget(self.demo_bar)
        inside.addWidget(self.demo_says)
        box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.show_demo_progress(None)
        return box

    def show_demo_folder(self, folder: Path) -> None:
        """Say where the demo study lies, or will lie."""
        self.demo_where.setText(f"In {_short(folder)}")
        self.demo_where.setToolTip(str(folder))

    def show_demo_progress(self, progress: Progress | None) -> None:
        """How far the demo study is while it is made; None when it is not."""
        making = progress is not None
        self.demo_button.setEnabled(not making)
        self.demo_folder_button.setEnabled(not making)
        for widget in (self.demo_cancel_button, self.demo_bar, self.demo_says):
            widget.setVisible(making)
        if progress is not None:
            self.demo_bar.setRange(0, 1000 if progress.total else 0)
            self.demo_bar.setValue(round(1000 * progress.done / progress.total) if progress.total else 0)
            self.demo_says.setText(f"Making the demo study of synthetic faces: {progress_text(progress)}")

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
