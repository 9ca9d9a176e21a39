"""A dataset on disk: the list of its images with its folds, and the templates and pairs of its protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.lfw import FoldProtocol
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.errors import StudyError
from canon_core.store.arrays import load_arrays, save_arrays

_AGAIN: Final = "run `canon embed`: the dataset is looked at again"


def save_images(path: Path, faces: FaceImages, folds: FoldProtocol | None) -> None:
    """Write the list of images, and the folds where there are any; as they are, since half a million images are read
    back so in a fraction of a second."""
    arrays: dict[str, np.ndarray[Any, Any]] = dict(faces.to_arrays())
    if folds is not None:
        arrays |= {
            "fold_first": folds.first,
            "fold_second": folds.second,
            "fold_genuine": folds.genuine.astype(np.uint8),
            "fold_fold": folds.fold,
        }
    save_arrays(path, arrays, {"fingerprint": faces.fingerprint}, compress=False)


def load_images(path: Path, root: Path, fingerprint: str, count: int) -> tuple[FaceImages, FoldProtocol | None]:
    """Read what :func:`save_images` wrote of so many images; ``root`` is where they lie now.

    Raises
    ------
    StoreError
        When the file is missing or damaged.
    StudyError
        When it is of other images.
    """
    arrays, attributes = load_arrays(path, remedy=_AGAIN)
    _need("list of images", path, attributes.get("fingerprint"), fingerprint)
    folds = None
    if "fold_first" in arrays:
        folds = FoldProtocol(
            first=arrays.pop("fold_first"),
            second=arrays.pop("fold_second"),
            genuine=arrays.pop("fold_genuine").astype(bool),
            fold=arrays.pop("fold_fold"),
        )
    faces = FaceImages.from_arrays(arrays, root, path=path)
    _need("list of images", path, len(faces), count)
    return faces, folds


def unpacked_images(study: Path, folder: str) -> Path:
    """Where the images of the dataset in ``folder`` are unpacked that come packed in one file."""
    return study / "datasets" / f"{folder}.images"


def save_templates(path: Path, templates: TemplateProtocols) -> None:
    """Write templates, pairs, galleries and covariates; as they are, since 15.7 million pairs are read back so in a
    fraction of a second."""
    save_arrays(path, templates.to_arrays(), {"fingerprint": templates.fingerprint}, compress=False)


def load_templates(path: Path, fingerprint: str) -> TemplateProtocols:
    """Read what :func:`save_templates` wrote.

    Raises
    ------
    StoreError
        When the file is missing or damaged.
    StudyError
        When it is of another protocol.
    """
    arrays, attributes = load_arrays(path, remedy=_AGAIN)
    _need("protocol", path, attributes.get("fingerprint"), fingerprint)
    return TemplateProtocols.from_arrays(arrays, path=path)


def _need(what: str, path: Path, found: object, expected: object) -> None:
    if found != expected:
        raise StudyError(f"this {what} does not belong to the dataset", path=path, remedy=_AGAIN)
