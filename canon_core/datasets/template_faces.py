"""The images of a template dataset: each file read once, each row's face placed, and unusable rows left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.detector import DetectorFile
from canon_core.datasets.detector_scores import unweighted
from canon_core.datasets.faces import ARCFACE_POINTS, Alignment, FaceImages, Problem, faces_without_images
from canon_core.datasets.landmarks import read_landmarks
from canon_core.datasets.measure import BoxedRows, MeasuredImage, measure_images
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.template_dataset import TemplateDataset, several
from canon_core.datasets.text_file import remarks
from canon_core.errors import DatasetError, SettingsError
from canon_core.jobs import JobContext

_NO_IMAGES: Final = "no images: embeddings made elsewhere can be imported and scored"
#: Scale from a face's points to the ArcFace template below which they are a dot, or the mirror image of a face; faces
#: of 20,000 pixels have a larger one.
_SMALLEST_SCALE: Final = 5e-4


def read_template_faces(
    dataset: TemplateDataset,
    options: DatasetOptions,
    ctx: JobContext,
    known: FaceImages | None = None,
    detector: DetectorFile | None = None,
) -> tuple[TemplateDataset, FaceImages, tuple[str, ...]]:
    """Read the images that the rows of a template dataset are of.

    Parameters
    ----------
    dataset : TemplateDataset
        What its files say.
    options : DatasetOptions
        What the user said.
    ctx : JobContext
        Progress and cancellation.
    known : FaceImages, optional
        The dataset as it was read before.
    detector : DetectorFile, optional
        Finds the points of the face in each row's box.

    Returns
    -------
    dataset : TemplateDataset
        With the rows that can be used.
    faces : FaceImages
        Their images, row by row; without files where nobody has them.
    notes : tuple of str
        What was found out about the images.

    Raises
    ------
    DatasetError
        When no row can be used.
    SettingsError
        When there is a detector and no box to tell whose face is meant.
    Cancelled
        When the job was cancelled.
    """
    if not dataset.has_images:
        return dataset, faces_without_images(dataset.root, dataset.ids, dataset.subjects, dataset.scores), (_NO_IMAGES,)
    absent = {problem.image for problem in dataset.problems}
    files = tuple(name for name in dict.fromkeys(dataset.files) if name not in absent)
    boxes = None if detector is None else _boxed_rows(dataset)
    measured, problems = measure_images(dataset.root, files, ctx, known=known, detector=detector, boxes=boxes)
    if not measured:
        first = (*dataset.problems, *problems)[0]
        raise _unusable(dataset, first)
    image_of = {image.image: row for row, image in enumerate(measured)}
    place = np.fromiter((image_of.get(name, -1) for name in dataset.files), np.int64, len(dataset))
    ctx.check()
    size = np.column_stack([_numbers(measured, "width", np.float64), _numbers(measured, "height", np.float64)])[place]
    reasons: list[_Reason] = []
    said: tuple[str, ...] = ()
    if boxes is not None:
        dataset, reasons = _found_in_boxes(dataset, measured, boxes)
    elif options.landmarks is not None:
        dataset, reasons, said = _with_landmarks(dataset, options.landmarks)
    alignment, more = _place_faces(dataset, size, options)
    reasons += more
    kept = place >= 0
    for rows, _ in reasons:
        kept &= ~rows
    faulty = [*dataset.problems, *problems]
    told = place < 0
    for rows, reason in reasons:
        faulty += [Problem(dataset.ids[row], reason) for row in np.flatnonzero(rows & ~told).tolist()]
        told |= rows
    if not kept.any():
        raise _unusable(dataset, faulty[0])
    notes = (*said, *_remarks(dataset, size, kept, alignment))
    dataset = dataset.keep_images(kept)
    faces = _faces(dataset, [measured[row] for row in place[kept].tolist()], alignment, faulty)
    return dataset, faces if detector is None else replace(faces, detector=detector.sha256), notes


# -- private ---------------------------------------------------------------------------------------------------------
#: Rows that cannot be used, (n,) bool, and why.
_Reason = tuple[NDArray[np.bool_], str]


def _unusable(dataset: TemplateDataset, first: Problem) -> DatasetError:
    return DatasetError(
        f"none of its {len(dataset):,} images can be used ({first.image}: {first.reason})",
        path=dataset.root,
        remedy="check the files, or give another folder",
    )


def _place_faces(
    dataset: TemplateDataset, size: NDArray[np.float64], options: DatasetOptions
) -> tuple[Alignment | None, list[_Reason]]:
    """What is known of the faces' places, and which rows cannot be used for it, and why."""
    if options.whole_image:
        return Alignment.WHOLE, []
    if dataset.landmarks is not None:
        return Alignment.LANDMARKS, [(_no_face(dataset.landmarks), "its landmarks are not those of a face")]
    boxed = _boxed(dataset)
    if dataset.boxes is None or not boxed.any():
        return None, []
    corner, extent = dataset.boxes[:, :2].astype(np.float64), dataset.boxes[:, 2:].astype(np.float64)
    low, high = np.clip(np.rint(corner), 0, size), np.clip(np.rint(corner + extent), 0, size)
    outside = boxed & ~(high - low >= 1).all(axis=1)
    return Alignment.BOXES, [(~boxed, "no face box is given"), (outside, "its face box lies outside the image")]


