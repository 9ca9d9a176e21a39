"""``canon info`` and ``doctor``: what a study holds, and what this machine has for the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, choose_dataset
from canon_core.cli.terminal import say, write_json
from canon_core.study.study import Study


@app.command()
def info(
    study: options.StudyPath,
    json_target: options.JsonTarget = None,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(
            "--contact-sheet",
            metavar="FILE.png",
            callback=arguments.file_to_write,
            help="What each network sees of a dataset.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME,…", help="For --contact-sheet. Default: every network.")
    ] = None,
    dataset: options.Dataset = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the images drawn for --contact-sheet.")] = 0,
    with_ids: Annotated[
        bool, typer.Option("--with-ids", help="Name the images of --contact-sheet, not number them.")
    ] = False,
) -> None:
    """What a study holds; works while another program has it open."""
    from canon_core.cli.printing import info_json, print_info

    with Study.open(study, read_only=True) as opened:
        opened.refresh_states()
        if contact_sheet is not None:
            _write_contact_sheet(opened, choose_dataset(opened, dataset), model, contact_sheet, seed, with_ids)
        if json_target is not None:
            write_json(info_json(opened), json_target)
        else:
            print_info(opened)


@app.command()
def doctor() -> None:
    """Devices, providers, versions, what is missing and how to get it; the presets."""
    from canon_core.cli.printing import print_doctor

    print_doctor()


def _write_contact_sheet(
    study: Study, dataset: str, models: str | None, target: Path, seed: int, named: bool
) -> None:
    from canon_core.embedding.network_sheet import write_contact_sheet

    entries = study.models if models is None else [study.model(name) for name in arguments.listed(models)]
    networks = {entry.name: entry.spec for entry in entries if not entry.imported}
    seen = write_contact_sheet(study.faces(dataset), networks, target, seed=seed, named=named)
    say(f"wrote {target}: {len(seen[0].sheet.ids):,} images of '{dataset}' as networks see them")
    for each in seen:
        say(f"  {each.title}")
