"""Albums: many photographs of synthetic people as aligned crops, the same pixels for the same numbers.

Run as ``python -m canon_core.demo.album FOLDER COUNT PERSON …`` it writes the albums of these people, one line of
output a person: rendering holds Python's lock, so that only processes share it among the cores.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.datasets.images import opencv
from canon_core.demo.camera import Frame
from canon_core.demo.conditions import draw_conditions
from canon_core.demo.head import build_head
from canon_core.demo.identity import draw_identity
from canon_core.demo.render import render_head
from canon_core.errors import CanonError
from canon_core.jobs import JobContext, system_error

#: Harder than portraits, easier than the demo's stills: what shallow networks can still tell apart.
_HARDNESS: Final = 0.7
_COVER_SHARE: Final = 0.12
#: Photographs taken of one expression before the face changes: building a head takes longer than seeing it.
_PER_HEAD: Final = 2
_JPEG_QUALITY: Final = 95
#: Processes that render at once; beyond it starting them takes longer than they save.
_MOST_WORKERS: Final = 8


def photograph_album(person: int, count: int, size: int = 112) -> NDArray[np.uint8]:
    """Aligned crops (count, size, size, 3) uint8 RGB of the identity number ``person``."""
    identity = draw_identity(person)
    album = np.empty((count, size, size, 3), np.uint8)
    head, worn = None, None
    for number in range(count):
        conditions = draw_conditions((person, number), hardness=_HARDNESS, cover_share=_COVER_SHARE)
        if head is None or worn is None or number % _PER_HEAD == 0:
            worn = conditions
            head = build_head(identity, worn.expression, worn.cover, worn.cover_colour)
        conditions = replace(conditions, expression=worn.expression, cover=worn.cover, cover_colour=worn.cover_colour)
        album[number] = render_head(head, conditions, size, Frame.ALIGNED).image
    return album


def album_name(person: int) -> str:
    """Name of a person's folder."""
    return f"Person_{person:07d}"


def album_files(folder: Path, person: int, count: int) -> tuple[Path, ...]:
    """Files of an album, named as LFW names them."""
    name = album_name(person)
    return tuple(folder / name / f"{name}_{number + 1:04d}.jpg" for number in range(count))


def write_album(folder: Path, person: int, count: int) -> None:
    """Write one album; a file is there whole or not at all."""
    cv2 = opencv()
    files = album_files(folder, person, count)
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for file, image in zip(files, photograph_album(person, count), strict=True):
        _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        unfinished = file.with_suffix(f".{os.getpid()}.part")
        unfinished.write_bytes(data.tobytes())
        unfinished.replace(file)


def write_albums(folder: Path, people: Sequence[int], count: int, ctx: JobContext) -> None:
    """Write the albums of several people, shared among the cores; cancelled within a second.

    Raises
    ------
    CanonError
        Where the files cannot be written.
    """
    workers = min(usable_cores(), _MOST_WORKERS, len(people))
    what = "rendering faces"
    if workers < 2 or getattr(sys, "frozen", False):
        for done, person in enumerate(people):
            ctx.check()
            ctx.report(done * count, len(people) * count, what)
            _write_or_explain(folder, person, count)
        ctx.report(len(people) * count, len(people) * count, what)
        return
    finished: queue.SimpleQueue[bool] = queue.SimpleQueue()
    processes = [_start_worker(folder, people[k::workers], count) for k in range(workers)]
    threads = [threading.Thread(target=_follow, args=(process, finished), daemon=True) for process in processes]

    def stop() -> None:
        for process in processes:
            process.terminate()

    try:
        for thread in threads:
            thread.start()
        ctx.on_cancel(stop)
        done, running = 0, workers
        while running:
            if finished.get():
                done += 1
                ctx.report(done * count, len(people) * count, what)
            else:
                running -= 1
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


def _start_worker(folder: Path, people: Sequence[int], count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "canon_core.demo.album", str(folder), str(count), *map(str, people)]
    environment = dict(os.environ)
    # A core each, and the very program that is running, wherever it was imported from.
    environment.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    home = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environment.get("PYTHONPATH"))))
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _follow(process: subprocess.Popen[str], finished: queue.SimpleQueue[bool]) -> None:
    """Put True for every album, False once at the end."""
    assert process.stdout is not None
    for _ in process.stdout:
        finished.put(True)
    finished.put(False)


def _write_or_explain(folder: Path, person: int, count: int) -> None:
    try:
        write_album(folder, person, count)
    except OSError as error:
        raise system_error(error) from None


def _main(arguments: list[str]) -> int:
    folder, count, *people = arguments
    try:
        for person in people:
            write_album(Path(folder), int(person), int(count))
            print(person, flush=True)
    except BrokenPipeError:  # nobody waits for these faces any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(system_error(error).problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
