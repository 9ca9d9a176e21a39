"""The commands that bring embeddings in and take scores and maps out, from nothing to converted embeddings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from canon_core.cli.application import app, load_commands, run

CANON = [sys.executable, "-c", "from canon_core.cli import main; main()"]
SUBJECTS, IMAGES = 12, 6
IDS = [f"person {number // IMAGES:02d}/{number:03d}.jpg" for number in range(SUBJECTS * IMAGES)]


class Ended:
    """A command that ran in this process: exit code, and what it said on both streams."""

    def __init__(self, capsys: pytest.CaptureFixture[str], code: int) -> None:
        self.code = code
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def canon(monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]):
    """Run a command as ``canon`` does, below ``folder``, without the second a new process takes."""
    from canon_core.cli import terminal

    load_commands()  # before consoles are replaced: each module keeps the one that is there when it is first imported
    printing = [
        module for name, module in sys.modules.items()
        if name.startswith("canon_core.cli") and getattr(module, "out", None) is terminal.out
    ]  # fmt: skip
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CANON_DEBUG", raising=False)

    def call(*arguments: str) -> Ended:
        import rich.console

        monkeypatch.setattr(sys, "argv", ["canon", *arguments])
        out = rich.console.Console(highlight=False, markup=False, emoji=False, soft_wrap=True, width=240)
        for module in printing:
            monkeypatch.setattr(module, "out", out)
        err = rich.console.Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        monkeypatch.setattr(terminal, "err", err)
        try:
            run()
        except SystemExit as end:
            return Ended(capsys, int(end.code or 0))
        return Ended(capsys, 0)

    return call


def seen(width: int, seed: int) -> np.ndarray:
    who = np.random.default_rng(0).standard_normal((SUBJECTS, 6))
    rng = np.random.default_rng(seed)
    rows = who[[number // IMAGES for number in range(len(IDS))]] @ rng.standard_normal((6, width))
    return (rows + 0.5 * rng.standard_normal(rows.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two imported models, made by commands alone."""
    root = tmp_path_factory.mktemp("exchange")
    for name, width, seed in (("old", 10, 1), ("new", 8, 2)):
        np.savez(root / f"{name}.npz", embs=seen(width, seed), ids=np.array(IDS))
    for arguments in (
        ("new", "s"),
        ("import", "s.canon", "old.npz", "--model", "old", "--dataset", "people"),
        ("import", "s.canon", "new.npz", "--model", "new", "--dataset", "people"),
    ):
        done = subprocess.run([*CANON, *arguments], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


# -- import ----------------------------------------------------------------------------------------------------------
def test_import_says_what_was_made_and_how_rows_were_paired(canon, folder: Path) -> None:
    done = canon("import", "s.canon", "old.npz", "--model", "third", "--dataset", "others")
    assert done.code == 0
    assert "made dataset 'others' of the ids alone: 72 images, 12 subjects" in done.err
    assert "made model 'third'" in done.err
    assert "imported 72 embeddings of 10 dimensions as model 'third' on dataset 'others' (72 images)" in done.err
    assert "paired by id" in done.err
    np.save(folder / "rows.npy", seen(5, 9))
    done = canon("import", "s.canon", "rows.npy", "--model", "fourth", "--dataset", "people")
    assert "paired by row" in done.err
    assert "made dataset" not in done.err


def test_a_dataset_made_by_a_misspelled_name_is_noticed(canon, folder: Path) -> None:
    np.save(folder / "rows.npy", seen(5, 9))
    done = canon("import", "s.canon", "rows.npy", "--model", "third", "--dataset", "peolpe")
    assert done.code == 0
    assert "made dataset 'peolpe' of row numbers alone, the file holds no ids" in done.err
    assert "has a dataset 'people' too" in done.err
    done = canon("import", "s.canon", "rows.npy", "--model", "fourth", "--dataset", "elsewhere")
    assert "too" not in done.err


def test_info_shows_imported_models_without_a_network_and_datasets_without_images(canon) -> None:
    lines = canon("info", "s.canon").out.splitlines()
    model, _ = [line.split() for line in lines if line.startswith("old ")]  # once more under its embeddings
    assert model[1:7] == ["–", "10", "–", "–", "–", "imported"]
    (dataset,) = [line for line in lines if line.startswith("people ")]
    assert "no images" in dataset
    assert "(missing)" not in dataset
    told = json.loads(canon("info", "s.canon", "--json", "-").out)
    assert [one["imported"] for one in told["models"]] == [True, True]
    assert (told["datasets"][0]["has_images"], told["datasets"][0]["templates"]) == (False, None)


def test_ids_that_do_not_match_are_counted_and_the_first_twenty_listed(canon, folder: Path) -> None:
    rows, ids = seen(5, 9), list(IDS)
    rows[70], rows[71] = np.nan, 0
    ids[:25] = [f"stranger/{number}" for number in range(25)]
    np.savez(folder / "third.npz", embs=rows, ids=np.array(ids))
    done = canon("import", "s.canon", "third.npz", "--model", "third", "--dataset", "people")
    assert done.code == 0
    lines = done.err.splitlines()
    assert "images of the dataset without an embedding, left out of every result: 25" in lines
    assert "embeddings of no image of the dataset, not taken: 25" in lines
    assert sum(line.startswith("    person 0") for line in lines) >= 20
    assert sum(line.startswith("    stranger/") for line in lines) == 20
    assert lines.count("    … and 5 more") == 2
    assert "unusable embeddings (not finite, or nothing but zeros), left out: 2" in lines
    assert f"    {IDS[70]}" in lines
    assert "imported 47 embeddings" in lines[-1]


def test_ids_come_from_a_file_of_their_own(canon, folder: Path) -> None:
    np.save(folder / "third.npy", seen(5, 9)[::-1])
    (folder / "names.txt").write_text("\n".join(reversed(IDS)))
    done = canon("import", "s.canon", "third.npy", "--model", "third", "--dataset", "people", "--ids", "names.txt")
    assert done.code == 0
    assert "paired by id" in done.err
    with h5py.File(folder / "s.canon" / "embeddings" / "third" / "people.h5") as file:
        np.testing.assert_array_equal(file["embeddings"][...], seen(5, 9))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing.npy", "--model", "m", "--dataset", "people"), "nothing.npy"),
        (("wide.npy", "--model", "old", "--dataset", "people"), "4 dimensions, and model 'old' has 10"),
        (("short.npy", "--model", "m", "--dataset", "people"), "--ids FILE"),
        (("text.npy", "--model", "m", "--dataset", "people"), "text.npy"),
    ],
)
def test_what_cannot_be_imported_is_one_line(canon, folder: Path, arguments: tuple[str, ...], says: str) -> None:
    np.save(folder / "wide.npy", np.ones((72, 4), np.float32))
    np.save(folder / "short.npy", np.ones((7, 4), np.float32))
    (folder / "text.npy").write_text("hello")
    done = canon("import", "s.canon", *arguments)
    assert done.code == 1
    assert [line for line in done.err.splitlines() if line.startswith("error: ") and says in line], done.err
    assert "Traceback" not in done.err


