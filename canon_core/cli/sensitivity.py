"""``canon sensitivity``: how many image pairs a map needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, choose_dataset, choose_models, open_study
from canon_core.cli.terminal import out, run_job, say, write_json
from canon_core.errors import SettingsError
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Features, FitMode, default_rule, far_text
from canon_core.study.sensitivity_results import (
    DEFAULT_FAR,
    DEFAULT_REPEATS,
    Pair,
    Sensitivity,
    SensitivitySettings,
    models_of,
    sensitivity_line,
)
from canon_core.verification.roc import FarRule


@app.command()
def sensitivity(
    study: options.StudyPath,
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.ROTATION,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    pairs: Annotated[
        str | None,
        typer.Option("--pairs", metavar="N,N,…", help="Fit pairs; 0 stands for all. Default: 32,64,… and all."),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Random subsets of each size.")] = DEFAULT_REPEATS,
    far: Annotated[str | None, typer.Option("--far", metavar="F,F,…", help="FAR targets. Default: 1e-2.")] = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="A control: fit maps on images that are not paired with themselves.")
    ] = False,
    cells: Annotated[
        str | None,
        typer.Option("--cells", metavar="A:B,…", help="Source:target; means are over these. Default: all but singles."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE.pdf", callback=arguments.file_to_write, help="Draw the curves."),
    ] = None,
    json_target: options.JsonTarget = None,
    read_only: options.ReadOnly = False,
) -> None:
    """TAR against the number of image pairs that maps are fitted on."""
    from canon_core.experiments.sensitivity import run_sensitivity, sensitivity_json

    rule = far_rule or default_rule(mode)
    steps = () if pairs is None else arguments.counts(pairs, "--pairs")
    among = None if cells is None else arguments.cells(cells, "--cells")
    targets = DEFAULT_FAR if far is None else arguments.fars(far)
    with open_study(study, owner="canon sensitivity", read_only=read_only) as opened:
        opened.refresh_states()
        data = choose_dataset(opened, dataset)
        settings = SensitivitySettings(
            data, choose_models(opened, models), map, mode, features, steps, repeats, targets, seed, shuffled
        )
        for name in (name for pair in among or () for name in pair):
            if opened.model(name).name not in settings.models:
                raise SettingsError(f"--cells names '{name}', which --models leaves out", remedy="name it in both")
        result = run_job("sensitivity", lambda ctx: run_sensitivity(opened, settings, ctx))
    if figure is not None:
        from canon_core.figures.save import save_figure
        from canon_core.figures.sensitivity_figure import sensitivity_figure

        drawn = sensitivity_figure([result], rule, among=among)
        written = save_figure(drawn, figure.with_suffix(""), (figure.suffix.lstrip(".").casefold() or "pdf",))
        say(f"wrote {written[0]}")
    if json_target is not None:
        write_json(sensitivity_json(result, rule, among), json_target)
    if json_target != "-":
        _print(result, rule, among)


def _print(result: Sensitivity, rule: FarRule, among: Sequence[Pair] | None) -> None:
    from canon_core.cli.printing import plain_table, say_missing

    far = result.settings.far
    title = "Mean TAR of cross-model cells by fit pairs a map (lowest and highest repetition)"
    table = plain_table(title, "fit pairs", *(f"FAR {far_text(target)}" for target in far))
    for step, (pairs, repeats) in enumerate(zip(result.pairs, result.repeats, strict=True)):
        row = []
        for target in far:
            found = [result.mean(step, repeat, target, rule, among) for repeat in range(repeats)]
            values = [value for value in found if value is not None]
            if not values:
                row.append("–")
                continue
            spread = f" ({min(values):.4f}–{max(values):.4f})" if len(values) > 1 else ""
            row.append(f"{sum(values) / len(values):.4f}{spread}")
        table.add_row(f"{pairs:,}", *row)
    singles = [result.single_mean(target, rule, models_of(among)) for target in far]
    table.add_row("single models", *("–" if value is None else f"{value:.4f}" for value in singles))
    out.print(table)
    say_missing(result.missing)
    out.print()
    out.print(sensitivity_line([result], rule, among=among))
