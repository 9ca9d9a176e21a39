"""The photographs that the demo's networks are trained on: rendered once, kept as pixels in one file, resumable.

They are taken as the demo study's are (same renderer, same size, stored as JPEG once), of other people and from other
seeds.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.conditions import draw_conditions, draw_run
from canon_core.demo.identity import draw_identity
from canon_core.demo.people import TRAINING, VALIDATION
from canon_core.demo.photo_file import SIDE, jpeg
from canon_core.demo.render import render_run
from canon_core.demo.rendered import SAMPLED, sampled_alike
from canon_core.errors import CanonError
from canon_core.store.atomic import write_atomically

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

#: Stills of every person, and frames of one run.
STILLS: Final = 9
FRAMES: Final = 5
SHOTS: Final = STILLS + FRAMES
#: Of the conditions: harder than portraits, so that a network sees what it will be tried on.
HARDNESS: Final = 1.5
#: Separates these conditions from those of the study.
_STREAM: Final = 0x7A
#: People between two safe points of the file.
_STRETCH: Final = 50
_MARK: Final = "photographs.json"
_SAMPLE_FILE: Final = "sample.npy"
#: Files, and shape and type of what they hold of each person; a person whose byte of ``done`` is 1 is on the disk.
_ARRAYS: Final = {
    "images": ((SHOTS, SIDE, SIDE, 3), np.uint8),
    "points": ((SHOTS, 5, 2), np.float32),
    "done": ((), np.uint8),
}


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs of people by number.

    Attributes
    ----------
    people : tuple of int
    images : (people, SHOTS, SIDE, SIDE, 3) uint8
        RGB; the first ``STILLS`` of each person are stills, the others a run. Read from the file as they are needed.
    points : (people, SHOTS, 5, 2) float32
        Exact landmarks.
    fingerprint : str
        sha256 (hex) of photographs by the renderer that took them.
    """

    people: tuple[int, ...]
    images: Pixels
    points: Points
    fingerprint: str

    def of(self, people: range) -> tuple[Pixels, Points]:
        """Photographs (n · SHOTS, SIDE, SIDE, 3) and landmarks (n · SHOTS, 5, 2) of a range of people, in order."""
        first = self.people.index(people.start)
        if self.people[first : first + len(people)] != tuple(people):
            raise ValueError(f"not everybody of {people} was photographed")
        chosen = slice(first, first + len(people))
        return self.images[chosen].reshape(-1, SIDE, SIDE, 3), self.points[chosen].reshape(-1, 5, 2)


def photograph_person(person: int) -> tuple[Pixels, Points]:
    """The photographs (SHOTS, SIDE, SIDE, 3) and landmarks (SHOTS, 5, 2) of the identity number ``person``."""
    cv2 = opencv()
    shots = [draw_conditions((_STREAM, person, number), hardness=HARDNESS) for number in range(STILLS)]
    run = draw_run((_STREAM, person, STILLS), FRAMES, hardness=HARDNESS)
    faces = render_run(draw_identity(person), [*shots, *run], SIDE)
    images = np.empty((SHOTS, SIDE, SIDE, 3), np.uint8)
    for image, face in zip(images, faces, strict=True):
        image[:] = cv2.imdecode(np.frombuffer(jpeg(face.image), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    return images, np.stack([face.landmarks for face in faces]).astype(np.float32)


def sample_of_renderer() -> Pixels:
    """Some photographs, (n, SIDE, SIDE, 3), by which the renderer is known again: as they are trained on, so that the
    cards of the networks can name them."""
    return np.concatenate([photograph_person(person)[0] for person in SAMPLED])


def take_photographs(
    folder: Path, jobs: int, say: Callable[[str], None], people: Sequence[int] = (*TRAINING, *VALIDATION)
) -> Photographs:
    """Photograph everybody into ``folder``, unless that was done; goes on where an earlier call ended.

    Parameters
    ----------
    folder : Path
        Gets ``images.npy``, ``points.npy``, ``done.npy``, ``sample.npy`` and ``photographs.json``.
    jobs : int
        Processes.
    say : callable
        Is told the progress.
    people : sequence of int

    Raises
    ------
    CanonError
        Where the folder holds photographs of another renderer, or of other people.
    """
    mark, sample, asked = folder / _MARK, sample_of_renderer(), {"people": list(people), "shots": SHOTS, "side": SIDE}
    if not mark.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / _SAMPLE_FILE, sample)
        for name, (shape, dtype) in _ARRAYS.items():
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (len(people), *shape)).flush()
        fingerprint = hashlib.sha256(sample.tobytes()).hexdigest()
        write_atomically(mark, json.dumps({"fingerprint": fingerprint, **asked}).encode())
    elif not _goes_on(folder, asked, sample):
        raise CanonError(
            "holds faces of another renderer or of other people", path=folder, remedy="train into another folder"
        )
    images, points, done = (np.lib.format.open_memmap(folder / f"{name}.npy", "r+") for name in _ARRAYS)
    waiting = np.flatnonzero(done == 0).tolist()
    start = time.monotonic()
    with _photographers(jobs) as shoot:
        for first in range(0, len(waiting), _STRETCH):
            rows = waiting[first : first + _STRETCH]
            for row, (pixels, places) in zip(rows, shoot([people[row] for row in rows]), strict=True):
                images[row], points[row] = pixels, places
            images.flush()
            points.flush()
            done[rows] = 1
            done.flush()
            finished = first + len(rows)
            left = (time.monotonic() - start) / finished * (len(waiting) - finished)
            say(f"photographed {len(people) - len(waiting) + finished} of {len(people)} people, {left:.0f} s left")
    return open_photographs(folder)


def _goes_on(folder: Path, asked: dict[str, Any], sample: Pixels) -> bool:
    """Whether a folder holds the photographs of the same people, as this renderer draws them.

    Another processor may round a level differently here and there; another renderer draws other faces.
    """
    held = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    return sampled_alike(folder / _SAMPLE_FILE, sample) and {key: held[key] for key in asked} == asked


def open_photographs(folder: Path) -> Photographs:
    """Photographs that :func:`take_photographs` took."""
    facts = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    images, points = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "points"))
    return Photographs(tuple(facts["people"]), images, points, facts["fingerprint"])


@contextmanager
def _photographers(jobs: int) -> Iterator[Callable[[list[int]], Iterator[tuple[Pixels, Points]]]]:
    """A function that photographs a list of people in order, in ``jobs`` processes."""
    if jobs < 2:
        yield lambda people: map(photograph_person, people)
        return
    # Fresh processes: what a forked one inherits of OpenCV's and BLAS's threads is nobody's promise.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield lambda people: pool.map(photograph_person, people)
