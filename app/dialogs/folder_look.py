"""A quick look at a folder before it is read: what it seems to be, without opening an image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
#: Sub-folders looked into; after them the answer says "more than".
_LOOKED_INTO = 20_000


@dataclass(frozen=True)
class FolderLook:
    """What a folder seems to hold."""

    path: Path
    subjects: int
    images: int
    complete: bool
    pairs: Path | None
    landmarks: Path | None

    @property
    def text(self) -> str:
        """In a sentence."""
        if not self.images:
            return "No images in its sub-folders: a dataset has one sub-folder a person, with that person's images."
        more = "" if self.complete else "more than "
        text = (
            f"{more}{self.images:,} image{'s' * (self.images != 1)} in {more}{self.subjects:,}"
            f" sub-folder{'s' * (self.subjects != 1)}"
        )
        if self.pairs is not None:
            text += f"; {self.pairs.name} is there: read as LFW, with its folds"
        if self.landmarks is not None:
            text += f"; {self.landmarks.name} is there"
        return text[0].upper() + text[1:] + "."


def look_into_folder(path: Path, ctx: JobContext) -> FolderLook:
    """Count; runs in the engine. What may not be read counts as empty."""
    subjects = images = 0
    folders = _folders(path)
    complete = len(folders) <= _LOOKED_INTO
    for folder in folders[:_LOOKED_INTO]:
        ctx.check()
        found = _count_images(folder)
        images += found
        subjects += bool(found)
    pairs = next((each for each in (path / "pairs.txt", path.parent / "pairs.txt") if _is_file(each)), None)
    landmarks = path / "landmarks.csv"
    return FolderLook(path, subjects, images, complete, pairs, landmarks if _is_file(landmarks) else None)


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _count_images(folder: str) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(os.path.splitext(entry.name)[1].lower() in _IMAGES for entry in entries)
    except OSError:
        return 0


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
