"""Train the demo's networks: ``python -m canon_core.demo.training --out DIR [--only NAME …] [--jobs 2]``.

Renders the photographs, trains every network in a process of its own with one thread (two threads in one process were
eight times slower), makes the controls, and writes networks, specs, cards and a log. Run again, it goes on where it
ended: finished networks stay, others go on from their last epoch.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from canon_core.cores import usable_cores
from canon_core.demo.training.card import ModelCard, summary
from canon_core.demo.training.controls import CONTROLS
from canon_core.demo.training.photographs import take_photographs
from canon_core.demo.training.processes import Children
from canon_core.demo.training.recipes import RECIPES
from canon_core.errors import CanonError
from canon_core.store.atomic import write_atomically
from canon_core.store.lock import StudyLock

_NAMES: Final = tuple(item.name for item in (*RECIPES, *CONTROLS))


class Log:
    """Lines with the seconds since the start, on the screen and at the end of a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._start = time.monotonic()
        self._turn = threading.Lock()

    def __call__(self, text: str) -> None:
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {time.monotonic() - self._start:7.0f} s  {text}"
        with self._turn, self._file.open("a", encoding="utf-8") as file:
            print(line, flush=True)
            file.write(f"{line}\n")


def train_all(out: Path, names: Sequence[str], jobs: int, log: Callable[[str], None]) -> list[str]:
    """Photograph everybody and make the named networks; the names of those that failed.

    Parameters
    ----------
    out : Path
        Gets ``photographs/``, ``work/`` and ``networks/``, and ``training.md`` with a table of all that is finished.
    names : sequence of str
        In this order, ``jobs`` at a time.
    jobs : int
        Processes.
    log : callable
        Is told what happens.
    """
    start = time.monotonic()
    take_photographs(out / "photographs", jobs, log)
    log(f"photographs ready after {time.monotonic() - start:.0f} s")
    waiting = [name for name in names if not _facts(out, name).is_file()]
    for name in names:
        if name not in waiting:
            log(f"{name}: finished earlier")
    failed = []
    with ThreadPoolExecutor(jobs) as pool, Children() as children:

        def make(name: str) -> None:
            code = children.run(
                ["-P", "-m", "canon_core.demo.training.one", str(out), name], lambda line: log(f"{name}: {line}")
            )
            if code and not children.over:
                failed.append(name)
                log(f"{name}: failed")

        list(pool.map(make, waiting))
    cards = [ModelCard.read(_facts(out, name)) for name in _NAMES if _facts(out, name).is_file()]
    write_atomically(out / "training.md", summary(cards).encode())
    log(f"{len(cards)} of {len(_NAMES)} networks are finished, in {out / 'networks'}")
    return failed


def _facts(out: Path, name: str) -> Path:
    return out / "work" / name / "card.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m canon_core.demo.training", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="about 4 GB; go on in it by a second run"
    )
    parser.add_argument("--only", action="append", choices=_NAMES, metavar="NAME", help="may be given several times")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="processes (default: one a core)")
    asked = parser.parse_args(arguments)
    # What starts from here computes with one thread.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    try:
        if find_spec("torch") is None:
            raise CanonError("PyTorch is not installed", remedy='run: pip install "canon-explorer[train]"')
        asked.out.mkdir(parents=True, exist_ok=True)
        with StudyLock(asked.out, "training of the demo's networks"):
            failed = train_all(asked.out, asked.only or _NAMES, max(1, asked.jobs), Log(asked.out / "training.log"))
    except CanonError as error:
        print(error.sentence(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
