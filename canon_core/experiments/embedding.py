"""Embed a study's dataset with its networks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from canon_core.datasets.faces import FaceImages
from canon_core.embedding.embed import EmbedOptions, EmbedReport, embed, embeddings_bytes, require_space
from canon_core.errors import DatasetError, ModelError
from canon_core.experiments.embedding_progress import EmbeddingProgress
from canon_core.jobs import JobContext
from canon_core.models.providers import ProviderChoice, choose_provider
from canon_core.study.keys import embeddings_key
from canon_core.study.study import Study


@dataclass(frozen=True)
class ModelEmbedded:
    """One model is done; sent as a partial result so that views can go on with it."""

    model: str
    dataset: str
    report: EmbedReport


def embed_study(
    study: Study, dataset: str, models: Sequence[str], options: EmbedOptions, ctx: JobContext
) -> tuple[ModelEmbedded, ...]:
    """Embed one dataset with each of the models; what is there already is kept.

    A model that cannot be run does not keep the others from their work; its error is raised at the end.

    Parameters
    ----------
    study : Study
        Open for writing.
    dataset, models : str, sequence of str
        Names in the study; no models means all.
    options : EmbedOptions
        Provider, batch, threads.
    ctx : JobContext
        Progress and cancellation; one :class:`ModelEmbedded` partial per model.

    Raises
    ------
    DatasetError
        When the images carry no alignment although a model needs one, or an image vanished.
    ModelError
        When a network is gone or cannot be run, after the others are done.
    StoreError
        When the embeddings will not fit on the disk.
    """
    if options.provider not in ("auto", "cpu"):
        choose_provider(options.provider, options.device)  # what cannot be had is said before any work
    study.refresh_dataset(dataset, ctx)
    if not study.dataset(dataset).has_images:
        raise DatasetError(
            f"'{dataset}' has no images to embed",
            path=study.dataset(dataset).path,
            remedy="put them there and run it again, or `canon import` embeddings made elsewhere",
        )
    faces = study.faces(dataset)
    names = tuple(models) or tuple(model.name for model in study.models)
    imported = [name for name in names if study.model(name).imported]
    if imported and len(imported) < len(names):
        ctx.log(f"embeddings made elsewhere need no embedding: {', '.join(imported)}")
        names = tuple(name for name in names if name not in imported)
    _require_space(study, dataset, names, len(faces))
    done: list[ModelEmbedded] = []
    faults: list[ModelError] = []
    flops = {name: study.model(name).flops for name in names}
    progress = EmbeddingProgress(ctx, len(faces), _embedded_rows(study, dataset, names), flops)
    for name in names:
        ctx.check()
        try:
            embedded = _embed_one(study, dataset, name, faces, options, progress.of(name))
        except ModelError as error:
            progress.finished(name)
            if len(names) > 1:
                ctx.log(f"{name} is left out: {error.sentence()}", logging.WARNING)
            faults.append(error)
            continue
        progress.finished(name)
        done.append(embedded)
        ctx.partial(embedded)
    if faults:
        raise faults[0]
    return tuple(done)


def _require_space(study: Study, dataset: str, names: Sequence[str], rows: int) -> None:
    """Say before the first image, not after hours, that not all embeddings will fit on the disk."""
    study.refresh_states()
    wanted, new = 0, []
    for name in names:
        model, state = study.model(name), study.embedding_state(name, dataset)
        if not (state.current and state.done):  # a file that was begun is laid out whole
            wanted += embeddings_bytes(rows, model.dimensions, model.spec)
            new.append(name)
    if len(new) > 1:
        require_space(
            study.path,
            wanted,
            f"the embeddings of {len(new)} models",
            "free space on that disk, move the study to another, or embed with fewer models",
        )


def _embedded_rows(study: Study, dataset: str, names: Sequence[str]) -> dict[str, int]:
    states = {name: study.embedding_state(name, dataset) for name in names}
    return {name: state.done if state.current else 0 for name, state in states.items()}


def _embed_one(
    study: Study, dataset: str, name: str, faces: FaceImages, options: EmbedOptions, ctx: JobContext
) -> ModelEmbedded:
    """Embed with one model. The content key is of the very network, spec and images that are used."""
    path = study.embeddings_path(name, dataset)
    study.refresh_model(name)
    study.refresh_states()
    state = study.embedding_state(name, dataset)
    if state.complete and not study.model(name).file.is_file():  # its network is needed no more
        bad = study.bad_rows(name, dataset)
        provider = ProviderChoice(state.provider, 0, "")
        return ModelEmbedded(name, dataset, EmbedReport(state.rows, state.rows, 0.0, 0.0, provider, 0, bad))
    resolved = study.resolved(name)
    if faces.alignment is None and resolved.spec.input.template != "whole":
        raise DatasetError(
            f"the images of '{dataset}' are {_sizes(faces.width, faces.height)} photographs without alignment, and"
            f" '{name}' wants aligned faces (numbers from whole photographs mean nothing)",
            path=faces.root,
            remedy="add the dataset again with --landmarks FILE.csv, --detector FILE.onnx, --aligned arcface,"
            " or --whole-image if you are sure",
        )
    spec = resolved.spec.digest()
    known = dict.fromkeys((faces.fingerprint, *study.fingerprints(dataset)))
    images_of = {embeddings_key(resolved.sha256, spec, images): images for images in known}
    held = study.embeddings_key(name, dataset)
    key = held if held in images_of else next(iter(images_of))
    attributes = {
        "key": key,
        "model_sha256": resolved.sha256,
        "preprocessing": spec,
        "dataset": images_of[key],
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = embed(resolved, faces, path, options, ctx, attributes)
    study.note_embedded(name, dataset, key, report.bad_rows)
    if report.bad_rows:
        shown = ", ".join(faces.ids[row] for row in report.bad_rows[:5])
        more = f" and {len(report.bad_rows) - 5} more" if len(report.bad_rows) > 5 else ""
        ctx.log(
            f"{name} gives no usable embedding (not finite, or zero) for {len(report.bad_rows)} images: {shown}{more}",
            logging.WARNING,
        )
    return ModelEmbedded(name, dataset, report)


def _sizes(width: object, height: object) -> str:
    import numpy as np

    wide, high = np.asarray(width), np.asarray(height)
    if len(wide) and (wide == wide[0]).all() and (high == high[0]).all():
        return f"{wide[0]}×{high[0]}"
    return "differently sized"
