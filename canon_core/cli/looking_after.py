"""``canon locate``, ``clear`` and ``methods``: files that moved, what results take on the disk, a text for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, matrix_settings, open_study
from canon_core.cli.printing import print_cached
from canon_core.cli.terminal import run_job, say, write_json
from canon_core.errors import SettingsError
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Features, FitMode, default_rule, far_text

#: Where a matrix is read off unless another FAR is named.
_USUAL = 1e-2


@app.command()
def locate(
    study: options.StudyPath,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where it lies now.")],
    model: options.OneModel = None,
    dataset: options.OneDataset = None,
) -> None:
    """Say where a network's file or a dataset's folder lies now; its content must be what it was.

    Other networks that are gone are looked for beside the one that was found.
    """
    arguments.either(model, dataset)
    beside: tuple[str, ...] = ()
    with open_study(study, owner="canon locate") as opened:
        if model is not None:
            opened.locate_model(model, path)
            beside = opened.locate_models_beside(path)
        elif dataset is not None:
            run_job("locate", lambda ctx: opened.locate_dataset(dataset, path, ctx))
    say(f"'{model or dataset}' is found again at {path}")
    for other in beside:
        say(f"'{other}' is found again beside it")


@app.command()
def clear(
    study: options.StudyPath,
    what: Annotated[
        str | None,
        typer.Option("--what", metavar="K,K,…", help="Kinds, as --list names them. Default: all but embeddings."),
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Delete nothing; print each kind, what it is, its files and their size.")
    ] = False,
    embed_again: Annotated[
        bool,
        typer.Option(
            "--embed-again", help="Needed to delete embeddings: every network must run over every image again."
        ),
    ] = False,
    json_target: options.JsonTarget = None,
) -> None:
    """Delete stored maps and results, which can all be computed again; embeddings only where they are named."""
    from canon_core.study.cached_files import RESULTS, CacheKind, bytes_text, embedding_cost

    if json_target is not None and not only_list:
        raise typer.BadParameter("--json goes with --list")
    kinds = RESULTS
    if what is not None:
        known = {kind.value: kind for kind in CacheKind}
        for name in arguments.listed(what):
            if name not in known:
                raise SettingsError(f"no kind '{name}'", remedy=f"choose among {', '.join(known)}")
        kinds = frozenset(known[name] for name in arguments.listed(what))
    with open_study(study, owner="canon clear", read_only=only_list) as opened:
        if only_list:
            kept = opened.cached()
            if json_target is not None:
                write_json({found.kind: {"files": found.files, "bytes": found.bytes} for found in kept}, json_target)
            if json_target != "-":
                print_cached(kept)
            return
        held = {found.kind: found for found in opened.cached()}.get(CacheKind.EMBEDDINGS)
        if held is not None and held.kind in kinds and not embed_again:
            raise SettingsError(
                f"nothing was deleted, because {held.files:,} files of embeddings ({bytes_text(held.bytes)}) would be;"
                f" {embedding_cost(opened.embeddings_at_stake())}",
                path=opened.path,
                remedy="add --embed-again to delete them all the same, or name other kinds with --what",
            )
        say(f"{bytes_text(opened.clear_cached(kinds))} freed")


@app.command()
def methods(
    study: options.StudyPath,
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: options.Far = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="F", help="FAR target that is read off. Default: 1e-2, or the first.")
    ] = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    source: Annotated[str | None, typer.Option("--source", metavar="A", help="Of a cell to be read off.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="B")] = None,
) -> None:
    """A methods text for a paper, from what is stored: data, models with hashes, settings, counts, versions."""
    from canon_core.experiments.confidence import stored_confidence
    from canon_core.experiments.matrix import stored_matrix
    from canon_core.experiments.methods_text import methods_text

    if (source is None) != (target is None):
        raise typer.BadParameter("give both --source and --target, or neither")
    with open_study(study, owner="canon methods", read_only=True) as opened:
        settings = matrix_settings(opened, dataset, models, map, mode, features, far, seed)
        usual = _USUAL if _USUAL in settings.far else settings.far[0]
        read_at = usual if at is None else arguments.fars(at, "--at")[0]
        if read_at not in settings.far:
            raise SettingsError(f"FAR {far_text(read_at)} is none of the targets", remedy="add it to --far")
        matrix = stored_matrix(opened, settings)
        cells = [] if source is None or target is None else [(opened.model(source).name, opened.model(target).name)]
        if not any(matrix.cells.values()) or any(matrix.cells.get(pair) is None for pair in cells):
            raise SettingsError(
                "nothing is stored of this matrix" if not cells else "this cell is not stored",
                path=opened.path,
                remedy="run `canon matrix` with the same options first",
            )
        names = settings.models
        if matrix.wanted:
            say(
                f"note: {len(matrix.wanted)} of the {len(names) ** 2} cells of this matrix (map {map}, fit {mode}) are"
                " not stored, and not in the means; `canon matrix` with the same options computes them"
            )
        sure = stored_confidence(opened, settings, pairs=cells) if cells else None
        typer.echo(
            methods_text(opened, matrix, far_rule or default_rule(mode), far=read_at, cells=cells, confidence=sure),
            nl=False,
        )
