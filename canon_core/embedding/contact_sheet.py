"""A contact sheet: what a network will see of some of a dataset's faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.images import opencv, read_image
from canon_core.embedding.align import align_face
from canon_core.errors import DatasetError, SettingsError
from canon_core.jobs import JobContext
from canon_core.models.spec import InputSpec, ModelSpec

#: Pixels between two tiles, and height of a caption's line; lines that a caption has at most.
GAP: Final = 6
CAPTION: Final = 14
_MOST_LINES: Final = 4
BACKGROUND: Final = (24, 24, 24)
_FAILED: Final = (72, 24, 24)
_INK: Final = (225, 225, 225)
#: Sheets beyond this many tiles are no longer looked at, and would not fit in memory either.
_MAX_TILES: Final = 2_000


@dataclass(frozen=True, eq=False)
class ContactSheet:
    """Tiles in rows from left to right.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
        RGB.
    ids : tuple of str
        Image of each tile.
    columns : int
        Tiles in a row.
    tile : int
        Side of a tile in pixels.
    corners : tuple of (x, y)
        Left upper corner of each tile in ``pixels``.
    failed : tuple of (id, reason)
        Images whose tile is a dark one with the reason instead of a face.
    """

    pixels: NDArray[np.uint8]
    ids: tuple[str, ...]
    columns: int
    tile: int
    corners: tuple[tuple[int, int], ...]
    failed: tuple[tuple[str, str], ...]


def sample_indices(faces: FaceImages, count: int, seed: int = 0) -> NDArray[np.intp]:
    """Rows of ``count`` images drawn without replacement (all, where there are fewer), in the dataset's order."""
    if count >= len(faces):
        return np.arange(len(faces), dtype=np.intp)
    drawn = np.random.default_rng(seed).choice(len(faces), size=max(0, count), replace=False)
    return np.sort(drawn).astype(np.intp)