def test_of_several_arrays_the_one_named_is_taken(canon, folder: Path) -> None:
    np.savez(folder / "two.npz", first=seen(10, 5), second=seen(10, 7))
    arguments = ("import", "s.canon", "two.npz", "--model", "third", "--dataset", "people")
    done = canon(*arguments)
    assert done.code == 1
    assert "could be the embeddings: first (72, 10), second (72, 10); say which with --array NAME" in done.err
    done = canon(*arguments, "--array", "second")
    assert "embeddings from array second" in done.err
    with h5py.File(folder / "s.canon" / "embeddings" / "third" / "people.h5") as file:
        np.testing.assert_array_equal(file["embeddings"][...], seen(10, 7))
    assert canon("map", "fit", "s.canon", "--source", "old", "--target", "new", "--out", "map.npz").code == 0
    assert canon("map", "apply", "map.npz", "two.npz", "--array", "first", "--out", "out.npy").code == 0
    assert canon("import", "s.canon", "map.npz", "--model", "fourth", "--dataset", "people").code == 1


# -- map fit and map apply -------------------------------------------------------------------------------------------
def test_old_embeddings_are_converted_with_a_map_that_says_what_it_is_worth(canon, folder: Path) -> None:
    done = canon("map", "fit", "s.canon", "--source", "old", "--target", "new", "--out", "map.onnx", "--far", "1e-1")
    assert done.code == 0
    assert "Measured TAR of old → new" in done.out
    assert "nothing is left to measure it on" in done.out
    assert "fit disjoint (seed 0) · FAR rule conservative" in done.out
    assert "note: 7.2 fit pairs a source dimension" in done.err
    assert "wrote map.onnx: linear map from 'old' (10 dimensions) to 'new' (8), fitted on all 72 images" in done.err
    matrix = json.loads(canon("matrix", "s.canon", "--far", "1e-1", "--json", "-").out)
    tar = matrix["tar"][matrix["models"].index("old")][matrix["models"].index("new")][0]
    assert f"{tar:.4f}" in done.out
    props = {one.key: one.value for one in onnx.load(folder / "map.onnx").metadata_props}
    assert json.loads(props["canon.measured"])[0]["tar"] == tar

    np.save(folder / "gallery.npy", seen(10, 5))
    done = canon("map", "apply", "map.onnx", "gallery.npy", "--out", "converted.h5")
    assert done.code == 0
    assert "wrote converted.h5: 72 embeddings of 'old', now 8 numbers of norm 1 in the space of 'new'" in done.err
    assert f"{tar:.4f}" in done.out, "what the map promises is said where it is used"
    done = canon("import", "s.canon", "converted.h5", "--model", "converted", "--dataset", "people")
    assert "imported 72 embeddings of 8 dimensions" in done.err


