"""What the study holds: models, datasets with how far each is embedded, and how much is stored of maps and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from .badge_delegate import BADGE_ROLE, BadgeDelegate
from .contents import Contents, badge_of, badge_reason, badge_text
from .view_state import ViewState

if TYPE_CHECKING:
    from canon_core.study.entries import DatasetEntry, ModelEntry

_KEY_ROLE = Qt.ItemDataRole.UserRole
#: What an item stands for: ("model", name), ("dataset", name), ("embedding", model, dataset), or a heading.
Key = tuple[str, ...]


class StudyTree(QTreeWidget):
    """Signals
    -------
    modelChosen(name), datasetChosen(name), embeddingChosen(model, dataset) :
        The user clicked or walked to it.
    includedChanged(model, included) :
        Its check mark was changed: whether it is in the matrix.
    menuRequested(position) : QPoint
        Context menu for the current item, at this global position.
    """

    modelChosen = Signal(str)
    datasetChosen = Signal(str)
    embeddingChosen = Signal(str, str)
    includedChanged = Signal(str, bool)
    menuRequested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[Key, QTreeWidgetItem] = {}
        self._filling = False
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(14)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setAccessibleName("Study")
        self.setItemDelegateForColumn(1, BadgeDelegate(self))
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(60)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu_at)
        self.currentItemChanged.connect(self._current_changed)
        self.itemChanged.connect(self._item_changed)

    @property
    def chosen(self) -> Key:
        """The current item's key; empty without one."""
        item = self.currentItem()
        return tuple(item.data(0, _KEY_ROLE)) if item is not None else ()

    def item(self, *key: str) -> QTreeWidgetItem | None:
        """The item with a key."""
        return self._items.get(key)

    def show_contents(self, contents: Contents | None, state: ViewState) -> None:
        """Show a study; what is open and chosen stays so."""
        self._filling = True
        keys = _keys(contents)
        if keys != list(self._items):
            self._rebuild(keys)
        if contents is not None:
            self._fill(contents, state)
        self._filling = False

    def choose(self, *key: str) -> None:
        """Make an item the current one, without a signal."""
        item = self._items.get(key)
        if item is not None and item is not self.currentItem():
            self._filling = True
            self.setCurrentItem(item)
            self._filling = False

    def choose_nothing(self) -> None:
        """Have no current item, without a signal."""
        if self.currentItem() is not None:
            self._filling = True
            self.setCurrentItem(None)
            self._filling = False

    # -- inside --------------------------------------------------------------------------------------------------
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        first = self.topLevelItem(0)
        by_mouse = event.reason() is Qt.FocusReason.MouseFocusReason
        if first is not None and self.currentItem() is None and not by_mouse:
            # Somewhere the keyboard must be seen to stand; nothing is chosen by that.
            self._filling = True
            index = self.indexFromItem(first)
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            self._filling = False

    def _rebuild(self, keys: list[Key]) -> None:
        closed = {key for key, item in self._items.items() if not item.isExpanded()} & set(keys)
        chosen = self.chosen
        self.clear()
        self._items = {}
        for key in keys:
            parent = _parent(key)
            item = QTreeWidgetItem(self._items[parent] if parent else self)
            item.setData(0, _KEY_ROLE, list(key))
            self._items[key] = item
            if not parent:
                font = QFont(self.font())
                font.setBold(True)
                item.setFont(0, font)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        for key, item in self._items.items():
            item.setExpanded(key not in closed)
        if chosen in self._items:
            self.setCurrentItem(self._items[chosen])

    def _fill(self, contents: Contents, state: ViewState) -> None:
        self._say(("models",), "Models", str(len(contents.models)) if contents.models else "none yet")
        self._say(("datasets",), "Datasets", str(len(contents.datasets)) if contents.datasets else "none yet")
        for model in contents.models:
            gone = model.name in contents.missing_models
            item = self._say(
                ("model", model.name), model.name, "file is gone" if gone else f"{model.dimensions}-d", _about(model)
            )
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            included = model.name not in state.left_out
            item.setCheckState(0, Qt.CheckState.Checked if included else Qt.CheckState.Unchecked)
        for dataset in contents.datasets:
            gone = dataset.name in contents.missing_datasets
            shown = dataset.name == state.dataset
            counts = dataset.templates
            count, unit = (dataset.images, "images") if counts is None else (counts.templates, "templates")
            item = self._say(
                ("dataset", dataset.name),
                dataset.name,
                "folder is gone" if gone else f"{count:,}",
                _about_dataset(dataset) + ("\nIts matrix is shown." if shown else ""),
                "" if gone else f" {unit}",  # on the screen the column would take the names' room
            )
            font = QFont(self.font())
            font.setBold(shown and len(contents.datasets) > 1)
            item.setFont(0, font)
            for model in contents.models:
                found = contents.states[model.name, dataset.name]
                source = contents.imports.get((model.name, dataset.name))
                item = self._say(
                    ("embedding", model.name, dataset.name),
                    model.name,
                    badge_text(found, imported=model.imported, has_images=dataset.has_images),
                    badge_reason(found, model.name, dataset.name, source=source, has_images=dataset.has_images),
                )
                item.setData(1, BADGE_ROLE, badge_of(found).value)
        self._say(("stored",), "Stored", "")
        self._say(("maps",), "Maps", f"{contents.maps:,}", "Fitted maps in the study; the same question finds them")
        what = "Scored cells with their ROC curves, intervals, searches, errors by group"
        self._say(("results",), "Results", f"{contents.results:,}", what)

    def _say(self, key: Key, name: str, state: str, tip: str = "", unit: str = "") -> QTreeWidgetItem:
        item = self._items[key]
        item.setText(0, name)
        item.setText(1, state)
        for column in (0, 1):
            item.setToolTip(column, tip)
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, f"{name}, {state}{unit}" if state else name)
        return item

    def _current_changed(self, item: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        if self._filling or item is None:
            return
        key = tuple(item.data(0, _KEY_ROLE))
        if key[0] == "model":
            self.modelChosen.emit(key[1])
        elif key[0] == "dataset":
            self.datasetChosen.emit(key[1])
        elif key[0] == "embedding":
            self.embeddingChosen.emit(key[1], key[2])

    def _item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        key = tuple(item.data(0, _KEY_ROLE) or ())
        if not self._filling and column == 0 and key[:1] == ("model",):
            self.includedChanged.emit(key[1], item.checkState(0) is Qt.CheckState.Checked)

    def _menu_at(self, position: QPoint) -> None:
        item = self.itemAt(position)
        if item is not None:
            self.setCurrentItem(item)
        self.menuRequested.emit(self.viewport().mapToGlobal(position))


def _about(model: ModelEntry) -> str:
    """A model in a few lines."""
    if model.imported:
        what = f"{model.dimensions} dimensions, embeddings made elsewhere: there is no network."
    else:
        what = (
            f"{model.dimensions} dimensions, {model.parameters / 1e6:.2f} M parameters; preprocessing: {model.origin}."
        )
    return f"{model.file}\n{what}\nChecked: it is in the matrix."


def _about_dataset(dataset: DatasetEntry) -> str:
    """A dataset in a few lines."""
    lines = [
        f"{dataset.path}",
        f"{dataset.images:,} images{'' if dataset.has_images else ', by name only,'} of {dataset.subjects:,} subjects,"
        f" {dataset.protocol}" + (f"; {dataset.problems:,} left out" if dataset.problems else ""),
    ]
    if dataset.templates is not None:
        counts = dataset.templates
        lines.append(f"{counts.templates:,} templates, {counts.pairs:,} pairs, {counts.genuine:,} of them genuine")
        if counts.galleries:
            lines.append(f"1:N: galleries {', '.join(counts.galleries)}, {counts.probes:,} probes")
    return "\n".join(lines)


def _keys(contents: Contents | None) -> list[Key]:
    """Every item of the tree in its order."""
    if contents is None:
        return []
    keys: list[Key] = [("models",), *(("model", name) for name in contents.model_names), ("datasets",)]
    for dataset in contents.dataset_names:
        keys.append(("dataset", dataset))
        keys += [("embedding", model, dataset) for model in contents.model_names]
    return [*keys, ("stored",), ("maps",), ("results",)]


def _parent(key: Key) -> Key | None:
    match key[0]:
        case "model":
            return ("models",)
        case "dataset":
            return ("datasets",)
        case "embedding":
            return ("dataset", key[2])
        case "maps" | "results":
            return ("stored",)
    return None