def _boxed(dataset: TemplateDataset) -> NDArray[np.bool_]:
    """(n,) bool: rows with a box."""
    if dataset.boxes is None:
        return np.zeros(len(dataset), bool)
    return np.asarray(~np.isnan(dataset.boxes).any(axis=1))


def _boxed_rows(dataset: TemplateDataset) -> dict[str, BoxedRows]:
    """Rows with a box, by file; files without one have none."""
    boxed = _boxed(dataset)
    if dataset.boxes is None or not boxed.any():
        raise SettingsError(
            "holds no face boxes, so a detector cannot tell whose face a row is of",
            path=dataset.root,
            remedy="leave --detector out",
        )
    rows: dict[str, list[int]] = {name: [] for name in dataset.files}
    for row in np.flatnonzero(boxed).tolist():
        rows[dataset.files[row]].append(row)
    return {
        name: BoxedRows(tuple(dataset.ids[row] for row in every), dataset.boxes[every]) for name, every in rows.items()
    }


def _found_in_boxes(
    dataset: TemplateDataset, measured: Sequence[MeasuredImage], boxes: Mapping[str, BoxedRows]
) -> tuple[TemplateDataset, list[_Reason]]:
    """The dataset with points, boxes and scores of the detector, and which rows have none."""
    found = {
        name: detection
        for image in measured
        for name, detection in zip(boxes[image.image].ids, image.boxed, strict=True)
        if detection is not None
    }
    rows = [row for row, name in enumerate(dataset.ids) if name in found]
    detections = [found[dataset.ids[row]] for row in rows]
    points = np.zeros((len(dataset), 5, 2), np.float32)
    place = np.zeros((len(dataset), 4), np.float32)
    scores = np.zeros(len(dataset), np.float32)
    missed = _boxed(dataset)
    unboxed = ~missed
    if rows:
        points[rows] = [detection.landmarks for detection in detections]
        place[rows] = [detection.box for detection in detections]
        scores[rows] = [detection.score for detection in detections]
        missed[rows] = False
    reasons = [(unboxed, "no face box is given"), (missed, "no face was found in its box")]
    return replace(dataset, landmarks=points, boxes=place, scores=scores), reasons


