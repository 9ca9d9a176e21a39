"""IJB-C and IJB-B as NIST handed them out: CSV files below ``protocols/``, photographs and frames below ``images/``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.nist_covariates import read_covariates
from canon_core.datasets.pair_file import read_pair_file
from canon_core.datasets.protocol_building import build_protocol, pair_warnings, template_subjects
from canon_core.datasets.template_dataset import (
    IJBB,
    IJBC,
    TemplateDataset,
    absent_images,
    count_warnings,
    listed_images,
    several,
)
from canon_core.datasets.template_protocol import (
    UNKNOWN,
    Gallery,
    IdentificationProtocol,
    VerificationProtocol,
    positions_of,
)
from canon_core.datasets.text_table import TextTable, read_text_table
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

_BOX: Final = ("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")
_IDS: Final = ("TEMPLATE_ID", "SUBJECT_ID")
#: Columns that say which image it is, not what it shows.
_NO_COVARIATES: Final = frozenset((*_IDS, "FILENAME", "SIGHTING_ID", "FRAME_NUM", *_BOX))
_WHAT: Final = "the columns TEMPLATE_ID, SUBJECT_ID, FILENAME and FACE_X, FACE_Y, FACE_WIDTH, FACE_HEIGHT"
#: Rows that are worked through between two looks at whether the job was cancelled.
_STEP: Final = 10_000
#: Folders below the dataset's in which FILENAME may be meant.
_IMAGE_FOLDERS: Final = ("images", "")


@dataclass(frozen=True)
class NistFiles:
    """Which files hold what, in one of the releases.

    Attributes
    ----------
    title : str
        Of the release, for the user.
    folder : Path
        The dataset's folder.
    enrolled, verified : tuple of Path
        Enrolment templates and verification templates, a row an image.
    matches : Path
        Pairs of template ids.
    galleries : tuple of (name, Path)
        Of the 1:N protocol.
    probes : Path
        Of the 1:N protocol.
    """

    title: str
    folder: Path
    enrolled: tuple[Path, ...]
    verified: tuple[Path, ...]
    matches: Path
    galleries: tuple[tuple[str, Path], ...]
    probes: Path

    @property
    def tables(self) -> tuple[Path, ...]:
        """Files whose rows are the dataset's images."""
        return (*self.enrolled, *self.verified)

    def sources(self) -> tuple[Path, ...]:
        """Every file that is there."""
        metadata = self.metadata()
        every = (*self.tables, self.matches, *(path for _, path in self.galleries), self.probes)
        return tuple(path for path in dict.fromkeys((*every, *((metadata,) if metadata else ()))) if _is_file(path))

    def metadata(self) -> Path | None:
        """Covariates in a file of their own, where the templates' files hold none."""
        places = {self.matches.parent, self.matches.parent.parent}
        names = ("ijbc_metadata_with_age.csv", "ijbc_metadata.csv", "ijbb_metadata.csv")
        return next((place / name for name in names for place in sorted(places) if _is_file(place / name)), None)


def find_nist(path: Path) -> tuple[NistFiles | None, str]:
    """Look for NIST's files in a folder, in ``protocols`` below it, and in its parents.

    Returns
    -------
    files : NistFiles or None
        What was found.
    why : str
        By which file it was recognised, or what was looked for.
    """
    path = Path(os.path.abspath(path))
    for folder in (path, *list(path.parents)[:2]):
        for below in ("protocols", "protocol", ""):
            for files in _releases(folder if below or folder.name[:8] != "protocol" else folder.parent, folder / below):
                if _is_file(files.matches) and _is_file(files.tables[0]):
                    return files, f"{files.title}, by {files.matches}"
    wanted = [str(files.matches.relative_to(path)) for files in _releases(path, path / "protocols")]
    return None, f"none of {', '.join(wanted)} in {path} or its parents"


