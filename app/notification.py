"""Telling the end of long work outside the window, where the user looks at something else."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QProcess
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QStyle, QSystemTrayIcon

from canon_core.errors import CanonError

from .engine_bridge import EngineBridge
from .preferences import UserPreferences
from .settled import settled
from .wording import duration_text, fault_text

log = logging.getLogger(__name__)

#: Seconds that work takes before its end is worth a message.
LONG_S = 30.0
#: Milliseconds in which a job that follows from the one that ended begins: the message waits for the last one.
_CHAIN_MS = 1500
#: Milliseconds that the icon which carries the message stays.
_ICON_MS = 15_000

Tell = Callable[[str, str], object]


class Notification(QObject):
    """Says once that long work is done, when nothing follows it; a fault at once; nothing of what was cancelled."""

    def __init__(
        self, bridge: EngineBridge, preferences: UserPreferences, tell: Tell | None = None, *, long_s: float = LONG_S
    ) -> None:
        super().__init__(bridge)
        self._bridge, self._preferences = bridge, preferences
        self._tell = tell or SystemMessages(self).tell
        self._long_s = long_s
        self._begun: dict[int, tuple[str, float]] = {}
        self._done = ""
        self._timer = settled(self, _CHAIN_MS, self._nothing_followed)
        bridge.started.connect(self._started)
        bridge.finished.connect(self._finished)
        bridge.failed.connect(self._failed)
        bridge.cancelled.connect(self._cancelled)

    def _started(self, number: int, title: str) -> None:
        self._begun[number] = (title, time.monotonic())

    def _finished(self, number: int, _result: object, _seconds: float) -> None:
        title, seconds = self._ended(number)
        if seconds >= self._long_s:
            self._done = f"{title}: done in {duration_text(seconds)}"
        if self._done:
            self._timer.start()

    def _failed(self, number: int, error: CanonError) -> None:
        title, seconds = self._ended(number)
        if seconds >= self._long_s or self._done:  # long work ends with it
            self._done = ""
            self._say(f"{title}: failed. {fault_text(error)}")

    def _cancelled(self, number: int) -> None:
        self._begun.pop(number, None)
        if not self._bridge.batch():  # who cancels knows that everything has ended
            self._done = ""

    def _ended(self, number: int) -> tuple[str, float]:
        title, begun = self._begun.pop(number, ("", time.monotonic()))
        return title, time.monotonic() - begun

    def _nothing_followed(self) -> None:
        if not self._bridge.batch():  # else it is said when the last one ends
            done, self._done = self._done, ""
            if done:
                self._say(done)

    def _say(self, text: str) -> None:
        if self._preferences.current.notify and QApplication.activeWindow() is None:
            self._tell("Canon Explorer", text)


class SystemMessages(QObject):
    """The system's own messages: by ``notify-send``, else by a tray icon where there is a tray."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icon: QSystemTrayIcon | None = None
        self._timer = settled(self, _ICON_MS, self._take_away)

    def tell(self, title: str, text: str) -> None:
        """Show a message; without a way to, the log has it."""
        if sys.platform == "linux" and (command := shutil.which("notify-send")):
            process = QProcess(self)
            process.setProgram(command)
            process.setArguments(["--app-name=Canon Explorer", "--", title, text])
            # It fails on a desktop where nobody shows messages.
            process.finished.connect(lambda code, _status: self._sent(process, code == 0, title, text))
            process.errorOccurred.connect(
                lambda error: error is QProcess.ProcessError.FailedToStart and self._sent(process, False, title, text)
            )
            process.start()
            return
        self._tell_by_icon(title, text)

    def _sent(self, process: QProcess, done: bool, title: str, text: str) -> None:
        process.deleteLater()
        if not done:
            self._tell_by_icon(title, text)

    def _tell_by_icon(self, title: str, text: str) -> None:
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            icon = QGuiApplication.windowIcon()
            if icon.isNull():
                icon = QApplication.style().standardIcon(QStyle.StandardPixmap.SP_ComputerIcon)
            self._icon = self._icon or QSystemTrayIcon(self)
            self._icon.setIcon(icon)
            self._icon.show()
            self._icon.showMessage(title, text)
            self._timer.start()
            return
        log.warning("this system shows no messages of programs; it would have been: %s", text)

    def _take_away(self) -> None:
        if self._icon is not None:
            self._icon.hide()
