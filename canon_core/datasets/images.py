"""One image file as RGB pixels, whoever wrote it."""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import DatasetError
from canon_core.jobs import system_error
from canon_core.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS

#: File name endings of images, in lower case.
IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

_REMEDY: Final = "replace the file or remove it"


@cache
def opencv() -> ModuleType:
    """OpenCV, bounded and quiet: the one place that imports it.

    The bound on pixels is read from the environment when the library is loaded, so it is set before. One thread each
    call: whole images are spread over threads instead. Its log goes nowhere, because every refusal is told by name.
    """
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_IMAGE_PIXELS)
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    import cv2

    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def read_bytes(path: Path) -> tuple[bytes, os.stat_result]:
    """The file's bytes, and its size and times as they were when it was opened.

    Raises
    ------
    DatasetError
        Missing, unreadable, empty, too large, or no regular file (a pipe would wait for ever).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DatasetError("is not a file", path=path, remedy="remove it or give a file")
            if status.st_size > MAX_IMAGE_BYTES:
                raise DatasetError(
                    f"is larger than {MAX_IMAGE_BYTES // 2**20} MB", path=path, remedy="store it smaller or remove it"
                )
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(status.st_size + 1)  # a buffer of the bound's size would cost more than the reading
        finally:
            os.close(descriptor)
    except OSError as error:
        fault = system_error(error)
        raise DatasetError(f"cannot be read ({fault.problem})", path=path, remedy=fault.remedy) from error
    if not data:
        raise DatasetError("is empty", path=path, remedy=_REMEDY)
    return data, status


def read_image(path: Path, data: bytes | None = None) -> NDArray[np.uint8]:
    """Decode one image.

    Turned upright as its EXIF orientation says, as image viewers and ``cv2.imread`` do, so that points counted on
    what people see fit. Gray becomes three equal channels, 16 bits become 8, transparency is dropped, the first page
    of several is taken.

    Parameters
    ----------
    path : Path
        The file; only named when ``data`` is given.
    data : bytes, optional
        The file's bytes, where they are held already.

    Returns
    -------
    (height, width, 3) uint8
        In RGB order.

    Raises
    ------
    DatasetError
        Unreadable, cut short, damaged, above the bound on pixels, or no image at all.
    """
    if data is None:
        data, _ = read_bytes(path)
    if not data:
        raise DatasetError("is empty", path=path, remedy=_REMEDY)
    if _cut_short(data):
        raise DatasetError("is cut short", path=path, remedy=_REMEDY)
    cv2 = opencv()
    too_large = DatasetError(
        f"has more than {MAX_IMAGE_PIXELS // 10**6} megapixels", path=path, remedy="store it smaller or remove it"
    )
    pixels: NDArray[Any] | None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "MAX_IMAGE" in str(error):
            raise too_large from error
        pixels = None
    except MemoryError as error:
        raise too_large from error
    if pixels is None or pixels.size == 0:
        raise DatasetError("is damaged or not an image that can be decoded", path=path, remedy=_REMEDY)
    if pixels.shape[0] * pixels.shape[1] > MAX_IMAGE_PIXELS:
        raise too_large
    upright: NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return upright


def _cut_short(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end.

    Some decoders fill what is missing of a JPEG with gray and report nothing.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" not in data
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return False  # not segments of a JPEG: the decoder says what it is
        marker = data[position + 1]
        if marker == 0xDA:  # start of the first scan: from here on FF D9 occurs only as the end of the image
            return data.find(b"\xff\xd9", position) < 0
        if marker == 0xFF:  # padding
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD9:  # markers without a length
            position += 2
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return True
