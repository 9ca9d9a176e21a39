"""The commands that show messages and keep a system awake, as they are, on a bus with small services of our own.

They run where the system has them (Debian: dbus, libnotify-bin, systemd, python3-dbus, python3-gi); else they are
skipped, and test_long_work.py has a command of the test's own in their place.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import notification, stay_awake
from app.engine_bridge import EngineBridge
from app.notification import Notification
from app.preferences import UserPreferences
from app.stay_awake import StayAwake

PATIENCE = 10_000
_SYSTEM_PYTHON = "/usr/bin/python3"
_COMMANDS = ("dbus-daemon", "notify-send", "systemd-inhibit", _SYSTEM_PYTHON)
#: A program that keeps the system awake, and is killed.
_KILLED = """
import sys
from PySide6.QtWidgets import QApplication
from app import stay_awake
from app.engine_bridge import EngineBridge
from app.preferences import UserPreferences
application = QApplication(sys.argv)
stay_awake._AFTER_MS = 20
bridge = EngineBridge()
awake = stay_awake.StayAwake(bridge, UserPreferences(bridge))
bridge.submit("Embed faces", lambda ctx: __import__("time").sleep(60))
application.exec()
"""


def _lacking() -> str:
    lacking = [command for command in _COMMANDS if shutil.which(command) is None]
    if sys.platform != "linux" or lacking:
        return f"no {', '.join(lacking)}" if lacking else "another system"
    asked = subprocess.run([_SYSTEM_PYTHON, "-c", "import dbus, gi"], capture_output=True, check=False)
    return "the system's Python has no D-Bus" if asked.returncode else ""


pytestmark = pytest.mark.skipif(bool(_lacking()), reason=_lacking() or "there")


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """What the services of a bus of our own were asked."""
    file = tmp_path / "notes"
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
        monkeypatch.setenv(name, address)
    script = Path(__file__).with_name("desktop_services.py")
    services = subprocess.Popen([_SYSTEM_PYTHON, str(script), str(file)])
    deadline = time.monotonic() + PATIENCE / 1000
    while not (file.exists() and "ready" in file.read_text()):
        assert time.monotonic() < deadline, "the services did not begin"
        time.sleep(0.02)
    yield lambda: file.read_text(encoding="utf-8")
    for process in (services, daemon):
        process.terminate()
        process.wait(10)
    daemon.stdout.close()


@pytest.fixture
def bridge(qtbot: QtBot) -> Iterator[EngineBridge]:
    bridge = EngineBridge()
    yield bridge
    bridge.close()


def test_the_end_of_long_work_arrives_on_the_desktop(
    bridge: EngineBridge, notes: Callable[[], str], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notification, "_CHAIN_MS", 50)
    monkeypatch.setattr(QApplication, "activeWindow", lambda: None)
    Notification(bridge, UserPreferences(bridge), long_s=0.1)
    bridge.submit("Embed faces", lambda _ctx: time.sleep(0.2))
    qtbot.waitUntil(lambda: "message: Canon Explorer: Canon Explorer: Embed faces: done in 0." in notes(),
                    timeout=PATIENCE)  # fmt: skip


def test_the_lock_against_sleep_is_taken_for_a_job_and_given_back(
    bridge: EngineBridge, notes: Callable[[], str], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stay_awake, "_AFTER_MS", 20)
    awake = StayAwake(bridge, UserPreferences(bridge))

    def work(ctx: object) -> None:
        while True:
            ctx.check()  # type: ignore[attr-defined]
            time.sleep(0.01)

    number = bridge.submit("Embed faces", work)
    qtbot.waitUntil(lambda: "awake: sleep:idle: Canon Explorer: A job is running: block" in notes(), timeout=PATIENCE)
    assert awake.asking
    assert "may sleep" not in notes()
    bridge.cancel(number)
    qtbot.waitUntil(lambda: notes().endswith("may sleep\n"), timeout=PATIENCE)


def test_a_program_that_is_killed_lets_the_system_sleep(
    notes: Callable[[], str], qtbot: QtBot, tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", _KILLED], env=environment, stderr=subprocess.DEVNULL)
    qtbot.waitUntil(lambda: "awake: sleep:idle" in notes(), timeout=3 * PATIENCE)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    qtbot.waitUntil(lambda: notes().endswith("may sleep\n"), timeout=PATIENCE)
