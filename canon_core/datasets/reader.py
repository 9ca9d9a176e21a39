"""Read a dataset: recognise its format, hash and check its images, and say where the faces lie in them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from canon_core.datasets.alignment import LANDMARKS_NAME, locate_faces
from canon_core.datasets.detector import DetectorFile
from canon_core.datasets.faces import FaceImages, Problem
from canon_core.datasets.folder import list_images, subject_of
from canon_core.datasets.lfw import FoldProtocol, read_pairs
from canon_core.datasets.measure import measure_images
from canon_core.datasets.options import DatasetOptions
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

#: By which LFW is recognised, in the folder or its parent.
PAIRS_NAME: Final = "pairs.txt"


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A dataset as it was read.

    Attributes
    ----------
    format : str
        ``folder`` or ``lfw``.
    faces : FaceImages
        Its images; ``faces.problems`` names every image and pair that was left out.
    folds : FoldProtocol or None
        Of ``lfw``.
    notes : tuple of str
        What was recognised or assumed, and why, in sentences for the user.
    """

    format: str
    faces: FaceImages
    folds: FoldProtocol | None
    notes: tuple[str, ...]


def read_dataset(
    path: Path, options: DatasetOptions, ctx: JobContext, known: FaceImages | None = None
) -> LoadedDataset:
    """Read a folder of identities, or LFW (house plan, *Protocols*).

    One sub-folder is a subject; an image's id is its posix path below ``path``, and images are in the order of their
    ids. Where the faces lie is said by :func:`~canon_core.datasets.alignment.locate_faces`; where nothing is known,
    ``faces.alignment`` is None and networks that want an aligned face refuse the dataset. Unreadable, damaged and
    faceless images are left out and named, the others go on.

    Parameters
    ----------
    path : Path
        The folder.
    options : DatasetOptions
        What the user said about it.
    ctx : JobContext
        Progress and cancellation.
    known : FaceImages, optional
        The dataset as it was read before: unchanged images (id, size, modification time) are not read again.

    Raises
    ------
    SettingsError
        When options contradict each other.
    DatasetError
        When the folder holds no usable image, or a file that was named is at fault.
    Cancelled
        When the job was cancelled.
    """
    options.check()
    root = Path(os.path.abspath(path))
    detector = DetectorFile(options.detector) if options.detector is not None else None
    if detector is not None:
        detector.open()  # a bad file is told before the images are read
    listing = list_images(root, ctx)
    ids = draw_per_subject(listing.ids, options.max_per_subject, options.seed)
    measured, problems = measure_images(root, ids, ctx, known=known, detector=detector)
    if not measured:
        raise DatasetError(
            f"none of its {_count(len(ids), 'image')} can be used ({problems[0].image}: {problems[0].reason})",
            path=root,
            remedy="check the files, or give another folder",
        )
    faces, assumed = locate_faces(root, measured, options, detector.sha256 if detector is not None else "")
    faces = replace(faces, problems=(*listing.problems, *problems, *faces.problems))
    folds, pair_problems, recognised = _read_folds(root, faces, options)
    faces = replace(faces, problems=(*faces.problems, *pair_problems))
    notes = [recognised, *assumed]
    if len(ids) < len(listing.ids):
        notes.append(
            f"at most {_count(options.max_per_subject or 0, 'image')} of each subject drawn with seed {options.seed}: "
            f"{len(ids):,} of {len(listing.ids):,}"
        )
    used = sum((root / name).is_file() for name in (PAIRS_NAME, LANDMARKS_NAME))
    if listing.others > used:
        notes.append(f"{_count(listing.others - used, 'file')} that are no images were passed over")
    notes += _remarks(faces)
    return LoadedDataset("folder" if folds is None else "lfw", faces, folds, tuple(notes))


def draw_per_subject(ids: Sequence[str], count: int | None, seed: int) -> tuple[str, ...]:
    """At most ``count`` images of each subject, in the order they had.

    An image's place in the draw is the sha256 of seed and id: the same on every machine and with every version of
    numpy, whatever other subjects there are, and a new image displaces one other at most.
    """
    if count is None:
        return tuple(ids)
    of_subject: dict[str, list[str]] = defaultdict(list)
    for image in ids:
        of_subject[subject_of(image)].append(image)
    drawn: set[str] = set()
    for images in of_subject.values():
        drawn.update(sorted(images, key=lambda image: hashlib.sha256(f"{seed}:{image}".encode()).digest())[:count])
    return tuple(image for image in ids if image in drawn)


# -- private ---------------------------------------------------------------------------------------------------------
def _read_folds(
    root: Path, faces: FaceImages, options: DatasetOptions
) -> tuple[FoldProtocol | None, tuple[Problem, ...], str]:
    """The folds with the pairs left out of them, and what was recognised by what."""
    people = f"{_count(len(faces), 'image')} of {_count(len(faces.subject_names), 'subject')}"
    if options.format == "folder":
        return None, (), f"a folder of identities: {people}"
    candidates = [root / PAIRS_NAME, root.parent / PAIRS_NAME] if options.pairs is None else [options.pairs]
    asked = options.format == "lfw" or options.pairs is not None
    refusal = ""
    for path in candidates:
        if options.pairs is None and not _is_file(path):
            continue
        try:
            folds, problems = read_pairs(path, faces)
        except DatasetError as error:
            if asked or path.parent == root:
                raise
            refusal = f"; {path} was not used: {error.problem}"
            continue
        if len(folds):
            counts = f"{_count(len(folds), 'pair')} in {_count(folds.folds, 'fold')}"
            return folds, problems, f"LFW, by {path}: {people}, {counts}"
        if asked:
            raise DatasetError(
                f"names no pair of images that are in {root}", path=path, remedy="give the pairs of these images"
            )
        refusal = f"; {path} was not used, because it names no pair of these images"
    if asked:
        raise DatasetError(
            f"no {PAIRS_NAME} in the folder or its parent", path=root, remedy="give it with --pairs FILE"
        )
    if not refusal:
        refusal = f" (no {PAIRS_NAME} in it or its parent)"
    return None, (), f"a folder of identities: {people}{refusal}"


def _remarks(faces: FaceImages) -> list[str]:
    """What a user should know of the images before believing numbers from them."""
    remarks = []
    sizes = Counter(faces.subjects)
    if len(sizes) == 1:
        remarks.append("there is one subject only, so there are no impostor pairs")
    elif max(sizes.values()) == 1:
        remarks.append("every subject has one image only, so there are no genuine pairs")
    twins = len(faces) - len(set(faces.sha256))
    if twins:
        first: dict[str, str] = {}
        for image, digest in zip(faces.ids, faces.sha256, strict=True):
            if digest in first:
                remarks.append(
                    f"byte-for-byte copies of another image: {twins:,} (first: {image} of {first[digest]}); "
                    "such pairs score 1"
                )
                break
            first[digest] = image
    return remarks


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a parent folder that may not be looked into
        return False


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
