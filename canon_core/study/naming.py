"""What studies, models and datasets are called, and the folders made of those names."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from canon_core.errors import StudyError, UnknownName
from canon_core.study.manifest import NAME_PATTERN

_NAME = re.compile(NAME_PATTERN, re.ASCII)


def study_path(path: str | Path) -> Path:
    """Absolute path of a study: ``.canon`` appended where missing."""
    absolute = Path(os.path.abspath(path))
    return absolute if absolute.suffix == ".canon" else absolute.with_name(absolute.name + ".canon")


def new_study_path(path: str | Path) -> Path:
    """Where a new study of that name lies; a name that only says where (none, ``.``, ``..``, ``/``) names no study.

    Raises
    ------
    StudyError
        When it is no name.
    """
    name = Path(path).name
    if name.removesuffix(".canon") in ("", ".", ".."):
        raise StudyError(
            f"'{path}' is no name for a study" if str(path) not in ("", ".") else "a study needs a name",
            remedy="name a new folder, such as faces.canon",
        )
    return study_path(path)


def free_name(asked: str | None, default: str, taken: Iterable[str], what: str, study: Path) -> str:
    """A name for something new: the one asked for, or the default made to fit.

    Raises
    ------
    StudyError
        When the name asked for is taken or not allowed.
    """
    names = set(taken)
    if asked is not None:
        if not _NAME.fullmatch(asked) or "," in asked:
            raise StudyError(
                f"'{asked}' cannot be a {what}'s name",
                remedy="use up to 64 letters, digits, spaces and . _ + -, beginning with a letter or digit",
            )
        if asked in names:
            raise StudyError(f"there is a {what} '{asked}' already", path=study, remedy="choose another with --name")
        return asked
    base = re.sub(r"[^\w .+-]", "_", default, flags=re.ASCII).lstrip(" .+-")[:60] or what
    name, number = base, 2
    while name in names:
        name, number = f"{base}-{number}", number + 1
    return name


def folder_name(name: str, taken: Iterable[str]) -> str:
    """A folder for something of that name, other than those taken also where case does not count."""
    base = re.sub(r"[^A-Za-z0-9._+-]", "_", name)
    folders = {folder.casefold() for folder in taken}  # case-insensitive file systems
    folder, number = base, 2
    while folder.casefold() in folders:
        folder, number = f"{base}-{number}", number + 1
    return folder


def unknown(what: str, name: str, known: list[str], study: Path) -> UnknownName:
    """The error that there is none of that name, which names the nearest."""
    near = difflib.get_close_matches(name, known, 1)
    if near:
        remedy = f"did you mean '{near[0]}'"
    elif known:
        remedy = f"it has {', '.join(known)}"
    else:
        remedy = f"add one first with `canon add-{what}`"
    return UnknownName(f"no {what} '{name}'", path=study, remedy=remedy)
