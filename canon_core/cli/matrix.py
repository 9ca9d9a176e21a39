"""``canon matrix`` and ``folds``: every model against every other, by TAR@FAR or by LFW's fold accuracy."""

from __future__ import annotations

from typing import Annotated

import typer

from canon_core.cli import options
from canon_core.cli.application import app, choose_dataset, choose_models, matrix_settings, open_study
from canon_core.cli.terminal import run_job, write_json
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Features, FitMode, FoldSettings, default_rule
from canon_core.verification.bootstrap import DEFAULT_RESAMPLES


@app.command()
def matrix(
    study: options.StudyPath,
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: options.Far = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Intervals of every TAR and of differences: subjects drawn again.")
    ] = False,
    resamples: Annotated[int, typer.Option("--resamples", min=2, help="Draws, for --confidence.")] = DEFAULT_RESAMPLES,
    json_target: options.JsonTarget = None,
    read_only: options.ReadOnly = False,
) -> None:
    """TAR@FAR of every model against every other, through a map."""
    from canon_core.cli.printing import print_matrix
    from canon_core.cli.printing_statistics import print_confidence
    from canon_core.experiments.confidence import confidence_json, run_confidence
    from canon_core.experiments.matrix import matrix_json, run_matrix

    rule = far_rule or default_rule(mode)
    with open_study(study, owner="canon matrix", read_only=read_only) as opened:
        settings = matrix_settings(opened, dataset, models, map, mode, features, far, seed)
        result = run_job("matrix", lambda ctx: run_matrix(opened, settings, ctx))
        sure = None
        if confidence:
            sure = run_job("confidence", lambda ctx: run_confidence(opened, settings, ctx, resamples=resamples))
    if json_target is not None:
        document = matrix_json(result, rule)
        write_json(document if sure is None else {**document, **confidence_json(sure, rule)}, json_target)
    if json_target != "-":
        print_matrix(result, rule)
        if sure is not None:
            print_confidence(sure, rule)


@app.command()
def folds(
    study: options.StudyPath,
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    json_target: options.JsonTarget = None,
    read_only: options.ReadOnly = False,
) -> None:
    """LFW's fold accuracy, of every model and across models."""
    from canon_core.cli.printing import print_folds
    from canon_core.experiments.folds import folds_json, run_folds

    with open_study(study, owner="canon folds", read_only=read_only) as opened:
        data = choose_dataset(
            opened,
            dataset,
            lambda entry: entry.has_folds,
            needs="folds",
            remedy="add one with `canon add-dataset --pairs FILE`",
        )
        settings = FoldSettings(data, choose_models(opened, models), map)
        result = run_job("folds", lambda ctx: run_folds(opened, settings, ctx))
    if json_target is not None:
        write_json(folds_json(result), json_target)
    if json_target != "-":
        print_folds(result)
