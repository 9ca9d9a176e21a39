"""Embed a study's dataset with its networks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from canon_core.embedding.embed import EmbedOptions, EmbedReport, embed
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext
from canon_core.models.providers import choose_provider
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
    """
    if options.provider not in ("auto", "cpu"):
        choose_provider(options.provider, options.device)  # what cannot be had is said before any work
    study.refresh_dataset(dataset, ctx)
    faces = study.faces(dataset)
    names = tuple(models) or tuple(model.name for model in study.models)
    done = []
    for name in names:
        resolved = study.resolved(name)
        if faces.alignment is None and resolved.spec.input.template != "whole":
            raise DatasetError(
                f"the images of '{dataset}' are {_sizes(faces.width, faces.height)} photographs without alignment, and"
                f" '{name}' wants aligned faces (numbers from whole photographs mean nothing)",
                path=faces.root,
                remedy="add the dataset again with --landmarks FILE.csv, --detector FILE.onnx, --aligned arcface,"
                " or --whole-image if you are sure",
            )
        attributes = {
            "key": study.embeddings_key(name, dataset),
            "model_sha256": resolved.sha256,
            "preprocessing": resolved.spec.digest(),
            "dataset": study.dataset(dataset).fingerprint,
        }
        path = study.embeddings_path(name, dataset)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        report = embed(resolved, faces, path, options, ctx, attributes)
        study.note_embedded(name, dataset, report.bad_rows)
        if report.bad_rows:
            shown = ", ".join(faces.ids[row] for row in report.bad_rows[:5])
            more = f" and {len(report.bad_rows) - 5} more" if len(report.bad_rows) > 5 else ""
            ctx.log(
                f"{name} gives no usable embedding (not finite, or zero) for {len(report.bad_rows)} images:"
                f" {shown}{more}",
                logging.WARNING,
            )
        embedded = ModelEmbedded(name, dataset, report)
        done.append(embedded)
        ctx.partial(embedded)
    return tuple(done)


def _sizes(width: object, height: object) -> str:
    import numpy as np

    wide, high = np.asarray(width), np.asarray(height)
    if len(wide) and (wide == wide[0]).all() and (high == high[0]).all():
        return f"{wide[0]}×{high[0]}"
    return "differently sized"
