"""Starting the window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What the window must not load before it is needed: each costs a noticeable part of a second.
HEAVY = ("onnxruntime", "onnx", "cv2", "matplotlib", "sklearn", "umap", "numba", "scipy.optimize", "torch", "pandas")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("STATE", "CONFIG", "CACHE", "DATA")}
    return {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"}


def test_the_window_starts_without_loading_what_it_does_not_need(environment: dict[str, str]) -> None:
    script = (
        "import sys, json\n"
        "from PySide6.QtWidgets import QApplication\n"
        "application = QApplication([])\n"
        "from app.main_window import MainWindow\n"
        "window = MainWindow()\n"
        "window.show()\n"
        "application.processEvents()\n"
        "print(json.dumps(sorted(sys.modules)))\n"
        "window.bridge.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = json.loads(done.stdout)
    assert [name for name in HEAVY if name in loaded] == []


def test_the_version_and_wrong_options_need_no_window(environment: dict[str, str]) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)

    shown = run("--version")
    assert (shown.returncode, shown.stdout[:6]) == (0, "canon ")
    wrong = run("--theme", "pink")
    assert wrong.returncode == 2
    assert "pink" in wrong.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_a_signal_closes_the_window_in_good_order(
    environment: dict[str, str], embedded_study: Path, tmp_path: Path
) -> None:
    window = subprocess.Popen(
        [sys.executable, "-m", "app", "--theme", "dark", str(embedded_study)], env=environment, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    session = tmp_path / "state" / "canon-explorer" / f"session-{window.pid}.json"
    end = time.monotonic() + 60
    while not session.is_file() and time.monotonic() < end:
        time.sleep(0.05)
    assert session.is_file(), "the study was not opened"
    window.send_signal(signal.SIGTERM)
    output, errors = window.communicate(timeout=20)
    assert window.returncode == 0, errors
    assert b"Traceback" not in output + errors
    assert not session.exists()
    remembered = json.loads((tmp_path / "state" / "canon-explorer" / "window.json").read_text())
    assert remembered["look"] == "dark"
    recent = json.loads((tmp_path / "state" / "canon-explorer" / "recent.json").read_text())
    assert recent["studies"] == [str(embedded_study)]
