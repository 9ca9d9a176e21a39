"""The command line: from nothing to the matrix, and one clear sentence for everything that can be wrong."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from canon_core.cli import terminal
from canon_core.cli.application import app, load_commands
from canon_core.cli.printing import plain_table
from canon_core.demo.people import HELD_OUT
from canon_core.demo.study import DemoPlan, demo_notice
from canon_core.errors import CanonError
from canon_core.experiments.export import matrix_stem
from canon_core.study.results import Features, FitMode, MatrixSettings
from canon_core.verification.roc import FarRule

Make = Callable[..., Path]
CANON = [sys.executable, "-c", "from canon_core.cli import main; main()"]


def canon(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept.pop("QT_QPA_PLATFORM", None)
    command = [*CANON, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**kept, **environment}, check=False)


def ok(*arguments: str | Path, cwd: Path) -> str:
    done = canon(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """The one line of a command that must fail with exit code 1."""
    done = canon(*arguments, cwd=cwd, **environment)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_network: Make, make_faces: Make) -> Path:
    """A study made, embedded and scored by commands alone."""
    root = tmp_path_factory.mktemp("cli")
    make_network(root / "a.onnx", dimensions=24, seed=1)
    make_network(root / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "faces", subjects=10, images=4, folds=2)
    ok("new", "s", cwd=root)
    ok("add-model", "s.canon", "a.onnx", cwd=root)
    ok("add-model", "s.canon", "b.onnx", "--name", "second", cwd=root)
    ok("add-dataset", "s.canon", "faces", cwd=root)
    ok("embed", "s.canon", cwd=root)
    return root


def test_why_networks_run_where_they_do_is_said_once(folder: Path, tmp_path: Path) -> None:
    ok("new", "e", cwd=tmp_path)
    for name in ("a", "b"):
        ok("add-model", "e.canon", str(folder / f"{name}.onnx"), cwd=tmp_path)
    ok("add-dataset", "e.canon", str(folder / "faces"), cwd=tmp_path)
    done = canon("embed", "e.canon", cwd=tmp_path)
    lines = done.stderr.splitlines()
    assert sum("CUDA " in line for line in lines) == 1  # why it does not run, or that it does
    assert sum(" images/s (" in line for line in lines) == 2


def test_the_matrix_is_printed_with_its_settings(folder: Path) -> None:
    text = ok("matrix", "s.canon", "--far", "1e-1,1e-2", cwd=folder)
    for part in ("TAR at FAR 1e-2", "second", "map linear", "fit disjoint (seed 0)", "rule conservative", "genuine"):
        assert part in text


def test_json_on_standard_output_is_json_only(folder: Path) -> None:
    document = json.loads(ok("matrix", "s.canon", "--map", "rotation", "--json", "-", cwd=folder))
    assert document["models"] == ["a", "second"]
    assert document["map"] == "rotation"
    assert document["mode"] == "disjoint"
    assert document["far_rule"] == "conservative"
    assert document["far"] == [0.1, 0.01, 0.001, 0.0001, 1e-05, 1e-06]
    assert sum(document["fit_pairs"]) == 40
    for table in ("tar", "achieved_far", "threshold"):
        assert len(document[table]) == 2
        assert len(document[table][0][1]) == 6
    assert document["seconds"] > 0


def test_json_goes_into_a_file_too(folder: Path) -> None:
    ok("matrix", "s.canon", "--json", "out.json", cwd=folder)
    assert json.loads((folder / "out.json").read_text())["protocol"] == "all pairs"


def test_folds_are_printed_and_given_as_json(folder: Path) -> None:
    document = json.loads(ok("folds", "s.canon", "--json", "-", cwd=folder))
    assert len(document["per_fold"][0][1]) == 2
    assert document["dataset"] == "faces"
    assert "mean of 2 folds" in ok("folds", "s.canon", cwd=folder)


def test_info_tells_models_datasets_and_states(folder: Path) -> None:
    text = ok("info", "s.canon", cwd=folder)
    for part in ("a.onnx", "112×112 rgb", "faces", "complete (40"):
        assert part in text
    assert json.loads(ok("info", "s.canon", "--json", "-", cwd=folder))["embeddings"][0]["complete"] is True


def test_info_writes_a_contact_sheet(folder: Path) -> None:
    done = canon("info", "s.canon", "--contact-sheet", "sheet.png", cwd=folder)
    assert done.returncode == 0
    assert "  a, second: 112 x 112, arcface" in done.stderr  # every network, those that see the same together
    assert (folder / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_export_writes_figures_and_tables(folder: Path) -> None:
    ok("export", "s.canon", "--out", "paper", "--far", "1e-1", cwd=folder)
    figures = {path.suffix for path in (folder / "paper" / "figures").iterdir()}
    tables = {path.suffix for path in (folder / "paper" / "tables").iterdir()}
    assert figures == {".pdf", ".svg", ".png"}
    assert tables == {".csv", ".tex", ".md"}
    names = {path.stem for path in (folder / "paper" / "figures").iterdir()}
    assert "faces-linear-disjoint-matrix-far-1e-1" in names
    assert "faces-linear-disjoint-roc-single" in names
    assert "faces-linear-disjoint-roc-from-a" in names


def test_exports_of_other_settings_have_other_names_and_write_over_nothing(folder: Path) -> None:
    usual = ("export", "s.canon", "--out", "both", "--far", "1e-1", "--format", "svg", "--tables", "csv")
    changes = ((), ("--seed", "1"), ("--far-rule", "nearest"), ("--map", "rotation"))
    written: set[Path] = set()
    for change in changes:
        before = {path: path.read_bytes() for path in written}
        ok(*usual, *change, cwd=folder)
        assert all(path.read_bytes() == was for path, was in before.items())
        written = {*(folder / "both" / "figures").iterdir(), *(folder / "both" / "tables").iterdir()}
    names = {path.stem for path in (folder / "both" / "tables").iterdir()}
    assert names == {
        f"faces-{stem}-far-1e-1"
        for stem in ("linear-disjoint", "linear-disjoint-seed-1", "linear-disjoint-nearest", "rotation-disjoint")
    }
    other = MatrixSettings("t", ("a",), mode=FitMode.AUTHORS, features=Features.INSIGHTFACE, seed=1)
    assert matrix_stem(other, FarRule.NEAREST) == "t-linear-authors-insightface"  # its own rule; it draws nothing


def test_export_draws_at_the_width_and_resolution_asked_for(folder: Path) -> None:
    import cv2

    options = ["--far", "1e-1", "--format", "png", "--tables", "md"]
    for asked, pixels in (("127mm", 500), ("5in", 500), ("column", 350)):
        ok("export", "s.canon", "--out", asked, *options, "--width", asked, "--dpi", "100", cwd=folder)
        drawn = list((folder / asked / "figures").glob("*.png"))
        assert {cv2.imread(str(path)).shape[1] for path in drawn} == {pixels}


def test_doctor_names_versions_and_providers(folder: Path) -> None:
    text = ok("doctor", cwd=folder)
    for part in ("onnxruntime", "numpy", "cpu", "Presets", "V_R50_A"):
        assert part.lower() in text.lower()


def test_renaming_and_removing(folder: Path, make_network: Make) -> None:
    added = canon("add-model", "s.canon", "a.onnx", "--name", "spare", cwd=folder)
    assert added.returncode == 0
    assert "the very same network is in the study already, as 'a'" in added.stderr
    ok("rename", "s.canon", "other", "--model", "spare", cwd=folder)
    assert "other" in ok("info", "s.canon", cwd=folder)
    ok("remove", "s.canon", "--model", "other", cwd=folder)
    assert "other" not in ok("info", "s.canon", cwd=folder)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("matrix", "s.canon", "--dataset", "face"), "did you mean 'faces'"),
        (("matrix", "s.canon", "--models", "a,c"), "no model 'c'"),
        (("matrix", "s.canon", "--mode", "authors"), "--mode disjoint"),
        (("embed", "s.canon", "--provider", "cuda"), "CUDA does not run"),
        (("info", "nothing.canon"), "canon new"),
        (("info", "faces"), "not a study"),
        (("new", "s"), "there is a study already"),
        (("add-model", "s.canon", "missing.onnx"), "missing.onnx"),
        (("add-dataset", "s.canon", "missing"), "missing"),
        (("add-model", "s.canon", "a.onnx", "--preset", "facenett"), "facenet"),
        (("matrix", "s.canon", "--json", "."), "name the file to write"),
        (("matrix", "s.canon", "--json", "faces"), "faces: this is a folder"),
        (("folds", "s.canon", "--json", "new/"), "name the file to write"),
        (("info", "s.canon", "--json", "a.onnx/x.json"), "a.onnx: this is a file"),
        (("info", "s.canon", "--contact-sheet", "faces"), "faces: this is a folder"),
        (("gui", "s.canon"), "no display"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_1(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    before = (folder / "s.canon" / "study.json").read_bytes()
    assert says in refused(*arguments, cwd=folder)
    assert (folder / "s.canon" / "study.json").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("matrix",),
        ("matrix", "s.canon", "--map", "affinee"),
        ("matrix", "s.canon", "--far", "none"),
        ("matrix", "s.canon", "--far", "0"),
        ("matrix", "s.canon", "--json", ""),
        ("remove", "s.canon"),
        ("embed", "s.canon", "--provider", "foo"),
        ("add-dataset", "s.canon", "faces", "--format", "foo"),
        ("add-dataset", "s.canon", "faces", "--aligned", "foo"),
        ("export", "s.canon", "--out", "x", "--format", "pdf,gif"),
        ("export", "s.canon", "--out", "x", "--tables", "foo"),
        ("export", "s.canon", "--out", "x", "--width", "wide"),
        ("export", "s.canon", "--out", "x", "--width", "1mm"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_exit_code_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Run in this process, for speed: what a value may be is decided before anything is loaded for the work."""
    monkeypatch.chdir(folder)
    load_commands()
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.output
    assert "Error: " in done.stderr or "Usage: " in done.stderr


