"""What happens outside the window while jobs run, and when they end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import notification, stay_awake
from app.engine_bridge import EngineBridge
from app.notification import Notification, SystemMessages
from app.preferences import UserPreferences
from app.stay_awake import StayAwake
from canon_core.errors import CanonError
from canon_core.jobs import JobContext

PATIENCE = 10_000


@pytest.fixture
def preferences(bridge: EngineBridge) -> UserPreferences:
    return UserPreferences(bridge)


@pytest.fixture
def told(bridge: EngineBridge, preferences: UserPreferences, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was told outside the window; work of a tenth of a second counts as long."""
    monkeypatch.setattr(notification, "_CHAIN_MS", 100)
    monkeypatch.setattr(QApplication, "activeWindow", lambda: None)
    said: list[str] = []
    Notification(bridge, preferences, lambda _title, text: said.append(text), long_s=0.1)
    return said


def work(seconds: float) -> object:
    def job(ctx: JobContext) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ctx.check()
            time.sleep(0.005)

    return job


def ended(bridge: EngineBridge, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not bridge.batch(), timeout=PATIENCE)
    qtbot.wait(300)


# -- messages ------------------------------------------------------------------------------------------------------
def test_the_end_of_long_work_is_told(bridge: EngineBridge, told: list[str], qtbot: QtBot) -> None:
    bridge.submit("Embed faces", work(0.2))
    ended(bridge, qtbot)
    assert len(told) == 1
    assert told[0].startswith("Embed faces: done in 0.")


def test_short_work_is_not_told(bridge: EngineBridge, told: list[str], qtbot: QtBot) -> None:
    bridge.submit("Embed faces", work(0.0))
    ended(bridge, qtbot)
    assert told == []


def test_what_a_cancelled_job_followed_is_not_told_later(bridge: EngineBridge, told: list[str], qtbot: QtBot) -> None:
    bridge.submit("Embed faces", work(0.2))
    number = bridge.submit("Matrix of faces", work(30))
    with qtbot.waitSignal(bridge.finished, timeout=PATIENCE):
        pass
    bridge.cancel(number)
    ended(bridge, qtbot)
    bridge.submit("Export", work(0.0))
    ended(bridge, qtbot)
    assert told == []


def test_a_short_failure_after_long_work_is_told(bridge: EngineBridge, told: list[str], qtbot: QtBot) -> None:
    def fail(_ctx: JobContext) -> None:
        raise CanonError("the disk is full")

    bridge.submit("Embed faces", work(0.2))
    bridge.submit("Matrix of faces", fail)
    ended(bridge, qtbot)
    bridge.submit("Export", work(0.0))
    ended(bridge, qtbot)
    assert [text.partition(".")[0] for text in told] == ["Matrix of faces: failed"]


def test_jobs_that_follow_each_other_are_told_once(bridge: EngineBridge, told: list[str], qtbot: QtBot) -> None:
    bridge.submit("Embed faces", work(0.2))
    bridge.submit("Matrix of faces", work(0.3))
    ended(bridge, qtbot)
    assert [text.partition(":")[0] for text in told] == ["Matrix of faces"]


def test_a_fault_is_told_at_once_and_a_cancellation_never(
    bridge: EngineBridge, told: list[str], qtbot: QtBot
) -> None:
    def fail(_ctx: JobContext) -> None:
        time.sleep(0.2)
        raise CanonError("the disk is full")

    bridge.submit("Embed faces", fail)
    ended(bridge, qtbot)
    assert told == ["Embed faces: failed. The disk is full."]
    number = bridge.submit("Matrix", work(5))
    qtbot.wait(200)
    bridge.cancel(number)
    ended(bridge, qtbot)
    assert len(told) == 1


def test_nothing_is_told_to_somebody_who_looks_or_does_not_want_it(
    bridge: EngineBridge, preferences: UserPreferences, told: list[str], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QApplication, "activeWindow", object)
    bridge.submit("Embed faces", work(0.2))
    ended(bridge, qtbot)
    monkeypatch.setattr(QApplication, "activeWindow", lambda: None)
    preferences.change(notify=False)
    bridge.submit("Embed faces", work(0.2))
    ended(bridge, qtbot)
    assert told == []


def test_a_system_without_messages_has_it_in_the_log(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notification.shutil, "which", lambda _: None)
    messages = SystemMessages()
    messages.tell("Canon Explorer", "Embed faces: done in 31 s")
    assert "Embed faces: done in 31 s" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="notify-send is Linux's")
