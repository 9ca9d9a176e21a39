"""The program ``canon``: how it starts and ends, and what its commands share."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.core import TyperGroup

from canon_core.cli import arguments, terminal
from canon_core.cli.terminal import say
from canon_core.errors import CanonError, StudyError, StudyInUse
from canon_core.jobs import system_error
from canon_core.maps.kinds import MapKind
from canon_core.resources import version
from canon_core.study.entries import DatasetEntry
from canon_core.study.results import DEFAULT_FAR, Features, FitMode, MatrixSettings
from canon_core.study.study import Study

#: Commands in the order of the work; help lists them so, whatever module they are in.
ORDER: Final = (
    *("new", "add-model", "add-dataset", "import", "remove", "rename", "info", "doctor"),
    *("embed", "matrix", "sensitivity", "folds", "identify", "groups", "pairs", "overlay", "scores", "map"),
    *("export", "methods", "locate", "clear", "demo", "gui"),
)


class _InOrder(TyperGroup):
    def list_commands(self, ctx: object) -> list[str]:
        """Names of the commands, as in :data:`ORDER`; others after them."""
        return sorted(self.commands, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="canon",
    help="Maps between face-recognition models: embed, fit, score, show. The window: canon gui.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    cls=_InOrder,
)


def load_commands() -> None:
    """Import the modules that hold commands: each puts its own into :data:`app`."""
    from canon_core.cli import (  # noqa: F401
        contents,
        embed,
        exchange,
        export,
        groups,
        identify,
        information,
        looking_after,
        matrix,
        overlay,
        pairs,
        sensitivity,
        window,
    )


def run() -> None:
    """Run the command that the arguments name; leaves by SystemExit where its exit code is not 0."""
    load_commands()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal that cannot show a letter shows a question mark, never a traceback
            reconfigure(errors="replace")
    logging.basicConfig(level=logging.CRITICAL)
    try:
        app()
    except CanonError as error:
        sys.exit(terminal.fail(error).exit_code)
    except OSError as error:
        sys.exit(terminal.fail(system_error(error)).exit_code)
    except Exception as error:
        if os.environ.get("CANON_DEBUG"):
            raise
        fault = CanonError(
            f"an internal error stopped this command ({type(error).__name__}: {error})",
            remedy="nothing that was finished is lost; set CANON_DEBUG=1, run it again and report what it prints",
        )
        sys.exit(terminal.fail(fault).exit_code)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"canon {version()}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of every command."""


# -- shared by commands ------------------------------------------------------------------------------------------------
def open_study(path: Path, *, owner: str = "canon", read_only: bool | None = None) -> Study:
    """Open a study for work; ``read_only`` is None in commands that cannot do without writing."""
    try:
        return Study.open(path, read_only=bool(read_only), owner=owner)
    except StudyInUse as error:
        choices = "wait for it, or close it there"
        if read_only is not None:
            choices = "wait for it, close it there, or add --read-only to work on what is stored"
        raise StudyError(error.problem, path=error.path, remedy=choices) from None


def choose_dataset(
    study: Study,
    asked: str | None,
    supports: Callable[[DatasetEntry], bool] = lambda entry: True,
    *,
    needs: str = "",
    remedy: str = "",
) -> str:
    """The dataset asked for, or the first that supports the command, said on standard error.

    ``needs`` is what the supported ones have (``folds``), and ``remedy`` how to get one.
    """
    if asked is not None:
        return study.dataset(asked).name
    if not study.datasets:
        raise StudyError("it has no dataset", path=study.path, remedy="add one with `canon add-dataset`")
    fitting = [entry for entry in study.datasets if supports(entry)]
    if not fitting:
        raise StudyError(f"none of its datasets has {needs}", path=study.path, remedy=remedy)
    if len(study.datasets) > 1:
        say(f"dataset: {fitting[0].name} (choose another with --dataset)")
    else:
        say(f"dataset: {fitting[0].name}")
    return fitting[0].name


def choose_models(study: Study, asked: str | None) -> tuple[str, ...]:
    """The models asked for as ``a,b,…``, or all."""
    if not study.models:
        raise StudyError("it has no models", path=study.path, remedy="add one with `canon add-model`")
    if asked is None:
        return tuple(entry.name for entry in study.models)
    return tuple(study.model(name).name for name in arguments.listed(asked))


def matrix_settings(
    study: Study,
    dataset: str | None,
    models: str | None,
    kind: MapKind,
    mode: FitMode,
    features: Features,
    far: str | None,
    seed: int,
) -> MatrixSettings:
    """The settings of a matrix that a command's options ask for; embeddings are looked at anew."""
    study.refresh_states()
    data = choose_dataset(study, dataset)
    return _settings(data, choose_models(study, models), kind, mode, features, far, seed)


def cell_models(study: Study, among: str | None, source: str, target: str) -> tuple[str, ...]:
    """The models of a cell's matrix: those asked for as ``a,b,…``, and the cell's two, or the one on both sides."""
    asked = () if among is None else arguments.listed(among)
    return tuple(dict.fromkeys(study.model(name).name for name in (*asked, source, target)))


def cell_settings(
    study: Study,
    dataset: str | None,
    among: str | None,
    source: str,
    target: str,
    kind: MapKind,
    mode: FitMode,
    features: Features,
    far: str | None,
    seed: int,
) -> MatrixSettings:
    """The settings of one cell, of a matrix whose models are those asked for and its two."""
    study.refresh_states()
    data = choose_dataset(study, dataset)
    return _settings(data, cell_models(study, among, source, target), kind, mode, features, far, seed)


def _settings(
    dataset: str,
    models: tuple[str, ...],
    kind: MapKind,
    mode: FitMode,
    features: Features,
    far: str | None,
    seed: int,
) -> MatrixSettings:
    return MatrixSettings(
        dataset=dataset,
        models=models,
        map=kind,
        mode=mode,
        features=features,
        far=DEFAULT_FAR if far is None else arguments.fars(far),
        seed=seed,
    )
