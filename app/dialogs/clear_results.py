"""What a study keeps so as not to compute it again, by kind, number and size; what is ticked is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError
from canon_core.jobs import JobContext

from ..document import Document
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .ask import confirm

if TYPE_CHECKING:
    from canon_core.study.cached_files import Cached, CacheKind

_TOPIC = "cached files"
_CACHED_ROLE: Final = Qt.ItemDataRole.UserRole
#: Ticked by nobody but the user.
_EMBEDDINGS = "embeddings"


class ClearResultsDialog(QDialog):
    """Results are ticked at first; embeddings, which take the longest to make, are not."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Clear cached results")
        self.resize(560, 380)
        self.table = QTreeWidget()
        self.table.setHeaderLabels(["What", "Files", "Size"])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAccessibleName("What is kept")
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
            self.table.headerItem().setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
        self.table.itemChanged.connect(self._changed)
        self._cost = ""
        self.total = TextLabel("Looking…")
        self.warning = Note("")
        self.warning.hide()
        self.buttons = QDialogButtonBox()
        self.clear_button = self.buttons.addButton("Clear", QDialogButtonBox.ButtonRole.AcceptRole)
        self.clear_button.setEnabled(False)
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._clear)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(TextLabel(
            "Everything listed here is kept so as not to be computed twice, and can be computed again from networks"
            " and images. Models, datasets and settings stay.", muted=True))
        layout.addWidget(self.table, 1)
        layout.addWidget(self.warning)
        layout.addWidget(self.total)
        layout.addWidget(self.buttons)
        self.clear_button.setAutoDefault(False)
        self.cancel_button.setDefault(True)
        self.finished.connect(lambda _: document.bridge.drop(_TOPIC))
        study = document.study
        assert study is not None

        def look(_ctx: JobContext) -> tuple[Sequence[Cached], str]:
            from canon_core.study.cached_files import embedding_cost

            return study.cached(), embedding_cost(study.embeddings_at_stake())

        document.bridge.ask(_TOPIC, look, on_result=self._show, on_failure=self._failed)

    @property
    def kinds(self) -> frozenset[CacheKind]:
        """What is ticked."""
        return frozenset(cached.kind for cached in self._ticked())

    def item(self, kind: str) -> QTreeWidgetItem | None:
        """The row of a kind; None where there is none of it."""
        for item in self._items():
            if item.data(0, _CACHED_ROLE).kind == kind:
                return item
        return None

    def _items(self) -> list[QTreeWidgetItem]:
        return [self.table.topLevelItem(row) for row in range(self.table.topLevelItemCount())]

    def _ticked(self) -> list[Cached]:
        return [
            item.data(0, _CACHED_ROLE) for item in self._items() if item.checkState(0) is Qt.CheckState.Checked
        ]

    def _clear(self) -> None:
        """Results go at once; embeddings only after another question, because hours may stand in them."""
        from canon_core.study.cached_files import bytes_text

        made = next((cached for cached in self._ticked() if cached.kind == _EMBEDDINGS), None)
        if made is None:
            self.accept()
            return
        text = f"Delete {made.files:,} files of embeddings ({bytes_text(made.bytes)})?"
        confirm(self, "Delete embeddings", text, self._cost, "Delete them", self.accept, no="Keep them")

    def _show(self, answer: tuple[Sequence[Cached], str]) -> None:
        from canon_core.study.cached_files import bytes_text

        found, cost = answer
        self._cost = f"{cost[:1].upper()}{cost[1:]}."
        self.warning.label.setText(f"{self._cost} Imported embeddings are not in this list and stay.")
        self.table.blockSignals(True)
        for cached in found:
            item = QTreeWidgetItem(self.table, [cached.title, f"{cached.files:,}", bytes_text(cached.bytes)])
            item.setData(0, _CACHED_ROLE, cached)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = cached.kind != _EMBEDDINGS
            item.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            item.setSizeHint(0, QSize(0, self.fontMetrics().height() + 8))
            for column in (1, 2):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            text = f"{cached.title}, {cached.files:,} files, {bytes_text(cached.bytes)}"
            item.setData(0, Qt.ItemDataRole.AccessibleTextRole, text)
        self.table.blockSignals(False)
        if found:
            self.table.setCurrentItem(self.table.topLevelItem(0))
            self._changed()
        else:
            self.total.setText("Nothing is kept yet.")

    def _changed(self, *_: object) -> None:
        from canon_core.study.cached_files import bytes_text

        ticked = self._ticked()
        size = sum(cached.bytes for cached in ticked)
        self.total.setText(f"{bytes_text(size)} will be freed." if ticked else "Nothing is ticked.")
        self.warning.setVisible(any(cached.kind == _EMBEDDINGS for cached in ticked))
        self.clear_button.setEnabled(bool(ticked))

    def _failed(self, error: CanonError) -> None:
        self.total.setText(fault_text(error))
