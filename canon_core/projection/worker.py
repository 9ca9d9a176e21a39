"""The process that computes UMAP: ``python -m canon_core.projection.worker``.

UMAP holds Python's lock for long stretches, so it never runs in a thread of the program's own. The process reads one
request a line (JSON) from its standard input, finds arrays in the private folder that the request names, and answers
with JSON lines that carry the request's number (0 where they are about none): ``ready`` once everything is compiled,
``progress``, ``done``, ``failed``. A line with a folder and no request is no more than that folder's name, told before
anything is written into it. The process ends itself, and deletes
the folder it was working with, as soon as its standard input closes. It knows nothing of studies.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import shutil
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from canon_core.projection.joint_layout import joint_layouts

log = logging.getLogger(__name__)


def main() -> None:
    """Serve requests until standard input closes."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        if hasattr(os, "nice"):
            os.nice(5)  # the window comes first
        work = _Work(answers)
        requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=work.listen, args=(requests,), daemon=True).start()
        work.warm()
        while True:
            work.serve(requests.get())


class _Work:
    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._folder: Path | None = None
        self._request = 0

    def listen(self, requests: queue.SimpleQueue[dict[str, Any]]) -> None:
        """Take requests; end the process when nobody can send any more."""
        for line in sys.stdin:
            request = json.loads(line)
            self._folder = Path(request["folder"])
            if "request" in request:
                requests.put(request)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)

    def warm(self) -> None:
        """Import UMAP and have it compiled, on a few random points."""
        self._tell("progress", done=0, total=1, what="UMAP: getting ready")
        rows = np.random.default_rng(0).standard_normal((96, 4)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        joint_layouts(rows[:48], rows[48:], rows[48:], neighbours=5, min_dist=0.1, seed=0, say=lambda *_: None)
        self._tell("ready")

    def serve(self, request: dict[str, Any]) -> None:
        """Answer one request; what goes wrong with it is told, and the next one is served."""
        self._request = int(request["request"])
        try:
            folder = Path(request["folder"])
            target, before, after = (
                np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("target", "before", "after")
            )
            layouts = joint_layouts(
                target,
                before,
                after,
                neighbours=int(request["neighbours"]),
                min_dist=float(request["min_dist"]),
                seed=int(request["seed"]),
                say=lambda done, total, what: self._tell("progress", done=done, total=total, what=what),
            )
            np.save(folder / "layouts.npy", np.stack([layouts.before, layouts.after]), allow_pickle=False)
        except MemoryError:
            self._tell("failed", problem="not enough memory for UMAP")
        except Exception as error:
            log.exception("a layout failed")  # to standard error, for whoever started the process
            self._tell("failed", problem=f"UMAP stopped ({type(error).__name__}: {error})")
        else:
            self._tell("done", moved=list(layouts.moved), gridded=layouts.gridded)

    def _tell(self, event: str, **facts: Any) -> None:
        try:
            self._answers.write(json.dumps({"event": event, "request": self._request, **facts}) + "\n")
            self._answers.flush()
        except OSError:  # nobody listens any more: standard input is about to close
            return


if __name__ == "__main__":
    main()
