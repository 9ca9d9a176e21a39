"""FaceImages: the ordered images of a dataset, with what is known of each face."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import DatasetError, StoreError

#: Changes when the meaning of :attr:`FaceImages.fingerprint` changes, so that old embeddings are not taken for new.
_FINGERPRINT_VERSION: Final = b"canon faces 1\n"
_REMEDY: Final = "remove the dataset and add it again"
#: Texts that are looked at in one call.
_PIECE: Final = 20_000
#: Stands for the hash of an image that nobody has.
_NO_IMAGE: Final = "0" * 64

#: (5, 2) float32: eyes, nose, mouth corners of the ArcFace template in its 112 × 112 pixels (facts.md, *Alignment*).
ARCFACE_POINTS: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
ARCFACE_POINTS.flags.writeable = False
#: Width and height of images on that template.
ARCFACE_SIDE: Final = 112


class Alignment(StrEnum):
    """Where a face lies in its image."""

    LANDMARKS = "landmarks"  #: five points, from a file or a detector
    ALIGNED = "arcface"  #: the images are 112 × 112 crops on the ArcFace template
    BOXES = "boxes"  #: only boxes, from a file: enough for networks that want a detector's box
    WHOLE = "whole"  #: unknown; whole images are fed because the user insisted


@dataclass(frozen=True)
class Problem:
    """An image (or a pair of images) that was left out, by name, and why."""

    image: str
    reason: str


@dataclass(frozen=True, eq=False)
class FaceImages:
    """Ordered images; row i of every array, and of every embeddings file made from them, is image ``ids[i]``.

    Attributes
    ----------
    root : Path
        The folder the images lie below.
    ids : tuple of str
        Name of each image, each once; posix path of its file below ``root`` unless ``files`` says otherwise.
    subjects : tuple of str
        Who each image shows.
    sha256 : tuple of str
        Of each image file, hexadecimal; zeros where there are no images (:func:`faces_without_images`).
    file_size, mtime_ns : (n,) int64
        By which an unchanged file is recognised without reading it.
    width, height : (n,) int32
        Of the decoded image (turned upright as its EXIF says).
    alignment : Alignment or None
        None: nothing is known, and networks that want an aligned face refuse these images.
    landmarks : (n, 5, 2) float32 or None
        Eyes, nose, mouth corners (left in the image first) in pixels of the decoded image; of aligned images the
        template's.
    boxes : (n, 4) float32 or None
        Boxes x, y, width, height, of a detector or a file, in pixels of the decoded image.
    scores : (n,) float32 or None
        Detector scores.
    problems : tuple of Problem
        What was left out.
    detector : str
        sha256 of the detector that found the points; empty where none did.
    files : tuple of str or None
        Posix path of each row's image below ``root``, where that is not the id: rows may share a file.
    """

    root: Path
    ids: tuple[str, ...]
    subjects: tuple[str, ...]
    sha256: tuple[str, ...]
    file_size: NDArray[np.int64]
    mtime_ns: NDArray[np.int64]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    alignment: Alignment | None
    landmarks: NDArray[np.float32] | None = None
    boxes: NDArray[np.float32] | None = None
    scores: NDArray[np.float32] | None = None
    problems: tuple[Problem, ...] = ()
    detector: str = ""
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def has_images(self) -> bool:
        """Whether there are image files; without, embeddings made elsewhere are all that can be had."""
        return bool(self.width.any())

    def path(self, row: int) -> Path:
        """File of one image.

        Raises
        ------
        DatasetError
            When there are no images.
        """
        if not self.has_images:
            raise DatasetError(
                "the dataset has no images, only their names", path=self.root, remedy="import embeddings made elsewhere"
            )
        return self.root / (self.files or self.ids)[row]

    @cached_property
    def subject_names(self) -> tuple[str, ...]:
        """Every subject once, sorted; :attr:`subject_codes` count in this order."""
        return tuple(sorted(_distinct(self.subjects)))

    @cached_property
    def subject_codes(self) -> NDArray[np.int32]:
        """(n,) int32: place of each image's subject in :attr:`subject_names`."""
        code = {name: number for number, name in enumerate(self.subject_names)}
        return np.fromiter((code[name] for name in self.subjects), np.int32, len(self.subjects))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over everything embeddings and pairs depend on.

        Order, ids, subjects and bytes of the images, alignment, points, boxes and scores. Not the folder's place, nor
        file times, nor what was left out.
        """
        digest = hashlib.sha256(_FINGERPRINT_VERSION)
        digest.update(f"{len(self)} {self.alignment}\n".encode())
        for texts in (self.ids, self.subjects, self.sha256):  # no file name holds a NUL
            digest.update(("\0".join(texts) + "\0\n").encode("utf-8", "surrogateescape"))
        for name, array in (("landmarks", self.landmarks), ("boxes", self.boxes), ("scores", self.scores)):
            if array is not None:
                digest.update(f"{name} {array.shape}\n".encode())
                digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    def same_but_subjects(self, other: FaceImages) -> bool:
        """Whether these are the same images with the same faces, whoever they are said to show."""
        return replace(self, subjects=()).fingerprint == replace(other, subjects=()).fingerprint

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything but ``root`` as arrays by name, for :func:`canon_core.store.arrays.save_arrays`."""
        arrays: dict[str, NDArray[Any]] = {
            "ids": _text(self.ids),
            "subjects": _text(self.subjects),
            "sha256": _text(self.sha256),
            "file_size": self.file_size,
            "mtime_ns": self.mtime_ns,
            "width": self.width,
            "height": self.height,
            "alignment": _text([self.alignment or "", self.detector]),
            "problem_images": _text(problem.image for problem in self.problems),
            "problem_reasons": _text(problem.reason for problem in self.problems),
        }
        if self.files is not None:
            arrays["files"] = _text(self.files)
        for name in ("landmarks", "boxes", "scores"):
            if (array := getattr(self, name)) is not None:
                arrays[name] = array
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], root: Path, *, path: Path | None = None) -> FaceImages:
        """What :meth:`to_arrays` gave, with ``root`` as the dataset's folder; arrays it does not know are ignored.

        Raises
        ------
        StoreError
            When an array is missing or they do not belong together; ``path`` is named as the file they came from.
        """
        try:
            return _read(arrays, root)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise StoreError(f"the table of images is damaged ({what})", path=path, remedy=_REMEDY) from error


