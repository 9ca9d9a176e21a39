"""Embeddings made elsewhere, paired with a dataset's images (or with nothing but their ids) and taken into a study."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from canon_core.datasets.faces import FaceImages, faces_without_images
from canon_core.datasets.imported import ImportedEmbeddings, Pairing, pair_rows, read_imported
from canon_core.errors import DatasetError, StoreError, StudyError
from canon_core.jobs import JobContext
from canon_core.store.atomic import replacing
from canon_core.store.embeddings import create_embeddings
from canon_core.store.embeddings_in_place import EmbeddingsWriter
from canon_core.store.unusable_rows import unusable
from canon_core.study.drafts import drafted_path
from canon_core.study.keys import imported_key
from canon_core.study.manifest import ImportRecord, OutsidePath

if TYPE_CHECKING:
    from canon_core.study.drafts import Draft
    from canon_core.study.study import Study

Rows = npt.NDArray[np.int64]

#: Bytes of rows written, hashed and looked through at a time.
_BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    model, dataset : str
        Names in the study.
    new_model, new_dataset : bool
        Whether they were made for it.
    rows, matched, dimensions : int
        Images of the dataset, those among them with an embedding, and its width.
    flip_kept : bool
        Whether the mirrored image's embedding was kept apart.
    paired_by : str
        ``id`` or ``row``.
    missing : tuple of str
        Images without an embedding; they are left out of every result.
    unused : tuple of str
        Ids of embeddings that are of no image.
    bad_rows : tuple of str
        Images whose embedding is unusable: not finite, or all zero.
    notes : tuple of str
        What was taken for what.
    """

    model: str
    dataset: str
    new_model: bool
    new_dataset: bool
    rows: int
    matched: int
    dimensions: int
    flip_kept: bool
    paired_by: str
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    bad_rows: tuple[str, ...]
    notes: tuple[str, ...]


def import_embeddings(
    study: Study,
    file: Path,
    *,
    model: str,
    dataset: str,
    ids: Path | None = None,
    array: str | None = None,
    ctx: JobContext,
) -> ImportReport:
    """Read a file of embeddings and store them as one model's embeddings of one dataset.

    Model and dataset are made where the study has none of that name: the model without a network, the dataset of the
    file's ids alone (an id ``subject/image`` says whose it is; without a folder in it each id is a subject of its own,
    and the genuine pairs are one image seen by two models).

    Parameters
    ----------
    study : Study
        Open for writing.
    file : Path
        See :func:`canon_core.datasets.imported.read_imported`.
    model, dataset : str
        Names in the study.
    ids : Path, optional
        Text file with the id of each row.
    array : str, optional
        Name of the embeddings in a file of several arrays.
    ctx : JobContext
        Progress and cancellation; nothing changes in the study before all is written.

    Raises
    ------
    DatasetError
        When the file cannot be used, or no row of it belongs to an image.
    StudyError
        When the model has a network, or embeddings of another width.
    """
    path = Path(os.path.abspath(file))
    new_model = model not in {entry.name for entry in study.models}
    new_dataset = dataset not in {entry.name for entry in study.datasets}
    if not new_model and not study.model(model).imported:
        raise StudyError(
            f"model '{model}' has a network: its embeddings are made with `canon embed`",
            path=study.path,
            remedy="give the imported ones another --model name",
        )
    imported = read_imported(path, ctx, ids=ids, array=array)
    if not len(imported):
        raise DatasetError("holds no embeddings", path=path, remedy="give a file with one row an image")
    if not new_model and study.model(model).dimensions != imported.dimensions:
        raise StudyError(
            f"it has {imported.dimensions} dimensions, and model '{model}' has {study.model(model).dimensions}",
            path=path,
            remedy="give it another --model name",
        )
    faces = _listed(path, imported) if new_dataset else study.faces(dataset)
    pairing = pair_rows(imported, faces.ids)
    ctx.check()
    draft = study.draft_import(path, model, imported.dimensions, dataset, faces if new_dataset else None)
    try:
        bad = _store(study, draft, imported, pairing, faces, ctx)
    except BaseException:
        study.discard(draft)
        raise
    matched = int(np.count_nonzero(pairing.rows >= 0))
    missing = set(pairing.missing)
    notes = imported.notes
    if pairing.loosely:
        notes = (*notes, f"ids were matched without regard to {pairing.loosely}")
    return ImportReport(
        model=model,
        dataset=dataset,
        new_model=new_model,
        new_dataset=new_dataset,
        rows=len(faces),
        matched=matched,
        dimensions=imported.dimensions,
        flip_kept=imported.rows.ndim == 3,
        paired_by=pairing.by,
        missing=pairing.missing,
        unused=pairing.unused,
        bad_rows=tuple(faces.ids[row] for row in bad if faces.ids[row] not in missing),
        notes=notes,
    )


