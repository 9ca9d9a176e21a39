"""Folders of rendered faces: known again by a mark in them, and never taken for somebody else's folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.conditions import draw_conditions
from canon_core.demo.identity import draw_identity
from canon_core.demo.photo_file import SIDE
from canon_core.demo.render import render_face
from canon_core.errors import CanonError
from canon_core.store.atomic import write_atomically

Pixels = NDArray[np.uint8]

#: In a folder: whose faces these are, and faces by which the renderer is known again.
_MARK, _SAMPLE = "rendered.json", "rendered.npy"
#: People by whose faces the renderer is known again.
SAMPLED: Final = (0, 1234, 3599)
#: Mean difference of pixels up to which the renderer is the same: another processor may round a level differently.
_SAME_LEVELS: Final = 0.05


def prepare_folder(folder: Path, whose: str) -> bool:
    """Make a folder ready for the faces of ``whose``; faces of other people, or of another renderer, go.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    whose : str
        Everything that decides the faces beside the renderer.

    Returns
    -------
    bool
        Whether nothing that was rendered before is in it.

    Raises
    ------
    CanonError
        Where the folder holds what this program did not render: nothing in it is touched then.
    OSError
        Where it cannot be written, or what is to go cannot be deleted.
    """
    sample = sample_faces()
    mark = folder / _MARK
    if folder.exists() and not mark.is_file():
        if any(folder.iterdir()):
            raise CanonError(
                "is not a folder of the demo's faces, and nothing in it is touched",
                path=folder,
                remedy="choose another with --out, or move this one away",
            )
    elif mark.is_file():
        if json.loads(mark.read_text(encoding="utf-8")) == {"faces": whose} and sampled_alike(folder / _SAMPLE, sample):
            return False
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(mark, json.dumps({"faces": whose}).encode())
    np.save(folder / _SAMPLE, sample)
    return True


def sample_faces() -> Pixels:
    """Some faces, (n, SIDE, SIDE, 3), by which the renderer is known again."""
    return np.stack([render_face(draw_identity(person), draw_conditions(person), SIDE).image for person in SAMPLED])


def sampled_alike(file: Path, sample: Pixels) -> bool:
    """Whether the sample in a file is of the renderer that made this one."""
    try:
        held = np.load(file, allow_pickle=False)
    except (OSError, ValueError):
        return False
    return held.shape == sample.shape and bool(np.abs(held.astype(np.int16) - sample).mean() < _SAME_LEVELS)
