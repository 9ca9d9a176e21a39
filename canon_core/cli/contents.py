"""The commands that change what a study holds: its models and datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import CANCELLED, arguments, options
from canon_core.cli.application import app, open_study
from canon_core.cli.terminal import run_job, say
from canon_core.datasets.options import FORMATS
from canon_core.study.entries import DatasetEntry
from canon_core.study.results import stands_beside
from canon_core.study.study import Study


@app.command()
def new(study: options.StudyPath) -> None:
    """Make a new, empty study."""
    with Study.create(study) as made:
        say(f"made {made.path}")


@app.command("add-model")
def add_model(
    study: options.StudyPath,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx")],
    name: Annotated[str | None, typer.Option("--name", help="Default: the file's name.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Preprocessing of a known family; see canon doctor.")]
    = None,
    spec: Annotated[Path | None, typer.Option("--spec", metavar="FILE.toml", help="Preprocessing.")] = None,
) -> None:
    """Add a network: preprocessing from --spec, --preset, FILE.toml beside it, or read off the graph."""
    with open_study(study) as opened:
        try:
            entry = opened.add_model(arguments.recordable(file), name=name, preset=preset, spec_file=spec)
        except KeyboardInterrupt:  # hashing and checking a large network takes seconds
            say("cancelled")
            raise typer.Exit(CANCELLED) from None
        size = entry.spec.input
        say(
            f"added model '{entry.name}': {size.width}×{size.height} {size.color}, {entry.dimensions} dimensions,"
            f" {entry.parameters / 1e6:.2f} M parameters, {entry.macs / 1e6:,.0f} M MACs"
            f" ({entry.flops / 1e6:,.0f} M FLOPs) an image"
        )
        same = [each for each in opened.models if each.sha256 == entry.sha256 and each.name != entry.name]
        if same:
            names = " and ".join(f"'{each.name}'" for each in same)
            say(f"  the very same network is in the study already, as {names}")
        if stands_beside(entry.name):
            say("  by its name it stands beside the others: it is shown in every matrix and left out of every mean")
        say(f"preprocessing: {entry.origin}")
        for note in entry.notes:
            say(f"  {note}")
        if entry.origin == "inferred":
            say(
                f"  to change it: `canon remove {study} --model \"{entry.name}\"`,"
                " then add it again with --preset or --spec"
            )


@app.command("add-dataset")
def add_dataset(
    study: options.StudyPath,
    path: Annotated[Path, typer.Argument(metavar="PATH")],
    name: Annotated[str | None, typer.Option("--name", help="Default: the folder's name.")] = None,
    format: Annotated[  # noqa: A002
        str, typer.Option("--format", metavar="|".join(FORMATS), callback=arguments.dataset_format)
    ] = "auto",
    aligned: Annotated[
        str | None,
        typer.Option(
            "--aligned",
            metavar="arcface",
            callback=arguments.alignment,
            help="Images are 112×112 crops on that template.",
        ),
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option("--landmarks", metavar="FILE.csv", help="path, five x y pairs, optional score.")
    ] = None,
    pairs: Annotated[Path | None, typer.Option("--pairs", metavar="FILE", help="LFW's pairs.txt.")] = None,
    detector: Annotated[Path | None, typer.Option("--detector", metavar="FILE.onnx", help="YuNet.")] = None,
    whole_image: Annotated[
        bool, typer.Option("--whole-image", help="Embed whole photographs (numbers that mean little).")
    ] = False,
    max_per_subject: Annotated[
        int | None, typer.Option("--max-per-subject", min=1, help="A seeded subset of each subject's images.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of that subset.")] = 0,
) -> None:
    """Add images of known people: one folder a subject. Nothing is copied."""
    from canon_core.datasets.options import DatasetOptions

    chosen = DatasetOptions(
        format=format,
        aligned=aligned,
        landmarks=None if landmarks is None else arguments.recordable(landmarks),
        pairs=None if pairs is None else arguments.recordable(pairs),
        detector=None if detector is None else arguments.recordable(detector),
        whole_image=whole_image,
        max_per_subject=max_per_subject,
        seed=seed,
    )
    folder = arguments.recordable(path)
    with open_study(study) as opened:
        entry = run_job("add dataset", lambda ctx: opened.add_dataset(folder, chosen, ctx, name))
        _describe_dataset(opened, entry)


@app.command()
def remove(
    study: options.StudyPath,
    model: options.OneModel = None,
    dataset: options.OneDataset = None,
) -> None:
    """Forget a model or a dataset, with its embeddings and results. The files outside the study stay."""
    arguments.either(model, dataset)
    with open_study(study) as opened:
        if model is not None:
            opened.remove_model(model)
        elif dataset is not None:
            opened.remove_dataset(dataset)
    say(f"removed '{model or dataset}'")


@app.command()
def rename(
    study: options.StudyPath,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")],
    model: options.OneModel = None,
    dataset: options.OneDataset = None,
) -> None:
    """Give a model or a dataset another name."""
    arguments.either(model, dataset)
    with open_study(study) as opened:
        if model is not None:
            opened.rename_model(model, new_name)
        elif dataset is not None:
            opened.rename_dataset(dataset, new_name)
    say(f"'{model or dataset}' is now '{new_name}'")


def _describe_dataset(study: Study, entry: DatasetEntry) -> None:
    say(f"added dataset '{entry.name}': {entry.images:,} images of {entry.subjects:,} subjects ({entry.format})")
    for note in entry.notes:
        say(f"  {note}")
    problems = study.faces(entry.name).problems
    if problems:
        say(f"  {len(problems):,} left out:")
        for problem in problems[:20]:
            say(f"    {problem.image}: {problem.reason}")
        if len(problems) > 20:
            say(f"    … and {len(problems) - 20:,} more; all of them: `canon info {study.path} --json -`")