def test_a_desktop_that_refuses_a_message_leaves_it_in_the_log(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    command = tmp_path / "notify-send"
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    messages = SystemMessages()
    messages.tell("Canon Explorer", "Embed faces: done in 31 s")
    qtbot.waitUntil(lambda: "Embed faces: done in 31 s" in caplog.text, timeout=PATIENCE)


# -- staying awake -------------------------------------------------------------------------------------------------
#: Runs until its input is closed, as the real command does.
_PRETENDED = (sys.executable, "-c", "import sys; sys.stdin.read()")


@pytest.fixture
def awake(
    bridge: EngineBridge, preferences: UserPreferences, monkeypatch: pytest.MonkeyPatch
) -> StayAwake:
    monkeypatch.setattr(stay_awake, "_AFTER_MS", 20)
    monkeypatch.setattr(stay_awake, "inhibitor", lambda: _PRETENDED)
    return StayAwake(bridge, preferences)


def test_the_computer_stays_awake_while_jobs_run_and_not_longer(
    bridge: EngineBridge, awake: StayAwake, qtbot: QtBot
) -> None:
    number = bridge.submit("Embed faces", work(20))
    qtbot.waitUntil(lambda: awake.asking, timeout=PATIENCE)
    process = awake._process
    qtbot.waitUntil(lambda: process.processId() > 0, timeout=PATIENCE)
    ended_processes: list[int] = []
    process.finished.connect(lambda code, _status: ended_processes.append(code))
    bridge.cancel(number)
    qtbot.waitUntil(lambda: bool(ended_processes), timeout=PATIENCE)
    assert not awake.asking


def test_it_may_sleep_where_the_user_wants_that(
    bridge: EngineBridge, preferences: UserPreferences, awake: StayAwake, qtbot: QtBot
) -> None:
    preferences.change(stay_awake=False)
    number = bridge.submit("Embed faces", work(20))
    qtbot.wait(150)
    assert not awake.asking
    preferences.change(stay_awake=True)
    qtbot.waitUntil(lambda: awake.asking, timeout=PATIENCE)
    bridge.cancel(number)
    qtbot.waitUntil(lambda: not awake.asking, timeout=PATIENCE)
    qtbot.wait(100)


@pytest.mark.parametrize(
    "command", [None, ("/nowhere/systemd-inhibit",), (sys.executable, "-c", "raise SystemExit(1)")]
)
def test_what_the_system_cannot_do_is_in_the_log_and_harms_nothing(
    bridge: EngineBridge,
    awake: StayAwake,
    command: tuple[str, ...] | None,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(stay_awake, "inhibitor", lambda: command)
    number = bridge.submit("Embed faces", work(20))
    qtbot.waitUntil(lambda: "awake" in caplog.text, timeout=PATIENCE)
    assert not awake.asking
    bridge.cancel(number)
    qtbot.waitUntil(lambda: not bridge.batch(), timeout=PATIENCE)


def test_that_it_cannot_be_done_is_said_once(
    bridge: EngineBridge, awake: StayAwake, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    tried: list[int] = []

    def command() -> tuple[str, ...]:
        tried.append(1)
        return (sys.executable, "-c", "raise SystemExit(1)")

    monkeypatch.setattr(stay_awake, "inhibitor", command)
    for turn in (1, 2, 3):
        number = bridge.submit("Embed faces", work(20))
        qtbot.waitUntil(lambda turn=turn: len(tried) == turn and not awake.asking, timeout=PATIENCE)
        bridge.cancel(number)
        qtbot.waitUntil(lambda: not bridge.batch(), timeout=PATIENCE)
    assert caplog.text.count("is not kept awake") == 1


def test_the_real_command_is_found_started_and_ended(
    bridge: EngineBridge, preferences: UserPreferences, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command of its name on PATH: it notes what it is asked, and runs what it is given to, as the real one does."""
    command = tmp_path / "systemd-inhibit"
    command.write_text(
        f'#!/bin/sh\necho $$ > {tmp_path}/pid\nfor word; do echo "$word"; done > {tmp_path}/asked\n'
        f'while [ "$1" != "${{1#--}}" ]; do shift; done\n"$@"\necho ended > {tmp_path}/ended\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(stay_awake.sys, "platform", "linux")
    monkeypatch.setattr(stay_awake, "_AFTER_MS", 20)
    awake = StayAwake(bridge, preferences)
    number = bridge.submit("Embed faces", work(20))
    qtbot.waitUntil((tmp_path / "asked").is_file, timeout=PATIENCE)
    qtbot.waitUntil(lambda: (tmp_path / "asked").read_text().endswith("cat\n"), timeout=PATIENCE)
    assert "--what=sleep:idle" in (tmp_path / "asked").read_text()
    process = int((tmp_path / "pid").read_text())
    os.kill(process, 0)  # it runs
    assert not (tmp_path / "ended").exists()
    bridge.cancel(number)
    qtbot.waitUntil(lambda: not awake.asking, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not _runs(process), timeout=PATIENCE)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_system_has_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stay_awake.sys, "platform", "darwin")
    assert stay_awake.inhibitor()[:2] == ("caffeinate", "-i")
    monkeypatch.setattr(stay_awake.sys, "platform", "linux")
    monkeypatch.setattr(stay_awake.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert stay_awake.inhibitor()[0] == "systemd-inhibit"
    monkeypatch.setattr(stay_awake.shutil, "which", lambda _: None)
    assert stay_awake.inhibitor() is None
