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
from canon_core.datasets.bin_dataset import read_bin_dataset
from canon_core.datasets.detector import DetectorFile
from canon_core.datasets.faces import FaceImages, Problem
from canon_core.datasets.folder import list_images, subject_of
from canon_core.datasets.ijb import read_ijb
from canon_core.datasets.lfw import FoldProtocol, read_pairs
from canon_core.datasets.measure import measure_images
from canon_core.datasets.nist import read_nist
from canon_core.datasets.options import TEMPLATE_FORMATS, DatasetOptions
from canon_core.datasets.recognise import recognise
from canon_core.datasets.template_faces import read_template_faces
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.datasets.text_file import remarks
from canon_core.errors import DatasetError, SettingsError
from canon_core.jobs import JobContext

#: By which LFW is recognised, in the folder or its parent.
PAIRS_NAME: Final = "pairs.txt"


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A dataset as it was read.

    Attributes
    ----------
    format : str
        One of :data:`~canon_core.datasets.options.FORMATS` but ``auto``.
    faces : FaceImages
        Its images; ``faces.problems`` names every image and pair that was left out. ``faces.root`` need not be the
        folder that was given: it is where the images lie, above, below or (unpacked) beside it.
    folds : FoldProtocol or None
        Of ``lfw`` and ``bin``.
    notes : tuple of str
        What is missing or not as published, and what was recognised or assumed, and why, in sentences for the user.
    templates : TemplateProtocols or None
        Of ``ijbc``, ``ijbb``, ``nist`` and ``bin``.
    sources : tuple of Path
        Files besides the images that it was read from; empty for folders of identities.
    """

    format: str
    faces: FaceImages
    folds: FoldProtocol | None
    notes: tuple[str, ...]
    templates: TemplateProtocols | None = None
    sources: tuple[Path, ...] = ()


def read_dataset(
    path: Path,
    options: DatasetOptions,
    ctx: JobContext,
    known: FaceImages | None = None,
    *,
    unpack_to: Path | None = None,
) -> LoadedDataset:
    """Read a dataset in any format (house plan, *Protocols*).

    In a folder of identities (and in LFW) one sub-folder is a subject; an image's id is its posix path below ``path``,
    and images are in the order of their ids. In a template dataset images are in the order of its files. Where the
    faces lie is said by the set itself, else by :func:`~canon_core.datasets.alignment.locate_faces`; where nothing is
    known, ``faces.alignment`` is None and networks that want an aligned face refuse the dataset. Unreadable, damaged
    and faceless images are left out and named, the others go on. A template dataset may be without images.

    Parameters
    ----------
    path : Path
        The folder, or the ``.bin`` file.
    options : DatasetOptions
        What the user said about it.
    ctx : JobContext
        Progress and cancellation.
    known : FaceImages, optional
        The dataset as it was read before: unchanged images (path, size, modification time) are not read again.
    unpack_to : Path, optional
        Folder of its own that the images of a ``.bin`` file are unpacked into.

    Raises
    ------
    SettingsError
        When options contradict each other or what was recognised.
    DatasetError
        When the dataset holds no usable image, or one of its files or a file that was named is at fault.
    StoreError
        When the images of a ``.bin`` file cannot be unpacked.
    Cancelled
        When the job was cancelled.
    """
    options.check()
    root = Path(os.path.abspath(path))
    detector = _open_detector(options)
    reasons: tuple[str, ...] = ()
    if options.format == "auto" and options.pairs is None:
        format, reasons = recognise(root)  # noqa: A001
        if format in TEMPLATE_FORMATS:
            options = _recognised(options, format, reasons[-1])
    if options.format == "bin":
        return _read_bin(root, options, ctx, known, detector, unpack_to)
    if options.format in TEMPLATE_FORMATS:
        return _read_templates(root, options, ctx, known, detector)
    try:
        loaded = _read_folder(root, options, ctx, known, detector)
    except DatasetError as error:
        if len(reasons) < 2 or not error.problem.startswith("holds no "):
            raise
        if next(root.iterdir(), None) is None:
            raise
        looked = f"{error.remedy}. Nor is it a set with protocol files of its own: {'; '.join(reasons[:2])}"
        raise DatasetError(error.problem, path=root, remedy=looked) from error
    if loaded.format == "folder" and len(reasons) > 1:
        loaded = replace(loaded, notes=(*loaded.notes, f"other formats were looked for: {'; '.join(reasons[:2])}"))
    return loaded


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
def _recognised(options: DatasetOptions, format: str, reason: str) -> DatasetOptions:  # noqa: A002
    options = replace(options, format=format)
    try:
        options.check()
    except SettingsError as error:
        remedy = f"{error.remedy} (recognised: {reason}; --format folder would read it as a folder of identities)"
        raise SettingsError(error.problem, path=error.path, remedy=remedy) from error
    return options


def _read_bin(
    path: Path,
    options: DatasetOptions,
    ctx: JobContext,
    known: FaceImages | None,
    detector: DetectorFile | None,
    unpack_to: Path | None,
) -> LoadedDataset:
    if unpack_to is None:
        raise SettingsError(
            "a .bin file's images must be unpacked, and nothing says where", path=path, remedy="name a folder for them"
        )
    found = read_bin_dataset(path, unpack_to, options, ctx, known, detector)
    return LoadedDataset("bin", found.faces, found.folds, found.notes, found.templates, (path,))


def _read_templates(
    path: Path, options: DatasetOptions, ctx: JobContext, known: FaceImages | None, detector: DetectorFile | None
) -> LoadedDataset:
    read = read_nist(path, ctx) if options.format == "nist" else read_ijb(path, ctx, format=options.format)
    dataset, faces, notes = read_template_faces(read, options, ctx, known, detector)
    protocols = TemplateProtocols(dataset.protocol, dataset.search, dataset.covariates)
    said = (*dataset.warnings, *dataset.notes, *notes)
    return LoadedDataset(dataset.format, faces, None, said, protocols, dataset.sources)


def _open_detector(options: DatasetOptions) -> DetectorFile | None:
    if options.detector is None:
        return None
    detector = DetectorFile(options.detector)
    detector.open()  # a bad file is told before the images are read
    return detector


def _read_folder(
    root: Path, options: DatasetOptions, ctx: JobContext, known: FaceImages | None, detector: DetectorFile | None
) -> LoadedDataset:
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
    folds, pair_problems, recognised, pairs = _read_folds(root, faces, options)
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
    if folds is None or pairs is None:
        return LoadedDataset("folder", faces, None, tuple(notes))
    return LoadedDataset("lfw", faces, folds, (*remarks(pairs), *notes), sources=(pairs,))


def _read_folds(
    root: Path, faces: FaceImages, options: DatasetOptions
) -> tuple[FoldProtocol | None, tuple[Problem, ...], str, Path | None]:
    """The folds with the pairs left out of them, what was recognised by what, and the file with the pairs."""
    people = f"{_count(len(faces), 'image')} of {_count(len(faces.subject_names), 'subject')}"
    if options.format == "folder":
        return None, (), f"a folder of identities: {people}", None
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
            return folds, problems, f"LFW, by {path}: {people}, {counts}", path
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
    return None, (), f"a folder of identities: {people}{refusal}", None


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
