"""Images that come packed in one file: unpacked beside the study's own until it is certain that they are to stay."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from canon_core.datasets.reader import LoadedDataset
from canon_core.errors import StoreError
from canon_core.store.atomic import errors_name
from canon_core.study.dataset_files import unpacked_images
from canon_core.study.manifest import DatasetRecord
from canon_core.study.register import Register

#: Held while a dataset's images are unpacked beside its own: another thread would delete them.
_BUSY: Final[defaultdict[Path, threading.Lock]] = defaultdict(threading.Lock)


@contextmanager
def unpacking(register: Register, record: DatasetRecord) -> Iterator[Path]:
    """A folder that a dataset's images may be unpacked into, beside those it has; it goes when the block ends, unless
    :func:`keep_unpacked` put it in their place. Of a study open for reading only it lies elsewhere.

    One that a killed process left stays, empty, until then: it says that the images in their place may not be those
    that the manifest names.
    """
    if register.read_only:
        with tempfile.TemporaryDirectory(prefix="canon-") as private:
            yield Path(private) / "images"
        return
    beside = _beside(register.folder, record.folder)
    with _BUSY[beside] if record.format == "bin" else nullcontext():
        left = beside.is_dir()
        _empty(beside)
        try:
            yield beside
        except StoreError:
            left = True  # they may be those the manifest names
            raise
        finally:
            _empty(beside)
            if not left:
                shutil.rmtree(beside, ignore_errors=True)


def is_unpacked(register: Register, folder: str) -> bool:
    """Whether a dataset's images are in their place, and no process was killed before it put others there."""
    own, beside = unpacked_images(register.folder, folder), _beside(register.folder, folder)
    if own.is_dir() and not beside.is_dir():
        if not register.read_only:
            shutil.rmtree(_old(register.folder, folder), ignore_errors=True)  # the place of these is taken
        return True
    return False


def as_kept(loaded: LoadedDataset, beside: Path, register: Register, folder: str) -> LoadedDataset:
    """What was read, its images where they lie once they are kept."""
    if loaded.faces.root != beside:
        return loaded
    return replace(loaded, faces=replace(loaded.faces, root=unpacked_images(register.folder, folder)))


def keep_unpacked(beside: Path, register: Register, folder: str) -> None:
    """Put what was unpacked in the place of the images the dataset had; without effect where nothing was.

    The manifest names them already: where this is cut short, they are unpacked again when the dataset is looked at.

    Raises
    ------
    StoreError
        For what the operating system refuses.
    """
    if register.read_only or not beside.is_dir():
        return
    own, old = unpacked_images(register.folder, folder), _old(register.folder, folder)
    with errors_name(own):
        shutil.rmtree(old, ignore_errors=True)
        if own.exists():
            os.replace(own, old)
        os.replace(beside, own)
    shutil.rmtree(old, ignore_errors=True)


def forget_unpacked(register: Register, folder: str) -> None:
    """Delete the images of a removed dataset, with what a killed process left of them."""
    for name in (folder, f"{folder}~next", f"{folder}~old"):  # no dataset's own folder has a tilde
        shutil.rmtree(unpacked_images(register.folder, name), ignore_errors=True)


def _beside(study: Path, folder: str) -> Path:
    return unpacked_images(study, f"{folder}~next")


def _old(study: Path, folder: str) -> Path:
    return unpacked_images(study, f"{folder}~old")


def _empty(folder: Path) -> None:
    with suppress(OSError):
        for path in list(folder.iterdir()):
            path.unlink()
