"""``canon embed``: every image of a dataset through every network."""

from __future__ import annotations

from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, choose_dataset, choose_models, open_study
from canon_core.cli.terminal import duration, run_job, say


@app.command()
def embed(
    study: options.StudyPath,
    models: options.Models = None,
    dataset: options.Dataset = None,
    provider: Annotated[
        str, typer.Option("--provider", metavar="auto|cuda|tensorrt|cpu", callback=arguments.provider)
    ] = "auto",
    device: Annotated[int, typer.Option("--device", min=0, help="Number of the GPU.")] = 0,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Images a run; default: found by trial.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Default: the cores this process has.")]
    = None,
    switch_provider: Annotated[
        bool, typer.Option("--switch-provider", help="Go on with a half-made file that another provider began.")
    ] = False,
) -> None:
    """Embed a dataset with every model; goes on where an earlier run ended."""
    from canon_core.embedding.embed import EmbedOptions
    from canon_core.experiments.embedding import embed_study

    chosen = EmbedOptions(
        provider=provider, device=device, batch=batch, threads=threads, allow_other_provider=switch_provider
    )
    with open_study(study, owner="canon embed") as opened:
        data = choose_dataset(opened, dataset)
        names = choose_models(opened, models)
        reports = run_job("embed", lambda ctx: embed_study(opened, data, names, chosen, ctx))
    told = ""
    for item in reports:
        report = item.report
        if report.done_before == report.rows:
            say(f"{item.model}: complete already ({report.rows:,} images)")
            continue
        if report.provider.reason not in ("", told):  # it is the same for every network
            told = report.provider.reason
            say(f"{report.provider.name}: {told}")
        say(
            f"{item.model}: {report.rows - report.done_before:,} of {report.rows:,} images in"
            f" {duration(report.seconds)}, {report.images_per_s:,.0f} images/s"
            f" ({report.provider.name}; batch {report.batch})"
        )
