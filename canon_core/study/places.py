"""Where networks and datasets lie now: of the places they may lie in, the one that holds what was added.

A study that was copied or moved alone may find, where its data lay as seen from it, somebody else's of the same name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.images import read_bytes
from canon_core.errors import CanonError, DatasetError
from canon_core.models.onnx_file import content_hash, open_onnx
from canon_core.study.manifest import DatasetRecord, FileStamp, ModelRecord, OutsidePath

#: Images whose size says in which of two places a dataset lies.
_SAMPLED: Final = 100
#: Images whose content says so where sizes do not.
_HASHED: Final = 10


def network_place(record: ModelRecord, study: Path) -> Path:
    """The network's file: where its files have the sizes and times they had when they were hashed, else the nearest
    place. Reads nothing."""
    places = record.file.places(study)
    if len(places) < 2:
        return record.file.locate(study)
    return next((place for place in places if is_unchanged(record, place)), places[0])


def network_by_content(record: ModelRecord, study: Path) -> Path:
    """The same, but where there are two places, the nearest whose content is the network's."""
    places = record.file.places(study)
    if len(places) < 2:
        return record.file.locate(study)
    mine = (place for place in places if is_unchanged(record, place) or _content(place) == record.sha256)
    return next(mine, places[0])


def is_unchanged(record: ModelRecord, file: Path) -> bool:
    """Whether the network's files, the first of them there, have the sizes and times they had when they were hashed."""
    return bool(record.stamps) and all(_has_stamp(file.parent / stamp.name, stamp) for stamp in record.stamps)


def is_elsewhere(path: OutsidePath, found: Path) -> bool:
    """Whether something was found at another place than it was remembered at."""
    try:
        return found != Path(path.absolute) and not os.path.samefile(found, path.absolute)
    except (OSError, ValueError):
        return True


def is_settled(record: DatasetRecord, study: Path) -> bool:
    """Whether a dataset lies where it lay and nowhere else, or is gone."""
    places = record.root.places(study)
    return not any(is_elsewhere(record.root, place) for place in places)


def dataset_in_place(record: DatasetRecord, known: FaceImages | None, study: Path) -> DatasetRecord:
    """The dataset's record as of the place it lies in now.

    Parameters
    ----------
    record : DatasetRecord
        A dataset that is not settled.
    known : FaceImages or None
        Its images as they were last read.
    study : Path
        The study's folder.

    Raises
    ------
    DatasetError
        When what lies there is another dataset.
    """
    places, expected = record.root.places(study), list(_expected(record, known))
    alike = [_alike(place, expected) for place in places]
    nearest, *others = (place for place, count in zip(places, alike, strict=True) if count == max(alike))
    root = nearest  # where two are alike: a copy has its own data
    if others:  # aligned crops without compression are all of one size
        root = max((nearest, *others), key=lambda place: _same_content(place, record, known))
    was = root == Path(record.root.absolute)
    if not was and 2 * max(alike) < len(expected):
        raise DatasetError(
            f"not the dataset '{record.name}' that was added at {record.root.absolute}: {max(alike)} of {len(expected)}"
            " files looked for are there",
            path=root,
            remedy="put it back, say where it lies now with `canon locate`, or add this one as another dataset",
        )

    def settled(path: OutsidePath | None) -> OutsidePath | None:
        if path is None:
            return None
        absolute = Path(path.absolute)
        return OutsidePath.of(absolute if was and absolute in path.places(study) else path.locate(study), study)

    sources = [source.model_copy(update={"file": settled(source.file)}) for source in record.sources]
    named = {name: settled(getattr(record.options, name)) for name in ("landmarks", "pairs", "detector")}
    return record.model_copy(
        update={
            "root": OutsidePath.of(root, study),
            "image_root": record.image_root if record.format == "bin" else settled(record.image_root),
            "options": record.options.model_copy(update=named),
            "sources": tuple(sources),
        }
    )


def _expected(record: DatasetRecord, known: FaceImages | None) -> Iterator[tuple[str, int]]:
    """Path from the dataset's root, and size, of files by which it is told from another one: those its protocol was
    read from, and some of its images."""
    for source in record.sources:
        yield _seen_from(source.file, record.root), source.size
    if known is not None:
        for row, name in _sampled(record, known, _SAMPLED):
            yield name, int(known.file_size[row])


def _sampled(record: DatasetRecord, known: FaceImages, count: int) -> Iterator[tuple[int, str]]:
    """Some of a dataset's images, evenly spaced: row, and path from the dataset's root."""
    if not known.has_images or record.format == "bin":
        return
    below = "." if record.image_root is None else _seen_from(record.image_root, record.root)
    names = known.files or known.ids
    for row in np.unique(np.linspace(0, len(known) - 1, count).astype(int)).tolist() if len(known) else ():
        yield row, os.path.join(below, names[row])


def _seen_from(path: OutsidePath, root: OutsidePath) -> str:
    try:
        return os.path.relpath(path.absolute, root.absolute)
    except ValueError:  # another drive
        return path.absolute


def _alike(place: Path, expected: list[tuple[str, int]]) -> int:
    """How many of these files are there in the size they had."""
    count = 0
    for name, size in expected:
        with suppress(OSError, ValueError):
            count += os.stat(os.path.normpath(place / name)).st_size == size
    return count


def _same_content(place: Path, record: DatasetRecord, known: FaceImages | None) -> int:
    """How many of a few images are there as they were when the dataset was read."""
    if known is None:
        return 0
    count = 0
    for row, name in _sampled(record, known, _HASHED):
        with suppress(CanonError, ValueError):
            data, _ = read_bytes(Path(os.path.normpath(place / name)))
            count += hashlib.sha256(data).hexdigest() == known.sha256[row]
    return count


def _has_stamp(path: Path, stamp: FileStamp) -> bool:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return False
    return (found.st_size, found.st_mtime_ns) == (stamp.size, stamp.mtime_ns)


def _content(file: Path) -> str:
    try:
        return content_hash(file, open_onnx(file).data_files)
    except CanonError:
        return ""
