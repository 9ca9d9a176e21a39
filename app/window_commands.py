"""What acts on the window as a whole: undo, appearance, docks, palette, preferences, and what long work needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QActionGroup

from .actions import Actions, ActionSpec
from .appearance import Appearance, Look
from .computing import Computing
from .demo_commands import DemoCommands
from .document import Document
from .notification import Notification
from .preferences import Preferences, UserPreferences
from .stay_awake import StayAwake

if TYPE_CHECKING:
    from .main_window import MainWindow

_LOOKS = {"view.look_system": Look.SYSTEM, "view.look_light": Look.LIGHT, "view.look_dark": Look.DARK}


class WindowCommands(QObject):
    """Connects these actions, and keeps what the user prefers in use."""

    def __init__(
        self,
        window: MainWindow,
        document: Document,
        computing: Computing,
        actions: Actions,
        preferences: UserPreferences,
        appearance: Appearance | None,
        demo: DemoCommands,
    ) -> None:
        super().__init__(window)
        self._window, self._document, self._computing = window, document, computing
        self._actions, self._preferences, self._appearance = actions, preferences, appearance
        self._demo = demo
        actions.connect("edit.palette", self.palette)
        actions.connect("edit.preferences", self.prefer)
        actions.connect("view.arrange", window.arrangement.as_at_first)
        self._follow_undo()
        self._offer_looks()
        for dock in window.docks:
            name, what = dock.windowTitle(), dock.windowTitle().lower()
            spec = ActionSpec(f"view.{dock.objectName()}", name, f"Show or hide the {what} dock", None, 1, True)
            actions.adopt(spec, dock.toggleViewAction())
        actions.use_shortcuts(preferences.current.shortcuts)
        actions.shortcutsChanged.connect(lambda changed: preferences.change(shortcuts=changed))
        actions["study.automatic"].toggled.connect(lambda on: preferences.change(automatic=on))
        self.awake = StayAwake(document.bridge, preferences)
        self.notification = Notification(document.bridge, preferences)
        preferences.changed.connect(self._use)
        self._use(preferences.current)

    def _use(self, preferences: Preferences) -> None:
        self._actions["study.automatic"].setChecked(preferences.automatic)
        self._computing.embeddings.provider = preferences.provider
        self._computing.embeddings.threads = preferences.threads or None

    # -- undo ----------------------------------------------------------------------------------------------------
    def _follow_undo(self) -> None:
        """Undo and redo say on the menu what they take back; on the tool bar their text stays, or its buttons would
        move with every step."""
        stack, actions = self._document.undo, self._actions
        actions.connect("edit.undo", stack.undo)
        actions.connect("edit.redo", stack.redo)

        def follow(key: str, word: str, nothing: str, can: bool, text: str) -> None:
            actions.allow(key, "" if can else nothing)
            actions[key].setText(f"&{word} {text}".rstrip())
            actions[key].setIconText(word)

        def undo_changed(*_: object) -> None:
            follow("edit.undo", "Undo", "Nothing was chosen yet that could be undone.", stack.canUndo(),
                   stack.undoText())  # fmt: skip

        def redo_changed(*_: object) -> None:
            follow("edit.redo", "Redo", "Nothing was undone.", stack.canRedo(), stack.redoText())

        stack.canUndoChanged.connect(undo_changed)
        stack.undoTextChanged.connect(undo_changed)
        stack.canRedoChanged.connect(redo_changed)
        stack.redoTextChanged.connect(redo_changed)
        undo_changed()
        redo_changed()

    # -- appearance ----------------------------------------------------------------------------------------------
    def _offer_looks(self) -> None:
        group = QActionGroup(self)
        for key, look in _LOOKS.items():
            action = self._actions[key]
            group.addAction(action)
            if self._appearance is None:
                self._actions.allow(key, "The appearance is the application's.")
                continue
            action.setChecked(look is self._appearance.look)
            self._actions.connect(key, lambda look=look: self._appearance.choose(look))

    # -- dialogs -------------------------------------------------------------------------------------------------
    def palette(self) -> None:
        """Open the command palette."""
        from .dialogs.command_palette import CommandPalette

        palette = CommandPalette(self._actions, self._window)
        palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        palette.show()  # not modal: it goes away by itself, and some window managers would leave the window blocked
        palette.activateWindow()

    def prefer(self) -> None:
        """Open the preferences."""
        from .dialogs.preferences import PreferencesDialog

        dialog = PreferencesDialog(self._preferences, self._actions, self._window, demo_folder=self._demo.study.folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_crash(self, text: str) -> None:
        """Show what is known of the crash of an earlier run."""
        from .dialogs.crash_report import CrashReportDialog

        dialog = CrashReportDialog(text, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
