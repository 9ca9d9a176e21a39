"""What is deleted in a study: with a model, with a dataset, and of what can be computed again."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from canon_core.errors import CanonError
from canon_core.store.arrays import load_arrays
from canon_core.store.embeddings import successor_path
from canon_core.study.cached_files import CacheKind, cached_files
from canon_core.study.drafts import drafts_of
from canon_core.study.own_files import delete_own
from canon_core.study.register import Register
from canon_core.study.unpacking import forget_unpacked


def remove_model(register: Register, name: str) -> str:
    """Forget a model and delete its embeddings and every result made with it; returns the folder it had.

    The caller holds the register's mutex, as for :func:`remove_dataset`.
    """
    register.need_writing()
    record, manifest = register.model(name), register.manifest
    keep = tuple(model for model in manifest.models if model.name != name)
    embeddings = {
        pair: value for pair, value in manifest.embeddings.items() if not pair.startswith(record.folder + "/")
    }
    imports = {pair: value for pair, value in manifest.imports.items() if not pair.startswith(record.folder + "/")}
    _delete_results(register.folder, ("source", "target"), record.folder)
    register.change(models=keep, embeddings=embeddings, imports=imports)
    shutil.rmtree(register.folder / "embeddings" / record.folder, ignore_errors=True)
    return record.folder


def remove_dataset(register: Register, name: str) -> str:
    """Forget a dataset and delete its embeddings and every result made with it; returns the folder it had."""
    register.need_writing()
    record, manifest = register.dataset(name), register.manifest
    keep = tuple(data for data in manifest.datasets if data.name != name)
    embeddings = {pair: value for pair, value in manifest.embeddings.items() if not pair.endswith("/" + record.folder)}
    imports = {pair: value for pair, value in manifest.imports.items() if not pair.endswith("/" + record.folder)}
    _delete_results(register.folder, ("dataset",), record.folder)
    register.change(datasets=keep, embeddings=embeddings, imports=imports)
    made = [path / f"{record.folder}.h5" for path in (register.folder / "embeddings").iterdir() if path.is_dir()]
    unfinished = [path for file in made for path in (successor_path(file), *drafts_of(file))]
    delete_own(register.folder, [*made, *unfinished])
    delete_own(register.folder, [register.folder / "datasets" / table for table in record.tables])
    forget_unpacked(register, record.folder)
    return record.folder


def results_and_maps(study: Path) -> list[Path]:
    """Every stored map and result of the study in that folder."""
    return [path for room in ("maps", "results") for path in (study / room).glob("*.h5")]


def files_to_clear(register: Register) -> dict[CacheKind, list[Path]]:
    """What can be made again, by its kind; imported embeddings are not among it."""
    own = [model.folder for model in register.manifest.models if not model.imported]
    return cached_files(register.folder, own)


def clear_cached(register: Register, kinds: Collection[CacheKind]) -> int:
    """Delete what is kept of these kinds; returns the bytes freed."""
    with register.mutex:
        register.need_writing()
        files = files_to_clear(register)
        freed = delete_own(register.folder, [path for kind in kinds for path in files[kind]])
        if CacheKind.EMBEDDINGS in kinds:
            own = {model.folder for model in register.manifest.models if not model.imported}
            kept = {
                pair: found for pair, found in register.manifest.embeddings.items() if pair.partition("/")[0] not in own
            }
            register.change(embeddings=kept)
    return freed


def _delete_results(study: Path, names: tuple[str, ...], folder: str) -> None:
    """Delete every map and result of which an attribute among ``names`` names the model's or dataset's folder (several,
    a line each)."""
    doomed = []
    for path in results_and_maps(study):
        try:
            _, attributes = load_arrays(path, ())
        except CanonError:
            continue
        if any(folder in str(attributes.get(name, "")).split("\n") for name in names):
            doomed.append(path)
    delete_own(study, doomed)
