"""``canon pairs``: the pairs behind a cell, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, cell_models, choose_dataset, open_study
from canon_core.cli.printing import plain_table
from canon_core.cli.terminal import out, run_job
from canon_core.errors import SettingsError
from canon_core.maps.kinds import MapKind
from canon_core.study.pair_results import DEFAULT_LISTED, Against, PairKind, PairSettings, pairs_line
from canon_core.study.results import DEFAULT_FAR, Features, FitMode, MatrixSettings, default_rule

_KINDS = {kind.value.replace(" ", "-"): kind for kind in PairKind if "interval" not in kind}
_INTERVALS = {"genuine": PairKind.GENUINE_BETWEEN, "impostor": PairKind.IMPOSTORS_BETWEEN}


@app.command()
def pairs(
    study: options.StudyPath,
    source: options.Source,
    target: options.Target,
    file: Annotated[Path | None, typer.Option("--out", metavar="FILE.csv", help="Where the list goes.")] = None,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help=f"{', '.join(_KINDS)}; with --between genuine or impostor.")
    ] = "",
    against: Annotated[
        Against, typer.Option("--against", help="The model alone that created and repaired pairs are held against.")
    ] = Against.TARGET,
    between: Annotated[
        str | None, typer.Option("--between", metavar="LOW,HIGH", help="Pairs whose score lies in an interval.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Pairs listed, at most.")] = DEFAULT_LISTED,
    dataset: options.Dataset = None,
    models: options.Among = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: Annotated[float, typer.Option("--far", help="At which every cell has its threshold.")] = 1e-3,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    with_ids: Annotated[bool, typer.Option("--with-ids", help="Name images and subjects, not number them.")] = False,
    read_only: options.ReadOnly = False,
) -> None:
    """Which faces a cell gets wrong, and which its map creates or repairs; the worst come first."""
    from canon_core.experiments.pairs import PairFinder, pairs_csv
    from canon_core.store.output import write_output

    interval = None if between is None else arguments.numbers(between, "--between")
    if interval is not None and len(interval) != 2:
        raise SettingsError("--between wants two scores", remedy="give e.g. --between 0.2,0.3")
    kinds = _KINDS if interval is None else _INTERVALS
    asked = kind or next(iter(kinds))
    if asked not in kinds:
        raise SettingsError(f"there are no pairs of kind '{asked}'", remedy=f"use {', '.join(kinds)}")
    (chosen_far,) = arguments.fars(str(far))
    with open_study(study, owner="canon pairs", read_only=read_only) as opened:
        opened.refresh_states()
        data = choose_dataset(opened, dataset)
        names = cell_models(opened, models, source, target)
        fars = DEFAULT_FAR if chosen_far in DEFAULT_FAR else (*DEFAULT_FAR, chosen_far)
        settings = PairSettings(
            MatrixSettings(data, names, map, mode, features, fars, seed),
            source, target, chosen_far, far_rule or default_rule(mode), count,
        )  # fmt: skip
        finder = PairFinder(opened, settings)
        lists = run_job(
            "pairs", lambda ctx: finder.errors(ctx) if interval is None else finder.between(*interval, ctx)
        )
        listing = kinds[asked], against if kinds[asked].compared else None
        if listing not in lists.found:
            raise SettingsError(f"a model by itself has no {kinds[asked]}", remedy="name two different models")
        entry = opened.dataset(data)
        line = pairs_line(settings, entry.title, templates=entry.has_templates)
        if file is not None:
            shown = finder.shown(lists.found[listing])
            text = pairs_csv(shown, lists.thresholds, f"{asked} · {line}", names=with_ids)
            write_output(file, text.encode("utf-8"))
    table = plain_table("Pairs", "kind", "against", "pairs")
    for (one, other), found in lists.found.items():
        table.add_row(str(one), "" if other is None else f"{target if other is Against.TARGET else source} alone",
                      f"{found.total:,}")  # fmt: skip
    out.print()
    out.print(table)
    out.print()
    out.print(line)
    if file is not None:
        out.print(f"{len(lists.found[listing]):,} of {lists.found[listing].total:,} {asked} written to {file}")
