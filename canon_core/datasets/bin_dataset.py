"""A verification set of InsightFace as a dataset: unpacked images, pairs in folds, and one template an image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from canon_core.datasets.alignment import locate_faces
from canon_core.datasets.detector import DetectorFile
from canon_core.datasets.faces import FaceImages, Problem
from canon_core.datasets.lfw import FoldProtocol
from canon_core.datasets.measure import measure_images
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.protocol_building import build_protocol, contradictions
from canon_core.datasets.template_protocol import (
    TemplateProtocols,
    VerificationProtocol,
)
from canon_core.datasets.verification_bin import VerificationBin, read_bin
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext


@dataclass(frozen=True, eq=False)
class BinDataset:
    """What a verification set holds.

    Attributes
    ----------
    faces : FaceImages
        Its images, in the order of the file.
    folds : FoldProtocol
        Its pairs in ten folds.
    templates : TemplateProtocols
        The same pairs of templates of one image each; the first image of a pair is the enrolment template.
    notes : tuple of str
        What was recognised and assumed, warnings first.
    """

    faces: FaceImages
    folds: FoldProtocol
    templates: TemplateProtocols
    notes: tuple[str, ...]


def read_bin_dataset(
    path: Path,
    folder: Path,
    options: DatasetOptions,
    ctx: JobContext,
    known: FaceImages | None = None,
    detector: DetectorFile | None = None,
) -> BinDataset:
    """Unpack a verification set into ``folder`` and read it.

    The file does not say who its images show. Images are of one subject where genuine pairs or equal bytes link them;
    so one person may count as several subjects.

    Raises
    ------
    DatasetError
        When it is no verification set, or none of its images can be used.
    StoreError
        When the images cannot be written.
    Cancelled
        When the job was cancelled.
    """
    found = read_bin(path, ctx)
    names = found.unpack(folder, ctx)
    measured, problems = measure_images(folder, names, ctx, known=known, detector=detector)
    if not measured:
        raise DatasetError(
            f"none of its {len(names):,} images can be used ({problems[0].image}: {problems[0].reason})", path=path
        )
    faces, assumed = locate_faces(folder, measured, options, detector.sha256 if detector is not None else "")
    problems = [*problems, *faces.problems]
    protocol = _protocol(found)
    subjects = protocol.subjects[protocol.template]
    row_of = {name: row for row, name in enumerate(names)}
    rows = np.array([row_of[name] for name in faces.ids], np.int64)
    kept = np.zeros(len(names), bool)
    kept[rows] = True
    warnings = list(found.warnings)
    wrong = int(np.count_nonzero(contradictions(protocol)))
    if wrong:
        warnings.append(
            f"{path.name}: the labels of {wrong:,} pairs contradict each other, by way of other pairs or equal images"
        )
    folds, dropped = _folds(found.folds, kept, names)
    if not len(folds):
        raise DatasetError("holds no pair of which both images can be used", path=path, remedy="get the file again")
    if dropped:
        warnings.append(
            f"{len(names) - len(rows):,} of {len(names):,} images cannot be used: {len(dropped):,} of {len(found):,} "
            "pairs were left out with them"
        )
    faces = replace(faces, subjects=tuple(map(str, subjects[kept].tolist())), problems=(*problems, *dropped))
    note = (
        f"a verification set of InsightFace, by {path}: {len(faces):,} images, {len(folds):,} pairs "
        f"({int(np.count_nonzero(folds.genuine)):,} genuine) in {folds.folds} folds; images are of one subject where "
        "genuine pairs or equal bytes link them"
    )
    return BinDataset(faces, folds, TemplateProtocols(protocol.keep_images(kept)), (*warnings, note, *assumed))


# -- private ---------------------------------------------------------------------------------------------------------
def _protocol(found: VerificationBin) -> VerificationProtocol:
    """A template an image, with the ids 0, 1, 2, …"""
    count = len(found.images)
    rows = np.arange(count)
    first = {data: row for row, data in reversed(list(enumerate(found.images)))}
    original = np.array([first[data] for data in found.images])
    linked = build_protocol(
        rows,
        rows,
        np.concatenate([rows[::2], rows]),
        np.concatenate([rows[1::2], original]),
        np.concatenate([found.genuine, np.ones(count, bool)]),
        pair_file=found.path,
    )
    return build_protocol(
        rows,
        rows,
        rows[::2],
        rows[1::2],
        found.genuine,
        known_subjects=(linked.template_ids, linked.subjects),
        pair_file=found.path,
    )


def _folds(folds: FoldProtocol, kept: np.ndarray, names: tuple[str, ...]) -> tuple[FoldProtocol, list[Problem]]:
    """The pairs whose images both stay, by their new rows; and the others, by name."""
    both = kept[folds.first] & kept[folds.second]
    row = (np.cumsum(kept) - 1).astype(np.int32)
    dropped = [
        Problem(
            f"{names[folds.first[pair]]} and {names[folds.second[pair]]}",
            f"pair {pair + 1} was left out: an image of it cannot be used",
        )
        for pair in np.flatnonzero(~both).tolist()
    ]
    left = FoldProtocol(row[folds.first[both]], row[folds.second[both]], folds.genuine[both], folds.fold[both])
    return left, dropped
