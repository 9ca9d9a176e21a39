"""The model spec: what is accepted, what is refused and in which words, and that it survives being written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from canon_core.errors import ModelError
from canon_core.models.spec import (
    InputSpec,
    ModelSpec,
    OutputSpec,
    load_spec,
    parse_spec,
    spec_from_mapping,
    spec_to_toml,
)

AS_DOCUMENTED = """
[input]
height = 112
width = 112
template = "arcface"        # arcface | arcface-96 | box | whole
margin = 32                 # with "box" only
color = "rgb"
layout = "nchw"
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
[output]
names = ["embedding"]
flip = "none"
pfe = false
[about]
title = "ResNet"
year = 2018
"""
POINTS = ((38.0, 51.0), (73.0, 51.0), (56.0, 71.0), (41.0, 92.0), (70.0, 92.0))

level = st.floats(-1e6, 1e6)
scale = st.floats(1e-6, 1e6)
text = st.text(st.characters(codec="utf-8"), max_size=30)


def breadth(points: list[tuple[float, float]]) -> float:
    """Spread of points across their main direction, as a share of the spread along it; 0 for a dot."""
    longer, shorter = np.linalg.svd(np.array(points) - np.mean(points, axis=0), compute_uv=False)
    return float(shorter / longer) if shorter > 0.2 else 0.0


@st.composite
def inputs(draw: st.DrawFn) -> InputSpec:
    color = draw(st.sampled_from(["rgb", "bgr", "gray"]))
    channels = 1 if color == "gray" else 3
    said = {
        "height": draw(st.integers(8, 4096)),
        "width": draw(st.integers(8, 4096)),
        "color": color,
        "layout": draw(st.sampled_from(["nchw", "nhwc"])),
        "mean": draw(st.lists(level, min_size=channels, max_size=channels)),
        "std": draw(st.lists(scale, min_size=channels, max_size=channels)),
    }
    template = draw(st.sampled_from(["arcface", "arcface-96", "box", "whole", None]))
    if template is None:
        points = st.lists(st.tuples(level, level), min_size=5, max_size=5).filter(lambda found: breadth(found) > 0.02)
        return InputSpec(**said, points=tuple(draw(points)))
    widest = min(said["height"], said["width"]) - 1 if template == "box" else 4096
    return InputSpec(**said, template=template, margin=draw(st.floats(0, widest)))


specs = st.builds(
    ModelSpec,
    input=inputs(),
    output=st.builds(
        OutputSpec,
        names=st.lists(text.filter(bool), unique=True, max_size=16).map(tuple),
        flip=st.sampled_from(["none", "sum", "keep"]),
        pfe=st.booleans(),
    ),
    about=st.dictionaries(text, text, max_size=4),
)


@given(specs)
def test_a_spec_written_as_toml_reads_back_equal(spec: ModelSpec) -> None:
    again = parse_spec(spec_to_toml(spec))
    assert again == spec
    assert again.digest() == spec.digest()
    assert hash(again) == hash(spec)


@given(specs)
def test_a_spec_as_a_document_reads_back_equal(spec: ModelSpec) -> None:
    assert spec_from_mapping(spec.to_mapping()) == spec


@given(specs, specs)
def test_digests_tell_apart_what_decides_an_embedding(one: ModelSpec, other: ModelSpec) -> None:
    same = (one.input, one.output) == (other.input, other.output)
    assert (one.digest() == other.digest()) is same


def test_the_digest_ignores_free_text_and_a_margin_without_box() -> None:
    spec = parse_spec(AS_DOCUMENTED)
    assert spec.about == {"title": "ResNet", "year": "2018"}
    assert spec.digest() == spec.model_copy(update={"about": {}}).digest()
    assert spec.digest() == parse_spec(AS_DOCUMENTED.replace("margin = 32", "margin = 7")).digest()
    box = AS_DOCUMENTED.replace('"arcface" ', '"box" ')
    assert parse_spec(box).digest() != parse_spec(box.replace("margin = 32", "margin = 7")).digest()


def test_the_digest_is_the_hash_of_the_two_deciding_tables_as_canonical_json() -> None:
    tables = {
        "input": {
            "height": 112,
            "width": 112,
            "template": "arcface",
            "color": "rgb",
            "layout": "nchw",
            "mean": [127.5, 127.5, 127.5],
            "std": [127.5, 127.5, 127.5],
        },
        "output": {"names": ["embedding"], "flip": "none", "pfe": False},
    }
    canonical = json.dumps(tables, sort_keys=True, separators=(",", ":"))
    assert parse_spec(AS_DOCUMENTED).digest() == hashlib.sha256(canonical.encode()).hexdigest()


def test_negative_zero_means_zero() -> None:
    plus, minus = (parse_spec(f"[input]\nmean = [{zero}, 0, 0]") for zero in ("0.0", "-0.0"))
    assert plus.digest() == minus.digest()


def test_what_is_left_out_is_taken_from_the_documented_defaults() -> None:
    spec = parse_spec("")
    assert (spec.input.height, spec.input.width, spec.input.template) == (112, 112, "arcface")
    assert (spec.input.color, spec.input.layout) == ("rgb", "nchw")
    assert spec.input.mean == spec.input.std == (127.5, 127.5, 127.5)
    assert spec.output == OutputSpec(names=(), flip="none", pfe=False)


def test_one_number_stands_for_all_channels() -> None:
    assert parse_spec("[input]\nmean = 0\nstd = 255").input.std == (255.0, 255.0, 255.0)
    gray = parse_spec('[input]\ncolor = "gray"\nmean = 3').input
    assert (gray.mean, gray.std) == ((3.0,), (127.5,))


@given(
    along=st.lists(st.integers(-40, 40), min_size=5, max_size=5, unique=True),
    across=st.lists(st.sampled_from([0.0, 0.01, 1.0, 20.0]), min_size=5, max_size=5),
    angle=st.floats(0, np.pi),
)
def test_five_points_are_refused_where_they_lie_on_a_line(
    along: list[float], across: list[float], angle: float
) -> None:
    line = np.array([np.cos(angle), np.sin(angle)])
    points = np.outer(along, line) + np.outer(across, line[::-1] * (-1, 1)) + 50
    longer, shorter = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    limit = max(0.1, longer / 100)
    assume(abs(shorter / limit - 1) > 1e-6)
    said = {"input": {"points": points.tolist()}}
    if shorter > limit:
        assert spec_from_mapping(said).input.points == tuple(map(tuple, points.tolist()))
    else:
        with pytest.raises(ModelError, match="must span an area"):
            spec_from_mapping(said)


def test_five_points_take_the_place_of_a_template() -> None:
    spec = parse_spec(f"[input]\npoints = {[list(point) for point in POINTS]}")
    assert spec.input.points == POINTS
    assert spec.input.template is None


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[input]\nheigth = 112", ("heigth", "[input]", "'height'")),
        ("[output]\nname = ['x']", ("name", "[output]", "'names'")),
        ("[inputs]\nheight = 112", ("inputs", "'input'")),
        ("input = 3", ("input must be a table",)),
        ('[input]\nheight = "112"', ("input.height", "whole number", "'112'")),
        ("[input]\nheight = 112.5", ("input.height", "whole number")),
        ("[input]\nheight = true", ("input.height", "whole number", "True")),
        ("[input]\nheight = 0", ("input.height", "at least 8")),
        ("[input]\nwidth = 100000", ("input.width", "at most 4096")),
        ('[input]\ntemplate = "arface"', ("input.template", "'arcface'", "'arface'")),
        ('[input]\ncolor = "RGB"', ("input.color", "'rgb'")),
        ("[input]\nmean = [1, 2]", ("mean holds 2", "3 channels")),
        ('[input]\ncolor = "gray"\nmean = [1, 2, 3]', ("mean holds 3", "1 channel")),
        ("[input]\nstd = [0, 1, 1]", ("input.std.1", "at least")),
        ("[input]\nstd = [-1, 1, 1]", ("input.std.1", "at least")),
        ("[input]\nmean = [nan, 1, 1]", ("input.mean.1", "finite")),
        ("[input]\nmean = [1e7, 1, 1]", ("input.mean.1", "at most")),
        ("[input]\nmean = ['a', 1, 1]", ("input.mean.1", "number", "'a'")),
        ("[input]\npoints = [[1, 2]]", ("five points",)),
        ("[input]\npoints = [[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]]", ("five points", "span an area")),
        ("[input]\npoints = [[1, 1], [2, 2], [3, 3], [4, 4], [90, 90]]", ("five points", "not lie on one line")),
        ("[input]\npoints = [[0, 9], [0.02, 9.03], [0, 9.01], [0.01, 9], [0, 9]]", ("five points", "span an area")),
        ('[input]\ntemplate = "box"\nmargin = 112', ("a margin of 112 pixels", "112 × 112", "at most 111")),
        ('[input]\nheight = 8\ntemplate = "box"', ("a margin of 32 pixels", "112 × 8 input", "at most 7")),
        ('[input]\ntemplate = "box"\npoints = [[1, 2], [3, 2], [1, 2], [1, 2], [1, 2]]', ("not both",)),
        ('[output]\nnames = "embedding"', ("output.names", "list")),
        ('[output]\nnames = ["a", "a"]', ("twice",)),
        ('[output]\nnames = [""]', ("output.names.1", "empty")),
        ("[output]\npfe = 1", ("output.pfe", "true or false")),
        ("[about]\nauthors = ['a']", ("about.authors", "text")),
        ("[input\nheight = 3", ("not valid TOML", "line 1")),
        ("[input]\nheight = 1\nheight = 2", ("not valid TOML",)),
        ("[input]\nheight = " + "9" * 5000, ("not valid TOML",)),
        ("x = " + "[" * 5000, ("not valid TOML",)),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence_with_its_file(
    tmp_path: Path, toml: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "model.toml"
    path.write_text(toml)
    with pytest.raises(ModelError) as caught:
        load_spec(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_files_that_cannot_be_a_spec_are_refused(tmp_path: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(ModelError, match=words) as caught:
            load_spec(path)
        assert caught.value.path == path

    refused(tmp_path / "missing.toml", "no such file")
    refused(tmp_path, "is not a file")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('[about]\ntitle = "Zürich"'.encode("latin-1"))
    refused(latin, "not UTF-8 text")
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (2**20 + 1))
    refused(large, "not a model spec")


def test_windows_line_ends_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_bytes(b"\xef\xbb\xbf" + AS_DOCUMENTED.replace("\n", "\r\n").encode())
    assert load_spec(path) == parse_spec(AS_DOCUMENTED)


def test_the_real_specs_are_read_and_survive(real: Path) -> None:
    files = sorted((real / "models").glob("*.toml"))
    assert len(files) == 6
    for file in files:
        spec = load_spec(file)
        assert parse_spec(spec_to_toml(spec)) == spec
    assert load_spec(real / "models" / "intel.toml").input.color == "bgr"
    assert load_spec(real / "models" / "casia.toml").input.template == "arcface-96"


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        ((0, 0, 0), (1, 1, 1), "pixels 0…255 as they are"),
        ((127.5,) * 3, (127.5,) * 3, "(x − 127.5) / 127.5"),
        ((0, 0, 0), (255,) * 3, "x / 255"),
        ((104, 117, 123), (1, 1, 1), "x − [104, 117, 123]"),
        ((1, 2, 3), (4, 5, 6), "(x − [1, 2, 3]) / [4, 5, 6]"),
    ],
)
def test_what_is_done_to_pixels_is_said_in_words_where_it_is_nothing(
    mean: tuple[float, ...], std: tuple[float, ...], text: str
) -> None:
    assert InputSpec(mean=tuple(map(float, mean)), std=tuple(map(float, std))).scaling_text == text