def test_names_that_look_like_markup_are_printed_as_they_are(folder: Path, tmp_path: Path, make_network: Make) -> None:
    make_network(tmp_path / "[bold] nets [/red]" / ":smile:" / "a.onnx")
    ok("new", "s", cwd=tmp_path)
    ok("add-model", "s.canon", tmp_path / "[bold] nets [/red]" / ":smile:" / "a.onnx", cwd=tmp_path)
    assert "/[bold] nets [/red]/:smile:/a.onnx" in ok("info", "s.canon", cwd=tmp_path)


def test_progress_shows_what_looks_like_markup_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(terminal, "err", Console(file=shown, force_terminal=True, width=120))
    terminal.run_job("read", lambda ctx: ctx.report(1, 1, "reading [/red] :smile:"))
    assert "reading [/red] :smile:" in shown.getvalue()


NASTY = "a\x1b]0;owned\x07\x1b[2J/x\ny\u202egpj\x9b31m.jpg"
SHOWN = r"a\x1b]0;owned\x07\x1b[2J/x\ny\u202egpj\x9b31m.jpg"


@pytest.mark.parametrize("how", ["say", "log", "progress", "fail", "table", "print"])
def test_names_from_files_do_not_drive_the_terminal(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    shown = io.StringIO()
    console = terminal.PlainConsole(
        file=shown, force_terminal=True, color_system=None, width=200, markup=False, emoji=False, highlight=False
    )
    monkeypatch.setattr(terminal, "err", console)
    if how == "say":
        terminal.say(f"    {NASTY}")
    elif how == "log":
        terminal.run_job("read", lambda ctx: ctx.log(NASTY))
    elif how == "progress":
        terminal.run_job("read", lambda ctx: ctx.report(1, 1, NASTY))
    elif how == "fail":
        terminal.fail(CanonError("no image", path=NASTY))
    elif how == "print":
        console.print(NASTY)
    else:
        table = plain_table(f"of {NASTY}", "name", NASTY)
        table.add_row(NASTY, "1")
        console.print(table)
    found = shown.getvalue()
    assert SHOWN.replace(r"\n", " " if how == "fail" else r"\n") in found
    for letter in ("\x1b]", "\x1b[2J", "\x07", "\u202e", "\x9b"):
        assert letter not in found


def test_every_kind_of_space_is_shown_as_one() -> None:
    assert terminal.printable("0.2\N{NO-BREAK SPACE}% of 1\N{NARROW NO-BREAK SPACE}000") == "0.2 % of 1 000"


def test_the_demo_says_once_what_its_faces_and_networks_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a few faces and without drawing, for speed; what matters is what is said around them."""
    plan = DemoPlan(range(HELD_OUT, HELD_OUT + 8), range(HELD_OUT + 9, HELD_OUT + 13), ("M1_MB2_A", "V_R8_A"), (32,), 1)
    monkeypatch.setattr("canon_core.demo.run.DemoPlan", lambda: plan)
    monkeypatch.setattr("canon_core.demo.run.export_study", lambda *arguments, **named: ())
    load_commands()
    done = CliRunner().invoke(app, ["demo", "--no-gui", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert done.output.count(demo_notice(plan)) == 1
    assert "the paper at 1e-2: 0.95" in done.stdout
    assert "(synthetic faces (" in done.stdout
    assert str(tmp_path / "out" / "demo.canon") in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only there a name can be any bytes")
def test_a_name_that_is_not_utf_8_is_refused_before_any_work(folder: Path, tmp_path: Path, make_network: Make) -> None:
    cafe = tmp_path / os.fsdecode(b"caf\xe9")
    (cafe / "Ann").mkdir(parents=True)
    shutil.copytree(folder / "faces", cafe, dirs_exist_ok=True)
    shutil.copy(folder / "a.onnx", cafe / "net.onnx")
    for command in (
        ("add-model", "s.canon", cafe / "net.onnx"),
        ("add-dataset", "s.canon", cafe),
        ("add-dataset", "s.canon", "faces", "--pairs", cafe / "pairs.txt"),
    ):
        says = refused(*command, cwd=folder)
        assert "the name 'caf\\xe9' is not UTF-8" in says
        assert "rename" in says


def test_folds_say_why_a_cell_is_missing(folder: Path, make_network: Make) -> None:
    ok("add-model", "s.canon", "a.onnx", "--name", "later", cwd=folder)
    try:
        done = canon("folds", "s.canon", "--map", "none", cwd=folder)
        assert done.returncode == 0
        assert done.stderr.count("missing: 'later' has no embeddings of 'faces' yet") == 1
        assert "missing: raw embeddings of 24 and 16 dimensions cannot be compared" in done.stderr
        document = json.loads(ok("folds", "s.canon", "--map", "none", "--json", "-", cwd=folder))
    finally:
        ok("remove", "s.canon", "--model", "later", cwd=folder)
    reasons = {(item["source"], item["target"]): item["reason"] for item in document["missing"]}
    empty = {
        (source, target)
        for source, row in zip(document["models"], document["accuracy"], strict=True)
        for target, value in zip(document["models"], row, strict=True)
        if value is None
    }
    assert set(reasons) == empty
    assert len(empty) == 7
    assert "24" in reasons["a", "second"]
    assert "later" in reasons["later", "later"]


def test_bad_models_are_refused_by_name(folder: Path, tmp_path: Path, make_network: Make) -> None:
    whole = make_network(tmp_path / "whole.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.onnx").write_text("this is no network")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "whole.toml").write_text("[input]\nheight = 96\nwidth = 96\n")
    (tmp_path / "typo.toml").write_text("[input]\nheigth = 112\n")
    for name in ("cut", "text", "empty"):
        assert f"{name}.onnx" in refused("add-model", "s.canon", tmp_path / f"{name}.onnx", cwd=folder)
    says = refused("add-model", "s.canon", tmp_path / "whole.onnx", cwd=folder)
    assert "96" in says
    assert "112" in says
    says = refused("add-model", "s.canon", tmp_path / "whole.onnx", "--spec", tmp_path / "typo.toml", cwd=folder)
    assert "height" in says
    assert "heigth" in says


def test_bad_datasets_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("add-dataset", "s.canon", tmp_path / "empty", cwd=folder)
    (tmp_path / "texts" / "Ann").mkdir(parents=True)
    (tmp_path / "texts" / "Ann" / "1.jpg").write_text("no image")
    assert "texts" in refused("add-dataset", "s.canon", tmp_path / "texts", cwd=folder)


def test_a_corrupt_image_among_good_ones_is_listed_and_the_others_go_on(
    folder: Path, tmp_path: Path, make_faces: Make
) -> None:
    faces = make_faces(tmp_path / "mixed", subjects=3, images=3)
    good = (faces / "Person_01" / "Person_01_0002.png").read_bytes()
    (faces / "Person_01" / "Person_01_0002.png").write_bytes(good[:200])
    done = canon("add-dataset", "s.canon", faces, cwd=folder)
    assert done.returncode == 0
    assert "Person_01/Person_01_0002.png" in done.stderr
    assert "8 images of 3 subjects" in done.stderr
    ok("remove", "s.canon", "--dataset", "mixed", cwd=folder)


def test_embeddings_cut_short_are_named_with_the_remedy_and_come_back_the_same(folder: Path) -> None:
    path = folder / "s.canon" / "embeddings" / "a" / "faces.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    text = ok("info", "s.canon", cwd=folder)
    assert "damaged" in text
    assert "faces.h5" in refused("matrix", "s.canon", "--models", "a", "--far", "0.3", cwd=folder)
    assert "delete it" in refused("embed", "s.canon", "--models", "a", cwd=folder)
    path.unlink()
    ok("embed", "s.canon", "--models", "a", cwd=folder)
    assert path.read_bytes() == whole


def test_a_result_cut_short_is_named(folder: Path) -> None:
    ok("matrix", "s.canon", "--models", "a", "--far", "0.25", cwd=folder)
    newest = max((folder / "s.canon" / "results").glob("*.h5"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:100])
    assert newest.name in refused("matrix", "s.canon", "--models", "a", "--far", "0.25", cwd=folder)
    newest.unlink()
    ok("matrix", "s.canon", "--models", "a", "--far", "0.25", cwd=folder)


def test_a_study_in_use_is_said_to_be_and_by_whom_and_can_still_be_read(folder: Path) -> None:
    ok("matrix", "s.canon", "--far", "0.15", cwd=folder)
    holder = subprocess.Popen(
        [sys.executable, "-c",
         "import sys, time; from canon_core.study.study import Study; s = Study.open(sys.argv[1], owner='canon embed');"
         "print('held', flush=True); time.sleep(60)", str(folder / "s.canon")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        says = refused("embed", "s.canon", cwd=folder)
        assert "in use by canon embed" in says
        assert str(holder.pid) in says
        assert "read-only" not in says
        ok("info", "s.canon", cwd=folder)
        options = ("s.canon", "--far", "0.2")
        assert "add --read-only" in refused("matrix", *options, cwd=folder)
        assert "add --read-only" in refused("folds", "s.canon", cwd=folder)
        before = sorted((folder / "s.canon").rglob("*.h5"))
        assert "TAR at FAR 0.2" in ok("matrix", *options, "--read-only", cwd=folder)
        assert "mean of 2 folds" in ok("folds", "s.canon", "--map", "rotation", "--read-only", cwd=folder)
        assert sorted((folder / "s.canon").rglob("*.h5")) == before
        says = refused("export", *options, "--out", "x", "--read-only", cwd=folder)
        assert "4 of the 4 cells to export are not stored yet" in says
        assert not (folder / "x").exists()
        stored = ("s.canon", "--far", "0.15", "--read-only", "--format", "svg", "--tables", "csv")
        ok("export", *stored, "--out", "seen", cwd=folder)
        assert len(list((folder / "seen" / "figures").iterdir())) == 8
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------
def interrupted(program: str, *arguments: str, cwd: Path) -> tuple[int, str]:
    """Exit code and standard error of ``canon`` with Ctrl-C pressed when it prints ``now``, as ``program`` makes it."""
    program = f"{program}\nfrom canon_core.cli import main\nmain()"
    running = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None
    while (line := running.stdout.readline()) and line != "now\n":
        pass
    assert line, "it ended before the moment came"
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    return running.returncode, said


def test_ctrl_c_ends_with_130_and_the_same_command_can_be_run_again(folder: Path, make_faces: Make) -> None:
    make_faces(folder / "many", subjects=10, images=10, seed=5)
    # Every image takes a fifth of a second, so that the hundred of them outlast the interrupt on any machine.
    slowly = """
import time
from canon_core.datasets import measure
read = measure.read_image
def read_slowly(*arguments, **options):
    print("now", flush=True)
    time.sleep(0.2)
    return read(*arguments, **options)
measure.read_image = read_slowly
"""
    code, said = interrupted(slowly, "add-dataset", "s.canon", "many", cwd=folder)
    assert code == 130
    assert said == "cancelled; what was finished is kept, and the same command goes on from there\n"
    assert "many" not in ok("info", "s.canon", cwd=folder)
    ok("add-dataset", "s.canon", "many", cwd=folder)
    ok("remove", "s.canon", "--dataset", "many", cwd=folder)


def test_ctrl_c_while_a_network_is_looked_at_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_network: Make
) -> None:
    def interrupted_there(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    ok("new", "s", cwd=tmp_path)
    monkeypatch.setattr("canon_core.study.networks.resolve_model", interrupted_there)
    load_commands()
    done = CliRunner().invoke(
        app, ["add-model", str(tmp_path / "s.canon"), str(make_network(tmp_path / "a.onnx"))]
    )
    assert (done.exit_code, done.stderr) == (130, "cancelled\n")


@pytest.mark.parametrize("module", ["canon_core.cli.contents", "typer", "numpy", "rich.console", "h5py"])
def test_ctrl_c_while_the_program_still_loads_ends_with_130_and_not_a_word(tmp_path: Path, module: str) -> None:
    stop = f"""
import sys, time
class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            print("now", flush=True)
            time.sleep(20)
sys.meta_path.insert(0, Stop())
"""
    assert interrupted(stop, "info", "s.canon", cwd=tmp_path) == (130, "")
