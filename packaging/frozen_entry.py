"""The one program in a bundle: the command line, and the workers that it starts as processes of their own.

A bundle has no ``python -m``. What runs as ``python -m MODULE …`` elsewhere runs as ``canon --worker MODULE …`` in it;
the switch is no part of the command line, and takes our own workers only.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

SWITCH = "--worker"
#: Modules that the program runs in processes of their own.
WORKERS = frozenset({"canon_core.projection.worker"})


def main() -> None:
    multiprocessing.freeze_support()
    _leave_no_trace_to_children()
    _keep_compiled_code_with_the_user()
    if sys.argv[1:2] == [SWITCH]:
        _run_worker(sys.argv[2:])
        return
    from canon_core.cli import main as command_line

    command_line()


def _run_worker(arguments: list[str]) -> None:
    module = arguments[0] if arguments else ""
    if module not in WORKERS:
        sys.exit(f"{module or 'nothing'} is not one of this program's workers: {', '.join(sorted(WORKERS))}")
    sys.argv[1:] = arguments[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _leave_no_trace_to_children() -> None:
    """Give file managers and browsers that the window starts the libraries of the system, not those in here."""
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


def _keep_compiled_code_with_the_user() -> None:
    """Have numba keep what it compiled for UMAP in the user's cache: the program's folder belongs to root."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        from platformdirs import user_cache_path

        os.environ["NUMBA_CACHE_DIR"] = str(Path(user_cache_path("canon-explorer", appauthor=False)) / "numba")


if __name__ == "__main__":
    main()
