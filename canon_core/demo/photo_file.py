"""How the demo's photographs are stored: their size, their JPEG bytes, and files that are there whole."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv

#: Pixels of a photograph's side; the face takes about half of it.
SIDE: Final = 144
JPEG_QUALITY: Final = 92


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """An RGB image (h, w, 3) as the bytes of a JPEG file."""
    cv2 = opencv()
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data.tobytes())


def write_whole(file: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(file)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