def _with_landmarks(dataset: TemplateDataset, path: Path) -> tuple[TemplateDataset, list[_Reason], tuple[str, ...]]:
    """The dataset with points from a file, which rows have none there, and what is to be said of it."""
    rows = read_landmarks(path, dataset.root)
    points = np.zeros((len(dataset), 5, 2), np.float32)
    missed = np.ones(len(dataset), bool)
    scores: list[float | None] = []
    for row, name in enumerate(dataset.ids):
        if (found := rows.pop(name, None)) is not None:
            points[row], missed[row] = found.points, False
            scores.append(found.score)
    said = list(remarks(path))
    if rows:
        said.append(f"{path.name}: {len(rows):,} lines name no row of the dataset (first: {next(iter(rows))})")
    known = [score for score in scores if score is not None]
    weights = None
    if known and len(known) == len(scores):
        weights = np.zeros(len(dataset), np.float32)
        weights[~missed] = known
        said += unweighted(known, path)
    elif known:
        said.append(f"{path.name}: only {len(known):,} of {len(scores):,} rows have a score; scores were not used")
    return replace(dataset, landmarks=points, scores=weights), [(missed, f"no landmarks in {path.name}")], tuple(said)


def _no_face(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) bool: points that no similarity but one with a reflection, or to a dot, brings onto a face."""
    template = ARCFACE_POINTS.astype(np.float64)
    target = (template - template.mean(axis=0)) @ (1, 1j)
    found = (points - points.mean(axis=1, keepdims=True, dtype=np.float64)) @ np.array((1, 1j))
    spread = (np.abs(found) ** 2).sum(axis=1)
    scale = np.abs(found.conj() @ target)
    return np.asarray(~(scale >= _SMALLEST_SCALE * spread) | (spread == 0))


def _remarks(
    dataset: TemplateDataset, size: NDArray[np.float64], kept: NDArray[np.bool_], alignment: Alignment | None
) -> tuple[str, ...]:
    notes = []
    if alignment is Alignment.WHOLE:
        notes.append("whole images are fed to every network; numbers from whole photographs mean nothing")
    if alignment is Alignment.LANDMARKS and dataset.landmarks is not None:
        centre = dataset.landmarks.mean(axis=1, dtype=np.float64)
        far = np.flatnonzero(kept & ((centre < 0) | (centre > size)).any(axis=1))
        if len(far):
            shown = several([dataset.ids[row] for row in far[:4].tolist()])
            notes.append(
                f"the landmarks of {len(far):,} images lie outside them ({shown}): points and images may not belong "
                "together, look at the contact sheet"
            )
    if alignment is Alignment.BOXES:
        notes.append(
            "only face boxes are known, so networks that want five points refuse these images; --detector FILE.onnx "
            "finds points in the boxes"
        )
    if alignment is None:
        notes.append("nothing says where the faces lie, so networks that want an aligned face refuse these images")
    return tuple(notes)


def _faces(
    dataset: TemplateDataset, images: Sequence[MeasuredImage], alignment: Alignment | None, problems: Sequence[Problem]
) -> FaceImages:
    boxes = dataset.boxes if alignment in (Alignment.LANDMARKS, Alignment.BOXES) else None
    if boxes is not None and np.isnan(boxes).any():
        boxes = None  # points are known, and say where the others are
    return FaceImages(
        root=dataset.root,
        ids=dataset.ids,
        subjects=dataset.subjects,
        sha256=tuple(image.sha256 for image in images),
        file_size=_numbers(images, "file_size", np.int64),
        mtime_ns=_numbers(images, "mtime_ns", np.int64),
        width=_numbers(images, "width", np.int32),
        height=_numbers(images, "height", np.int32),
        alignment=alignment,
        landmarks=dataset.landmarks if alignment is Alignment.LANDMARKS else None,
        boxes=boxes,
        scores=dataset.scores,
        problems=tuple(problems),
        files=None if dataset.files == dataset.ids else dataset.files,
    )


def _numbers(images: Sequence[MeasuredImage], name: str, dtype: Any) -> NDArray[Any]:
    return np.fromiter((getattr(image, name) for image in images), dtype, len(images))
