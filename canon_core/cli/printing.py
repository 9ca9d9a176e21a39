"""Results as text for the terminal; every table carries its settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from canon_core.cli.terminal import out, say
from canon_core.errors import CanonError
from canon_core.figures.numbers import rate_text as far_rate_text
from canon_core.study.cached_files import RESULTS, Cached, bytes_text
from canon_core.study.entries import EmbeddingState
from canon_core.study.results import (
    FEW_FALSE_ACCEPTS,
    FoldMatrix,
    Matrix,
    far_text,
    few_pairs_text,
    folds_line,
    folds_text,
    settings_line,
)
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule


def print_matrix(matrix: Matrix, rule: FarRule) -> None:
    """The matrix at FAR 1e-2 (else at the first target), the means at every FAR, and the settings."""
    far = 1e-2 if 1e-2 in matrix.settings.far else matrix.settings.far[0]
    names = matrix.sorted_models(far, rule)
    table = plain_table(f"TAR at FAR {far_text(far)} (rows: source, columns: target)", "source \\ target", *names)
    for source in names:
        stars = ("*" if matrix.unresolved(source, target, far, rule) else "" for target in names)
        tars = (rate_text(matrix.tar(source, target, far, rule)) for target in names)
        table.add_row(source, *(tar + star for tar, star in zip(tars, stars, strict=True)))
    out.print(table)
    say_missing(matrix.missing)
    means = plain_table("Means", "FAR", "single", "cross-model", "highest achieved FAR", "")
    for target_far in matrix.settings.far:
        single, cross = matrix.means(target_far, rule)
        readings = [
            reading.point
            for cell in matrix.cells.values()
            if cell is not None
            for reading in [cell.readings[rule][matrix.settings.far.index(target_far)]]
        ]
        achieved = max((point.far for point in readings), default=float("nan"))
        few = any(point.false_accepts < FEW_FALSE_ACCEPTS for point in readings)
        note = f"unresolved: fewer than {FEW_FALSE_ACCEPTS} false accepts decide" if few else ""
        means.add_row(far_text(target_far), rate_text(single), rate_text(cross), far_rate_text(achieved), note)
    out.print()
    out.print(means)
    fits = [cell.fits for cell in matrix.cells.values() if cell is not None and cell.fits]
    if fits:
        thinnest = min(fit.pairs_per_dimension for cell_fits in fits for fit in cell_fits)
        if thin := few_pairs_text(thinnest, matrix.settings.map):
            say(f"note: as few as {thin}")
    out.print()
    out.print(settings_line(matrix, rule, far))


def print_folds(matrix: FoldMatrix) -> None:
    """Mean accuracy over the folds, of every model and across models."""
    names = matrix.settings.models
    table = plain_table(
        f"Accuracy, mean of {folds_text(matrix)} (rows: source, columns: target)", "source \\ target", *names
    )
    for source in names:
        cells = [matrix.cells[source, target] for target in names]
        table.add_row(source, *("–" if cell is None else f"{cell.accuracy:.4f}" for cell in cells))
    out.print(table)
    say_missing(matrix.missing)
    out.print()
    out.print(folds_line(matrix))


def print_info(study: Study) -> None:
    """Models, datasets, embeddings, results and sizes."""
    out.print(f"{study.name} · {study.path}")
    models = plain_table("Models", "name", "input", "dims", "parameters", "MACs", "FLOPs", "preprocessing", "file")
    for entry in study.models:
        size = entry.spec.input
        network = (
            f"{size.width}×{size.height} {size.color}",
            f"{entry.parameters / 1e6:.2f} M",
            f"{entry.macs / 1e6:,.0f} M",
            f"{entry.flops / 1e6:,.0f} M",
        )
        seen, *costs = ("–",) * 4 if entry.imported else network
        file = str(entry.file) if entry.file.is_file() else f"{entry.file} (missing)"
        models.add_row(entry.name, seen, str(entry.dimensions), *costs, entry.origin, file)
    out.print()
    out.print(models if study.models else "No models yet: canon add-model")
    columns = ("name", "format", "images", "subjects", "left out", "alignment", "folds", "templates", "folder")
    data = plain_table("Datasets", *columns)
    for item in study.datasets:
        data.add_row(
            item.name,
            item.format,
            f"{item.images:,}",
            f"{item.subjects:,}",
            f"{item.problems:,}",
            item.alignment or ("none" if item.has_images else "no images"),
            f"{item.fold_pairs:,} pairs" if item.has_folds else "–",
            "–" if item.templates is None else f"{item.templates.templates:,} in {item.templates.pairs:,} pairs",
            str(item.path) if item.path.exists() else f"{item.path} (missing)",
        )
    out.print()
    out.print(data if study.datasets else "No datasets yet: canon add-dataset")
    if study.models and study.datasets:
        done = plain_table("Embeddings", "model", *(item.name for item in study.datasets))
        for entry in study.models:
            states = [study.embedding_state(entry.name, item.name) for item in study.datasets]
            done.add_row(entry.name, *(state_text(state) for state in states))
        out.print()
        out.print(done)
    sizes = study.disk_usage()
    out.print()
    out.print(" · ".join(f"{room} {size / 1e6:,.1f} MB" for room, size in sizes.items()))


def state_text(state: EmbeddingState) -> str:
    """How far embeddings are, in a few words."""
    if state.damage:
        return f"damaged: {state.damage}"
    if state.complete:
        bad = f", {state.bad_rows} unusable" if state.bad_rows else ""
        return f"complete ({state.rows:,}{bad}; {state.provider})"
    if not state.done:
        return "none"
    return f"{state.done:,} of {state.rows:,}" if state.current else "out of date"


def info_json(study: Study) -> dict[str, Any]:
    """The same as a document."""
    return {
        "study": study.name,
        "models": [
            {
                "name": entry.name,
                "file": str(entry.file),
                "sha256": entry.sha256,
                "dimensions": entry.dimensions,
                "parameters": entry.parameters,
                "macs": entry.macs,
                "flops": entry.flops,
                "preprocessing": entry.origin,
                "imported": entry.imported,
                "notes": list(entry.notes),
                "spec": entry.spec.to_mapping(),
            }
            for entry in study.models
        ],
        "datasets": [
            {
                "name": item.name,
                "format": item.format,
                "folder": str(item.path),
                "fingerprint": item.fingerprint,
                "images": item.images,
                "subjects": item.subjects,
                "alignment": item.alignment,
                "fold_pairs": item.fold_pairs,
                "has_images": item.has_images,
                "templates": None if item.templates is None else asdict(item.templates),
                "notes": list(item.notes),
                "problems": [
                    {"image": problem.image, "reason": problem.reason} for problem in study.faces(item.name).problems
                ],
            }
            for item in study.datasets
        ],
        "embeddings": [
            {
                "model": entry.name,
                "dataset": item.name,
                "done": state.done,
                "rows": state.rows,
                "current": state.current,
                "complete": state.complete,
                "unusable": state.bad_rows,
            }
            for entry in study.models
            for item in study.datasets
            for state in [study.embedding_state(entry.name, item.name)]
        ],
        "bytes": study.disk_usage(),
    }


def print_cached(kept: Sequence[Cached]) -> None:
    """What a study keeps so as not to compute it again: the word for --what, what it is, its files and their size."""
    table = plain_table("Kept so as not to be computed again", "kind", "what it is", "files", "size", "`canon clear`")
    table.columns[1].justify = table.columns[-1].justify = "left"
    for found in kept:
        deleted = "deletes it" if found.kind in RESULTS else "leaves it, unless named with --what and --embed-again"
        table.add_row(found.kind, found.title, f"{found.files:,}", bytes_text(found.bytes), deleted)
    out.print(table if kept else "Nothing is kept yet.")
    if kept:
        out.print(f"{bytes_text(sum(found.bytes for found in kept))} in all")


def print_doctor() -> None:
    """The environment, row by row, each with its remedy where something is missing; then the presets."""
    from canon_core.models.presets import presets
    from canon_core.models.providers import environment_report

    report = environment_report()
    section = ""
    for row in report.rows:
        if row.section != section:
            section = row.section
            out.print()
            out.print(section, style="bold")
        mark = {"ok": "ok     ", "warn": "note   ", "missing": "missing"}[row.state]
        out.print(f"  {mark}  {row.name}: {row.text}")
        if row.remedy:
            out.print(f"           → {row.remedy}")
    try:
        known = presets()
    except (CanonError, OSError) as error:
        say(f"the presets cannot be read: {error}")
        return
    out.print()
    out.print("Presets (canon add-model --preset NAME)", style="bold")
    for preset in known:
        out.print(f"  {preset.name}: {preset.title}")
        if preset.models:
            out.print(f"    for {', '.join(preset.models)}")


def plain_table(title: str, *columns: str) -> Table:
    """An empty table without lines; its first column holds names, the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        last = column in ("file", "folder")
        table.add_column(
            column, justify="left" if number == 0 or last else "right", overflow="fold", no_wrap=number == 0
        )
    return table


def say_missing(missing: Mapping[tuple[str, str], str]) -> None:
    """Why cells are missing, every reason once."""
    for reason in dict.fromkeys(missing.values()):
        say(f"missing: {reason}")


def rate_text(value: float | None) -> str:
    """A rate with four digits; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.4f}"
