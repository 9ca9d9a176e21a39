"""The program's side of the process that computes UMAP: started idle, asked for one layout after the other."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.errors import CanonError
from canon_core.jobs import JobContext, apart_from_terminal
from canon_core.projection import WORKER_SWITCH
from canon_core.projection.joint_layout import JointLayouts
from canon_core.projection.private_folder import delete_left_behind, private_folder

Float32 = NDArray[np.float32]

_MODULE: Final = "canon_core.projection.worker"
#: Seconds that a failing process has to say why.
_LAST_WORDS: Final = 3.0
#: Seconds between two looks of a job that waits for its turn at whether it was cancelled.
_LOOKS_UP: Final = 0.1
#: Every library that might start threads of its own.
_THREADS: Final = (
    *("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)


def worker_command() -> list[str]:
    """How the worker is started: by Python, or by the frozen program's own executable.

    ``-P`` keeps the folder one happens to be in, and what somebody put there, out of what is imported.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_SWITCH]
    return [sys.executable, "-P", "-m", _MODULE]


def compiled_folder() -> Path:
    """Where numba keeps what it compiled, so that the next process need not."""
    from platformdirs import user_cache_path

    return user_cache_path("canon-explorer") / "numba"


class ProjectionWorker:
    """A process that lays out points by UMAP; several jobs may wait for it, one is served at a time.

    It starts with :meth:`warm`, or with the first layout, and stays for the next. Close it: it holds some 300 MB.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[bytes] | None = None
        self._closed = False
        self._requests = 0
        self._swept = False

    def __enter__(self) -> ProjectionWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Start the process, so that it imports and compiles in its own time; returns at once."""
        if not self._swept:
            self._swept = True
            delete_left_behind()
        with self._guard:
            if self._closed or (self._process is not None and self._process.poll() is None):
                return
            self._forget()
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
            self._process = subprocess.Popen(
                worker_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
                encoding="utf-8",
                env=_environment(),
                **apart_from_terminal(),
            )

    def close(self) -> None:
        """End the process at once, whatever it does."""
        with self._guard:
            self._closed = True
            self._forget()

    def layouts(
        self,
        target: Float32,
        before: Float32,
        after: Float32,
        *,
        neighbours: int,
        min_dist: float,
        seed: int,
        ctx: JobContext,
    ) -> JointLayouts:
        """Lay out a target with raw and with mapped sources; see :func:`~.joint_layout.joint_layouts`.

        Cancelling ends the process at once; the next layout starts another. What waits for its turn stops waiting.

        Raises
        ------
        CanonError
            When the process fails, with what it said.
        Cancelled
        """
        with self._in_turn(ctx), private_folder() as folder:
            ctx.check()
            self.warm()
            with self._guard:
                process, said = self._process, self._said
                self._requests += 1
                number = self._requests
            if process is None or said is None:
                raise CanonError("the process that computes UMAP was closed")
            ctx.on_cancel(process.kill)
            # First the folder's name: should this program be killed now, the process deletes what lies in it.
            _send(process, {"folder": str(folder)})
            for label, rows in (("target", target), ("before", before), ("after", after)):
                ctx.check()
                np.save(folder / f"{label}.npy", rows, allow_pickle=False)
            settings = {"neighbours": neighbours, "min_dist": min_dist, "seed": seed}
            _send(process, {"folder": str(folder), "request": number, **settings})
            first, second, gridded = _follow(process, said, number, ctx)
            places = np.load(folder / "layouts.npy", allow_pickle=False)
        return JointLayouts(places[0], places[1], (first, second), gridded)

    @contextlib.contextmanager
    def _in_turn(self, ctx: JobContext) -> Iterator[None]:
        """Wait for other jobs' layouts, as long as this job is wanted."""
        while not self._turn.acquire(timeout=_LOOKS_UP):
            ctx.check()
        try:
            yield
        finally:
            self._turn.release()

    def _forget(self) -> None:
        process, said = self._process, self._said
        self._process = self._said = None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    _close(stream)
        if said is not None:
            said.close()


def _send(process: subprocess.Popen[str], request: dict[str, Any]) -> None:
    """Write a line to the process; that it was ended is seen where its answer is waited for."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()


def _follow(process: subprocess.Popen[str], said: IO[bytes], number: int, ctx: JobContext) -> tuple[float, float, bool]:
    """Pass on what is told until the request is done; how far the target moved, and whether sources began on a grid.

    A process that says anything else than is to be expected is ended: its later answers would be taken for those of
    other requests.
    """
    assert process.stdout is not None
    try:
        for line in process.stdout:
            told = json.loads(line)
            if told["request"] not in (number, 0):  # 0: about no request, as while it gets ready
                raise ValueError(f"an answer to request {told['request']}")
            if told["event"] == "progress":
                ctx.report(int(told["done"]), int(told["total"]), str(told["what"]))
            elif told["event"] == "failed":
                raise CanonError(str(told["problem"]), remedy="show fewer points, or use PCA")
            elif told["event"] == "done":
                first, second = told["moved"]
                return float(first), float(second), bool(told.get("gridded"))
            elif told["event"] != "ready":
                raise ValueError(f"an unknown event {told['event']}")
    except (OSError, ValueError, KeyError, TypeError):
        process.kill()  # or it was ended already, maybe in the middle of a line
    ctx.check()
    try:
        process.wait(_LAST_WORDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    raise CanonError(
        f"the process that computes UMAP ended early{_last_words(said)}", remedy="try it again, or use PCA"
    )


def _last_words(said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - 4096))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return f" ({lines[-1].strip()})" if lines else ""


def _environment() -> dict[str, str]:
    """Of the worker: as many threads as there are cores, and the very program that is running, wherever it lies."""
    environment = dict(os.environ)
    environment.update(dict.fromkeys(_THREADS, str(usable_cores())))
    folder = compiled_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        pass  # then everything is compiled anew each time
    else:
        environment.setdefault("NUMBA_CACHE_DIR", str(folder))
    if not getattr(sys, "frozen", False):
        home = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environment.get("PYTHONPATH"))))
    return environment


def _close(stream: IO[str]) -> None:
    with contextlib.suppress(OSError):  # what was still to be written is for nobody now
        stream.close()
