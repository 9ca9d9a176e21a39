"""A finished program as its user has it: nothing of this project's Python, no display, a home of its own."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

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

    def interrupt(
        self, *arguments: str, once: Callable[[int], bool], by: signal.Signals, otherwise: str
    ) -> tuple[int, str]:
        """Start the program, and end it by a signal once something has come about.

        Parameters
        ----------
        once : callable
            Told the process's number; whether it has come about.
        otherwise : str
            What to say when it never does.

        Returns
        -------
        int
            Exit code.
        str
            What it printed on standard error.
        """
        start = time.perf_counter()
        with subprocess.Popen(
            [str(self.program), *arguments], env=self.environment, cwd=self.home,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                while not once(process.pid):
                    if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                        process.kill()
                        raise Failed(f"{otherwise}:\n{process.communicate()[1][-4000:]}")
                    time.sleep(0.05)
                process.send_signal(by)
                said = process.communicate(timeout=PATIENCE)[1]
            finally:
                process.kill()
        return process.returncode, said