def _listed(path: Path, imported: ImportedEmbeddings) -> FaceImages:
    """A dataset of nothing but ids."""
    if imported.ids is None:
        width = len(str(len(imported)))
        ids = tuple(f"{row:0{width}d}" for row in range(1, len(imported) + 1))
    else:
        ids = tuple(name.replace("\\", "/").removeprefix("./") for name in imported.ids)
    for name in ids:
        if "\0" in name or not _is_text(name):
            raise DatasetError(
                f"{name[:80]!a} cannot be an image's id: it holds a character that no name of a file can hold",
                path=path,
                remedy="write ids as paths below one folder, such as subject/image.jpg",
            )
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not name.strip("/."):
            raise DatasetError(
                f"'{name[:80]}' cannot be an image's id",
                path=path,
                remedy="write ids as paths below one folder, such as subject/image.jpg",
            )
    subjects = tuple(name.rpartition("/")[0] or name for name in ids)
    return faces_without_images(path.parent, ids, subjects)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    return True


@contextmanager
def _drafting(draft: Draft, key: str) -> Iterator[Path]:
    """A temporary file for a draft's embeddings; refusals are said of the file they are to become."""
    beside = drafted_path(draft.target, key)
    try:
        with replacing(beside) as temporary:
            yield temporary
    except StoreError as error:
        if error.path == beside:
            raise StoreError(error.problem, path=draft.target, remedy=error.remedy) from error
        raise


def _store(
    study: Study,
    draft: Draft,
    imported: ImportedEmbeddings,
    pairing: Pairing,
    faces: FaceImages,
    ctx: JobContext,
) -> list[int]:
    """Write the rows in the order of the images, absent ones as NaN, and make them the current embeddings; returns the
    rows that are no embedding."""
    shape = imported.rows.shape[1:]
    step = max(1, _BLOCK_BYTES // (4 * int(np.prod(shape))))

    def blocks() -> list[tuple[int, Rows]]:
        return [(low, pairing.rows[low : low + step]) for low in range(0, len(faces), step)]

    def taken(rows: Rows) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = imported.rows[np.maximum(rows, 0)]
        found[rows < 0] = np.nan
        return found

    digest = hashlib.sha256(repr(shape).encode())
    for done, rows in blocks():
        ctx.check()
        ctx.report(done, 2 * len(faces), f"importing {imported.path.name}")
        digest.update(taken(rows).data)
    key = imported_key(digest.hexdigest(), faces.fingerprint)
    bad: list[int] = []
    attributes = {"key": key, "dataset": faces.fingerprint, "provider": "imported", "source": imported.path.name}
    with _drafting(draft, key) as temporary:
        create_embeddings(temporary, len(faces), imported.dimensions, attributes, flip_kept=len(shape) == 2)
        with EmbeddingsWriter(temporary) as writer:
            for done, rows in blocks():
                ctx.check()
                ctx.report(len(faces) + done, 2 * len(faces), f"importing {imported.path.name}")
                block = taken(rows)
                bad += (done + np.flatnonzero(unusable(block))).tolist()
                writer.append(block)
    record = ImportRecord(
        file=OutsidePath.of(imported.path, study.path),
        sha256=digest.hexdigest(),
        paired_by=pairing.by,
        missing=len(pairing.missing),
        unused=len(pairing.unused),
    )
    study.take_in(draft, record, key, bad)
    ctx.report(2 * len(faces), 2 * len(faces), f"importing {imported.path.name}")
    return bad
