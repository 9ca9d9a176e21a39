"""Work shared among processes: rendering holds Python's lock, so that only processes share it among the cores."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from canon_core.cores import usable_cores
from canon_core.errors import CanonError
from canon_core.jobs import JobContext, apart_from_terminal, system_error

#: Processes that work at once; beyond it starting them takes longer than they save.
_MOST_WORKERS: Final = 8


def share_among_processes(
    module: str,
    arguments: Sequence[str],
    items: Sequence[int],
    here: Callable[[int], None],
    folder: Path,
    ctx: JobContext,
    *,
    images: Sequence[int],
    what: str,
) -> None:
    """Have every item done by ``python -m module arguments item …``, in as many processes as there are cores.

    Parameters
    ----------
    module : str
        Prints one line for each finished item (:func:`serve`).
    arguments : sequence of str
    items : sequence of int
    here : callable
        Does one item in this process: where there is one core only, or no Python to start.
    folder : Path
        Where the results go, for errors.
    ctx : JobContext
        Progress in images, ``images[k]`` of item k; cancelled within a second.

    Raises
    ------
    CanonError
        Where the files cannot be written.
    Cancelled
    """
    size = dict(zip(items, images, strict=True))
    total, done = sum(images), 0
    ctx.report(0, total, what)
    workers = min(usable_cores(), _MOST_WORKERS, len(items))
    if workers < 2 or getattr(sys, "frozen", False):
        for item in items:
            ctx.check()
            try:
                here(item)
            except OSError as error:
                raise system_error(error) from None
            done += size[item]
            ctx.report(done, total, what)
        return
    finished: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    processes = [_start(module, [*arguments, *map(str, items[k::workers])]) for k in range(workers)]
    threads = [threading.Thread(target=_follow, args=(process, finished), daemon=True) for process in processes]

    def stop() -> None:
        for process in processes:
            process.terminate()

    try:
        for thread in threads:
            thread.start()
        ctx.on_cancel(stop)
        running = workers
        while running:
            item_done = finished.get()
            if item_done is None:
                running -= 1
            else:
                done += size[item_done]
                ctx.report(done, total, what)
        ctx.check()
        for process in processes:
            if process.wait():
                assert process.stderr is not None
                said = process.stderr.read().strip().splitlines()
                problem = said[-1] if said else "a process that renders faces ended early"
                raise CanonError(problem, path=folder, remedy="see to that and run it again")
    finally:
        for process in processes:
            process.kill()
            process.wait()
        for thread in threads:
            thread.join()
        for process in processes:
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def serve(items: Sequence[str], work: Callable[[int], None]) -> int:
    """The worker's side: do every item and say so; the process's exit code."""
    try:
        for item in items:
            work(int(item))
            print(item, flush=True)
    except BrokenPipeError:  # nobody waits for these faces any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(system_error(error).problem, file=sys.stderr)
        return 1
    return 0


def _start(module: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
    environment = dict(os.environ)
    # A core each, and the very program that is running, wherever it was imported from.
    environment.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    home = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environment.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],  # -P: nothing from the folder one happens to be in
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **apart_from_terminal(),
    )


def _follow(process: subprocess.Popen[str], finished: queue.SimpleQueue[int | None]) -> None:
    """Put every finished item, and None at the end."""
    assert process.stdout is not None
    for line in process.stdout:
        finished.put(int(line))
    finished.put(None)