def read_nist(path: Path, ctx: JobContext) -> TemplateDataset:
    """Read NIST's protocols, all but the images themselves, of which only the names are checked.

    Where none of the folders with images is there the dataset has none, and embeddings made elsewhere can be scored.
    Every row of the template files is an image of the dataset; rows share files where one photograph stands in
    several templates or shows several people. A pair is genuine where both templates are of one subject. Frames with
    one SIGHTING_ID in a template are one media; in the later release, which has none, frames of one video.

    Parameters
    ----------
    path : Path
        The dataset's folder, or ``protocols`` in it.
    ctx : JobContext
        Progress and cancellation.

    Raises
    ------
    DatasetError
        When a file is missing, damaged or contradicts another, with its line.
    Cancelled
        When the job was cancelled.
    """
    files, why = find_nist(path)
    if files is None:
        raise DatasetError(why, path=path, remedy="give the folder that holds protocols and images")
    absent = [table for table in files.tables if not _is_file(table)]
    if absent:
        raise DatasetError("is missing", path=absent[0], remedy=f"put it beside {files.matches.name}")
    tables = [_read_rows(table, ctx) for table in files.tables]
    subjects = _subjects(tables)
    templates = np.concatenate([table.whole("TEMPLATE_ID") for table in tables])
    names = _file_names(tables, ctx)
    below, there = _find_images(files, names, ctx)
    problems = absent_images(names, there, below or "the folder") if there else []
    pairs = read_pair_file(files.matches, ctx, labelled=False)
    protocol = build_protocol(
        templates,
        _media(tables, names, ctx),
        pairs.p1,
        pairs.p2,
        np.zeros(len(pairs), bool),
        known_subjects=subjects,
        pair_file=files.matches,
        first_line=pairs.first_line,
    )
    protocol, warnings = _labelled(protocol, files.matches)
    warnings = [warning for table in tables for warning in table.warnings] + [*pairs.warnings, *warnings]
    warnings += pair_warnings(protocol, files.matches)
    published = IJBB if files.matches.name.startswith("ijbb") else IJBC
    warnings += count_warnings(protocol, published, [table.name for table in files.tables], files.matches.name)
    boxes, unboxed = _boxes(tables)
    ids = _row_names(names)
    if twice := _repeated(templates, names, boxes):
        warnings.append(f"{twice:,} rows stand twice in one template, with the same file and box")
    if unboxed:
        warnings.append(f"{unboxed:,} of {len(ids):,} rows have no face box: alignment by box cannot use them")
    search, remarks = _read_search(files, tables, protocol, ctx)
    if problems:
        shown = several([problem.image for problem in problems])
        warnings.append(f"{len(problems):,} image files are missing or cannot be used ({shown})")
    covariates, slips = read_covariates(tables, _NO_COVARIATES, lambda: _read_metadata(files, ctx))
    known = several([covariate.name for covariate in covariates], 40) or "none"
    note = (
        f"{why}: {protocol.images:,} images, {protocol.templates:,} templates, {len(protocol):,} pairs "
        f"({protocol.genuine_count:,} genuine); covariates: {known}"
    )
    return TemplateDataset(
        "nist",
        files.folder / below if below else files.folder,
        ids,
        names,
        protocol,
        search,
        None,
        boxes,
        None,
        covariates,
        tuple(problems),
        (note,),
        (*warnings, *remarks, *slips),
        files.sources(),
        bool(there),
    )


# -- private ---------------------------------------------------------------------------------------------------------
def _releases(folder: Path, at: Path) -> list[NistFiles]:
    found = []
    for prefix, title, one, two in (("ijbc", "IJB-C", "G1", "G2"), ("ijbb", "IJB-B", "S1", "S2")):
        galleries = tuple((name, at / f"{prefix}_1N_gallery_{name}.csv") for name in (one, two))
        probes = at / f"{prefix}_1N_probe_mixed.csv"
        matches = at / f"{prefix}_11_{one}_{two}_matches.csv"
        enrolled = tuple(path for _, path in galleries)
        found.append(
            NistFiles(f"{title} in NIST's first layout", folder, enrolled, (probes,), matches, galleries, probes)
        )
    first, fourth = at / "test1", at / "test4"
    later = NistFiles(
        "IJB-C in NIST's later layout",
        folder,
        (first / "enroll_templates.csv",),
        (first / "verif_templates.csv",),
        first / "match.csv",
        (("G1", fourth / "gallery_G1.csv"), ("G2", fourth / "gallery_G2.csv")),
        fourth / "probes.csv",
    )
    return [*found, later]


