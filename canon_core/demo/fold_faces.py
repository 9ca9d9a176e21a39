"""The demo's second set, laid out as LFW is: folders of people, ten folds of pairs, and a file of exact landmarks.

Run as ``python -m canon_core.demo.fold_faces FOLDER PERSON …`` it renders the photographs of these people.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.datasets.landmarks import POINT_COLUMNS
from canon_core.demo.conditions import draw_conditions
from canon_core.demo.identity import draw_identity
from canon_core.demo.photo_file import SIDE, jpeg, write_whole
from canon_core.demo.render import render_run
from canon_core.demo.workers import serve, share_among_processes
from canon_core.demo.world_files import HARDNESS
from canon_core.jobs import JobContext, system_error

#: Stills of each person.
STILLS: Final = 6
FOLDS: Final = 10
#: Genuine pairs of a fold, and as many impostor pairs.
FOLD_PAIRS: Final = 150
_PAIRS_SEED: Final = 20220401
_STREAM: Final = 0xFD


def photos_folder(folder: Path) -> Path:
    """Where :func:`write_fold_faces` puts the people's folders."""
    return folder / "photos"


def landmarks_file(folder: Path) -> Path:
    """Where it puts the landmarks."""
    return folder / "landmarks.csv"


def write_fold_faces(folder: Path, people: range, ctx: JobContext) -> None:
    """Render everybody, and write ``pairs.txt`` and the landmarks; what an earlier call rendered is kept.

    Parameters
    ----------
    folder : Path
        Gets ``photos/`` with a sub-folder for each person, ``pairs.txt`` and ``landmarks.csv``.
    people : range
        Numbers of the identities; two or more a fold.
    ctx : JobContext
        Progress in images; cancelled within a second.

    Raises
    ------
    CanonError
        Where the files cannot be written.
    """
    try:
        for part in (photos_folder(folder), folder / "points"):
            part.mkdir(parents=True, exist_ok=True)
        waiting = [person for person in people if not _points_file(folder, person).is_file()]
        if waiting:
            share_among_processes(
                "canon_core.demo.fold_faces",
                [str(folder)],
                waiting,
                lambda person: render_person(folder, person),
                folder,
                ctx,
                images=[STILLS] * len(waiting),
                what="rendering faces in folds",
            )
        lines = [",".join(("path", *POINT_COLUMNS, "score")) + "\n"]
        lines += [_points_file(folder, person).read_text(encoding="utf-8") for person in people]
        write_whole(landmarks_file(folder), "".join(lines).encode())
        write_whole(folder / "pairs.txt", pair_list(people, min(FOLDS, len(people) // 2)).encode())
    except OSError as error:
        raise system_error(error) from None


def render_person(folder: Path, person: int) -> None:
    """Render one person's stills; their points are written last."""
    conditions = [draw_conditions((_STREAM, person, number), hardness=HARDNESS) for number in range(STILLS)]
    name = person_name(person)
    photos = photos_folder(folder)
    (photos / name).mkdir(exist_ok=True)
    lines = []
    for number, face in enumerate(render_run(draw_identity(person), conditions, SIDE), 1):
        path = f"{name}/{name}_{number:04d}.jpg"
        write_whole(photos / path, jpeg(face.image))
        points = ",".join(f"{value:.3f}" for value in face.landmarks.ravel())
        lines.append(f"{path},{points},{face.score:.6f}\n")
    write_whole(_points_file(folder, person), "".join(lines).encode())


def person_name(person: int) -> str:
    """Name of a person's folder."""
    return f"Person_{person:07d}"


def pair_list(people: Sequence[int], folds: int, pairs: int = FOLD_PAIRS) -> str:
    """A pair list in LFW's format; no person is in two folds.

    Parameters
    ----------
    people : sequence of int
        Two or more a fold.
    folds : int
    pairs : int
        Of each kind in a fold, at most as many as there are.
    """
    rng = np.random.default_rng(_PAIRS_SEED)
    smallest = len(people) // folds
    count = min(pairs, smallest * STILLS * (STILLS - 1) // 2, smallest * (smallest - 1) // 2 * STILLS**2)
    lines = [f"{folds}\t{count}"]
    for fold in range(folds):
        members = [person_name(person) for person in people[fold::folds]]
        genuine = [(k, a, b) for k in range(len(members)) for a in range(STILLS) for b in range(a + 1, STILLS)]
        for index in rng.choice(len(genuine), count, replace=False):
            k, a, b = genuine[index]
            lines.append(f"{members[k]}\t{a + 1}\t{b + 1}")
        seen: set[tuple[int, int, int, int]] = set()
        while len(seen) < count:
            first, second = np.sort(rng.choice(len(members), 2, replace=False)).tolist()
            a, b = rng.integers(1, STILLS + 1, 2).tolist()
            if (first, a, second, b) not in seen:
                seen.add((first, a, second, b))
                lines.append(f"{members[first]}\t{a}\t{members[second]}\t{b}")
    return "\n".join(lines) + "\n"


def _points_file(folder: Path, person: int) -> Path:
    return folder / "points" / f"{person}.csv"


if __name__ == "__main__":
    _folder, *_people = sys.argv[1:]
    sys.exit(serve(_people, lambda person: render_person(Path(_folder), person)))
