"""The window names its own menus and fields, not commands and options of the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import canon_core
from app.main_window import MainWindow
from app.wording import fault_text, window_words
from canon_core.errors import CanonError, StudyError

from .conftest import PATIENCE

ENGINE = Path(canon_core.__file__).parent
#: What only a terminal shows: the command line itself, what trains the demo's networks, and how workers are started.
ELSEWHERE = ("cli/", "demo/training/", "projection/__init__.py")
#: Who holds a lock: another process, by its own name.
OWNERS = {"canon demo", "canon overlay", "canon map", "canon map apply"}


def told(tree: ast.Module) -> Iterator[str]:
    """Every text of a module that is no docstring, with X for what is put in, after what was joined is joined."""
    silent = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent.update(node.values)
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent:
            yield node.value


def engine_texts() -> list[str]:
    """What the engine says that names a command or an option."""
    found: set[str] = set()
    for file in sorted(ENGINE.rglob("*.py")):
        if not file.relative_to(ENGINE).as_posix().startswith(ELSEWHERE):
            found.update(told(ast.parse(file.read_text(encoding="utf-8"))))
    return sorted(text for text in found - OWNERS if of_the_command_line(text))


def of_the_command_line(text: str) -> bool:
    return re.search(r"(?:^|[\s(“`'\"])--[a-z]|\bcanon [a-z]", text) is not None


@pytest.mark.parametrize(
    ("remedy", "shown"),
    [
        (
            "check the path, or make a new one with `canon new STUDY`",
            "check the path, or make a new one with File → New study….",
        ),
        (
            "run `canon embed` with --dataset my faces, or `canon import` embeddings made elsewhere",
            "choose Study → Compute embeddings, or File → Import embeddings…, for embeddings made elsewhere.",
        ),
        ("run `canon embed` with --dataset my faces", "choose Study → Compute embeddings."),
        ("run `canon embed`: the dataset is looked at", "choose Study → Compute embeddings: the dataset is looked at."),
        ("put the network back, say where it lies now with `canon locate`, or add this one as another model",
         "put the network back, say where it lies now with Study → Locate…, or add this one as another model."),
        ("put it back, or say where it lies now: canon locate",
         "put it back, or say where it lies now (Study → Locate…)."),
        ("choose another with --name", "choose another."),
        ("add the dataset again with --landmarks FILE.csv, --detector FILE.onnx, --aligned arcface, or --whole-image"
         " if you are sure", "add the dataset again with a file of landmarks, a face detector, “They are aligned"
         " already”, or whole images if you are sure."),
        ("say --format ijbc or --format ijbb, or give its folder",
         "choose the format IJB-C or the format IJB-B, or give its folder."),
        ("see `canon doctor`, or use --provider cpu",
         "see Help → About, or let networks run on cpu (Edit → Preferences)."),
        ("use a smaller --batch, or close what else uses the memory", "close what else uses the memory."),
        ("use --mode in-sample, another --seed, or a dataset with more subjects",
         "use fit mode in-sample, another seed, or a dataset with more subjects."),
    ],
)  # fmt: skip
def test_a_remedy_is_where_the_window_has_it(remedy: str, shown: str) -> None:
    assert fault_text(CanonError("something is wrong", remedy=remedy)) == f"Something is wrong; {shown}"


def test_nothing_the_engine_says_leads_to_the_command_line() -> None:
    texts = [text.replace("`canon add-X`", "`canon add-dataset`") for text in engine_texts()]
    assert len(texts) > 60  # they are looked for where they are
    assert [window_words(text) for text in texts if of_the_command_line(window_words(text))] == []


def test_dashes_in_names_and_paths_are_left_alone() -> None:
    path = Path("/data/run--name/a --b.onnx")
    text = fault_text(StudyError("there is a model 'x--far' already", path=path, remedy="choose another with --name"))
    assert str(path.parent) in text
    assert "'x--far' already" in text
    assert text.endswith("; choose another.")


def test_a_study_that_is_not_there(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    window.document.open(tmp_path / "nope.canon")
    qtbot.waitUntil(window.messages.isVisible, timeout=PATIENCE)
    text = window.messages.text.text()
    assert str(tmp_path / "nope.canon") in text
    assert "File → New study…" in text
    assert "`canon" not in text