def faces_without_images(
    root: Path, ids: Iterable[str], subjects: Iterable[str], scores: NDArray[np.float32] | None = None
) -> FaceImages:
    """Rows of a dataset of which nobody holds the images: names, subjects and (where known) detector scores.

    Parameters
    ----------
    root : Path
        The dataset's folder, for messages.
    ids, subjects : iterables of str
        Of each row; ids need not be paths.
    scores : (n,) float32, optional
        By which the images of a template are weighted.
    """
    names = tuple(ids)
    nothing = np.zeros(len(names), np.int64)
    return FaceImages(
        root=root,
        ids=names,
        subjects=tuple(subjects),
        sha256=(_NO_IMAGE,) * len(names),
        file_size=nothing,
        mtime_ns=nothing,
        width=nothing.astype(np.int32),
        height=nothing.astype(np.int32),
        alignment=None,
        scores=scores,
    )


# -- private ---------------------------------------------------------------------------------------------------------
def _text(texts: Iterable[str]) -> NDArray[Any]:
    listed = [str(text) for text in texts]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def _read(arrays: Mapping[str, Any], root: Path) -> FaceImages:
    ids = _strings(arrays["ids"])
    count = len(ids)
    if len(_distinct(ids)) < count:
        raise ValueError("an image stands in it twice")
    subjects, hashes = _strings(arrays["subjects"]), _strings(arrays["sha256"])
    files = _strings(arrays["files"]) if "files" in arrays else None
    for title, texts in (("subjects", subjects), ("sha256", hashes), ("files", files)):
        if texts is not None and len(texts) != count:
            raise ValueError(f"{title} has {len(texts)} entries for {count} images")
    if count and {len(text) for text in hashes} != {64}:
        raise ValueError("sha256 holds what is no sha256")
    width = _numbers(arrays["width"], "width", (count,), np.int32)
    if width.any():  # else they are no paths, and nothing is opened
        _refuse_paths(files or ids)
    alignment, detector = _strings(arrays["alignment"])
    images, reasons = _strings(arrays["problem_images"]), _strings(arrays["problem_reasons"])
    return FaceImages(
        root=root,
        ids=ids,
        subjects=subjects,
        sha256=hashes,
        file_size=_numbers(arrays["file_size"], "file_size", (count,), np.int64),
        mtime_ns=_numbers(arrays["mtime_ns"], "mtime_ns", (count,), np.int64),
        width=width,
        height=_numbers(arrays["height"], "height", (count,), np.int32),
        alignment=Alignment(alignment) if alignment else None,
        landmarks=_points(arrays, "landmarks", (count, 5, 2), needed=alignment in ("landmarks", "arcface")),
        boxes=_points(arrays, "boxes", (count, 4), needed=alignment == "boxes"),
        scores=_points(arrays, "scores", (count,)),
        problems=tuple(Problem(*both) for both in zip(images, reasons, strict=True)),
        detector=detector,
        files=files,
    )


def _distinct(texts: tuple[str, ...]) -> set[str]:
    """Each text once; in pieces, because half a million in one call would keep every other thread waiting."""
    found: set[str] = set()
    for start in range(0, len(texts), _PIECE):
        found.update(texts[start : start + _PIECE])
    return found


def _refuse_paths(names: tuple[str, ...]) -> None:
    """Refuse paths that lead out of the dataset. Half a million take a tenth of a second, because only those are taken
    apart that could: those with a drive, a step up, or nothing, a dot or a slash in front."""
    for name in [name for name in names if name[:1] in "./\\" or ".." in name or ":" in name]:
        parts = PurePath(name).parts
        if not parts or PurePath(name).anchor or ".." in parts:
            raise ValueError(f"'{name[:80]}' is no path inside the dataset")


def _strings(array: Any) -> tuple[str, ...]:
    texts = tuple(np.asarray(array).tolist())
    if {type(text) for text in texts} - {str}:
        raise TypeError("numbers where text should be")
    return texts


def _numbers(array: Any, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    found = np.asarray(array)
    kind = np.dtype(dtype).kind
    if found.dtype.kind != kind or found.shape != shape:
        raise ValueError(f"{name} is {found.dtype} {found.shape} instead of {np.dtype(dtype)} {shape}")
    if kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"{name} holds what is no number")
    return found.astype(dtype, copy=False)


def _points(
    arrays: Mapping[str, Any], name: str, shape: tuple[int, ...], *, needed: bool = False
) -> NDArray[np.float32] | None:
    if name not in arrays and not needed:
        return None
    return _numbers(arrays[name], name, shape, np.float32)
