"""Images that come packed in one file: unpacked beside the study's own until it is certain that they are to stay."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from canon_core.datasets.reader import LoadedDataset
from canon_core.store.atomic import store_error
from canon_core.study.dataset_files import unpacked_images
from canon_core.study.register import Register


@contextmanager
def unpacking(register: Register, folder: str) -> Iterator[Path]:
    """A folder that a dataset's images may be unpacked into, beside those it has; it goes when the block ends, unless
    :func:`keep_unpacked` put it in their place. Of a study open for reading only it lies elsewhere."""
    if register.read_only:
        with tempfile.TemporaryDirectory(prefix="canon-") as private:
            yield Path(private) / "images"
        return
    beside = _beside(register.folder, folder)
    shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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
    own, old = unpacked_images(register.folder, folder), unpacked_images(register.folder, f"{folder}~old")
    try:
        shutil.rmtree(old, ignore_errors=True)
        if own.exists():
            os.replace(own, old)
        os.replace(beside, own)
    except OSError as error:
        raise store_error(error, own) from error
    shutil.rmtree(old, ignore_errors=True)


def forget_unpacked(register: Register, folder: str) -> None:
    """Delete the images of a removed dataset, with what a killed process left of them."""
    for name in (folder, f"{folder}~next", f"{folder}~old"):  # no dataset's own folder has a tilde
        shutil.rmtree(unpacked_images(register.folder, name), ignore_errors=True)


def _beside(study: Path, folder: str) -> Path:
    return unpacked_images(study, f"{folder}~next")
