"""Keeping the computer from falling asleep while jobs run; where a system cannot, the log says so."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess

from .engine_bridge import EngineBridge
from .preferences import UserPreferences
from .settled import settled

log = logging.getLogger(__name__)

#: Milliseconds of work before the system is asked: most jobs are over by then.
_AFTER_MS = 10_000
#: Windows' SetThreadExecutionState: until further notice, the system is needed.
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001


def inhibitor() -> Sequence[str] | None:
    """A command that keeps this system awake for as long as it runs, and ends with this program; None without one."""
    if sys.platform == "darwin":
        return ("caffeinate", "-i", "-w", str(os.getpid()))
    if sys.platform == "linux" and shutil.which("systemd-inhibit"):
        # `cat` ends when its input is closed, which a crash of this program does too.
        return ("systemd-inhibit", "--what=sleep:idle", "--who=Canon Explorer", "--why=A job is running",
                "--mode=block", "cat")  # fmt: skip
    return None


class StayAwake(QObject):
    """Asks the system for as long as jobs wait or run, where the user wants that."""

    def __init__(self, bridge: EngineBridge, preferences: UserPreferences) -> None:
        super().__init__(bridge)
        self._bridge, self._preferences = bridge, preferences
        self._process: QProcess | None = None
        self._asked = False  # Windows
        self._told = False  # that it cannot be done: once a run of the program, not for every job
        self._timer = settled(self, _AFTER_MS, self._ask)
        bridge.started.connect(self._follow)
        for ended in (bridge.finished, bridge.failed, bridge.cancelled):
            ended.connect(self._follow)
        preferences.changed.connect(self._follow)

    @property
    def asking(self) -> bool:
        """Whether the system is kept awake now."""
        return self._process is not None or self._asked

    def stop(self) -> None:
        """Let the system sleep again."""
        self._timer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.closeWriteChannel()
            process.terminate()
        if self._asked:
            self._asked = False
            _execution_state(_ES_CONTINUOUS)

    def _follow(self, *_: object) -> None:
        if self._preferences.current.stay_awake and self._bridge.batch():
            if not self.asking and not self._timer.isActive():
                self._timer.start()
        else:
            self.stop()

    def _ask(self) -> None:
        if sys.platform == "win32":
            self._asked = True
            _execution_state(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
            return
        command = inhibitor()
        if command is None:
            self._tell("this system offers nothing that keeps it awake (systemd-inhibit was not found)")
            return
        process = QProcess(self)
        process.setProgram(command[0])
        process.setArguments(list(command[1:]))
        process.errorOccurred.connect(lambda error: self._failed(process, str(error)))
        process.finished.connect(lambda code, _status: self._failed(process, f"exit code {code}"))
        self._process = process
        process.start()

    def _tell(self, words: str) -> None:
        if not self._told:
            self._told = True
            log.warning("%s; this is said once", words)

    def _failed(self, process: QProcess, why: str) -> None:
        if self._process is process:  # else it ended because it was to
            self._tell(f"the system is not kept awake: {process.program()} ({why})")
            self._process = None
        process.deleteLater()


def _execution_state(state: int) -> None:
    if sys.platform == "win32":
        import ctypes

        if not ctypes.windll.kernel32.SetThreadExecutionState(state):
            log.warning("Windows refused to change whether it may sleep")