def _read_rows(path: Path, ctx: JobContext, ids: Sequence[str] = _IDS) -> TextTable:
    return read_text_table(path, _WHAT, ctx, texts=("FILENAME",), needed=(*ids, *_BOX))


def _read_metadata(files: NistFiles, ctx: JobContext) -> TextTable | None:
    path = files.metadata()
    return None if path is None else _read_rows(path, ctx, ("SUBJECT_ID",))


def _subjects(tables: Sequence[TextTable]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Subject of every template, each file by itself and then all together."""
    each = [_template_subjects(table) for table in tables]
    if not any(len(ids) for ids, _ in each):
        raise DatasetError("names no subject in any row", path=tables[0].path, remedy="get the file again")
    for number, (ids, subjects) in enumerate(each):
        for earlier, (others, theirs) in zip(tables[:number], each[:number], strict=True):
            place = positions_of(ids, others)
            wrong = (place >= 0) & (subjects != np.append(theirs, UNKNOWN)[place])
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DatasetError(
                    f"template {ids[row]} is of subject {subjects[row]} here and of {theirs[place[row]]} in "
                    f"{earlier.path.name}",
                    path=tables[number].path,
                    remedy="both files must be of the same release: get them again",
                )
    ids, first = np.unique(np.concatenate([ids for ids, _ in each]), return_index=True)
    return ids, np.concatenate([subjects for _, subjects in each])[first]


def _template_subjects(table: TextTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Templates of a file, ascending, and their subjects; rows without a subject say nothing."""
    templates, subjects = table.whole("TEMPLATE_ID"), table.whole("SUBJECT_ID", missing=UNKNOWN)
    known = np.flatnonzero(subjects != UNKNOWN)
    return template_subjects(templates[known], subjects[known], table.path, known + table.first_line)


def _file_names(tables: Sequence[TextTable], ctx: JobContext) -> tuple[str, ...]:
    """Posix path of every row's image; a path that leads out of the dataset is refused with its line."""
    names: list[str] = []
    for table in tables:
        ctx.check()
        written = table.texts["FILENAME"]
        posix = [name.replace("\\", "/").removeprefix("./") for name in written]
        # half a million: only those are taken apart that could be none
        for row in [row for row, name in enumerate(posix) if name[:1] in "./" or ".." in name or ":" in name]:
            parts = PurePosixPath(posix[row]).parts
            if not parts or posix[row].startswith("/") or ".." in parts or ":" in parts[0]:
                raise table.fault(row, f"'{written[row][:80]}' is no path of an image inside the dataset")
        names += posix
    return tuple(names)


def _media(tables: Sequence[TextTable], names: Sequence[str], ctx: JobContext) -> NDArray[np.int64]:
    if all("SIGHTING_ID" in table.numbers for table in tables):
        sightings = np.concatenate([table.whole("SIGHTING_ID", missing=UNKNOWN) for table in tables])
        unknown = sightings < 0
        if not unknown.any():
            return sightings
    else:
        sightings = np.full(len(names), UNKNOWN, np.int64)
        unknown = np.ones(len(names), bool)
    # frames/<video>_<frame>.png of one video are one media, every other file is one by itself
    code: dict[str, int] = {}
    base = int(sightings.max(initial=0)) + 1
    for number, row in enumerate(np.flatnonzero(unknown).tolist()):
        if number % _STEP == 0:
            ctx.check()
        folder, _, last = names[row].rpartition("/")
        video, mark, _ = (last.rpartition(".")[0] or last).rpartition("_")
        key = f"{folder}/{video}_" if mark and "frames" in folder.split("/") else names[row]
        sightings[row] = base + code.setdefault(key, len(code))
    return sightings


def _find_images(files: NistFiles, names: Sequence[str], ctx: JobContext) -> tuple[str, dict[str, str]]:
    """Which folder below the dataset's FILENAME is meant in, and the files that are there."""
    parents = sorted({name.rpartition("/")[0] for name in names})
    found = {
        below: [parent for parent in parents if (files.folder / below / parent).is_dir()] for below in _IMAGE_FOLDERS
    }
    below = max(_IMAGE_FOLDERS, key=lambda folder: len(found[folder]))
    there: dict[str, str] = {}
    for parent in found[below]:
        there |= listed_images(files.folder / below, parent, ctx)
    if "" in found[below] and not below and there.keys().isdisjoint(names):
        there = {}  # what lies beside the protocols are no images
    return below, there


def _labelled(protocol: VerificationProtocol, matches: Path) -> tuple[VerificationProtocol, list[str]]:
    """The pairs whose subjects are known, with labels from them."""
    one, other = protocol.subjects[protocol.p1], protocol.subjects[protocol.p2]
    known = (one != UNKNOWN) & (other != UNKNOWN)
    genuine = one == other
    if known.all():
        return replace(protocol, genuine=genuine), []
    kept = replace(protocol, p1=protocol.p1[known], p2=protocol.p2[known], genuine=genuine[known])
    count = len(protocol) - len(kept)
    return kept, [f"{matches.name}: {count:,} pairs of templates without a subject were left out"]


def _boxes(tables: Sequence[TextTable]) -> tuple[NDArray[np.float32], int]:
    """(n, 4) float32 boxes, NaN where a row has none that can be one; and how many have none."""
    boxes = np.concatenate([np.column_stack([table.numbers[name] for name in _BOX]) for table in tables])
    usable = (np.abs(boxes) < np.finfo(np.float32).max).all(axis=1) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    boxes[~usable] = np.nan
    return boxes.astype(np.float32), int(np.count_nonzero(~usable))


def _row_names(names: Sequence[str]) -> tuple[str, ...]:
    """A name for each row: its file, and from a file's second row on its number after a ``#``."""
    count: dict[str, int] = {}
    found = []
    for name in names:
        number = count[name] = count.get(name, 0) + 1
        found.append(name if number == 1 else f"{name}#{number}")
    return tuple(found)


def _repeated(templates: NDArray[np.int64], names: Sequence[str], boxes: NDArray[np.float32]) -> int:
    """Rows that stand in their template once more, with the same file and the same box."""
    known: dict[str, int] = {}
    files = np.fromiter((known.setdefault(name, len(known)) for name in names), np.float64, len(names))
    rows = np.column_stack([templates.astype(np.float64), files, np.nan_to_num(boxes, nan=-1)])  # ids are below 2**53
    ordered = rows[np.lexsort(rows.T)]
    return int(np.count_nonzero((ordered[1:] == ordered[:-1]).all(axis=1)))


def _read_search(
    files: NistFiles, tables: Sequence[TextTable], protocol: VerificationProtocol, ctx: JobContext
) -> tuple[IdentificationProtocol | None, list[str]]:
    absent = [path.name for path in (*(path for _, path in files.galleries), files.probes) if not _is_file(path)]
    if absent:
        return None, [f"there is no {several(absent)}, so there is no 1:N protocol"]
    rows_of = np.bincount(protocol.template, minlength=protocol.templates)
    read: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    remarks: list[str] = []
    for path in (*(path for _, path in files.galleries), files.probes):
        table = next((table for table in tables if table.path == path), None)
        if table is None:
            table = read_text_table(path, _WHAT, ctx, needed=_IDS, wanted=_IDS)
            remarks += table.warnings
        ids, subjects = _template_subjects(table)
        place = positions_of(ids, protocol.template_ids)
        there = place >= 0
        every, rows = np.unique(table.whole("TEMPLATE_ID"), return_counts=True)
        counts = rows[np.searchsorted(every, ids)]
        other = (protocol.subjects[place[there]] != subjects[there]) | (rows_of[place[there]] != counts[there])
        if other.any():
            first = int(ids[there][np.argmax(other)])
            return None, [
                f"{path.name}: template {first} is another one than in {files.matches.name}'s files, so the 1:N "
                "protocol was not used"
            ]
        if not there.all():
            remarks.append(f"{path.name}: {int(np.count_nonzero(~there)):,} templates are in no pair and were left out")
        read.append((place[there], subjects[there]))
    galleries = tuple(Gallery(name, *gallery) for (name, _), gallery in zip(files.galleries, read[:-1], strict=True))
    return IdentificationProtocol(galleries, *read[-1]), remarks


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be looked into
        return False
