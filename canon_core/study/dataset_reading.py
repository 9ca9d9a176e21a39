"""Datasets read into a study, and read again: when they moved, and when their files may have changed."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.lfw import FoldProtocol
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset, read_dataset
from canon_core.errors import DatasetError, StoreError, StudyError
from canon_core.jobs import JobContext
from canon_core.study.dataset_files import unpacked_images
from canon_core.study.dataset_tables import DatasetTables
from canon_core.study.entries import dataset_entry
from canon_core.study.manifest import DatasetRecord
from canon_core.study.own_files import delete_own
from canon_core.study.places import dataset_in_place, is_settled
from canon_core.study.records import dataset_record, same_sources
from canon_core.study.register import Register
from canon_core.study.unpacking import as_kept, keep_unpacked, unpacking

#: Format of a dataset of which only ids are known.
LISTED: Final = "ids"
#: Fingerprints of relabelled images that are remembered.
_MOST_EARLIER: Final = 50


def add_dataset(
    register: Register,
    tables: DatasetTables,
    path: str | Path,
    options: DatasetOptions,
    ctx: JobContext,
    asked: str | None,
) -> DatasetRecord:
    """Read a dataset and put it into the study; ``asked`` is the name it shall have, None for its folder's."""
    root = Path(os.path.abspath(path))
    register.need_writing()
    name, folder = register.new_dataset(asked, root.name)
    unpacked = unpacked_images(register.folder, folder)
    try:
        loaded = read_dataset(root, options, ctx, unpack_to=unpacked)
        if asked is None and loaded.format in ("ijbc", "ijbb"):  # it may have been found from a folder inside it
            name, folder = register.new_dataset(None, loaded.faces.root.parent.name)
        with register.mutex:
            name = register.free_dataset_name(name, name)
            if folder in {data.folder for data in register.manifest.datasets}:  # another job was faster
                raise StudyError(
                    f"a dataset in '{folder}' was added meanwhile", path=register.folder, remedy="try again"
                )
            record = dataset_record(name, folder, root, options, loaded, register.folder)
            tables.save(record, loaded)
            register.change(datasets=(*register.manifest.datasets, record))
        return record
    except BaseException:
        if folder not in {data.folder for data in register.manifest.datasets}:
            shutil.rmtree(unpacked, ignore_errors=True)
        raise


def locate_dataset(
    register: Register, tables: DatasetTables, name: str, path: str | Path, ctx: JobContext
) -> DatasetRecord:
    """Remember another place of a dataset, whose images and protocol must be what they were."""
    record, root = register.dataset(name), Path(os.path.abspath(path))
    register.need_writing()
    if record.format == LISTED:
        raise StudyError(f"'{name}' has no folder: only its ids are known", path=register.folder)
    entry = dataset_entry(record, register.folder)
    options = _moved_options(entry.options, entry.path, root)
    with unpacking(register, record.folder) as beside:
        loaded = as_kept(read_dataset(root, options, ctx, unpack_to=beside), beside, register, record.folder)
        _need_same(record, loaded, tables, root)
        with register.mutex:
            now = register.dataset_in(record.folder)
            changed = dataset_record(now.name, now.folder, root, options, loaded, register.folder, now.templates)
            changed = changed.model_copy(update={"earlier": now.earlier})  # what was embedded then still counts
            tables.save(changed, loaded)
            register.put_dataset(changed, revise=False)
            keep_unpacked(beside, register, record.folder)
    return changed


def refresh_dataset(
    register: Register, tables: DatasetTables, name: str, ctx: JobContext, *, images: bool
) -> DatasetRecord:
    """Look again at a dataset's files and remember what changed; without ``images``, only where its lists did."""
    record = register.dataset(name)
    if record.format == LISTED:
        return record
    record = _settled(register, tables, record)
    entry = dataset_entry(record, register.folder)
    if not entry.path.exists():
        remedy = "put it back, or say where it lies now: canon locate"
        raise DatasetError("the dataset is gone", path=entry.path, remedy=remedy)
    as_before = same_sources(record, register.folder)
    if record.sources and not images and as_before:
        return record
    try:
        known, folds = tables.images(record)
    except (StoreError, StudyError):
        known, folds = None, None  # the list of images is damaged or gone: it is made again
    if record.format == "bin" and as_before and register.read_only and known is not None:
        return record  # its images are the study's own, which may only be read
    own = unpacked_images(register.folder, record.folder)
    with unpacking(register, record.folder) as beside:
        unpack_to = own if as_before and not register.read_only else beside
        loaded = read_dataset(entry.path, entry.options, ctx, known=known, unpack_to=unpack_to)
        loaded = as_kept(loaded, beside, register, record.folder)
        if (
            known is not None
            and loaded.faces.fingerprint == record.fingerprint
            and _same_protocol(record, loaded)
            and _same_table(known, loaded.faces)
            and _same_folds(folds, loaded.folds)
            and same_sources(record, register.folder)
        ):
            return record
        changed = _remember(register, tables, record, loaded, known, ctx)
        keep_unpacked(beside, register, record.folder)
    return changed


