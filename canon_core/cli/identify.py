"""``canon identify``: probes searched in galleries."""

from __future__ import annotations

from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, choose_dataset, choose_models, open_study
from canon_core.cli.terminal import run_job, write_json
from canon_core.maps.kinds import MapKind
from canon_core.study.identification_results import IdentifySettings
from canon_core.study.results import Features, FitMode, default_rule
from canon_core.verification.identification import DEFAULT_FPIR


@app.command()
def identify(
    study: options.StudyPath,
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    fpir: Annotated[
        str | None, typer.Option("--fpir", metavar="F,F,…", help="FPIR targets. Default: 1e-1,1e-2,1e-3.")
    ] = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    json_target: options.JsonTarget = None,
    read_only: options.ReadOnly = False,
) -> None:
    """1:N: probes of every model searched in galleries of every other, through a map; rank-1, -5, -10, CMC, TPIR."""
    from canon_core.cli.printing_statistics import print_identification
    from canon_core.experiments.identification_document import identify_json
    from canon_core.experiments.identify import run_identify

    rule = far_rule or default_rule(mode)
    targets = DEFAULT_FPIR if fpir is None else arguments.fars(fpir, "--fpir")
    with open_study(study, owner="canon identify", read_only=read_only) as opened:
        opened.refresh_states()
        data = choose_dataset(
            opened,
            dataset,
            lambda entry: entry.has_search,
            needs="galleries and probes",
            remedy="add one with 1:N files, such as IJB-C with its meta folder",
        )
        settings = IdentifySettings(data, choose_models(opened, models), map, mode, features, targets, seed)
        result = run_job("identify", lambda ctx: run_identify(opened, settings, ctx))
    if json_target is not None:
        write_json(identify_json(result, rule), json_target)
    if json_target != "-":
        print_identification(result, rule)