def test_the_same_map_in_both_forms_converts_alike(canon, folder: Path) -> None:
    np.save(folder / "gallery.npy", seen(10, 5))
    for suffix in ("onnx", "npz"):
        options = ("--map", "affine", "--out", f"map.{suffix}")
        assert canon("map", "fit", "s.canon", "--source", "old", "--target", "new", *options).code == 0
        assert canon("map", "apply", f"map.{suffix}", "gallery.npy", "--out", f"{suffix}.npy").code == 0
    np.testing.assert_allclose(np.load(folder / "onnx.npy"), np.load(folder / "npz.npy"), atol=1e-6)


def test_converting_counts_bad_rows_and_says_where_ids_go(canon, folder: Path) -> None:
    assert canon("map", "fit", "s.canon", "--source", "old", "--target", "new", "--out", "map.npz").code == 0
    rows = seen(10, 5)
    rows[:30] = 0
    np.savez(folder / "gallery.npz", embs=rows, ids=np.array(IDS))
    done = canon("map", "apply", "map.npz", "gallery.npz", "--out", "converted.npy")
    assert "now rows of zeros: 30" in done.err
    assert f"    {IDS[0]}" in done.err
    assert "    … and 10 more" in done.err
    assert "--out FILE.h5 keeps the ids too" in done.err


