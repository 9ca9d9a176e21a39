"""What a template dataset (IJB) is before its images are read: rows, points or boxes, protocols, and remarks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import Covariate
from canon_core.datasets.faces import Problem
from canon_core.datasets.template_protocol import IdentificationProtocol, VerificationProtocol
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext, system_error

#: Names that are listed one by one in a warning.
_SHOWN: Final = 3


@dataclass(frozen=True)
class PublishedCounts:
    """How much a published dataset holds; a difference is a warning, because people use subsets."""

    images: int
    templates: int
    enrolment_templates: int
    pairs: int
    genuine: int


#: facts.md, *IJB-C and IJB-B*.
IJBC: Final = PublishedCounts(469_375, 23_124, 3_531, 15_658_489, 19_557)
IJBB: Final = PublishedCounts(227_630, 12_115, 1_845, 8_010_270, 10_270)


@dataclass(frozen=True, eq=False)
class TemplateDataset:
    """Rows of a template dataset; row i of every array is row i of the protocol and of embeddings made from it.

    Attributes
    ----------
    format : str
        ``ijbc``, ``ijbb`` or ``nist``.
    root : Path
        Folder the images lie below.
    ids : tuple of str
        Name of each row, each once.
    files : tuple of str
        Posix path of each row's image below ``root``; NIST's rows share files.
    protocol : VerificationProtocol
        Templates and pairs.
    search : IdentificationProtocol or None
        1:N, where its files are there.
    landmarks : (n, 5, 2) float32 or None
        In pixels of the image.
    boxes : (n, 4) float32 or None
        x, y, width, height of the face, in pixels of the image; NaN where a row has none.
    scores : (n,) float32 or None
        Of the detector.
    covariates : tuple of Covariate
        Of each row.
    problems : tuple of Problem
        Images that are not there, by name.
    notes, warnings : tuple of str
        What was recognised, and what differs from what is published or expected; for the user.
    sources : tuple of Path
        Files it was read from.
    has_images : bool
        Whether any image file is there; people may hold embeddings and the lists only.
    """

    format: str
    root: Path
    ids: tuple[str, ...]
    files: tuple[str, ...]
    protocol: VerificationProtocol
    search: IdentificationProtocol | None = None
    landmarks: NDArray[np.float32] | None = None
    boxes: NDArray[np.float32] | None = None
    scores: NDArray[np.float32] | None = None
    covariates: tuple[Covariate, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    has_images: bool = True

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject id of each row as text; empty where nobody says."""
        names = ["" if subject < 0 else str(subject) for subject in self.protocol.subjects.tolist()]
        return tuple(map(names.__getitem__, self.protocol.template.tolist()))

    def keep_images(self, kept: NDArray[np.bool_]) -> TemplateDataset:
        """The dataset without some rows; templates left empty go, with their pairs, and that is a warning.

        Parameters
        ----------
        kept : (n,) bool
            Which rows stay, e.g. those whose image could be decoded.
        """
        if kept.all():
            return self
        before = self.protocol
        after = before.keep_images(kept)
        rows = np.flatnonzero(kept)
        lost = f"{before.templates - after.templates:,} templates and {len(before) - len(after):,} pairs"
        return replace(
            self,
            ids=tuple(map(self.ids.__getitem__, rows.tolist())),
            files=tuple(map(self.files.__getitem__, rows.tolist())),
            protocol=after,
            search=None if self.search is None else self.search.renumbered(before, after),
            landmarks=None if self.landmarks is None else self.landmarks[kept],
            boxes=None if self.boxes is None else self.boxes[kept],
            scores=None if self.scores is None else self.scores[kept],
            covariates=tuple(covariate.keep(kept) for covariate in self.covariates),
            warnings=(
                *self.warnings,
                f"{len(self) - len(rows):,} of {len(self):,} images cannot be used: {lost} were left out with them",
            ),
        )


def count_warnings(
    protocol: VerificationProtocol, published: PublishedCounts, images_files: Sequence[str], pair_file: str
) -> list[str]:
    """One sentence for each count that differs from the published one, naming the files it came from."""
    *most, last = images_files
    images_file = f"{', '.join(most)} and {last} together" if most else last
    found = (
        ("images", protocol.images, published.images, images_file),
        ("templates", protocol.templates, published.templates, images_file),
        ("pairs", len(protocol), published.pairs, pair_file),
        ("genuine pairs", protocol.genuine_count, published.genuine, pair_file),
        ("enrolment templates", int(protocol.enrolled.sum()), published.enrolment_templates, pair_file),
    )
    return [
        f"{file} hold{'' if file.endswith(' together') else 's'} {count:,} {what}, where {expected:,} were published"
        for what, count, expected, file in found
        if count != expected
    ]


def listed_images(folder: Path, below: str, ctx: JobContext) -> dict[str, str]:
    """Every file directly in ``folder / below`` by its posix path below ``folder``, with why it cannot be used or "".

    Raises
    ------
    DatasetError
        When the folder cannot be read.
    """
    found: dict[str, str] = {}
    real = os.path.realpath(folder)
    try:
        with os.scandir(folder / below) as entries:
            for number, entry in enumerate(entries):
                if number % 1000 == 0:
                    ctx.check()
                name = f"{below}/{entry.name}" if below else entry.name
                outside = entry.is_symlink() and os.path.commonpath([os.path.realpath(entry.path), real]) != real
                found[name] = "is a link out of the dataset" if outside else ""
    except (OSError, ValueError) as error:
        fault = system_error(error) if isinstance(error, OSError) else None
        raise DatasetError(
            f"cannot be read ({fault.problem if fault else error})", path=folder / below, remedy="check the folder"
        ) from error
    return found


def absent_images(files: Sequence[str], there: Mapping[str, str], folder: str) -> list[Problem]:
    """A problem for each file that is not there or cannot be used, in the order of the rows and each once."""
    unlisted = f"is not in {folder}"
    missing = dict.fromkeys(name for name in files if there.get(name, unlisted))
    return [Problem(name, there.get(name, unlisted)) for name in missing]


def several(names: Sequence[str], shown: int = _SHOWN) -> str:
    """``a, b, c and 12 more``."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