def _remember(
    register: Register,
    tables: DatasetTables,
    record: DatasetRecord,
    loaded: LoadedDataset,
    known: FaceImages | None,
    ctx: JobContext,
) -> DatasetRecord:
    """Put what was read again in the place of what was known, and say what it means for embeddings."""
    same_images = loaded.faces.fingerprint == record.fingerprint
    relabelled = (
        not same_images
        and known is not None
        and record.templates is not None
        and loaded.templates is not None
        and loaded.faces.same_but_subjects(known)
    )
    if relabelled:
        ctx.log(f"{record.name}: the same images show other subjects than before; embeddings still count")
    elif not same_images:
        ctx.log(f"{record.name}: its images changed since they were last read; older embeddings are out of date")
    entry = dataset_entry(record, register.folder)
    with register.mutex:
        now = register.dataset_in(record.folder)
        place, options = entry.path, entry.options
        changed = dataset_record(now.name, now.folder, place, options, loaded, register.folder, now.templates)
        if relabelled or same_images:
            earlier = tuple(dict.fromkeys(one for one in now.fingerprints if one != changed.fingerprint))
            changed = changed.model_copy(update={"earlier": earlier[:_MOST_EARLIER]})
        tables.save(changed, loaded)
        register.put_dataset(changed, revise=changed != now)
        if not register.read_only:  # only now are the old lists no longer needed
            gone = [tables.folder / name for name in now.tables if name not in changed.tables]
            delete_own(register.folder, gone)
    return changed


def _settled(register: Register, tables: DatasetTables, record: DatasetRecord) -> DatasetRecord:
    """The record with the place where the dataset lies, where the study came to lie elsewhere: seen from there,
    something else may be where the dataset was."""
    if is_settled(record, register.folder):
        return record
    try:
        known = tables.images(record)[0]
    except (StoreError, StudyError):
        known = None
    with register.mutex:
        settled = dataset_in_place(register.dataset_in(record.folder), known, register.folder)
        register.put_dataset(settled, revise=False)
        tables.forget(record.folder)  # they would be looked for where they were
    return settled


def _need_same(record: DatasetRecord, loaded: LoadedDataset, tables: DatasetTables, root: Path) -> None:
    """DatasetError where what lies in another place is not the dataset."""
    problem = ""
    if loaded.faces.fingerprint != record.fingerprint:
        problem = f"it holds {len(loaded.faces):,} images that are not all the {record.images:,} of '{record.name}'"
    elif not _same_pairs(record, loaded):
        problem = "its templates or pairs differ"
    else:
        try:
            folds = tables.images(record)[1]
        except (StoreError, StudyError):
            folds = loaded.folds  # the list of images is damaged or gone: it is made again
        if not _same_folds(folds, loaded.folds):
            problem = "the pairs of its folds differ"
    if problem:
        raise DatasetError(
            f"not the dataset '{record.name}': {problem}",
            path=root,
            remedy="choose the folder that was added, or add this one as another dataset",
        )


def _moved_options(options: DatasetOptions, before: Path, now: Path) -> DatasetOptions:
    """The same options for a dataset in another place: files below it moved with it."""

    def moved(file: Path | None) -> Path | None:
        if file is None or file.exists() or not file.is_relative_to(before):
            return file
        return now / file.relative_to(before)

    return replace(
        options, landmarks=moved(options.landmarks), pairs=moved(options.pairs), detector=moved(options.detector)
    )


def _same_pairs(record: DatasetRecord, loaded: LoadedDataset) -> bool:
    """Whether templates and pairs are what they were, whatever else is said of the images by now."""
    known, found = record.templates, loaded.templates
    if known is None or found is None:
        return known is None and found is None
    compared = known.compared or (None if known.covariates else known.fingerprint)
    return known.fingerprint == found.fingerprint or compared == found.compared


def _same_protocol(record: DatasetRecord, loaded: LoadedDataset) -> bool:
    """Whether templates, pairs and covariates are what they were."""
    found = None if loaded.templates is None else loaded.templates.fingerprint
    known = None if record.templates is None else record.templates.fingerprint
    return found == known


def _same_table(one: FaceImages, other: FaceImages) -> bool:
    """Whether what is remembered besides the fingerprint (file times, sizes, what was left out) is the same."""
    return one.problems == other.problems and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("file_size", "mtime_ns")
    )


def _same_folds(one: FoldProtocol | None, other: FoldProtocol | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("first", "second", "genuine", "fold")
    )
