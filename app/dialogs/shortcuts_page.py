"""All actions with their shortcuts, to be changed; a sequence that another action holds is named before it moves."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..actions import Actions
from ..fuzzy import match
from ..views.labels import TextLabel

_KEY_ROLE: Final = Qt.ItemDataRole.UserRole


class ShortcutsPage(QWidget):
    """Choose an action, press keys, *Assign*. What is changed is used at once and kept for the next start."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._items: dict[str, QTreeWidgetItem] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find an action")
        self.search.setAccessibleName("Find an action")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._find)
        self.table = QTreeWidget()
        self.table.setAccessibleName("Actions and their shortcuts")
        self.table.setHeaderLabels(["Action", "Menu", "Shortcut"])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAlternatingRowColors(True)
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.table.currentItemChanged.connect(self._chosen)
        self.recorder = QKeySequenceEdit()
        self.recorder.setMaximumSequenceLength(1)
        self.recorder.setAccessibleName("New shortcut")
        self.recorder.setAccessibleDescription("Press the keys; Tab goes on to the next field")
        for line in self.recorder.findChildren(QLineEdit):  # what is seen of it is the line within
            line.setAccessibleName("New shortcut")
            line.setPlaceholderText("Press the keys")
        self.recorder.installEventFilter(self)
        self.recorder.keySequenceChanged.connect(self._recorded)
        self.assign_button = QPushButton("Assign")
        self.assign_button.clicked.connect(self._assign)
        self.clear_button = QPushButton("No shortcut")
        self.clear_button.clicked.connect(self._clear)
        self.reset_button = QPushButton("Reset")
        self.reset_button.setToolTip("Give the chosen action its first shortcut back")
        self.reset_button.clicked.connect(self._reset)
        self.reset_all_button = QPushButton("Reset all")
        self.reset_all_button.setToolTip("Give every action its first shortcut back")
        self.reset_all_button.clicked.connect(self._actions.reset_shortcuts)
        self.says = TextLabel(muted=True)
        self.says.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        label = QLabel("&New shortcut")
        label.setBuddy(self.recorder)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.recorder, 1)
        for button in (self.assign_button, self.clear_button, self.reset_button, self.reset_all_button):
            button.setAutoDefault(False)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.says)
        for key, spec in actions.specs.items():
            item = QTreeWidgetItem(self.table, [spec.name, spec.menu.capitalize(), ""])
            item.setData(0, _KEY_ROLE, key)
            item.setToolTip(0, spec.tip)
            item.setSizeHint(0, QSize(0, self.fontMetrics().height() + 8))
            self._items[key] = item
        actions.shortcutsChanged.connect(self._fill)
        self._fill()
        self.table.setCurrentItem(self.table.topLevelItem(0))

    @property
    def key(self) -> str:
        """Key of the action that is chosen."""
        item = self.table.currentItem()
        return "" if item is None else str(item.data(0, _KEY_ROLE))

    def choose(self, key: str) -> None:
        """Choose an action."""
        self.table.setCurrentItem(self._items[key])

    def _fill(self, *_: object) -> None:
        changed = self._actions.changed_shortcuts()
        for key, item in self._items.items():
            text = self._actions.shortcut_text(key)
            item.setText(2, text or "–")
            font = QFont(self.font())
            font.setBold(key in changed)
            item.setFont(2, font)
            was = self._actions.default_shortcut(key).toString(QKeySequence.SequenceFormat.NativeText)
            item.setToolTip(2, f"Changed; at first: {was or 'none'}" if key in changed else "As at first")
            item.setData(
                0, Qt.ItemDataRole.AccessibleTextRole, f"{item.text(0)}, {item.text(1)}, {text or 'no shortcut'}"
            )
        self.reset_all_button.setEnabled(bool(changed))
        self._chosen()

    def _find(self, query: str) -> None:
        for item in self._items.values():
            words = " ".join(item.text(column) for column in range(3))
            item.setHidden(bool(query.strip()) and match(query, words) is None)

    # -- one action ----------------------------------------------------------------------------------------------
    def _chosen(self, *_: object) -> None:
        key = self.key
        self.recorder.clear()
        shortcut = self._actions[key].shortcut() if key else QKeySequence()
        self.reset_button.setEnabled(bool(key) and shortcut != self._actions.default_shortcut(key))
        self.clear_button.setEnabled(not shortcut.isEmpty())
        self._recorded(QKeySequence())

    def _recorded(self, sequence: QKeySequence) -> None:
        key = self.key
        holder = self._actions.holder(sequence, other_than=key)
        self.assign_button.setEnabled(bool(key) and not sequence.isEmpty())
        self.assign_button.setText("Take over" if holder else "Assign")
        if holder:
            taken = self._actions.shortcut_text(holder)
            self.says.setText(
                f"{taken} belongs to '{self._actions.specs[holder].name}', which would have no shortcut then."
            )
        elif not sequence.isEmpty():
            self.says.setText("Nothing else has this shortcut.")
        else:
            self.says.setText(self._actions.specs[key].tip + "." if key else "")

    def _assign(self) -> None:
        self._actions.set_shortcut(self.key, self.recorder.keySequence())

    def _clear(self) -> None:
        self._actions.set_shortcut(self.key, QKeySequence())

    def _reset(self) -> None:
        self._actions.reset_shortcut(self.key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A recorder takes Tab as a key to record; then the keyboard alone could not leave it.
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Tab:
                return bool(self.focusNextPrevChild(True))
            if event.key() == Qt.Key.Key_Backtab:
                return bool(self.focusNextPrevChild(False))
        return super().eventFilter(watched, event)
