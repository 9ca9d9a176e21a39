"""A quick look at a folder or file before it is read: which kind of dataset it is, without opening an image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from canon_core.errors import CanonError

from ..wording import window_words

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
#: Sub-folders looked into; after them the answer says "more than".
_LOOKED_INTO = 20_000


@dataclass(frozen=True)
class FolderLook:
    """What a folder or file seems to hold: in one line (:attr:`text`), and why (:attr:`details`).

    Attributes
    ----------
    format : str
        As recognised; empty where nothing was.
    reasons : tuple of str
        What was looked for, and by what it was recognised.
    fault : CanonError or None
        Why nothing was recognised.
    subjects, images : int
        Sub-folders with images, and images, of a folder of people; ``complete`` unless there were too many to count.
    landmarks : Path or None
        A list of landmarks that lies there.
    """

    path: Path
    format: str
    reasons: tuple[str, ...] = ()
    fault: CanonError | None = None
    subjects: int = 0
    images: int = 0
    complete: bool = True
    landmarks: Path | None = None

    @property
    def text(self) -> str:
        """In a sentence."""
        if self.fault is not None:
            return f"Not recognised: {window_words(self.fault.sentence())}"
        if self.format not in ("folder", "lfw"):
            return f"Recognised: {self.reasons[-1]}."
        if not self.images:
            return (
                "No images in its sub-folders: a dataset has one sub-folder a person, with that person's images, or"
                " is IJB-B, IJB-C or a .bin file."
            )
        more = "" if self.complete else "more than "
        text = (
            f"{more}{self.images:,} image{'s' * (self.images != 1)} in {more}{self.subjects:,}"
            f" sub-folder{'s' * (self.subjects != 1)}"
        )
        if self.format == "lfw":
            text += f": {self.reasons[-1]}"
        if self.landmarks is not None:
            text += f"; {self.landmarks.name} is there"
        return f"{text[0].upper()}{text[1:]}."

    @property
    def details(self) -> str:
        """What else was looked for in a folder, a line each; empty where that is no question."""
        return "\n".join(self.reasons[:-1]) if self.format == "folder" else ""


def look_into_folder(path: Path, ctx: JobContext) -> FolderLook:
    """Recognise, and count people and images; runs in the engine. What may not be read counts as empty."""
    from canon_core.datasets.recognise import recognise

    try:
        format, reasons = recognise(path)  # noqa: A001
    except CanonError as error:
        return FolderLook(path, "", fault=error)
    if format not in ("folder", "lfw"):
        return FolderLook(path, format, reasons)
    subjects = images = 0
    folders = _folders(path)
    for folder in folders[:_LOOKED_INTO]:
        ctx.check()
        found = _count_images(folder)
        images += found
        subjects += bool(found)
    landmarks = path / "landmarks.csv"
    return FolderLook(
        path,
        format,
        reasons,
        subjects=subjects,
        images=images,
        complete=len(folders) <= _LOOKED_INTO,
        landmarks=landmarks if _is_file(landmarks) else None,
    )


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
