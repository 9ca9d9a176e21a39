"""What is guessed of a spec from the graph alone, and that every guess is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from canon_core.errors import ModelError
from canon_core.models.infer import infer_spec
from canon_core.models.spec import ModelSpec, load_spec

HEADER = '<ir_version: 8, opset_import: ["" : 13]>'


def network(
    path: Path,
    *,
    image: str = "float[n,3,112,112] image",
    first: str = "",
    entry: str = "image",
    channels: int = 3,
    constants: str = "",
    weights: dict[str, object] | None = None,
) -> Path:
    """A network whose first nodes are ``first``, ending in ``entry``, then a convolution and a global average."""
    text = f"""{HEADER} network ({image}) => (float[n,8,1,1] embedding) <float zero = {{0.0}}{constants}> {{
        {first}
        filtered = Conv ({entry}, kernel)
        embedding = GlobalAveragePool (filtered)
    }}"""
    model = onnx.parser.parse_model(text)
    arrays = {"kernel": np.ones((8, channels, 3, 3)), **(weights or {})}
    for name, array in arrays.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array, np.float32), name))
    onnx.save(model, str(path))
    return path


def said(reasons: tuple[str, ...], word: str) -> str:
    found = [reason for reason in reasons if word in reason]
    assert len(found) == 1, reasons
    return found[0]


def test_a_plain_network_is_taken_for_insightfaces(tmp_path: Path) -> None:
    spec, reasons = infer_spec(network(tmp_path / "a.onnx"))
    assert spec == ModelSpec.model_validate({"output": {"names": ("embedding",)}})
    assert "a guess" in said(reasons, "Pixels")
    assert "a guess" in said(reasons, "Color RGB")
    assert "cannot tell" in said(reasons, "Alignment")
    assert "fixed in the graph" in said(reasons, "112 high × 112 wide")
    assert "the only one" in said(reasons, "Output embedding")


@pytest.mark.parametrize(
    ("size", "template", "std"),
    [
        ((112, 112), "arcface", 127.5),
        ((112, 96), "arcface-96", 128.0),
        ((160, 160), "box", 128.0),
        ((128, 128), "arcface", 127.5),
        ((224, 224), "arcface", 127.5),
    ],
)
def test_the_size_decides_what_alignment_is_usual(
    tmp_path: Path, size: tuple[int, int], template: str, std: float
) -> None:
    height, width = size
    spec, reasons = infer_spec(network(tmp_path / "a.onnx", image=f"float[n,3,{height},{width}] image"))
    assert (spec.input.height, spec.input.width) == size
    assert (spec.input.template, spec.input.std) == (template, (std,) * 3)
    if size == (160, 160):
        assert spec.input.margin == 32
        assert "guess" in said(reasons, "Alignment box")


def test_channels_last_and_gray_are_recognised(tmp_path: Path) -> None:
    transposed = "moved = Transpose <perm = [0, 3, 1, 2]> (image)"
    last = network(tmp_path / "a.onnx", image="float[n,112,112,3] image", first=transposed, entry="moved")
    assert infer_spec(last)[0].input.layout == "nhwc"
    gray = infer_spec(network(tmp_path / "b.onnx", image="float[n,1,112,112] image", channels=1))[0].input
    assert (gray.layout, gray.color, gray.mean, gray.std) == ("nchw", "gray", (127.5,), (127.5,))
    free = network(tmp_path / "c.onnx", image="float[n,h,w,c] image", first=transposed, entry="moved")
    assert infer_spec(free)[0].input.layout == "nhwc"


SUB_MUL = "a = Sub (image, level)  b = Mul (a, factor)"


@pytest.mark.parametrize(
    ("first", "weights", "expected"),
    [
        pytest.param(SUB_MUL, {"level": [127.5], "factor": [0.0078125]}, (0, 1), id="InsightFace's MXNet exports"),
        pytest.param("a = Div (image, level)  b = Identity (a)", {"level": [255.0]}, (0, 1), id="divided by 255"),
        pytest.param("a = Mul (image, factor)  b = Add (a, level)", {"factor": [1 / 128], "level": [-1.0]}, (0, 1),
                     id="scaled, then shifted"),
        pytest.param("a = Sub (image, level)  b = Identity (a)", {"level": [[[104.0]], [[117.0]], [[124.0]]]}, (0, 1),
                     id="a mean face colour subtracted"),
        pytest.param(SUB_MUL, {"level": [0.5], "factor": [2.0]}, (0, 255), id="numbers in 0..1"),
        pytest.param("a = Identity (image)  b = Mul (a, factor)", {"factor": [2.0]}, (127.5, 127.5),
                     id="a factor that is no normalisation"),
    ],
)  # fmt: skip
def test_pixels_are_left_to_a_graph_that_normalises_them(
    tmp_path: Path, first: str, weights: dict[str, object], expected: tuple[float, float]
) -> None:
    spec, reasons = infer_spec(network(tmp_path / "a.onnx", first=first, entry="b", weights=weights))
    mean, std = expected
    assert (spec.input.mean, spec.input.std) == ((mean,) * 3, (std,) * 3)
    said(reasons, "Pixels")


@pytest.mark.parametrize(("mean", "variance", "raw"), [(110.0, 70.0**2, True), (-0.1, 0.5**2, False)])
def test_a_batch_normalisation_at_the_input_tells_by_its_statistics(
    tmp_path: Path, mean: float, variance: float, raw: bool
) -> None:
    weights = {"gamma": [1.0] * 3, "beta": [0.0] * 3, "average": [mean] * 3, "variance": [variance] * 3}
    first = "b = BatchNormalization (image, gamma, beta, average, variance)"
    spec, reasons = infer_spec(network(tmp_path / "a.onnx", first=first, entry="b", weights=weights))
    assert spec.input.mean == ((0.0,) * 3 if raw else (127.5,) * 3)
    assert "BatchNormalization" in said(reasons, "Pixels")


def test_the_order_of_colours_is_read_where_the_graph_subtracts_a_mean_colour(tmp_path: Path) -> None:
    blue_first = {"level": [[[91.5]], [[103.9]], [[131.1]]], "factor": [0.01]}
    assert (
        infer_spec(network(tmp_path / "a.onnx", first=SUB_MUL, entry="b", weights=blue_first))[0].input.color == "bgr"
    )
    red_first = {"level": [[[131.1]], [[103.9]], [[91.5]]], "factor": [0.01]}
    spec, reasons = infer_spec(network(tmp_path / "b.onnx", first=SUB_MUL, entry="b", weights=red_first))
    assert spec.input.color == "rgb"
    assert "reddest" in said(reasons, "Color")


def test_bytes_are_fed_as_they_are(tmp_path: Path) -> None:
    first = "b = Cast <to = 1> (image)"
    spec = infer_spec(network(tmp_path / "a.onnx", image="uint8[n,3,112,112] image", first=first, entry="b"))[0]
    assert (spec.input.mean, spec.input.std) == ((0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize("size", [(112, 112), (112, 96), (128, 128), (160, 160)])
def test_a_free_size_is_found_by_what_the_layers_fit(tmp_path: Path, size: tuple[int, int]) -> None:
    rows, columns = size[0] // 16, size[1] // 16
    text = f"""{HEADER} network (float[n,3,h,w] image) => (float[n,8] embedding) {{
        a = AveragePool <kernel_shape = [16, 16], strides = [16, 16]> (image)
        b = Flatten (a)
        embedding = Gemm (b, weight)
    }}"""
    model = onnx.parser.parse_model(text)
    weight = np.ones((3 * rows * columns, 8), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "weight"))
    onnx.save(model, str(tmp_path / "a.onnx"))
    spec, reasons = infer_spec(tmp_path / "a.onnx")
    assert (spec.input.height, spec.input.width) == size
    assert "only usual size" in said(reasons, "free")


def test_a_size_that_nothing_decides_is_said_to_be_assumed(tmp_path: Path) -> None:
    spec, reasons = infer_spec(network(tmp_path / "a.onnx", image="float[n,3,h,w] image"))
    assert (spec.input.height, spec.input.width) == (112, 112)
    assert "assumed" in said(reasons, "free")


@pytest.mark.parametrize(
    ("outputs", "names", "pfe"),
    [
        ({"logits": 100, "embedding": 64}, ("embedding",), False),
        ({"out1": 10, "out2": 64}, ("out2",), False),
        ({"mu": 64, "sigma_sq": 64}, ("mu", "sigma_sq"), True),
        ({"mu": 64, "log_sigma_sq": 64}, ("mu",), False),
    ],
)
def test_of_several_outputs_the_embedding_is_picked(
    tmp_path: Path, outputs: dict[str, int], names: tuple[str, ...], pfe: bool
) -> None:
    declared = ", ".join(f"float[n,{width}] {name}" for name, width in outputs.items())
    products = "\n".join(f"{name} = MatMul (row, w_{name})" for name in outputs)
    text = f"""{HEADER} network (float[n,3,112,112] image) => ({declared}) {{
        pooled = GlobalAveragePool (image)
        row = Flatten (pooled)
        {products}
    }}"""
    model = onnx.parser.parse_model(text)
    for name, width in outputs.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((3, width), np.float32), f"w_{name}"))
    onnx.save(model, str(tmp_path / "a.onnx"))
    spec, reasons = infer_spec(tmp_path / "a.onnx")
    assert (spec.output.names, spec.output.pfe) == (names, pfe)
    for name in outputs:
        assert any(name in reason for reason in reasons)


@pytest.mark.parametrize(
    "image",
    ["float[n,512] x", "float[n,3,112] x", "int64[n,3,112,112] x", "int64[n,128] ids", "float[n,16,112,112] x"],
)
def test_an_input_that_is_no_image_is_refused(tmp_path: Path, image: str) -> None:
    name = image.split()[1]
    text = f"{HEADER} network ({image}) => (float[n] y) {{ a = Cast <to = 1> ({name})  y = ReduceSum (a) }}"
    path = tmp_path / "a.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    with pytest.raises(ModelError, match="its input is not an image") as caught:
        infer_spec(path)
    assert name in str(caught.value)


def test_a_second_input_is_refused_by_name(tmp_path: Path) -> None:
    text = f"""{HEADER} network (float[n,3,112,112] image, bool training) => (float[n,3,1,1] y) {{
        y = GlobalAveragePool (image)
    }}"""
    path = tmp_path / "a.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    with pytest.raises(ModelError, match="training"):
        infer_spec(path)


@pytest.mark.parametrize("side", [4, 9000])
def test_a_size_beyond_reason_is_refused(tmp_path: Path, side: int) -> None:
    with pytest.raises(ModelError, match="height must be at"):
        infer_spec(network(tmp_path / "a.onnx", image=f"float[n,3,{side},{side}] image"))


@pytest.mark.real
@pytest.mark.parametrize("name", ["mbf", "y1", "intel", "mfV2", "casia", "mfV3"])
def test_all_that_real_specs_say_is_inferred_from_the_real_networks(real: Path, name: str) -> None:
    spec, reasons = infer_spec(real / "models" / f"{name}.onnx")
    expected = load_spec(real / "models" / f"{name}.toml")
    assert (spec.input, spec.output) == (expected.input, expected.output)
    assert len(reasons) == 6
