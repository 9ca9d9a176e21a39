"""Runs all tests, without a display; where Qt does not load, those that need no window, and says so.

Arguments go to pytest. Without any, the engine's tests and the window's run side by side: both wait a lot, and one
after the other they take half as long again. With ``CI`` set, a window that cannot be tested is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import window_needs

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    pytest = [sys.executable, "-m", "pytest"]
    probe = subprocess.run([sys.executable, "-c", window_needs.PROBE], capture_output=True, text=True, check=False)
    if probe.returncode == 0:
        if arguments:
            return subprocess.run([*pytest, *arguments], cwd=ROOT, env=environment, check=False).returncode
        return side_by_side(pytest, environment)
    reason = (probe.stderr.strip().splitlines() or ["no reason given"])[-1]
    # pytest-qt cannot start without Qt; without it pytest does not know its settings in pyproject.toml, and says so.
    pytest += ["-p", "no:pytest-qt", "-o", "addopts=--strict-markers -ra --import-mode=importlib"]
    pytest += ["-W", "ignore::pytest.PytestConfigWarning"]
    status = subprocess.run([*pytest, *(arguments or ["tests/core"])], cwd=ROOT, env=environment, check=False)
    print(f"\nThe window was not tested: {reason}\nWhat is missing, and the line that installs it: make setup")
    return status.returncode or (1 if os.environ.get("CI") else 0)


def side_by_side(pytest: list[str], environment: dict[str, str]) -> int:
    """The window's tests as they go, and then what the engine's said."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        engine = subprocess.Popen(
            [*pytest, "tests/core"], cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            window = subprocess.run([*pytest, "tests/gui"], cwd=ROOT, env=environment, check=False).returncode
            status = engine.wait()
        except BaseException:
            engine.terminate()
            raise
        said.seek(0)
        print(said.read(), flush=True)
    return status or window


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