def contact_sheet(
    faces: FaceImages,
    spec: ModelSpec,
    indices: Sequence[int] | NDArray[np.integer],
    *,
    columns: int = 8,
    tile: int = 112,
    captions: bool = True,
    named: bool = False,
    ctx: JobContext | None = None,
) -> ContactSheet:
    """Draw the crops that a network sees of some images.

    Crops are shown as people look at them, in RGB whatever order the network takes, and gray where it takes gray. A
    crop that is not square keeps its shape. An image that cannot be read or aligned gets a dark tile with the reason,
    never another image.

    Parameters
    ----------
    faces : FaceImages
        The dataset.
    spec : ModelSpec
        Of the network.
    indices : sequence of int
        Rows of ``faces``, in the order of the tiles.
    columns, tile : int
        Tiles in a row, and their side in pixels.
    captions : bool
        Write the image's number in the dataset, from 0, under its tile.
    named : bool
        Write its name instead, in as many lines as it needs.
    ctx : JobContext, optional
        Asked before each tile whether to go on.

    Raises
    ------
    SettingsError
        When the network wants an aligned face and the dataset does not say where faces are; no image; too many.
    """
    rows = [int(index) for index in indices]
    if not 0 < len(rows) <= _MAX_TILES:
        raise SettingsError(
            f"a contact sheet of {len(rows):,} images cannot be drawn", remedy=f"choose 1 to {_MAX_TILES:,} images"
        )
    columns = max(1, min(columns, len(rows)))
    texts = [faces.ids[row].rsplit("/", 1)[-1] if named else str(row) for row in rows]
    words = [caption_lines(text, tile) if captions else [] for text in texts]
    step_x, step_y = tile + GAP, tile + GAP + CAPTION * max(map(len, words))
    height = GAP + step_y * -(-len(rows) // columns)
    pixels = np.empty((height, GAP + step_x * columns, 3), np.uint8)
    pixels[:] = BACKGROUND
    corners: list[tuple[int, int]] = []
    failed: list[tuple[str, str]] = []
    for place, row in enumerate(rows):
        if ctx is not None:
            ctx.check()
            ctx.report(place, len(rows), "drawing faces")
        x, y = GAP + step_x * (place % columns), GAP + step_y * (place // columns)
        corners.append((x, y))
        try:
            shown = fitted(as_seen(faces, row, spec.input), tile)
        except DatasetError as error:
            failed.append((faces.ids[row], error.problem))
            shown = _failed_tile(error.problem, tile)
        top, left = (tile - shown.shape[0]) // 2, (tile - shown.shape[1]) // 2
        pixels[y + top : y + top + shown.shape[0], x + left : x + left + shown.shape[1]] = shown
        for number, line in enumerate(words[place]):
            write_text(pixels, line, x, y + tile + CAPTION * (number + 1) - 4, tile)
    return ContactSheet(pixels, tuple(faces.ids[row] for row in rows), columns, tile, tuple(corners), tuple(failed))


# -- private ---------------------------------------------------------------------------------------------------------
def as_seen(faces: FaceImages, row: int, spec: InputSpec) -> NDArray[np.uint8]:
    """One crop in RGB, gray where the network takes gray."""
    image = read_image(faces.path(row))
    if image.shape[:2] != (faces.height[row], faces.width[row]):
        raise DatasetError("has another size than when it was added", path=faces.path(row))
    crop = align_face(
        image,
        None if faces.landmarks is None else faces.landmarks[row],
        None if faces.boxes is None else faces.boxes[row],
        spec,
        faces.alignment,
    )
    if spec.color != "gray":
        return crop
    cv2 = opencv()
    gray: NDArray[np.uint8] = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return gray


def fitted(crop: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    """The crop with its longer side as long as the tile; untouched where it already is."""
    height, width = crop.shape[:2]
    longest = max(height, width)
    if longest == tile:
        return crop
    cv2 = opencv()
    size = (max(1, round(width * tile / longest)), max(1, round(height * tile / longest)))
    fitted: NDArray[np.uint8] = cv2.resize(
        crop, size, interpolation=cv2.INTER_AREA if longest > tile else cv2.INTER_LINEAR
    )
    return fitted


def _failed_tile(reason: str, tile: int) -> NDArray[np.uint8]:
    pixels = np.empty((tile, tile, 3), np.uint8)
    pixels[:] = _FAILED
    lines = [""]
    for word in reason.split():
        longer = f"{lines[-1]} {word}".strip()
        if _text_width(longer) <= tile - 8:
            lines[-1] = longer
        else:
            lines.append(word)
    lines = [line for line in lines if line][: max(1, (tile - 8) // CAPTION)]
    for number, line in enumerate(lines):
        write_text(pixels, line, 4, 4 + CAPTION * (number + 1) - 3, tile - 8)
    return pixels


_SCALE: Final = 0.75


def _text_width(text: str) -> int:
    cv2 = opencv()
    width: int = cv2.getTextSize(text, cv2.FONT_HERSHEY_PLAIN, _SCALE, 1)[0][0]
    return width


def caption_lines(text: str, width: int) -> list[str]:
    """A name in lines of at most ``width`` pixels, broken after ``_``, ``-``, ``.`` or a space where one is near.

    Beyond four lines it keeps its end, where file names differ.
    """
    rest = text.encode("ascii", "replace").decode("ascii")
    lines: list[str] = []
    while rest and len(lines) < _MOST_LINES - 1 and _text_width(rest) > width:
        fit = next(length for length in range(len(rest), 0, -1) if length == 1 or _text_width(rest[:length]) <= width)
        breaks = [place + 1 for place in range(fit // 2, fit) if rest[place] in "_-. "]
        cut = breaks[-1] if breaks else fit
        lines.append(rest[:cut])
        rest = rest[cut:]
    return [*lines, rest] if rest else lines


def write_text(pixels: NDArray[np.uint8], text: str, x: int, baseline: int, width: int) -> None:
    """Write one line of at most ``width`` pixels; what is too long keeps its end, where file names differ."""
    cv2 = opencv()
    plain = text.encode("ascii", "replace").decode("ascii")
    shown = plain
    while shown and _text_width(shown) > width:
        plain = plain[1:]
        shown = f"..{plain}" if plain else ""
    cv2.putText(pixels, shown, (x, baseline), cv2.FONT_HERSHEY_PLAIN, _SCALE, _INK, 1, cv2.LINE_AA)
