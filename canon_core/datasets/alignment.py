"""Where the faces lie in a dataset's images: what the user said, or what can be assumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.faces import ARCFACE_POINTS, ARCFACE_SIDE, Alignment, FaceImages, Problem
from canon_core.datasets.folder import subject_of
from canon_core.datasets.landmarks import Landmarks, mirrored, read_landmarks, why_unusable
from canon_core.datasets.measure import MeasuredImage
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.text_file import remarks
from canon_core.errors import DatasetError

#: Used where it lies in the dataset's folder and nothing else was said.
LANDMARKS_NAME: Final = "landmarks.csv"


def locate_faces(
    root: Path, measured: Sequence[MeasuredImage], options: DatasetOptions, detector: str = ""
) -> tuple[FaceImages, tuple[str, ...]]:
    """Say where the face lies in each image.

    Parameters
    ----------
    root : Path
        The dataset's folder.
    measured : sequence of MeasuredImage
        Its images, at least one; each with its detection where there was a detector.
    options : DatasetOptions
        What the user said. Where it is nothing: images that all are 112 × 112 are taken as aligned, else a
        ``landmarks.csv`` in the folder is used, else nothing is known.
    detector : str
        sha256 of the detector that looked at the images; empty where none did.

    Returns
    -------
    faces : FaceImages
        Images without usable landmarks are left out, and named in ``problems``.
    notes : tuple of str
        What was assumed.

    Raises
    ------
    DatasetError
        When the images cannot be what the user said, or the file of landmarks is at fault.
    """
    if options.detector is not None:
        return _detected(root, measured, detector)
    if options.aligned is not None:
        _refuse_other_sizes(root, measured)
        return _aligned(root, measured), ()
    if options.landmarks is not None:
        return _from_file(root, measured, options.landmarks)
    if options.whole_image:
        note = "whole images are fed to every network; numbers from whole photographs mean nothing"
        return _build(root, measured, Alignment.WHOLE), (note,)
    nearby = root / LANDMARKS_NAME
    if all((image.width, image.height) == (ARCFACE_SIDE, ARCFACE_SIDE) for image in measured):
        notes = [f"every image is {ARCFACE_SIDE} × {ARCFACE_SIDE}: taken as crops on the ArcFace template"]
        if nearby.is_file():
            notes.append(f"{LANDMARKS_NAME} in the folder was not used, for that reason; --landmarks would use it")
        return _aligned(root, measured), tuple(notes)
    unknown = (
        "nothing says where the faces lie, so networks that want an aligned face refuse these images; give "
        "--landmarks, --detector, --aligned arcface or --whole-image"
    )
    if not nearby.is_file():
        return _build(root, measured, None), (unknown,)
    try:
        faces, notes_of_file = _from_file(root, measured, nearby)
    except DatasetError as error:  # nobody said that this file is ours
        skipped = f"{LANDMARKS_NAME} in the folder was not used: {error.problem}"
        return _build(root, measured, None), (skipped, unknown)
    return faces, (f"landmarks were taken from {LANDMARKS_NAME} in the folder", *notes_of_file)


# -- private ---------------------------------------------------------------------------------------------------------
def _build(
    root: Path,
    measured: Sequence[MeasuredImage],
    alignment: Alignment | None,
    *,
    landmarks: NDArray[np.float32] | None = None,
    boxes: NDArray[np.float32] | None = None,
    scores: NDArray[np.float32] | None = None,
    problems: Sequence[Problem] = (),
    detector: str = "",
) -> FaceImages:
    return FaceImages(
        root=root,
        ids=tuple(image.image for image in measured),
        subjects=tuple(subject_of(image.image) for image in measured),
        sha256=tuple(image.sha256 for image in measured),
        file_size=np.array([image.file_size for image in measured], np.int64),
        mtime_ns=np.array([image.mtime_ns for image in measured], np.int64),
        width=np.array([image.width for image in measured], np.int32),
        height=np.array([image.height for image in measured], np.int32),
        alignment=alignment,
        landmarks=landmarks,
        boxes=boxes,
        scores=scores,
        problems=tuple(problems),
        detector=detector,
    )


def _aligned(root: Path, measured: Sequence[MeasuredImage]) -> FaceImages:
    points = np.repeat(ARCFACE_POINTS[None], len(measured), axis=0)
    return _build(root, measured, Alignment.ALIGNED, landmarks=points)


def _refuse_other_sizes(root: Path, measured: Sequence[MeasuredImage]) -> None:
    side = ARCFACE_SIDE
    others = [image for image in measured if (image.width, image.height) != (side, side)]
    if others:
        first = others[0]
        raise DatasetError(
            f"{len(others):,} of {len(measured):,} images are not {side} × {side} crops "
            f"(first: {first.image}, {first.width} × {first.height})",
            path=root,
            remedy="leave --aligned out and give --landmarks or --detector",
        )


def _detected(root: Path, measured: Sequence[MeasuredImage], detector: str) -> tuple[FaceImages, tuple[str, ...]]:
    found = [(image, image.detection) for image in measured if image.detection is not None]
    faces = _build(
        root,
        [image for image, _ in found],
        Alignment.LANDMARKS,
        landmarks=np.stack([detection.landmarks for _, detection in found]),
        boxes=np.stack([detection.box for _, detection in found]),
        scores=np.array([detection.score for _, detection in found], np.float32),
        detector=detector,
    )
    several = [image.image for image, detection in found if detection.faces > 1]
    if not several:
        return faces, ()
    subject = "1 image shows" if len(several) == 1 else f"{len(several):,} images show"
    return faces, (f"{subject} several faces (first: {several[0]}); the largest near the middle was taken",)


def _from_file(root: Path, measured: Sequence[MeasuredImage], path: Path) -> tuple[FaceImages, tuple[str, ...]]:
    rows = read_landmarks(path, root)
    kept: list[MeasuredImage] = []
    found: list[Landmarks] = []
    problems: list[Problem] = []
    for image in measured:
        row = rows.pop(image.image, None)
        if row is None:
            problems.append(Problem(image.image, f"no landmarks in {path.name}"))
        elif why := why_unusable(row.points, image.width, image.height):
            problems.append(Problem(image.image, f"{why}, says line {row.line} of {path.name}"))
        else:
            kept.append(image)
            found.append(row)
    if not kept:
        raise DatasetError(
            f"holds no usable landmarks for any image in {root} ({problems[0].image}: {problems[0].reason})",
            path=path,
            remedy="write each image's path below that folder in the first column",
        )
    notes = list(remarks(path))
    if rows:
        which = (
            "1 line names no image that was read"
            if len(rows) == 1
            else (f"{len(rows):,} lines name no image that was read")
        )
        notes.append(f"{path.name}: {which} (first: {next(iter(rows))})")
    swapped = sum(mirrored(row.points) for row in found)
    if 2 * swapped > len(found):
        notes.append(
            f"{path.name}: in {swapped:,} of {len(found):,} images the points run from right to left, as if counted "
            "from the subject's side; faces would come out upside down or tiny: look at the contact sheet"
        )
    scores = [row.score for row in found if row.score is not None]
    if scores and len(scores) < len(found):
        notes.append(f"{path.name}: only {len(scores):,} of {len(found):,} images have a score; scores were not used")
    faces = _build(
        root,
        kept,
        Alignment.LANDMARKS,
        landmarks=np.stack([row.points for row in found]),
        scores=np.array(scores, np.float32) if len(scores) == len(found) else None,
        problems=problems,
    )
    return faces, tuple(notes)
