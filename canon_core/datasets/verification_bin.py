"""InsightFace's verification sets (``lfw.bin``, ``cfp_fp.bin``, …).

The file is the pickle of (list of 2k encoded images, list of k truth values); images 2i and 2i + 1 are pair i. It is
read without running it (:mod:`canon_core.datasets.harmless_pickle`).
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.harmless_pickle import PickledArray, read_harmless_pickle
from canon_core.datasets.images import IMAGE_SUFFIXES
from canon_core.datasets.lfw import FoldProtocol
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext, system_error
from canon_core.limits import MAX_IMAGE_BYTES
from canon_core.store.atomic import errors_name

#: Bytes of one file; the largest of InsightFace's has about 150 MB.
MAX_BIN_BYTES: Final = 2 * 2**30
#: Bytes that the images may unpack to for each of the file's, and beyond them: a file may name an image of several
#: pairs once (no set has one in more than a few), or one image a million times.
_MAX_EXPANSION: Final = 4
_SLACK_BYTES: Final = 16 * 2**20
#: Pairs that are believed; InsightFace's sets have 6,000 or 7,000.
_MAX_PAIRS: Final = 5_000_000
#: Folds that a verification set is scored in, in the order of its pairs.
FOLDS: Final = 10
_WHAT: Final = "a verification set of InsightFace (a .bin file of encoded images and truth values)"


@dataclass(frozen=True, eq=False)
class VerificationBin:
    """A verification set.

    Attributes
    ----------
    path : Path
        The file.
    images : tuple of bytes
        Encoded images, 2k of them, as they were.
    genuine : (k,) bool
        Whether images 2i and 2i + 1 show one person.
    warnings : tuple of str
        What was harmless but not as it should be.
    """

    path: Path
    images: tuple[bytes, ...]
    genuine: NDArray[np.bool_]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.genuine)

    @property
    def folds(self) -> FoldProtocol:
        """Pairs in ten folds, in the order of the file and as even as they come, the first ones larger by one where
        ten does not divide them (as scikit-learn's KFold without shuffling, which InsightFace uses)."""
        rows = np.arange(0, 2 * len(self), 2, dtype=np.int32)
        parts = np.array_split(np.arange(len(self)), min(FOLDS, max(1, len(self))))
        fold = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
        return FoldProtocol(rows, rows + np.int32(1), self.genuine, fold)

    def names(self) -> tuple[str, ...]:
        """A file name for each image, by its place and by what it is encoded as."""
        width = max(5, len(str(len(self.images))))
        return tuple(f"{row:0{width}d}{_suffix(data)}" for row, data in enumerate(self.images))

    def unpack(self, folder: Path, ctx: JobContext) -> tuple[str, ...]:
        """Write every image into a folder (0700, files 0600) and return their names; files that are there stay.

        Nothing waits for the disk: what a crash leaves behind in halves is seen and written again the next time.

        Raises
        ------
        StoreError
            For what the operating system refuses.
        Cancelled
            When the job was cancelled.
        """
        names = self.names()
        with errors_name(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for row, (name, data) in enumerate(zip(names, self.images, strict=True)):
                ctx.check()
                target = folder / name
                if not (target.is_file() and target.stat().st_size == len(data) and target.read_bytes() == data):
                    _write(target, data)
                ctx.report(row + 1, len(names), f"unpacking {self.path.name}")
        return names


def looks_like_bin(path: Path) -> bool:
    """Whether a file is to be a verification set, by its name; :func:`read_bin` finds out whether it is one."""
    try:
        return path.suffix.casefold() == ".bin" and path.is_file()
    except OSError:
        return False


def read_bin(path: Path, ctx: JobContext) -> VerificationBin:
    """Read a verification set of InsightFace.

    Pickles of Python 2 and 3 are understood, images as bytes or as arrays of uint8, truth values as bool, 0 and 1,
    or an array.

    Parameters
    ----------
    path : Path
        The file.
    ctx : JobContext
        Cancellation.

    Raises
    ------
    DatasetError
        When it is no such pickle, is cut short, holds anything else, or would call a function: nothing of it is run.
    Cancelled
        When the job was cancelled.
    """
    ctx.report(0, 1, f"reading {path.name}")
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            if size > MAX_BIN_BYTES:
                raise DatasetError(f"is larger than {MAX_BIN_BYTES // 2**30} GB", path=path, remedy=f"give {_WHAT}")
            if not size:
                raise DatasetError("is empty", path=path, remedy=f"give {_WHAT}")
            file.seek(0)
            data = file.read(MAX_BIN_BYTES)
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(
            f"cannot be read ({fault.problem})", path=path, remedy=fault.remedy or f"give {_WHAT}"
        ) from error
    if data.startswith(b"\x1f\x8b"):
        raise DatasetError("is compressed with gzip", path=path, remedy="unpack it with gunzip")
    content, end = read_harmless_pickle(path, data, f"give {_WHAT}", ctx)
    rest = len(data) - end
    ctx.check()
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise _fault(path, "holds something else than images and truth values")
    genuine = _truth_values(path, content[1])
    images = _images(path, content[0], _MAX_EXPANSION * len(data) + _SLACK_BYTES)
    if len(images) != 2 * len(genuine):
        raise _fault(path, f"holds {len(images):,} images for {len(genuine):,} pairs instead of two a pair")
    ctx.report(1, 1, f"reading {path.name}")
    warnings = (f"{rest:,} bytes after the end of {path.name} were passed over",) if rest else ()
    return VerificationBin(path, images, genuine, warnings)


# -- private ---------------------------------------------------------------------------------------------------------
def _write(target: Path, data: bytes) -> None:
    target.unlink(missing_ok=True)  # what is there may be a link
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with open(os.open(target, flags, 0o600), "wb") as file:
        file.write(data)


def _fault(path: Path, problem: str) -> DatasetError:
    return DatasetError(problem, path=path, remedy=f"give {_WHAT}")


def _truth_values(path: Path, found: object) -> NDArray[np.bool_]:
    values: list[object]
    if isinstance(found, PickledArray):
        try:
            values = list(found.values().tolist())
        except pickle.UnpicklingError as error:
            raise _fault(path, str(error)) from error
    elif isinstance(found, list | tuple):
        values = list(found)
    else:
        raise _fault(path, "holds no list of truth values")
    if not values:
        raise _fault(path, "holds no pairs")
    if len(values) > _MAX_PAIRS:
        raise _fault(path, f"holds more than {_MAX_PAIRS:,} pairs")
    if any(not isinstance(value, bool | int) or value not in (0, 1) for value in values):
        raise _fault(path, "holds truth values that are neither true nor false")
    return np.array(values, bool)


def _images(path: Path, found: object, most_bytes: int) -> tuple[bytes, ...]:
    if not isinstance(found, list | tuple):
        raise _fault(path, "holds no list of images")
    images, unpacked = [], 0
    for place, image in enumerate(_encoded(path, found)):
        if not 0 < len(image) <= MAX_IMAGE_BYTES:
            raise _fault(path, f"image {place} has {len(image):,} bytes")
        unpacked += len(image)
        if unpacked > most_bytes:
            raise _fault(path, f"its {len(found):,} images unpack to many times its size: the same again and again")
        images.append(image)
    return tuple(images)


def _encoded(path: Path, found: list[object] | tuple[object, ...]) -> Iterator[bytes]:
    for place, image in enumerate(found):
        if isinstance(image, bytes | bytearray):
            yield bytes(image)
        elif isinstance(image, PickledArray):
            try:
                yield image.values().tobytes()
            except pickle.UnpicklingError as error:
                raise _fault(path, f"image {place}: {error}") from error
        else:
            raise _fault(path, f"image {place} is no encoded image")


def _suffix(data: bytes) -> str:
    for magic, suffix in ((b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"RIFF", ".webp")):
        if data.startswith(magic) and suffix in IMAGE_SUFFIXES:
            return suffix
    return ".jpg"
