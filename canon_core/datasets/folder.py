"""Which image files a folder of identities holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canon_core.datasets.faces import Problem
from canon_core.datasets.images import IMAGE_SUFFIXES
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext, system_error
from canon_core.limits import MAX_IMAGES

LAYOUT: Final = "put the images of each subject into a sub-folder of their own"
#: Left behind by operating systems; hidden files are passed over as well.
_LITTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
#: Folders inside folders that are followed; a dataset needs one.
_MAX_DEPTH: Final = 32


@dataclass(frozen=True)
class FolderListing:
    """What lies in a folder of identities.

    Attributes
    ----------
    ids : tuple of str
        Posix path of each image below the folder, in the order of their bytes.
    problems : tuple of Problem
        What looks like an image or a subject's folder but cannot be one.
    others : int
        Files that are no images.
    """

    ids: tuple[str, ...]
    problems: tuple[Problem, ...]
    others: int


def subject_of(image: str) -> str:
    """Who an image shows: the first folder of its id, however deep it lies."""
    return image.split("/", 1)[0]


def list_images(root: Path, ctx: JobContext) -> FolderListing:
    """List the images of a folder of identities, by file name ending and without opening them.

    Links that lead outside the folder are refused, so that a dataset from elsewhere cannot pull in private files.
    Links to folders are not followed at all: inside the dataset they would only count images twice.

    Raises
    ------
    DatasetError
        No folder, unreadable, or without an image in a sub-folder.
    """
    try:
        if not root.is_dir():
            problem = "is a file, not a folder of images" if root.exists() else "no such folder"
            raise DatasetError(problem, path=root, remedy="give the folder that holds one sub-folder a subject")
        os.scandir(root).close()
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(f"cannot be read ({fault.problem})", path=root, remedy=fault.remedy) from error
    real_root = os.path.realpath(root)
    ids: list[str] = []
    problems: list[Problem] = []
    others = 0
    waiting = [""]
    while waiting:
        ctx.check()
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as listing:
                entries = list(listing)
        except OSError as error:
            problems.append(Problem(_shown(folder), f"the folder cannot be read ({system_error(error).problem})"))
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name.casefold() in _LITTER:
                continue
            image = f"{folder}/{entry.name}" if folder else entry.name
            looks_like_image = os.path.splitext(entry.name)[1].casefold() in IMAGE_SUFFIXES
            what = _what(entry, real_root, looks_like_image)
            if what == "folder":
                if image.count("/") < _MAX_DEPTH:
                    waiting.append(image)
                else:
                    problems.append(Problem(_shown(image), "the folder is nested too deeply"))
            elif what == "other":
                others += 1
            elif what == "image" and folder and _shown(image) == image:
                ids.append(image)
                if len(ids) > MAX_IMAGES:
                    raise DatasetError(f"holds more than {MAX_IMAGES:,} images", path=root)
            elif what == "image":
                outside = "lies outside any subject's folder"
                problems.append(Problem(_shown(image), outside if not folder else "its name is not UTF-8 text"))
            else:
                problems.append(Problem(_shown(image), what))
    problems.sort(key=lambda problem: problem.image)
    if not ids:
        raise _no_images(root, problems)
    return FolderListing(tuple(sorted(ids)), tuple(problems), others)


# -- private ---------------------------------------------------------------------------------------------------------
def _what(entry: os.DirEntry[str], real_root: str, looks_like_image: bool) -> str:
    """``folder``, ``image``, ``other``, or why it is none of them."""
    try:
        if not entry.is_symlink():
            if entry.is_dir():
                return "folder"
            return "image" if looks_like_image else "other"
        if entry.is_dir():
            return "is a link to a folder, which is not followed"
        if not looks_like_image:
            return "other"
        if not entry.is_file():
            return "is a link to nothing"
        target = os.path.realpath(entry.path)
        return "image" if os.path.commonpath([target, real_root]) == real_root else "is a link out of the dataset"
    except (OSError, ValueError) as error:  # ValueError: another drive
        return f"cannot be looked at ({error})"


def _shown(name: str) -> str:
    """A file name as text that can be stored: bytes that are not UTF-8 as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _no_images(root: Path, problems: list[Problem]) -> DatasetError:
    if not problems:
        empty = next(root.iterdir(), None) is None
        problem = "holds no images: the folder is empty" if empty else "holds no images, nor do its sub-folders"
        return DatasetError(problem, path=root, remedy=LAYOUT)
    first, rest = problems[0], len(problems) - 1
    more = f" and {rest:,} more like it" if rest else ""
    return DatasetError(f"holds no usable images ({first.image} {first.reason}{more})", path=root, remedy=LAYOUT)
