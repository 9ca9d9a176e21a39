"""The one program in a bundle: the command line, and the process that computes UMAP.

A bundle has no ``python -m``. What runs as ``python -m canon_core.projection.worker`` elsewhere runs as
``canon --projection-worker`` in it; the switch is no part of the command line.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

#: As ``canon_core.projection.worker_process`` has it, which takes longer to load than the command line may.
WORKER_SWITCH = "--projection-worker"


def main() -> None:
    multiprocessing.freeze_support()
    _leave_no_trace_to_children()
    if sys.argv[1:] == [WORKER_SWITCH]:
        from canon_core.projection.worker import main as work
    else:
        from canon_core.cli import main as work
    work()


def _leave_no_trace_to_children() -> None:
    """Give file managers and browsers that the window starts the libraries of the system, not those in here."""
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


if __name__ == "__main__":
    main()
