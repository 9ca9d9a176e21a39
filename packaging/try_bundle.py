"""Tries a finished bundle as its user has it: elsewhere, without this project's Python, without a display.

    .venv/bin/python packaging/try_bundle.py                  # dist/canon-explorer
    .venv/bin/python packaging/try_bundle.py --demo           # the whole demo as well
    .venv/bin/python packaging/try_bundle.py --program /usr/bin/canon    # one that is installed

Copies it to a folder with a space in its name, leaves nothing of the environment but PATH=/usr/bin:/bin, and goes
through it: doctor, two of the demo's networks on small patterns (embed, matrix, export, overlay), the window opened
and closed. Prints what each step took; ends with 1 at the first that fails, and shows what the program
said.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Subjects and pictures of each in the slice: enough that both halves of the subjects have pairs.
SUBJECTS, PICTURES = 24, 4
#: Seconds a step may take on a busy machine.
PATIENCE = 900


class Failed(Exception):
    """A step failed; the message says which and what the program said."""


class Trial:
    """A program, a home of its own, and the steps tried so far."""

    def __init__(self, program: Path, home: Path) -> None:
        self.program = program
        self.home = home
        home.mkdir()
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(home),
        }

    def step(self, name: str, work: Callable[[], str]) -> None:
        """Do one step, and print what it took and found."""
        start = time.perf_counter()
        found = work()
        print(f"{time.perf_counter() - start:7.1f} s  {name}{f': {found}' if found else ''}", flush=True)

    def canon(self, *arguments: str, code: int = 0) -> str:
        """Run the program; what it printed on standard output."""
        done = subprocess.run(
            [str(self.program), *arguments], env=self.environment, cwd=self.home, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode != code or "Traceback" in done.stderr:
            said = f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            raise Failed(f"canon {' '.join(arguments)} ended with {done.returncode}, not {code}:\n{said}")
        return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "dist" / "canon-explorer")
    parser.add_argument("--program", type=Path, help="try an installed program instead of a copy of the bundle")
    parser.add_argument("--demo", action="store_true", help="also run the whole of canon demo --no-gui")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="canon bundle ") as name:
        folder = Path(name)
        program = arguments.program
        if program is None:
            shutil.copytree(arguments.bundle, folder / "canon explorer", symlinks=True)
            program = folder / "canon explorer" / "canon"
        home = program.resolve().parent
        before = _listing(home)
        try:
            _try(Trial(program, folder / "home"), folder, whole_demo=arguments.demo)
            changed = sorted(before ^ _listing(home))
            if changed:
                raise Failed(f"the program wrote into its own folder: {changed[:5]}")
        except (Failed, subprocess.TimeoutExpired) as fault:
            print(f"FAILED: {fault}", file=sys.stderr)
            return 1
    print("all steps passed")
    return 0


def _try(trial: Trial, folder: Path, *, whole_demo: bool) -> None:
    study, figures = folder / "slice.canon", folder / "figures"
    trial.step("first start", lambda: trial.canon("--version").strip())
    trial.step("second start", lambda: trial.canon("--version").strip())
    trial.step("doctor", lambda: _doctor(trial))
    trial.step("a study of two networks", lambda: _make_study(trial, folder, study))
    trial.step("embed", lambda: trial.canon("embed", str(study), "--provider", "cpu") and "")
    trial.step("matrix", lambda: _matrix(trial, study))
    trial.step("export", lambda: _export(trial, study, figures))
    trial.step("overlay, which compiles UMAP", lambda: _overlay(trial, study, folder / "overlay-1.png", seed=1))
    trial.step("overlay, UMAP from the user's cache", lambda: _overlay(trial, study, folder / "overlay-2.svg", seed=2))
    trial.step("the window, opened and closed", lambda: _window(trial, study))
    if whole_demo:
        trial.step("the whole demo", lambda: trial.canon("demo", "--no-gui", "--out", str(folder / "demo"))[-600:])


def _doctor(trial: Trial) -> str:
    said = trial.canon("doctor")
    missing = [line for line in said.splitlines() if line.strip().startswith("missing")]
    if missing:
        raise Failed("doctor misses something:\n" + "\n".join(missing))
    return f"{said.count('  ok ')} things all right, none missing"


def _make_study(trial: Trial, folder: Path, study: Path) -> str:
    networks = sorted(trial.program.resolve().parent.rglob("resources/demo/*.onnx"))[:2]
    if len(networks) < 2:
        raise Failed("the demo's networks are not in the bundle")
    for path, pixels in _patterns():
        target = folder / "patterns" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pixels)
    trial.canon("new", str(study))
    for network in networks:
        trial.canon("add-model", str(study), str(network))
    trial.canon("add-dataset", str(study), str(folder / "patterns"), "--aligned", "arcface")
    return ", ".join(network.stem for network in networks)


def _patterns() -> Iterator[tuple[str, bytes]]:
    """Pictures that stand for faces: a smooth pattern a subject, seen a little differently in each picture."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    for subject in range(SUBJECTS):
        pattern = rng.uniform(60, 200, (7, 7, 3))
        for picture in range(PICTURES):
            seen = cv2.resize(pattern + rng.normal(0, 12, pattern.shape), (112, 112), interpolation=cv2.INTER_CUBIC)
            done, png = cv2.imencode(".png", np.clip(seen, 0, 255).astype(np.uint8))
            assert done
            yield f"subject-{subject:02d}/{picture}.png", png.tobytes()


