"""Every command of the window by a few letters of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ..actions import Actions, plain
from ..fuzzy import match
from ..theme import LARGE, SMALL, sized, theme_for
from ..views.labels import TextLabel

_KEY_ROLE: Final = Qt.ItemDataRole.UserRole
_MENU_ROLE, _SHORTCUT_ROLE, _SAYS_ROLE, _ALLOWED_ROLE = (_KEY_ROLE + number for number in range(1, 5))
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
#: Points by which a command that cannot be chosen now stands behind one that can.
_REFUSED = 2.0
_PADDING = 12

_Index = QModelIndex | QPersistentModelIndex


class CommandPalette(QDialog):
    """Type, walk with the arrow keys, choose with Return; Escape or a click elsewhere closes it.

    Commands that cannot be chosen now are listed too, each with the reason.
    """

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("command-palette")
        self.setWindowTitle("Command palette")
        self._actions = actions
        self.line = QLineEdit()
        self.line.setPlaceholderText("What do you want to do?")
        self.line.setAccessibleName("Command")
        self.line.setAccessibleDescription("Type some letters of a command; arrow keys choose, Return runs it")
        self.line.setClearButtonEnabled(True)
        self.line.setFont(sized(self.font(), LARGE))
        self.line.setMinimumHeight(36)
        self.line.setTextMargins(6, 0, 0, 0)
        self.line.installEventFilter(self)
        self.line.textChanged.connect(self._search)
        self.list = QListWidget()
        self.list.setAccessibleName("Commands")
        self.list.setItemDelegate(_CommandDelegate(self.list))
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays in the line, which hands moves on
        self.list.itemClicked.connect(self._choose)
        self.none = TextLabel("No command has these letters in this order.", muted=True)
        self.none.setContentsMargins(_PADDING, 6, _PADDING, 10)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.none)
        self.resize(min(640, parent.width() - 40), min(460, parent.height() - 80))
        self.move(parent.mapToGlobal(QRect(parent.rect()).topLeft()) + QRect(
            (parent.width() - self.width()) // 2, 56, 0, 0).topLeft())
        self._search("")

    @property
    def keys(self) -> list[str]:
        """Keys of the actions that are listed, the best match first."""
        return [self.list.item(row).data(_KEY_ROLE) for row in range(self.list.count())]

    def _search(self, query: str) -> None:
        found: list[tuple[float, int, str]] = []
        for number, (key, spec) in enumerate(self._actions.specs.items()):
            if key == "edit.palette":
                continue
            name = plain(self._actions[key].text())
            points = match(query, f"{name} {_menu(spec.menu)}")
            if points is not None:
                behind = _REFUSED if query and self._actions.refusal(key) else 0.0
                found.append((behind - points if query else 0.0, number, key))
        self.list.clear()
        for _, _, key in sorted(found):
            self.list.addItem(self._item(key))
        self.list.setCurrentRow(0)
        self.none.setVisible(not found)
        self.list.setVisible(bool(found))

    def _item(self, key: str) -> QListWidgetItem:
        action, refusal = self._actions[key], self._actions.refusal(key)
        name, keys = plain(action.text()), self._actions.shortcut_text(key)
        if action.isCheckable():
            name += " (on)" if action.isChecked() else " (off)"
        item = QListWidgetItem(name)
        says = f"Not now: {refusal}" if refusal else self._actions.specs[key].tip
        item.setData(_KEY_ROLE, key)
        item.setData(_MENU_ROLE, _menu(self._actions.specs[key].menu))
        item.setData(_SHORTCUT_ROLE, keys)
        item.setData(_SAYS_ROLE, says)
        item.setData(_ALLOWED_ROLE, not refusal)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, ". ".join(part for part in (name, keys, says) if part))
        item.setToolTip(says)
        return item

    # -- keyboard ------------------------------------------------------------------------------------------------
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in _MOVES:
                self._move(event.key())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _move(self, key: int) -> None:
        rows = self.list.count()
        if not rows:
            return
        page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)) - 1)
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}[key]
        row = self.list.currentRow() + step
        if abs(step) == 1:
            row %= rows  # from the last to the first
        self.list.setCurrentRow(min(max(row, 0), rows - 1))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and self.isVisible() and not self.isActiveWindow():
            _later(self, self._leave)  # not from within: it may be hiding already

    def _leave(self) -> None:
        if self.isVisible() and not self.isActiveWindow():
            self.reject()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)  # without a frame of the system's, it would melt into the window below
        painter.setPen(QColor(theme_for(self).border))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is None or not item.data(_ALLOWED_ROLE):
            return  # its reason stands below its name
        action = self._actions[item.data(_KEY_ROLE)]
        self.accept()
        # When the palette is gone: what opens next must not lose the keyboard to its closing.
        _later(self.parent(), action.trigger)


def _later(receiver: QObject, call: Callable[[], object]) -> None:
    QTimer.singleShot(0, receiver, call)


def _menu(name: str) -> str:
    return name.capitalize()


class _CommandDelegate(QStyledItemDelegate):
    """Two lines a command: its name and shortcut, and below what it does or why it cannot be chosen."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(0, round(2.6 * option.fontMetrics.height()) + 6)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = theme_for(option.widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        allowed = index.data(_ALLOWED_ROLE)
        painter.save()
        if chosen:
            painter.fillRect(option.rect, QColor(theme.accent))
        ink = QColor(theme.on_accent if chosen else theme.text if allowed else theme.muted)
        faint = QColor(theme.on_accent if chosen else theme.muted)
        warning = QColor(theme.on_accent if chosen else theme.warning)
        inside = option.rect.adjusted(_PADDING, 4, -_PADDING, -4)
        upper, lower = QRect(inside), QRect(inside)
        upper.setHeight(inside.height() // 2)
        lower.setTop(upper.bottom())
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(option.font)
        shortcut = index.data(_SHORTCUT_ROLE)
        painter.setPen(faint)
        painter.drawText(upper, flags | Qt.AlignmentFlag.AlignRight, shortcut)
        upper.setRight(upper.right() - option.fontMetrics.horizontalAdvance(shortcut) - 12)
        menu = f"{index.data(_MENU_ROLE)}  ›  "
        painter.drawText(upper, flags, menu)
        upper.setLeft(upper.left() + option.fontMetrics.horizontalAdvance(menu))
        painter.setPen(ink)
        painter.drawText(upper, flags, _elided(option, index.data(Qt.ItemDataRole.DisplayRole), upper.width()))
        small = sized(option.font, SMALL)
        painter.setFont(small)
        painter.setPen(faint if allowed else warning)
        painter.drawText(lower, flags, painter.fontMetrics().elidedText(
            index.data(_SAYS_ROLE), Qt.TextElideMode.ElideRight, lower.width()))
        painter.restore()


def _elided(option: QStyleOptionViewItem, text: str, width: int) -> str:
    return option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