FROM_OLD = ("fit", "s.canon", "--source", "old", "--target")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*FROM_OLD, "old", "--out", "m.npz"), "two different models"),
        ((*FROM_OLD, "nwe", "--out", "m.npz"), "did you mean 'new'"),
        ((*FROM_OLD, "new", "--map", "none", "--out", "m.npz"), "nothing to write"),
        ((*FROM_OLD, "new", "--out", "old.npz/m.npz"), "nothing can lie below it"),
        ((*FROM_OLD, "new", "--mode", "authors", "--out", "m.npz"), "--mode disjoint"),
        (("apply", "old.npz", "new.npz", "--out", "o.npy"), "no map that this program wrote"),
        (("apply", "nothing.onnx", "new.npz", "--out", "o.npy"), "canon map fit"),
        (("apply", "map.npz", "new.npz", "--out", "o.npy"), "8 dimensions, and the map from 'old' takes 10"),
        (("apply", "map.npz", "nothing.npy", "--out", "o.npy"), "nothing.npy"),
    ],
)
def test_a_map_that_cannot_be_fitted_or_applied_is_one_line(
    canon, folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    if "map.npz" in arguments:
        assert canon("map", "fit", "s.canon", "--source", "old", "--target", "new", "--out", "map.npz").code == 0
    done = canon("map", *arguments)
    assert done.code == 1
    assert [line for line in done.err.splitlines() if line.startswith("error: ") and says in line], done.err
    assert "Traceback" not in done.err
    assert not (folder / "o.npy").exists()


# -- scores ----------------------------------------------------------------------------------------------------------
def test_scores_are_written_with_the_tar_of_the_matrix(canon, folder: Path) -> None:
    matrix = json.loads(canon("matrix", "s.canon", "--far", "1e-1", "--json", "-").out)
    tar = matrix["tar"][matrix["models"].index("old")][matrix["models"].index("new")][0]
    for name in ("scores.h5", "scores.csv"):
        done = canon("scores", "s.canon", "--source", "old", "--target", "new", "--far", "1e-1", "--out", name)
        assert done.code == 0
        assert "TAR of old → new (rule conservative)" in done.out
        assert f"{tar:.4f}" in done.out
        pairs = sum(matrix["pairs"]["cross"].values())
        assert f"wrote {name}: {pairs:,} pairs ({matrix['pairs']['cross']['genuine']:,} genuine)" in done.err
    with h5py.File(folder / "scores.h5") as file:
        assert len(file["score"]) == pairs
    assert b"person" not in (folder / "scores.csv").read_bytes()
    canon("scores", "s.canon", "--source", "new", "--target", "new", "--with-ids", "--out", "named.csv")
    assert b"person 00/000.jpg,person 00/001.jpg,1," in (folder / "named.csv").read_bytes()


def test_scores_are_written_while_another_program_has_the_study(canon, folder: Path) -> None:
    before = sorted((folder / "s.canon").rglob("*"))
    done = canon("scores", "s.canon", "--source", "old", "--target", "new", "--out", "s.h5", "--read-only")
    assert done.code == 0
    assert sorted((folder / "s.canon").rglob("*")) == before


# -- usage -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "arguments",
    [
        ("map", "fit", "s.canon", "--source", "a", "--target", "b", "--out", "map.pt"),
        ("map", "apply", "m.npz", "e.npy", "--out", "e.csv"),
        ("scores", "s.canon", "--source", "a", "--target", "b", "--out", "scores.txt"),
        ("map", "fit", "s.canon", "--source", "a", "--out", "m.npz"),
        ("import", "s.canon", "e.npy", "--model", "m"),
        ("scores", "s.canon", "--source", "a", "--target", "b", "--out", "s.h5", "--mode", "fair"),
    ],
)
def test_wrong_usage_ends_with_2_before_any_work(arguments: tuple[str, ...]) -> None:
    load_commands()
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "Usage" in done.stderr


def test_help_lists_the_commands_in_the_order_of_the_work() -> None:
    load_commands()
    said = CliRunner().invoke(app, ["--help"], env={**os.environ, "COLUMNS": "200"}).stdout
    listed = [line.split()[0] for line in said.partition("Commands:")[2].splitlines() if line.startswith("  ")]
    wanted = ["new", "add-model", "add-dataset", "import", "info", "embed", "matrix", "scores", "map", "export", "gui"]
    assert [name for name in listed if name in wanted] == wanted
    assert {"fit", "apply"} <= set(CliRunner().invoke(app, ["map", "--help"]).stdout.split())
