"""Arguments and options that several commands have: one name, one meaning, one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments
from canon_core.maps.kinds import MapKind
from canon_core.study import results
from canon_core.verification.roc import FarRule

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder, NAME.canon.")]
Dataset = Annotated[str | None, typer.Option("--dataset", metavar="NAME", help="Default: the first that fits.")]
Models = Annotated[str | None, typer.Option("--models", metavar="A,B,…", help="Default: all.")]
Source = Annotated[str, typer.Option("--source", metavar="MODEL", help="Goes through the map.")]
Target = Annotated[str, typer.Option("--target", metavar="MODEL", help="Whose space it goes into.")]
Among = Annotated[
    str | None,
    typer.Option(
        "--models", metavar="A,B,…", help="Of the cell's matrix: an image without an embedding of any is left out."
    ),
]
Map = Annotated[MapKind, typer.Option("--map", help="Map from source to target space.")]
Mode = Annotated[results.FitMode, typer.Option("--mode", help="What maps are fitted on and scored on.")]
Features = Annotated[
    results.Features,
    typer.Option("--features", help="Images in a template: of unit norm (paper), or norms kept and flips summed."),
]
Far = Annotated[str | None, typer.Option("--far", metavar="F,F,…", help="FAR targets. Default: 1e-1,…,1e-6.")]
Rule = Annotated[
    FarRule | None, typer.Option("--far-rule", help="Default: nearest with authors and reversed, else conservative.")
]
Seed = Annotated[int, typer.Option("--seed", help="Of the split into halves of subjects.")]
JsonTarget = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", callback=arguments.json_target, help="Write the result as JSON."),
]
ReadOnly = Annotated[
    bool, typer.Option("--read-only", help="Work on what is stored while another program has the study; store nothing.")
]

#: A model or a dataset, where either may be meant.
OneModel = Annotated[str | None, typer.Option("--model", metavar="NAME")]
OneDataset = Annotated[str | None, typer.Option("--dataset", metavar="NAME")]
