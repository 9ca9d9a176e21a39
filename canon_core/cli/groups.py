"""``canon groups``: error rates by group of people or of pictures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, cell_models, choose_dataset, open_study
from canon_core.cli.terminal import run_job, write_json
from canon_core.errors import CanonError
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.entries import DatasetEntry
from canon_core.study.results import DEFAULT_FAR, Features, FitMode, MatrixSettings, default_rule
from canon_core.study.study import Study
from canon_core.verification.bootstrap import DEFAULT_RESAMPLES


@app.command()
def groups(
    study: options.StudyPath,
    source: options.Source,
    target: options.Target,
    covariate: Annotated[str, typer.Option("--covariate", metavar="NAME", help="Such as GENDER or YAW.")],
    dataset: options.Dataset = None,
    models: options.Among = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: Annotated[float, typer.Option("--far", help="Of all pairs: it chooses the one threshold.")] = 1e-3,
    far_rule: options.Rule = None,
    edges: Annotated[
        str | None,
        typer.Option("--edges", metavar="E,E,…", help="Between bins of a measure. Default: quartiles; yaw 15,30,60."),
    ] = None,
    absolute: Annotated[
        bool | None, typer.Option("--absolute/--signed", help="Bin absolute values. Default: of yaw only.")
    ] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", min=2, help="Draws of subjects behind the intervals.")
    ] = DEFAULT_RESAMPLES,
    seed: options.Seed = 0,
    json_target: options.JsonTarget = None,
    read_only: options.ReadOnly = False,
) -> None:
    """Who is taken for whom: FMR of every two groups and FNMR of every group, at one threshold for all."""
    from canon_core.cli.printing_statistics import print_groups
    from canon_core.experiments.groups import groups_json, run_groups

    rule = far_rule or default_rule(mode)
    (chosen_far,) = arguments.fars(str(far))
    bins = None if edges is None else arguments.numbers(edges, "--edges")
    with open_study(study, owner="canon groups", read_only=read_only) as opened:
        opened.refresh_states()
        asked = [entry for entry in opened.datasets if dataset in (None, entry.name)]
        if not any(covariate.casefold() in _described(entry) for entry in asked):
            run_job("looking for covariates", lambda ctx: _look_again(opened, asked, ctx))
        data = choose_dataset(
            opened,
            dataset,
            lambda entry: bool(_described(entry)),
            needs="covariates",
            remedy="add one in NIST's layout, whose files bring them, or put PREFIX_covariates.csv beside InsightFace's"
            " lists",
        )
        names = cell_models(opened, models, source, target)
        fars = DEFAULT_FAR if chosen_far in DEFAULT_FAR else (*DEFAULT_FAR, chosen_far)
        settings = MatrixSettings(data, names, map, mode, features, fars, seed)
        result = run_job(
            "groups",
            lambda ctx: run_groups(
                opened,
                settings,
                source,
                target,
                covariate,
                chosen_far,
                rule,
                ctx,
                edges=bins,
                absolute=absolute,
                resamples=resamples,
            ),
        )
    if json_target is not None:
        write_json(groups_json(result), json_target)
    if json_target != "-":
        print_groups(result)


def _described(entry: DatasetEntry) -> list[str]:
    """Covariates of a dataset, in small letters."""
    return [] if entry.templates is None else [name.casefold() for name in entry.templates.covariates]


def _look_again(study: Study, asked: Sequence[DatasetEntry], ctx: JobContext) -> None:
    """Covariates may have come to these datasets since they were read."""
    for entry in asked:
        if entry.has_templates and entry.path.exists():
            try:
                study.refresh_dataset(entry.name, ctx, images=False)
            except CanonError as error:
                ctx.log(f"cannot look for covariates of '{entry.name}': {error.sentence()}", logging.WARNING)
