"""Tries a finished bundle as its user has it: elsewhere, without this project's Python, without a display.

    .venv/bin/python packaging/try_bundle.py                  # dist/canon-explorer
    .venv/bin/python packaging/try_bundle.py --demo           # the whole demo as well
    .venv/bin/python packaging/try_bundle.py --program /usr/bin/canon    # one that is installed

Copies it to a folder with a space in its name, leaves nothing of the environment but PATH=/usr/bin:/bin, and goes
through it: doctor; a slice of the demo, a dozen rendered people and four networks, through every command that computes;
the window opened and closed; the demo begun and interrupted. Prints what each step took; ends with 1 at the first that
fails, and shows what the program said.

This project's Python renders the dozen people, on every core. All else is the bundle's doing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import try_slice
from frozen_entry import WORKER_SWITCH
from trial import Failed, Trial

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "dist" / "canon-explorer")
    parser.add_argument("--program", type=Path, help="try an installed program instead of a copy of the bundle")
    parser.add_argument("--demo", action="store_true", help="also run the whole of canon demo --no-gui")
    arguments = parser.parse_args()
    # A shell that runs this in the background has it ignore Ctrl-C; programs it starts would ignore theirs, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
    study = folder / "slice.canon"
    trial.step("first start", lambda: trial.canon("--version").strip())
    trial.step("second start", lambda: trial.canon("--version").strip())
    trial.step("doctor", lambda: _doctor(trial))
    try_slice.compute(trial, study, folder)
    trial.step("the window, opened and closed", lambda: _window(trial, study))
    try_slice.look_after(trial, study, folder)
    trial.step("the demo, begun and interrupted", lambda: _begin_demo(trial, folder / "begun"))
    if whole_demo:
        trial.step("the whole demo", lambda: trial.canon("demo", "--no-gui", "--out", str(folder / "demo"))[-600:])


def _doctor(trial: Trial) -> str:
    said = trial.canon("doctor")
    missing = [line for line in said.splitlines() if line.strip().startswith("missing")]
    if missing:
        raise Failed("doctor misses something:\n" + "\n".join(missing))
    return f"{said.count('  ok ')} things all right, none missing"


def _window(trial: Trial, study: Path) -> str:
    """Open the study in the window, wait for the process that computes UMAP, and end it as the end of a session does.

    The window says that the study is open by the file of what is open.
    """
    sessions = trial.home / ".local" / "state" / "canon-explorer"
    start = time.perf_counter()
    opened = 0.0

    def warm(window: int) -> bool:
        nonlocal opened
        if not opened and any(sessions.glob("session-*.json")):
            opened = time.perf_counter() - start
        return bool(opened) and _runs_worker(window)

    code, said = trial.interrupt(
        *("gui", str(study)),
        once=warm,
        by=signal.SIGTERM,
        otherwise="the window did not open the study, or did not start the process that computes UMAP",
    )
    # The plugin that stands in for a display says what it cannot do; everything else is a fault.
    complaints = [line for line in said.splitlines() if line and not line.startswith("This plugin does not support ")]
    if code != 0 or complaints:
        raise Failed(f"the window ended with {code} and said:\n{said[-4000:]}")
    return f"the study was open after {opened:.1f} s"


def _runs_worker(window: int) -> bool:
    """Whether the window has the program computing UMAP."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(maxsplit=1) for line in listed.splitlines())
    return any(fields[0] == str(window) and fields[-1].endswith(f" {WORKER_SWITCH}") for fields in lines if fields)


def _begin_demo(trial: Trial, out: Path) -> str:
    """The demo renders its first people; then Ctrl-C ends it, and what it rendered is whole."""
    faces = out / "faces"
    code, said = trial.interrupt(
        *("demo", "--no-gui", "--out", str(out)),
        once=lambda _: len(list((faces / "points").glob("*.txt"))) >= 2,
        by=signal.SIGINT,
        otherwise="the demo rendered nobody",
    )
    people, photographs = (len(list((faces / part).iterdir())) for part in ("points", "loose_crop"))
    halves = [path.name for path in faces.rglob("*.part")]
    if code != 130 or "goes on from there" not in said or "Traceback" in said or halves:
        raise Failed(f"the interrupted demo ended with {code}, left {halves} and said:\n{said[-4000:]}")
    shutil.rmtree(out)
    return f"ended with 130 after {people} people, {photographs} photographs"


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
