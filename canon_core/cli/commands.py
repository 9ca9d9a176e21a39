"""The commands around a study, and its main job: embed, fit, score, show."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import CANCELLED, arguments, options, terminal
from canon_core.cli.application import app, choose_dataset, choose_models, matrix_settings, open_study
from canon_core.cli.terminal import duration, run_job, say, write_json
from canon_core.datasets.options import FORMATS
from canon_core.errors import CanonError, SettingsError, StudyError
from canon_core.maps.kinds import MapKind
from canon_core.resources import window_package
from canon_core.study.entries import DatasetEntry
from canon_core.study.results import (
    Features,
    FitMode,
    FoldSettings,
    MatrixSettings,
    default_rule,
    far_text,
    stands_beside,
)
from canon_core.study.study import Study
from canon_core.verification.bootstrap import DEFAULT_RESAMPLES


# -- the document ----------------------------------------------------------------------------------------------------
@app.command()
def new(study: options.StudyPath) -> None:
    """Make a new, empty study."""
    with Study.create(study) as made:
        say(f"made {made.path}")


@app.command("add-model")
def add_model(
    study: options.StudyPath,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx")],
    name: Annotated[str | None, typer.Option("--name", help="Default: the file's name.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Preprocessing of a known family; see canon doctor.")]
    = None,
    spec: Annotated[Path | None, typer.Option("--spec", metavar="FILE.toml", help="Preprocessing.")] = None,
) -> None:
    """Add a network: preprocessing from --spec, --preset, FILE.toml beside it, or read off the graph."""
    with open_study(study) as opened:
        try:
            entry = opened.add_model(arguments.recordable(file), name=name, preset=preset, spec_file=spec)
        except KeyboardInterrupt:  # hashing and checking a large network takes seconds
            say("cancelled")
            raise typer.Exit(CANCELLED) from None
        size = entry.spec.input
        say(
            f"added model '{entry.name}': {size.width}×{size.height} {size.color}, {entry.dimensions} dimensions,"
            f" {entry.parameters / 1e6:.2f} M parameters, {entry.macs / 1e6:,.0f} M MACs"
            f" ({entry.flops / 1e6:,.0f} M FLOPs) an image"
        )
        same = [each for each in opened.models if each.sha256 == entry.sha256 and each.name != entry.name]
        if same:
            names = " and ".join(f"'{each.name}'" for each in same)
            say(f"  the very same network is in the study already, as {names}")
        if stands_beside(entry.name):
            say("  by its name it stands beside the others: it is shown in every matrix and left out of every mean")
        say(f"preprocessing: {entry.origin}")
        for note in entry.notes:
            say(f"  {note}")
        if entry.origin == "inferred":
            say(
                f"  to change it: `canon remove {study} --model \"{entry.name}\"`,"
                " then add it again with --preset or --spec"
            )


@app.command("add-dataset")
def add_dataset(
    study: options.StudyPath,
    path: Annotated[Path, typer.Argument(metavar="PATH")],
    name: Annotated[str | None, typer.Option("--name", help="Default: the folder's name.")] = None,
    format: Annotated[  # noqa: A002
        str, typer.Option("--format", metavar="|".join(FORMATS), callback=arguments.dataset_format)
    ] = "auto",
    aligned: Annotated[
        str | None,
        typer.Option(
            "--aligned",
            metavar="arcface",
            callback=arguments.alignment,
            help="Images are 112×112 crops on that template.",
        ),
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option("--landmarks", metavar="FILE.csv", help="path, five x y pairs, optional score.")
    ] = None,
    pairs: Annotated[Path | None, typer.Option("--pairs", metavar="FILE", help="LFW's pairs.txt.")] = None,
    detector: Annotated[Path | None, typer.Option("--detector", metavar="FILE.onnx", help="YuNet.")] = None,
    whole_image: Annotated[
        bool, typer.Option("--whole-image", help="Embed whole photographs (numbers that mean little).")
    ] = False,
    max_per_subject: Annotated[
        int | None, typer.Option("--max-per-subject", min=1, help="A seeded subset of each subject's images.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of that subset.")] = 0,
) -> None:
    """Add images of known people: one folder a subject. Nothing is copied."""
    from canon_core.datasets.options import DatasetOptions

    chosen = DatasetOptions(
        format=format,
        aligned=aligned,
        landmarks=None if landmarks is None else arguments.recordable(landmarks),
        pairs=None if pairs is None else arguments.recordable(pairs),
        detector=None if detector is None else arguments.recordable(detector),
        whole_image=whole_image,
        max_per_subject=max_per_subject,
        seed=seed,
    )
    folder = arguments.recordable(path)
    with open_study(study) as opened:
        entry = run_job("add dataset", lambda ctx: opened.add_dataset(folder, chosen, ctx, name))
        _describe_dataset(opened, entry)


@app.command()
def remove(
    study: options.StudyPath,
    model: options.OneModel = None,
    dataset: options.OneDataset = None,
) -> None:
    """Forget a model or a dataset, with its embeddings and results. The files outside the study stay."""
    arguments.either(model, dataset)
    with open_study(study) as opened:
        if model is not None:
            opened.remove_model(model)
        elif dataset is not None:
            opened.remove_dataset(dataset)
    say(f"removed '{model or dataset}'")


@app.command()
def rename(
    study: options.StudyPath,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")],
    model: options.OneModel = None,
    dataset: options.OneDataset = None,
) -> None:
    """Give a model or a dataset another name."""
    arguments.either(model, dataset)
    with open_study(study) as opened:
        if model is not None:
            opened.rename_model(model, new_name)
        elif dataset is not None:
            opened.rename_dataset(dataset, new_name)
    say(f"'{model or dataset}' is now '{new_name}'")


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


# -- the work --------------------------------------------------------------------------------------------------------
@app.command()
def embed(
    study: options.StudyPath,
    models: options.Models = None,
    dataset: options.Dataset = None,
    provider: Annotated[
        str, typer.Option("--provider", metavar="auto|cuda|tensorrt|cpu", callback=arguments.provider)
    ] = "auto",
    device: Annotated[int, typer.Option("--device", min=0, help="Number of the GPU.")] = 0,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Images a run; default: found by trial.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Default: the cores this process has.")]
    = None,
    switch_provider: Annotated[
        bool, typer.Option("--switch-provider", help="Go on with a half-made file that another provider began.")
    ] = False,
) -> None:
    """Embed a dataset with every model; goes on where an earlier run ended."""
    from canon_core.embedding.embed import EmbedOptions
    from canon_core.experiments.embedding import embed_study

    chosen = EmbedOptions(
        provider=provider, device=device, batch=batch, threads=threads, allow_other_provider=switch_provider
    )
    with open_study(study, owner="canon embed") as opened:
        data = choose_dataset(opened, dataset)
        names = choose_models(opened, models)
        reports = run_job("embed", lambda ctx: embed_study(opened, data, names, chosen, ctx))
    told = ""
    for item in reports:
        report = item.report
        if report.done_before == report.rows:
            say(f"{item.model}: complete already ({report.rows:,} images)")
            continue
        if report.provider.reason not in ("", told):  # it is the same for every network
            told = report.provider.reason
            say(f"{report.provider.name}: {told}")
        say(
            f"{item.model}: {report.rows - report.done_before:,} of {report.rows:,} images in"
            f" {duration(report.seconds)}, {report.images_per_s:,.0f} images/s"
            f" ({report.provider.name}; batch {report.batch})"
        )


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


@app.command()
def export(
    study: options.StudyPath,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets figures/ and tables/.")],
    format: Annotated[  # noqa: A002
        str, typer.Option("--format", metavar="pdf,svg,png", callback=arguments.figure_formats)
    ] = "pdf,svg,png",
    tables: Annotated[
        str, typer.Option("--tables", metavar="csv,latex,md", callback=arguments.table_formats)
    ] = "csv,latex,md",
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: options.Far = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    width: Annotated[
        str | None,
        typer.Option(
            "--width",
            metavar="column|page|85mm|3.5in",
            help="Of every figure; a paper's column or page, whichever it needs, unless given.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="F", help="FAR drawn in any case. Default: 1e-2, or the first.")
    ] = None,
    cells: Annotated[
        str | None, typer.Option("--cells", metavar="A:B,…", help="Source:target, whose curves get a figure together.")
    ] = None,
    dpi: Annotated[int, typer.Option("--dpi", min=50, max=1200, help="Pixels an inch of PNG.")] = 300,
    read_only: options.ReadOnly = False,
) -> None:
    """The matrix (where enough impostor pairs decide it) and the ROC curves as figures, the matrix as tables."""
    from canon_core.experiments.export import export_study

    rule = far_rule or default_rule(mode)
    figure_formats, table_formats = arguments.listed(format), arguments.listed(tables)
    inches = None if width is None else arguments.figure_width(width)
    together = () if cells is None else arguments.cells(cells, "--cells", singles=True)
    with open_study(study, owner="canon export", read_only=read_only) as opened:
        settings = matrix_settings(opened, dataset, models, map, mode, features, far, seed)
        looked_at = None if at is None else arguments.fars(at, "--at")[0]
        if looked_at is not None and looked_at not in settings.far:
            raise SettingsError(f"FAR {far_text(looked_at)} is none of the targets", remedy="add it to --far")
        for name in (name for pair in together for name in pair):
            if opened.model(name).name not in settings.models:
                raise SettingsError(f"--cells names '{name}', which --models leaves out", remedy="name it in both")
        if read_only:
            _need_stored(opened, settings)
        written = run_job(
            "export",
            lambda ctx: export_study(
                opened, settings, rule, out, figure_formats, table_formats, ctx, together,
                at=looked_at, width=inches, dpi=dpi,
            ),
        )
    say(f"wrote {len(written)} files below {out}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR")] = Path("demo"),
    no_gui: Annotated[bool, typer.Option("--no-gui", help="Do not open the window at the end.")] = False,
) -> None:
    """The main job on rendered faces: embed, fit, score, write figures and tables, open the window."""
    from canon_core.demo.run import run_demo

    say_what, result = run_job("demo", lambda ctx: run_demo(out, ctx))
    for line in say_what:
        terminal.out.print(line)
    if no_gui:
        return
    if not _has_display():
        say(f"no display here: open it elsewhere with `canon gui {result}`")
        return
    _open_window([str(result)])


@app.command()
def gui(
    study: Annotated[Path | None, typer.Argument(metavar="[STUDY]")] = None,
) -> None:
    """The desktop program."""
    _open_window([] if study is None else [str(study)])


# -- shared by commands ----------------------------------------------------------------------------------------------
def _open_window(arguments: list[str]) -> None:
    if not _has_display() and not os.environ.get("QT_QPA_PLATFORM"):
        raise CanonError("no display", remedy="run it on a desktop, or use the other commands: they need none")
    try:
        start = importlib.import_module(f"{window_package()}.main").main
    except ImportError as error:
        raise CanonError(
            f"the window cannot start ({error})", remedy="`canon doctor` names the missing system libraries"
        ) from None
    code = start(arguments)
    if code:
        raise typer.Exit(code)


def _need_stored(study: Study, settings: MatrixSettings) -> None:
    """Refuse to draw cells that a study open read-only does not hold: their curves are read from its results."""
    from canon_core.experiments.matrix import stored_matrix

    matrix = stored_matrix(study, settings)
    waiting = [pair for pair, cell in matrix.cells.items() if cell is None and pair not in matrix.missing]
    if waiting:
        raise StudyError(
            f"{len(waiting)} of the {len(matrix.cells)} cells to export are not stored yet",
            path=study.path,
            remedy="export without --read-only, or run `canon matrix` with the same options first",
        )


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _describe_dataset(study: Study, entry: DatasetEntry) -> None:
    say(f"added dataset '{entry.name}': {entry.images:,} images of {entry.subjects:,} subjects ({entry.format})")
    for note in entry.notes:
        say(f"  {note}")
    problems = study.faces(entry.name).problems
    if problems:
        say(f"  {len(problems):,} left out:")
        for problem in problems[:20]:
            say(f"    {problem.image}: {problem.reason}")
        if len(problems) > 20:
            say(f"    … and {len(problems) - 20:,} more; all of them: `canon info {study.path} --json -`")


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
