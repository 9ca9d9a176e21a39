"""A study got from somebody may hold links: nothing is written or deleted through them, so nothing outside it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from canon_core.errors import StudyError


def refuse_links(study: Path, rooms: Iterable[str]) -> None:
    """See to it that a study's rooms, and what lies in them, are its own.

    Raises
    ------
    StudyError
        When one of them is a symbolic link, or a junction of Windows.
    """
    real = Path(os.path.realpath(study))
    for path in _entries(study, rooms):
        if os.path.realpath(path) != str(real / path.relative_to(study)):
            raise StudyError(
                f"its '{path.relative_to(study)}' is a link to somewhere else: what is deleted or written there would"
                " not be the study's",
                path=study,
                remedy="put the files themselves in its place, or open the study read-only",
            )


def delete_own(study: Path, paths: Iterable[Path]) -> int:
    """Delete files of a study, none that lies elsewhere; the bytes freed."""
    real, freed = os.path.realpath(study), 0
    for path in list(paths):
        if not Path(os.path.realpath(path.parent)).is_relative_to(real):
            continue
        try:
            size = path.lstat().st_size
            path.unlink()
        except FileNotFoundError:
            continue
        freed += size
    return freed


def _entries(study: Path, rooms: Iterable[str]) -> Iterator[Path]:
    """Rooms, what lies in them, and what lies in their folders."""
    for room in rooms:
        yield study / room
        for entry in _inside(study / room):
            yield entry
            yield from _inside(entry)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
    except OSError:
        return []