def _matrix(trial: Trial, study: Path) -> str:
    found = json.loads(trial.canon("matrix", str(study), "--map", "linear", "--far", "1e-1", "--json", "-"))
    if len(found["models"]) != 2 or any(cell is None for row in found["tar"] for cell in row):
        raise Failed(f"the matrix is not whole: {found}")
    return f"TAR {found['tar']}"


def _export(trial: Trial, study: Path, out: Path) -> str:
    trial.canon("export", str(study), "--map", "linear", "--out", str(out), "--format", "pdf,svg,png")
    kinds = sorted({path.suffix for path in out.rglob("*") if path.is_file() and path.stat().st_size > 0})
    if not {".pdf", ".svg", ".png"} <= set(kinds):
        raise Failed(f"not every kind of figure was written: {kinds}")
    return ", ".join(kinds)


def _overlay(trial: Trial, study: Path, picture: Path, *, seed: int) -> str:
    """UMAP in its own process, which a bundle starts as itself, with what numba compiles in the user's cache."""
    source, target = json.loads(trial.canon("matrix", str(study), "--json", "-"))["models"]
    points = picture.with_suffix(".csv")
    asked = ("--source", source, "--target", target, "--neighbours", "5", "--seed", str(seed))
    trial.canon("overlay", str(study), *asked, "--out", str(picture), "--csv", str(points))
    rows = len(points.read_text(encoding="utf-8").splitlines()) - 1
    compiled = sum(1 for _ in (trial.home / ".cache" / "canon-explorer" / "numba").rglob("*.nbc"))
    if not picture.stat().st_size or rows <= 0 or not compiled:
        raise Failed(f"{rows} points in the table, {compiled} compiled functions in the cache")
    return f"{rows} rows, {compiled} compiled functions in the cache"


def _window(trial: Trial, study: Path) -> str:
    """Open the study in the window; it says that it has by the file of what is open. Then end it as a session does."""
    start = time.perf_counter()
    window = subprocess.Popen(
        [str(trial.program), "gui", str(study)], env=trial.environment, cwd=trial.home,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        sessions = trial.home / ".local" / "state" / "canon-explorer"
        while not list(sessions.glob("session-*.json")):
            if window.poll() is not None or time.perf_counter() - start > PATIENCE:
                window.kill()
                raise Failed(f"the window did not open the study:\n{window.communicate()[1][-4000:]}")
            time.sleep(0.05)
        opened = time.perf_counter() - start
        time.sleep(2)  # what warms up after the first picture has its turn
        window.send_signal(signal.SIGTERM)
        said = window.communicate(timeout=60)[1]
    finally:
        if window.poll() is None:
            window.kill()
    # The plugin that stands in for a display says what it cannot do; everything else is a fault.
    complaints = [line for line in said.splitlines() if line and not line.startswith("This plugin does not support ")]
    if window.returncode != 0 or complaints:
        raise Failed(f"the window ended with {window.returncode} and said:\n{said[-4000:]}")
    return f"the study was open after {opened:.1f} s"


def _listing(folder: Path) -> set[tuple[str, int, int]]:
    """Every file with its size and date."""
    found = set()
    for path, _, names in os.walk(folder):
        for name in names:
            state = os.lstat(os.path.join(path, name))
            found.add((os.path.join(path, name), state.st_size, state.st_mtime_ns))
    return found


if __name__ == "__main__":
    sys.exit(main())
