"""Rewriting PRelu changes how fast a network is and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import numpy_helper

from canon_core.embedding.align import align_face
from canon_core.embedding.prelu import with_fast_prelu
from canon_core.embedding.preprocess import to_tensor

HEADER = '<ir_version: 8, opset_import: ["" : 13]>'
TWICE = HEADER + "network (float[n,3,5] x) => (float[n,3,5] y) { m = PRelu (x, s)\n y = PRelu (m, t) }"
any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def save(path: Path, text: str, **weights: np.ndarray) -> Path:
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    onnx.save(model, str(path))
    return path


def run(graph: str | bytes, feeds: dict[str, np.ndarray]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


@settings(max_examples=40, deadline=None)
@given(
    x=hnp.arrays(np.float32, (2, 3, 5), elements=any_float),
    s=hnp.arrays(np.float32, st.sampled_from([(3, 1), (1,), (3, 5)]), elements=finite),
    t=hnp.arrays(np.float32, (3, 1), elements=finite),
)
def test_every_number_stays_what_it_was(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, s: np.ndarray, t: np.ndarray
) -> None:
    path = save(tmp_path_factory.mktemp("prelu") / "m.onnx", TWICE, s=s, t=t)
    fast = with_fast_prelu(path)
    assert fast is not None
    rewritten = onnx.load_from_string(fast)
    assert "PRelu" not in {node.op_type for node in rewritten.graph.node}
    onnx.checker.check_model(rewritten)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(run(fast, {"x": x}), run(str(path), {"x": x}))  # NaN equals NaN, 0 equals −0


def test_names_that_are_taken_are_not_taken_again(tmp_path: Path) -> None:
    text = (
        HEADER
        + """network (float[n,4] x) => (float[n,4] y) {
        "m/positive" = Neg (x)
        "m/scaled" = Exp (x)
        m = PRelu (x, s)
        a = Add (m, "m/positive")
        y = Add (a, "m/scaled")
    }"""
    )
    slopes = np.array([0.25], np.float32)
    path = save(tmp_path / "m.onnx", text, s=slopes)
    x = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)
    fast = with_fast_prelu(path)
    assert fast is not None
    np.testing.assert_array_equal(run(fast, {"x": x}), run(str(path), {"x": x}))


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "network (float[n,3] x) => (float[n,3] y) { y = Relu (x) }",
        HEADER + "network (float[n,3] x, float[1] s) => (float[n,3] y) { y = PRelu (x, s) }",
        '<ir_version: 4, opset_import: ["" : 6]> network (float[n,3] x) => (float[n,3] y) { y = PRelu (x, slope) }',
        HEADER + "network (double[n,3] x) => (double[n,3] y) { y = PRelu (x, wide) }",
    ],
)
def test_what_cannot_gain_is_left_alone(tmp_path: Path, text: str) -> None:
    weights = {"slope": np.ones(3, np.float32)} if "slope" in text else {}
    weights |= {"wide": np.ones(3)} if "wide" in text else {}
    assert with_fast_prelu(save(tmp_path / "m.onnx", text, **weights)) is None


def test_slopes_that_are_not_finite_are_left_alone(tmp_path: Path) -> None:
    slopes = {"s": np.array([[1], [np.inf], [1]], np.float32), "t": np.full((3, 1), np.nan, np.float32)}
    assert with_fast_prelu(save(tmp_path / "m.onnx", TWICE, **slopes)) is None


def test_weights_in_other_files_are_left_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", TWICE, s=np.ones((3, 1), np.float32), t=np.ones((3, 5), np.float32))
    onnx.save(onnx.load(path), str(path), save_as_external_data=True, location="weights", size_threshold=0)
    assert with_fast_prelu(path) is None


@pytest.mark.real
@pytest.mark.parametrize("name", ["mbf", "y1", "intel", "casia", "mfV3"])
def test_real_networks_give_the_same_bits(real: Path, name: str) -> None:
    from canon_core.datasets.faces import Alignment
    from canon_core.datasets.images import read_image
    from canon_core.models.spec import load_spec

    path = real / "models" / f"{name}.onnx"
    spec = load_spec(path.with_suffix(".toml"))
    images = sorted((real / "lfw").glob("A*/*.jpg"))[:6]
    crops = [align_face(read_image(image), None, None, spec.input, Alignment.ALIGNED) for image in images]
    feeds = {onnx.load(path).graph.input[0].name: to_tensor(crops, spec)}
    fast = with_fast_prelu(path)
    assert fast is not None
    np.testing.assert_array_equal(run(fast, feeds), run(str(path), feeds))
