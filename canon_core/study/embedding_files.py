"""Embeddings in a study: where they lie, by which key they count as current, how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from canon_core.errors import CanonError
from canon_core.store.embeddings import EmbeddingsInfo, read_info
from canon_core.store.unusable_rows import bad_rows as find_bad_rows
from canon_core.study.drafts import drafted_path
from canon_core.study.entries import EmbeddingState
from canon_core.study.keys import embeddings_key, imported_key
from canon_core.study.manifest import DatasetRecord, EmbeddingRecord, ModelRecord
from canon_core.study.records import embedding_record
from canon_core.study.register import Register


class EmbeddingFiles:
    """What lies in a study's ``embeddings``, as :meth:`refresh` last saw it; several threads may ask."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._seen: dict[tuple[str, str], tuple[tuple[int, int], EmbeddingsInfo | str]] = {}

    def path(self, model: str, dataset: str) -> Path:
        """Where one model's embeddings of one dataset lie, or will lie."""
        register = self._register
        with register.mutex:
            return self._path(register.model(model), register.dataset(dataset))

    def key(self, model: str, dataset: str) -> str:
        """Content key of the embeddings if they are current; else the one that they would have to carry."""
        register = self._register
        with register.mutex:
            keys = self._current_keys(model, dataset)
            seen = self._seen.get((register.model(model).folder, register.dataset(dataset).folder))
            held = None if seen is None or isinstance(seen[1], str) else seen[1].attributes.get("key")
        return str(held) if held in keys else keys[0]

    def state(self, model: str, dataset: str) -> EmbeddingState:
        """How far these embeddings are; touches no HDF5 file."""
        register = self._register
        with register.mutex:
            seen = self._seen.get((register.model(model).folder, register.dataset(dataset).folder))
            rows = register.dataset(dataset).images
            if seen is None:
                return EmbeddingState(0, rows, current=False)
            info = seen[1]
            if isinstance(info, str):
                return EmbeddingState(0, rows, current=False, damage=info)
            current = info.attributes.get("key") in self._current_keys(model, dataset)
            current &= (info.rows, info.dimensions) == (rows, register.model(model).dimensions)
            record = self._record(model, dataset)
            return EmbeddingState(
                done=info.done,
                rows=info.rows,
                current=current,
                bad_rows=0 if record is None else record.bad,
                provider=str(info.attributes.get("provider", "")),
            )

    def refresh(self) -> None:
        """Read how far every file is."""
        for model in self._register.manifest.models:
            for data in self._register.manifest.datasets:
                path = self._path(model, data)
                pair = (model.folder, data.folder)
                try:
                    found = path.stat()
                except OSError:
                    self._seen.pop(pair, None)
                    continue
                stamp = (found.st_mtime_ns, found.st_size)
                if pair in self._seen and self._seen[pair][0] == stamp:
                    continue
                try:
                    info: EmbeddingsInfo | str = read_info(path)
                except CanonError as error:
                    info = error.sentence()
                self._seen[pair] = (stamp, info)

    def bad_rows(self, model: str, dataset: str) -> tuple[int, ...]:
        """Rows without a usable embedding of a complete, current file: as they were noted, or as found in it."""
        record = self._record(model, dataset)
        if record is not None and record.bad == len(record.bad_rows):
            return record.bad_rows
        found = find_bad_rows(self.path(model, dataset))
        self.note(model, dataset, self.key(model, dataset), found)
        return found

    def note(self, model: str, dataset: str, key: str, bad_rows: Sequence[int]) -> None:
        """Remember that embeddings with this content key are complete, and which rows of them are unusable."""
        register = self._register
        record = embedding_record(key, bad_rows)
        with register.mutex:
            pair = register.pair(model, dataset)
            if register.manifest.embeddings.get(pair) != record:
                register.change(embeddings={**register.manifest.embeddings, pair: record}, revise=False)
        self.refresh()

    def forget_model(self, folder: str) -> None:
        """Forget how far the embeddings of a removed model were."""
        self._seen = {pair: seen for pair, seen in self._seen.items() if pair[0] != folder}

    def forget_dataset(self, folder: str) -> None:
        """Forget how far the embeddings of a removed dataset were."""
        self._seen = {pair: seen for pair, seen in self._seen.items() if pair[1] != folder}

    def _path(self, model: ModelRecord, data: DatasetRecord) -> Path:
        """The file; of imported ones that are not in their place yet, where they lie."""
        target = self._register.folder / "embeddings" / model.folder / f"{data.folder}.h5"
        if model.imported:
            for drafted in (drafted_path(target, key) for key in self._keys(model, data)):
                if drafted.is_file():
                    return drafted
        return target

    def _current_keys(self, model: str, dataset: str) -> tuple[str, ...]:
        """Content keys of which the embeddings must carry one to count as current, today's first."""
        return self._keys(self._register.model(model), self._register.dataset(dataset))

    def _keys(self, model: ModelRecord, data: DatasetRecord) -> tuple[str, ...]:
        if model.imported:
            imported = self._register.manifest.imports.get(f"{model.folder}/{data.folder}")
            content = "" if imported is None else imported.sha256
            return tuple(imported_key(content, fingerprint) for fingerprint in data.fingerprints)
        spec = model.spec.digest()
        return tuple(embeddings_key(model.sha256, spec, fingerprint) for fingerprint in data.fingerprints)

    def _record(self, model: str, dataset: str) -> EmbeddingRecord | None:
        """What was noted of them, while it is of the current ones."""
        record = self._register.manifest.embeddings.get(self._register.pair(model, dataset))
        return record if record is not None and record.key == self.key(model, dataset) else None
