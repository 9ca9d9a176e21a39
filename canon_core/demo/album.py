"""Albums: many photographs of synthetic people as aligned crops, the same pixels for the same numbers.

Run as ``python -m canon_core.demo.album FOLDER COUNT PERSON …`` it writes the albums of these people.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.camera import Frame
from canon_core.demo.conditions import draw_conditions
from canon_core.demo.head import build_head
from canon_core.demo.identity import draw_identity
from canon_core.demo.render import render_head
from canon_core.demo.workers import serve, share_among_processes
from canon_core.jobs import JobContext

#: Harder than portraits, easier than the demo's stills: what shallow networks can still tell apart.
_HARDNESS: Final = 0.7
_COVER_SHARE: Final = 0.12
#: Photographs taken of one expression before the face changes: building a head takes longer than seeing it.
_PER_HEAD: Final = 2
_JPEG_QUALITY: Final = 95


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
    share_among_processes(
        "canon_core.demo.album",
        [str(folder), str(count)],
        people,
        lambda person: write_album(folder, person, count),
        folder,
        ctx,
        images=[count] * len(people),
        what="rendering faces",
    )


if __name__ == "__main__":
    _folder, _count, *_people = sys.argv[1:]
    sys.exit(serve(_people, lambda person: write_album(Path(_folder), person, int(_count))))
