"""Networks and datasets as the manifest remembers them: what they are, where they lie, by which they are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from canon_core.datasets.ijb_files import find_ijb
from canon_core.datasets.nist import find_nist
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset
from canon_core.datasets.template_protocol import TemplateProtocols
from canon_core.errors import DatasetError
from canon_core.models.onnx_file import open_onnx
from canon_core.models.resolve import ResolvedModel
from canon_core.models.spec import ModelSpec
from canon_core.study.manifest import (
    MOST_BAD_ROWS,
    DatasetRecord,
    EmbeddingRecord,
    FileStamp,
    ModelRecord,
    OptionsRecord,
    OutsidePath,
    SourceStamp,
    TemplatesRecord,
)


def model_record(
    name: str, folder: str, resolved: ResolvedModel, stamps: tuple[FileStamp, ...], study: Path
) -> ModelRecord:
    """A network whose files have these stamps, in the study of that folder."""
    return ModelRecord(
        name=name,
        folder=folder,
        file=OutsidePath.of(resolved.path, study),
        stamps=stamps,
        sha256=resolved.sha256,
        spec=resolved.spec,
        origin=resolved.origin,
        notes=resolved.notes,
        dimensions=resolved.dimensions,
        parameters=resolved.facts.parameters,
        macs=resolved.facts.macs,
        flops=resolved.facts.flops,
    )


def imported_model_record(name: str, folder: str, file: Path, dimensions: int, study: Path) -> ModelRecord:
    """A model without a network: of embeddings that came from ``file``."""
    return ModelRecord(
        name=name,
        folder=folder,
        file=OutsidePath.of(file, study),
        stamps=(),
        sha256="",
        spec=ModelSpec(),
        origin="imported",
        dimensions=dimensions,
        parameters=0,
        macs=0,
        flops=0,
        imported=True,
    )


def dataset_record(
    name: str,
    folder: str,
    root: Path,
    options: DatasetOptions,
    loaded: LoadedDataset,
    study: Path,
    before: TemplatesRecord | None = None,
) -> DatasetRecord:
    """A dataset that was read with these options, in the study of that folder; ``before`` is what the study knows of
    its templates, where it was read again."""
    faces = loaded.faces
    return DatasetRecord(
        name=name,
        folder=folder,
        root=OutsidePath.of(root, study),
        options=OptionsRecord.of(options, study),
        format=loaded.format,
        fingerprint=faces.fingerprint,
        images=len(faces),
        subjects=len(set(faces.subjects)),
        alignment=None if faces.alignment is None else str(faces.alignment),
        problems=len(faces.problems),
        fold_pairs=0 if loaded.folds is None else len(loaded.folds.first),
        notes=loaded.notes,
        image_root=None if faces.root == root else OutsidePath.of(faces.root, study),
        has_images=faces.has_images,
        templates=None if loaded.templates is None else _templates_record(loaded.templates, before),
        sources=tuple(_source_stamp(path, study) for path in loaded.sources),
    )


def embedding_record(key: str, bad_rows: Sequence[int]) -> EmbeddingRecord:
    """Complete embeddings with that content key, of which these rows are unusable."""
    rows = tuple(int(row) for row in bad_rows)
    return EmbeddingRecord(key=key, bad=len(rows), bad_rows=rows if len(rows) <= MOST_BAD_ROWS else ())


def network_stamps(file: Path) -> tuple[FileStamp, ...]:
    """Size and time of a network's file and of those its weights lie in."""
    names = [file.name, *(data.relative_to(file.parent.resolve()).as_posix() for data in open_onnx(file).data_files)]
    return tuple(file_stamp(file.parent, name) for name in names)


def file_stamp(folder: Path, name: str) -> FileStamp:
    """Size and time of one file; OSError where it is gone."""
    found = (folder / name).stat()
    return FileStamp(name=name, size=found.st_size, mtime_ns=found.st_mtime_ns)


def same_sources(record: DatasetRecord, study: Path) -> bool:
    """Whether the files a protocol was read from have the size and time they had then, and no covariates came since."""
    for source in record.sources:
        try:
            found = source.file.locate(study).stat()
        except OSError:
            return False
        if (found.st_size, found.st_mtime_ns) != (source.size, source.mtime_ns):
            return False
    described = _covariates_beside(record, record.root.locate(study))
    return described is None or described.name in {Path(source.file.absolute).name for source in record.sources}


def _covariates_beside(record: DatasetRecord, root: Path) -> Path | None:
    """The file of covariates that a template dataset has, known or not."""
    try:
        if record.format in ("ijbc", "ijbb"):
            layout, _ = find_ijb(root, record.format)
            return layout.covariates if layout is not None and layout.covariates.is_file() else None
        if record.format == "nist":
            published, _ = find_nist(root)
            return None if published is None else published.metadata()
    except (DatasetError, OSError):  # said where it is read
        pass
    return None


def _source_stamp(path: Path, study: Path) -> SourceStamp:
    found = path.stat()
    return SourceStamp(file=OutsidePath.of(path, study), size=found.st_size, mtime_ns=found.st_mtime_ns)


def _templates_record(templates: TemplateProtocols, before: TemplatesRecord | None) -> TemplatesRecord:
    """What a protocol holds; one that did not change is compared as it was, so that what was scored still counts."""
    same = before is not None and before.fingerprint == templates.fingerprint
    verification, search = templates.verification, templates.search
    return TemplatesRecord(
        fingerprint=templates.fingerprint,
        compared=before.compared if before is not None and same else templates.compared,
        templates=verification.templates,
        pairs=len(verification),
        genuine=verification.genuine_count,
        galleries=() if search is None else tuple(gallery.name for gallery in search.galleries),
        probes=0 if search is None else len(search.probes),
        covariates=tuple(covariate.name for covariate in templates.covariates),
    )
