"""The window's thread is never held up for long, whatever the engine does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow

from .conftest import open_study

ROOT = Path(__file__).resolve().parents[2]
#: Milliseconds; the benchmark asks for much less, on a machine that does nothing else.
LONGEST = 1000.0


@pytest.fixture(scope="module")
def benchmark_script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("heartbeat", ROOT / "tests" / "benchmarks" / "heartbeat.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # its dataclasses look themselves up there
    specification.loader.exec_module(module)
    return module


def test_the_heart_beats_while_faces_are_embedded_and_pairs_are_scored(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, benchmark_script: ModuleType
) -> None:
    open_study(window, qtbot, embedded_study)
    figures = benchmark_script.measure(QApplication.instance(), window, seconds=1.0)
    assert set(figures) == {"embedding", "scoring"}
    for work, found in figures.items():
        assert found["ticks"] > 20, work
        assert found["max_ms"] < LONGEST, work
    qtbot.waitUntil(lambda: not window.bridge.busy)


def test_the_heart_notices_a_held_up_thread(qtbot: QtBot, benchmark_script: ModuleType) -> None:
    import time

    heart = benchmark_script.Heart()
    heart.start()
    qtbot.wait(50)
    time.sleep(0.2)
    qtbot.wait(20)
    heart.stop()
    assert heart.figures()["max_ms"] >= 195
