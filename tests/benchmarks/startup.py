"""How long the window takes from the start of its process to its first paint, warm, and what it loaded until then.

A small program starts the window as a user's command does (`python -m app`), with the time at which it did so; the
window's process says when its main window was painted for the first time, and which modules it had loaded. The first
start warms the disk's cache and is not counted; of the others the median is reported. House plan: ≤ 1.5 s, and none of
the heavy libraries loaded.

    python tests/benchmarks/startup.py [--json FILE] [--starts 7]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 1.5
#: What must not be loaded before the first paint: each costs a noticeable part of a second.
HEAVY = ("umap", "numba", "matplotlib", "onnxruntime", "cv2", "sklearn", "torch")

#: Runs in the window's process: the same as `python -m app`, watched by an event filter of the application.
_WATCHED = """
import json, os, sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

application = QApplication(sys.argv[:1])


class Watch(QObject):
    def __init__(self):
        super().__init__()
        self.painted = False

    def eventFilter(self, watched, event):
        if not self.painted and event.type() is QEvent.Type.Paint and watched.isWidgetType() and watched.isVisible():
            if watched.window().objectName() == "main-window":
                self.painted = True
                QTimer.singleShot(0, self.tell)  # behind the whole of this paint
        return False

    def tell(self):
        application.removeEventFilter(self)
        print(json.dumps({"painted": time.time(), "modules": sorted(sys.modules)}), flush=True)
        os.kill(os.getpid(), 15)  # the window closes in good order


watch = Watch()
application.installEventFilter(watch)
from app.main import main

sys.exit(main([]))
"""


def start_once(environment: dict[str, str]) -> tuple[float, list[str]]:
    """Seconds from the parent's start of the process to the first paint, and the heavy modules loaded by then."""
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise SystemExit(f"the window did not start:\n{done.stdout}\n{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said["painted"] - began, [name for name in HEAVY if name in said["modules"]]


def measure(starts: int) -> dict[str, Any]:
    """Start the window once to warm up, then ``starts`` times."""
    with tempfile.TemporaryDirectory() as folder:
        folders = {f"XDG_{kind}_HOME": str(Path(folder) / kind.lower()) for kind in ("STATE", "CONFIG", "DATA")}
        path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, **folders, "PYTHONPATH": path}
        first, _ = start_once(environment)
        found = [start_once(environment) for _ in range(starts)]
    seconds = sorted(took for took, _ in found)
    return {
        "first_paint_s": round(statistics.median(seconds), 3),
        "first_paint_best_s": round(seconds[0], 3),
        "first_paint_worst_s": round(seconds[-1], 3),
        "first_start_s": round(first, 3),
        "starts": starts,
        "early_imports": sorted({name for _, early in found for name in early}),
        "limit_s": LIMIT_S,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--starts", type=int, default=7, help="starts that are counted; default 7")
    arguments = parser.parse_args()
    figures = measure(arguments.starts)
    print(f"first paint, warm:  {figures['first_paint_s']:.2f} s (median of {figures['starts']};"
          f" {figures['first_paint_best_s']:.2f} to {figures['first_paint_worst_s']:.2f} s; limit {LIMIT_S} s)")
    print(f"the start before:   {figures['first_start_s']:.2f} s")
    print(f"loaded before it:   {', '.join(figures['early_imports']) or 'none of ' + ', '.join(HEAVY)}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    failed = bool(figures["early_imports"]) or figures["first_paint_s"] > LIMIT_S
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
