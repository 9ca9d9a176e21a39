"""``canon overlay``: a target's points and its sources' in one picture, before the map and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from canon_core.cli import arguments, terminal
from canon_core.cli.application import app, choose_dataset, open_study
from canon_core.cli.options import Dataset, JsonTarget, Map, Mode, ReadOnly, StudyPath
from canon_core.cli.options import Features as FeaturesOption
from canon_core.cli.terminal import duration, run_job, say, write_json
from canon_core.experiments.overlay_colours import MODEL
from canon_core.experiments.overlay_filter import OverlayFilter
from canon_core.maps.kinds import MapKind
from canon_core.study.overlay_results import (
    DEFAULT_MIN_DIST,
    DEFAULT_NEIGHBOURS,
    EVERYTHING,
    Overlay,
    OverlayLevel,
    OverlayMethod,
    OverlaySettings,
)
from canon_core.study.overlay_text import overlay_line, scores_text
from canon_core.study.results import Features, FitMode
from canon_core.study.study import Study

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails
    from canon_core.experiments.overlay_look import OverlayLook
    from canon_core.jobs import JobContext

#: Stands for every model but the target, and for every subject.
ALL = "all"


@app.command()
def overlay(
    study: StudyPath,
    source: Annotated[
        str, typer.Option("--source", metavar="MODEL|A,B,…|all", help="Goes through the map; several into one target.")
    ],
    target: Annotated[str, typer.Option("--target", metavar="MODEL", help="Whose space it goes into.")],
    dataset: Dataset = None,
    added: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME", help="A further dataset through the same maps; repeat it for more."),
    ] = None,
    same_names: Annotated[
        bool, typer.Option("--same-names", help="One name in two datasets is one person; else they are different.")
    ] = False,
    map: Map = MapKind.LINEAR,  # noqa: A002
    mode: Mode = FitMode.DISJOINT,
    features: FeaturesOption = Features.PAPER,
    level: Annotated[
        OverlayLevel | None, typer.Option("--level", help="What a point is. Default: templates where all have them.")
    ] = None,
    subjects: Annotated[
        str | None,
        typer.Option("--subjects", metavar="N|all", help="Random subjects. Default: as many as make 4,000 points."),
    ] = None,
    chosen: Annotated[
        list[str] | None,
        typer.Option("--chosen", metavar="NAME", help="This subject and no other; give it again for more."),
    ] = None,
    method: Annotated[OverlayMethod, typer.Option("--method", help="How points come to their places.")] = (
        OverlayMethod.UMAP
    ),
    neighbours: Annotated[int, typer.Option("--neighbours", min=2, help="Of UMAP.")] = DEFAULT_NEIGHBOURS,
    min_dist: Annotated[float, typer.Option("--min-dist", min=0, max=1, help="Of UMAP.")] = DEFAULT_MIN_DIST,
    seed: Annotated[int, typer.Option("--seed", help="Of halves, random subjects and UMAP.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.pdf|.svg|.png", callback=arguments.figure_file)
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE.csv", callback=arguments.file_to_write, help="Write the coordinates."),
    ] = None,
    colour: Annotated[
        str,
        typer.Option(
            "--colour",
            metavar="model|dataset|subject|half|error|margin|COVARIATE",
            help="What colour and shape mean.",
        ),
    ] = MODEL,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="errors|found=TEXT|COVARIATE=GROUP", help="Draw and write these points; repeat to narrow."
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option("--hide", metavar="CLASS", help="Leave this class of the legend out; repeat it for more."),
    ] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Join the points of the same image.")] = False,
    with_ids: Annotated[
        bool, typer.Option("--with-ids", help="Name images and subjects in what is written; else they are numbered.")
    ] = False,
    json_target: JsonTarget = None,
    read_only: ReadOnly = False,
) -> None:
    """A target and its sources in one picture, raw and through the maps, and how often the nearest is the same face."""
    from canon_core.experiments.overlay import run_overlay
    from canon_core.experiments.overlay_export import export_overlay, overlay_json
    from canon_core.experiments.overlay_look import OverlayLook, check_look, looked_at

    look = OverlayLook(colour, _only(only or ()), tuple(hide or ()), lines)
    with open_study(study, owner="canon overlay", read_only=read_only) as opened:
        opened.refresh_states()
        data = choose_dataset(opened, dataset)
        further = tuple(opened.dataset(name).name for name in added or ())
        settings = OverlaySettings(
            dataset=data,
            sources=_sources(opened, source, target, (data, *further)),
            target=opened.model(target).name,
            map=map,
            mode=mode,
            features=features,
            level=level or _level(opened, (data, *further)),
            subjects=_subjects(subjects),
            chosen=tuple(dict.fromkeys(chosen or ())),
            method=method,
            neighbours=neighbours,
            min_dist=min_dist,
            seed=seed,
            added=further,
            same_names=same_names and bool(further),
        )
        result = run_job("overlay", lambda ctx: run_overlay(opened, settings, ctx))
        details = run_job("points", lambda ctx: _details(opened, result, look, ctx)) if look.of_details else None
        check_look(look, result, details)
        seen = looked_at(result, details, look, named=with_ids)
        if not seen.shown.any():
            say(f"nothing is left to draw: {looked_at(result, details, look).words}")
        if csv is not None:
            written_points = export_overlay(opened, result, csv, with_ids=with_ids, seen=seen)
            say(f"wrote {csv}: {written_points:,} points")
    if out is not None:
        from canon_core.figures.overlay_figure import overlay_figure
        from canon_core.figures.save import save_figure

        figure = overlay_figure(result, seen.colouring, left=seen.words, lines=lines)
        written = save_figure(figure, out.with_suffix(""), (out.suffix.lstrip(".").casefold(),))
        say(f"wrote {written[0]}")
    if json_target is not None:
        write_json(overlay_json(result), json_target)
    if json_target != "-":
        _print(result)


def _sources(study: Study, asked: str, target: str, datasets: tuple[str, ...]) -> tuple[str, ...]:
    """The models asked for; ``all`` are those with embeddings, without the target."""
    if asked != ALL:
        return tuple(study.model(name).name for name in arguments.listed(asked))
    others = [entry.name for entry in study.models if entry.name != study.model(target).name]
    ready = []
    for name in others:
        lacking = [dataset for dataset in datasets if not study.embedding_state(name, dataset).complete]
        if lacking:
            say(f"left out '{name}': it has no complete embeddings of '{lacking[0]}'")
        else:
            ready.append(name)
    return tuple(ready)


def _level(study: Study, datasets: tuple[str, ...]) -> OverlayLevel:
    """Templates where every dataset has them."""
    every = all(study.dataset(name).has_templates for name in datasets)
    return OverlayLevel.TEMPLATES if every else OverlayLevel.IMAGES


def _only(asked: Sequence[str]) -> OverlayFilter:
    """The filter that ``--only`` tells, each part of which may be given once."""
    found = OverlayFilter()
    for text in asked:
        kind, given, value = text.partition("=")
        taken = {"errors": found.errors, "found": bool(found.text)}.get(kind, bool(found.covariate))
        if taken:
            raise typer.BadParameter(f"'{text}' is asked for beside another of its kind", param_hint="--only")
        if text == "errors":
            found = replace(found, errors=True)
        elif kind == "found" and value.strip():
            found = replace(found, text=value.strip())
        elif given and kind and value:
            found = replace(found, covariate=kind, group=value)
        else:
            raise typer.BadParameter(
                f"'{text}' is neither errors, found=TEXT nor COVARIATE=GROUP", param_hint="--only"
            )
    return found


def _details(study: Study, result: Overlay, look: OverlayLook, ctx: JobContext) -> OverlayDetails:
    """What must be known of the points; neighbours are not looked up in vain."""
    from canon_core.experiments.overlay_details import overlay_details

    return overlay_details(study, result, ctx, compare_up_to=None if look.of_neighbours else 0)


def _subjects(text: str | None) -> int | None:
    if text is None:
        return None
    if text == ALL:
        return EVERYTHING
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"'{text}' is neither a number of subjects nor {ALL}", param_hint="--subjects")
    return int(text)


def _print(result: Overlay) -> None:
    terminal.out.print(f"{', '.join(result.settings.sources)} → {result.settings.target}: {scores_text(result)}")
    terminal.out.print()
    terminal.out.print(overlay_line(result))
    say(f"computing it took {duration(result.seconds)}")
