"""The commands that bring embeddings in, and take scores and maps out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, cell_settings, open_study
from canon_core.cli.terminal import duration, run_job, say
from canon_core.maps.kinds import MapKind
from canon_core.models.map_file import read_map, write_map
from canon_core.study.results import Features, FitMode, default_rule, few_pairs_text

#: Names that are listed one by one; the rest is counted.
LISTED = 20

Array = Annotated[
    str | None, typer.Option("--array", metavar="NAME", help="The embeddings, where .npz or .h5 holds several arrays.")
]

maps = typer.Typer(
    name="map",
    help="Fit a map to use elsewhere, and apply one: old embeddings for a new model.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(maps)


@maps.command("fit")
def map_fit(
    study: options.StudyPath,
    source: options.Source,
    target: options.Target,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.onnx|.npz", callback=arguments.map_file)],
    dataset: options.Dataset = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: Annotated[
        FitMode, typer.Option("--mode", help="How its TAR is measured; the map itself is fitted on everything.")
    ] = FitMode.DISJOINT,
    far: options.Far = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    read_only: options.ReadOnly = False,
) -> None:
    """Fit a map on all images (enrolment images where templates are compared), measure it, and write it to a file."""
    from canon_core.cli.printing_points import print_measured
    from canon_core.experiments.portable_map import fit_portable_map

    with open_study(study, owner="canon map fit", read_only=read_only) as opened:
        chosen = cell_settings(opened, dataset, None, source, target, map, mode, Features.PAPER, far, seed)
        rule = far_rule or default_rule(mode)
        portable = run_job("map fit", lambda ctx: fit_portable_map(opened, chosen, rule, ctx))
    write_map(out, portable)
    print_measured(portable)
    fitted = portable.mapping
    if few := few_pairs_text(fitted.pairs / portable.source_dimensions, fitted.kind):
        say(f"note: {few}")
    say(
        f"wrote {out}: {fitted.kind} map from '{portable.origin.source.name}' ({portable.source_dimensions}"
        f" dimensions) to '{portable.origin.target.name}' ({portable.target_dimensions}), fitted on"
        f" {portable.origin.fitted_on} of '{portable.origin.dataset}'"
    )


@maps.command("apply")
def map_apply(
    map_file: Annotated[Path, typer.Argument(metavar="MAP", help="What canon map fit wrote.")],
    embeddings: Annotated[Path, typer.Argument(metavar="EMBEDDINGS", help=".npy, .h5, .npz, .csv or .parquet")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.npy|.h5", callback=arguments.embeddings_file)],
    array: Array = None,
) -> None:
    """Take embeddings of a map's source into the target's space: the old gallery for the new model."""
    from canon_core.cli.printing_points import print_measured
    from canon_core.experiments.conversion import convert_embeddings

    portable = read_map(map_file)
    report = run_job("map apply", lambda ctx: convert_embeddings(portable, embeddings, out, ctx, array=array))
    origin = portable.origin
    for note in report.notes:
        say(f"  {note}")
    _list("rows without a usable embedding (not finite, or nothing but zeros), now rows of zeros", report.bad_rows)
    if report.ids_lost:
        say("the rows' ids have no place in .npy; they keep their order, and --out FILE.h5 keeps the ids too")
    flips = ", upright and mirrored each" if report.flip_kept else ""
    say(
        f"wrote {out}: {report.rows:,} embeddings of '{origin.source.name}'{flips}, now {portable.target_dimensions}"
        f" numbers of norm 1 in the space of '{origin.target.name}'"
    )
    print_measured(portable)


@app.command()
def scores(
    study: options.StudyPath,
    source: options.Source,
    target: options.Target,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.h5|.csv", callback=arguments.scores_file)],
    dataset: options.Dataset = None,
    models: options.Among = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: options.Far = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    with_ids: Annotated[
        bool, typer.Option("--with-ids", help="Name single images by their paths; else they are numbered.")
    ] = False,
    read_only: options.ReadOnly = False,
) -> None:
    """Label, ids and score of every pair of a cell, for other programs. Source and target may be one model."""
    from canon_core.cli.printing_points import print_points
    from canon_core.experiments.scores import export_scores

    with open_study(study, owner="canon scores", read_only=read_only) as opened:
        chosen = cell_settings(opened, dataset, models, source, target, map, mode, features, far, seed)
        rule = far_rule or default_rule(mode)
        report = run_job(
            "scores", lambda ctx: export_scores(opened, chosen, rule, out, ctx, with_ids=with_ids)
        )
    print_points(report.points, rule, f"{report.source} → {report.target}")
    say(
        f"wrote {out}: {report.pairs:,} pairs ({report.genuine:,} genuine) in {duration(report.seconds)};"
        f" {report.naming}"
    )


@app.command("import")
def import_file(
    study: options.StudyPath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".npy, .npz, .h5, .csv or .parquet, a row an image.")],
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Made where the study has none of that name.")],
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="Made of the file's ids where the study has none.")
    ],
    ids: Annotated[
        Path | None, typer.Option("--ids", metavar="FILE", help="Text with the id of each row, a line each.")
    ] = None,
    array: Array = None,
) -> None:
    """Take in embeddings made elsewhere, paired with a dataset's images by id or by row."""
    path = arguments.recordable(file)
    names = None if ids is None else arguments.recordable(ids)
    with open_study(study, owner="canon import") as opened:
        report = run_job(
            "import",
            lambda ctx: opened.import_embeddings(
                path, model=model, dataset=dataset, ids=names, array=array, ctx=ctx
            ),
        )
        if report.new_dataset:
            entry = opened.dataset(report.dataset)
            alone = "the ids alone" if report.paired_by == "id" else "row numbers alone, the file holds no ids"
            say(f"made dataset '{entry.name}' of {alone}: {entry.images:,} images, {entry.subjects:,} subjects")
            others = [other.name for other in opened.datasets if other.name != entry.name]
            if near := difflib.get_close_matches(entry.name, others, 1):
                say(f"  the study has a dataset '{near[0]}' too: if that was meant, remove this one and import again")
    if report.new_model:
        say(f"made model '{report.model}', of which there are embeddings only")
    for note in report.notes:
        if "no usable embedding" not in note:  # they are listed below
            say(f"  {note}")
    _list("images of the dataset without an embedding, left out of every result", report.missing)
    _list("embeddings of no image of the dataset, not taken", report.unused)
    _list("unusable embeddings (not finite, or nothing but zeros), left out", report.bad_rows)
    flips = ", upright and mirrored" if report.flip_kept else ""
    say(
        f"imported {report.matched:,} embeddings of {report.dimensions} dimensions{flips} as model '{report.model}' on"
        f" dataset '{report.dataset}' ({report.rows:,} images), paired by {report.paired_by}"
    )


def _list(what: str, names: Sequence[str]) -> None:
    """Say how many there are, and the first of them."""
    if names:
        say(f"{what}: {len(names):,}")
    for name in names[:LISTED]:
        say(f"    {name}")
    if len(names) > LISTED:
        say(f"    … and {len(names) - LISTED:,} more")
