"""How the demo's photographs are stored: their size, and their JPEG bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv
from canon_core.demo.conditions import draw_conditions
from canon_core.demo.identity import draw_identity
from canon_core.demo.render import render_face

#: Pixels of a photograph's side; the face takes about half of it.
SIDE: Final = 144
JPEG_QUALITY: Final = 92
#: People by whose photographs the renderer is known again.
_SAMPLE: Final = (0, 1234, 3599)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """An RGB image (h, w, 3) as the bytes of a JPEG file."""
    cv2 = opencv()
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data.tobytes())


def write_whole(file: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    unfinished.write_bytes(data)
    unfinished.replace(file)


def renderer_mark() -> str:
    """By which photographs of one renderer are told from those of another: sha256 (hex) of a few of them."""
    text = hashlib.sha256()
    for person in _SAMPLE:
        text.update(jpeg(render_face(draw_identity(person), draw_conditions(person), SIDE).image))
    return text.hexdigest()
