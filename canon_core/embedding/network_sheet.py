"""A picture file of what every network sees of some of a dataset's faces: a contact sheet for each way of seeing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.images import opencv
from canon_core.embedding.contact_sheet import (
    BACKGROUND,
    CAPTION,
    GAP,
    ContactSheet,
    caption_lines,
    contact_sheet,
    sample_indices,
    write_text,
)
from canon_core.errors import SettingsError
from canon_core.models.spec import InputSpec, ModelSpec
from canon_core.store.output import write_output

#: Images drawn of one way of seeing, and of each of several.
_ALONE, _AMONG = 64, 16


@dataclass(frozen=True, eq=False)
class Seen:
    """What some networks see alike: their names, and the sheet of it."""

    networks: tuple[str, ...]
    title: str
    sheet: ContactSheet


def write_contact_sheet(
    faces: FaceImages,
    networks: Mapping[str, ModelSpec],
    target: Path,
    *,
    count: int | None = None,
    columns: int = 8,
    seed: int = 0,
) -> tuple[Seen, ...]:
    """Draw a seeded sample of a dataset as each network sees it, and write it as PNG (readable by its owner only: it
    shows faces).

    Networks with the same alignment and size see the same; they share a sheet, whose heading names them. All sheets
    show the same images.

    Parameters
    ----------
    faces : FaceImages
        The dataset.
    networks : mapping
        Name → spec, in the order of the sheets.
    target : path
        The file.
    count : int, optional
        Images of each sheet; 64 of a single one and 16 of each of several, unless given.
    columns, seed : int
        Tiles in a row; of the images drawn.

    Raises
    ------
    SettingsError
        Without a network, and as :func:`~canon_core.embedding.contact_sheet.contact_sheet`.
    StoreError
        When the file cannot be written.
    """
    if not networks:
        raise SettingsError("a contact sheet shows what a network sees, and there is none", remedy="add one first")
    alike: dict[str, list[str]] = {}
    for name, spec in networks.items():
        alike.setdefault(_way_of_seeing(spec.input), []).append(name)
    titles = {way: f"{', '.join(names)}: {way}" for way, names in alike.items()}
    rows = sample_indices(faces, count or (_ALONE if len(alike) == 1 else _AMONG), seed)
    seen = tuple(
        Seen(tuple(names), titles[way], contact_sheet(faces, networks[names[0]], rows, columns=columns))
        for way, names in alike.items()
    )
    pixels = np.concatenate([_headed(each) for each in seen])
    cv2 = opencv()
    _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    write_output(target, data.tobytes())
    return seen


def _way_of_seeing(given: InputSpec) -> str:
    """All that a crop depends on, in words. The order of the channels is the network's, not the eye's."""
    points = "" if given.points is None else " " + ", ".join(f"({x:g}, {y:g})" for x, y in given.points)
    template = f"points of its own{points}" if given.template is None else given.template
    margin = f", margin {given.margin:g}" if given.template == "box" else ""
    return f"{given.width} x {given.height}, {template}{margin}{', gray' if given.color == 'gray' else ''}"


def _headed(seen: Seen) -> NDArray[np.uint8]:
    """The sheet below its heading."""
    width = seen.sheet.pixels.shape[1]
    lines = caption_lines(seen.title, width - 2 * GAP)
    heading = np.empty((GAP + CAPTION * len(lines), width, 3), np.uint8)
    heading[:] = BACKGROUND
    for number, line in enumerate(lines):
        write_text(heading, line, GAP, GAP + CAPTION * (number + 1) - 4, width - 2 * GAP)
    return np.concatenate([heading, seen.sheet.pixels])
