"""Folders through which embeddings reach the process that computes UMAP: private, and deleted even after a crash."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from canon_core.errors import CanonError
from canon_core.store.lock import StudyLock

_PREFIX: Final = "canon-umap-"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only its owner can read, locked as long as it is used and deleted afterwards."""
    folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)  # 0700: biometric data
    with folder as name, StudyLock(Path(name), "canon overlay"):
        yield Path(name)


def delete_left_behind() -> None:
    """Delete such folders of this user whose owner ended without deleting them: the system freed their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, CanonError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
                continue
            if not (folder / ".lock").exists():  # somebody is about to use it: there is nothing in it yet
                continue
            with StudyLock(folder, "canon overlay"):
                pass
            shutil.rmtree(folder, ignore_errors=True)
