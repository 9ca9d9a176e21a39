"""``canon overlay``: a target's points and its sources' in one picture, before the map and after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, terminal
from canon_core.cli.application import app, choose_dataset, open_study
from canon_core.cli.options import Dataset, JsonTarget, Map, Mode, ReadOnly, StudyPath
from canon_core.cli.options import Features as FeaturesOption
from canon_core.cli.terminal import duration, run_job, say, write_json
from canon_core.figures.overlay_figure import OverlayColour
from canon_core.maps.kinds import MapKind
from canon_core.study.overlay_results import (
    DEFAULT_MIN_DIST,
    DEFAULT_NEIGHBOURS,
    EVERYTHING,
    Overlay,
    OverlayLevel,
    OverlayMethod,
    OverlaySettings,
    overlay_line,
    score_text,
)
from canon_core.study.results import Features, FitMode
from canon_core.study.study import Study

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
    map: Map = MapKind.LINEAR,  # noqa: A002
    mode: Mode = FitMode.DISJOINT,
    features: FeaturesOption = Features.PAPER,
    level: Annotated[
        OverlayLevel | None, typer.Option("--level", help="What a point is. Default: templates where there are any.")
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
    colour: Annotated[OverlayColour, typer.Option("--colour", help="What colour and shape mean.")] = (
        OverlayColour.MODEL
    ),
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

    with open_study(study, owner="canon overlay", read_only=read_only) as opened:
        opened.refresh_states()
        data = choose_dataset(opened, dataset)
        settings = OverlaySettings(
            dataset=data,
            sources=_sources(opened, source, target, data),
            target=opened.model(target).name,
            map=map,
            mode=mode,
            features=features,
            level=level or (OverlayLevel.TEMPLATES if opened.dataset(data).has_templates else OverlayLevel.IMAGES),
            subjects=_subjects(subjects),
            chosen=tuple(dict.fromkeys(chosen or ())),
            method=method,
            neighbours=neighbours,
            min_dist=min_dist,
            seed=seed,
        )
        result = run_job("overlay", lambda ctx: run_overlay(opened, settings, ctx))
        if csv is not None:
            export_overlay(opened, result, csv, with_ids=with_ids)
            say(f"wrote {csv}: {len(result.model):,} points")
    if out is not None:
        from canon_core.figures.overlay_figure import overlay_figure
        from canon_core.figures.save import save_figure

        figure = overlay_figure(result, colour=colour, lines=lines, named=with_ids)
        written = save_figure(figure, out.with_suffix(""), (out.suffix.lstrip(".").casefold(),))
        say(f"wrote {written[0]}")
    if json_target is not None:
        write_json(overlay_json(result), json_target)
    if json_target != "-":
        _print(result)


def _sources(study: Study, asked: str, target: str, dataset: str) -> tuple[str, ...]:
    """The models asked for; ``all`` are those with embeddings, without the target."""
    if asked != ALL:
        return tuple(study.model(name).name for name in arguments.listed(asked))
    others = [entry.name for entry in study.models if entry.name != study.model(target).name]
    ready = tuple(name for name in others if study.embedding_state(name, dataset).complete)
    for name in others:
        if name not in ready:
            say(f"left out '{name}': it has no complete embeddings of '{dataset}'")
    return ready


def _subjects(text: str | None) -> int | None:
    if text is None:
        return None
    if text == ALL:
        return EVERYTHING
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"'{text}' is neither a number of subjects nor {ALL}", param_hint="--subjects")
    return int(text)


def _print(result: Overlay) -> None:
    for source, score in zip(result.settings.sources, result.scores, strict=True):
        terminal.out.print(f"{source} → {result.settings.target}: {score_text(score, result.settings.level)}")
    terminal.out.print()
    terminal.out.print(overlay_line(result))
    say(f"computed in {duration(result.seconds)}")
