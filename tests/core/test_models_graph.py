"""What is counted in a graph, against counts made by hand and from tensors that ONNX Runtime really computed."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from canon_core.errors import ModelError
from canon_core.models.graph import GraphFacts, inspect_graph
from canon_core.models.onnx_file import content_hash, open_onnx
from canon_core.models.spec import parse_spec

HEADER = '<ir_version: 8, opset_import: ["" : 13]>'
#: 3×8×8 → convolution, batch normalisation, slopes, depthwise convolution, ReLU, inner product.
CONVOLUTIONAL = f"""{HEADER} network (float[n,3,8,8] image) => (float[n,5] embedding) {{
    a = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (image, w1, b1)
    b = BatchNormalization (a, gamma, beta, mean, variance)
    c = PRelu (b, slope)
    d = Conv <kernel_shape = [3, 3], group = 4, pads = [1, 1, 1, 1]> (c, w2)
    e = Relu (d)
    f = Flatten (e)
    embedding = Gemm <transB = 1> (f, w3, b3)
}}"""
CONVOLUTIONAL_WEIGHTS = {
    "w1": (4, 3, 3, 3), "b1": (4,), "gamma": (4,), "beta": (4,), "mean": (4,), "variance": (4,), "slope": (4, 1, 1),
    "w2": (4, 1, 3, 3), "w3": (5, 64), "b3": (5,),
}  # fmt: skip
#: Channels last, normalised in the graph, squeeze-and-excitation, pools, two matrix products sharing one weight.
GATED = f"""{HEADER} network (float[n,6,6,3] image) => (float[n,4] embedding)
    <float[1] level = {{127.5}}, int64[2] flat = {{-1, 4}}> {{
    a = Sub (image, level)
    b = Transpose <perm = [0, 3, 1, 2]> (a)
    c = Conv <kernel_shape = [1, 1]> (b, w1)
    d = GlobalAveragePool (c)
    e = Sigmoid (d)
    f = Mul (c, e)
    g = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (f)
    h = ReduceMean <axes = [2, 3], keepdims = 1> (g)
    i = Reshape (h, flat)
    j = MatMul (i, shared)
    k = MatMul (j, shared)
    embedding = LpNormalization (k)
}}"""


def write(path: Path, text: str, shapes: dict[str, tuple[int, ...]] | None = None, dtype: str = "float32") -> Path:
    model = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    for name, shape in (shapes or {}).items():
        weights = np.abs(rng.standard_normal(shape)).astype(dtype)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def test_a_convolutional_network_costs_what_was_counted_on_paper(tmp_path: Path) -> None:
    facts = inspect_graph(write(tmp_path / "a.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS))
    # 4×4 outputs of 4 channels: each sums 3·3·3 products, then 3·3 of its own channel; then 5 sums of 64.
    assert facts.macs == 64 * 27 + 64 * 9 + 5 * 64 == 2624
    # Bias of the first, 2 for the batch normalisation, 2 for the slopes, 1 for ReLU, bias of the last.
    assert facts.flops == 2 * 2624 + 64 + 2 * 64 + 2 * 64 + 64 + 5 == 5637
    assert facts.parameters == (108 + 4) + 4 * 4 + 4 + 36 + (320 + 5) == 493
    assert facts.uncounted == ()
    assert facts.fixed_batch is None
    assert facts.inputs[0].shape == (None, 3, 8, 8)
    assert facts.outputs[0].shape == (None, 5)
    assert facts.opset == 13
    assert facts.first_ops[:3] == ("Conv", "BatchNormalization", "PRelu")


def test_a_gated_channels_last_network_costs_what_was_counted_on_paper(tmp_path: Path) -> None:
    facts = inspect_graph(write(tmp_path / "b.onnx", GATED, {"w1": (4, 3, 1, 1), "shared": (4, 4)}))
    # 6×6 outputs of 4 channels sum 3 products; two products of a row of 4 with 4 columns.
    assert facts.macs == 144 * 3 + 16 + 16 == 464
    # Sub 108, average 144, sigmoid 4 of 4, product 144, 36 windows of 4, mean of 36, normalisation of 4 at 4 each.
    assert facts.flops == 2 * 464 + 108 + 144 + 16 + 144 + 144 + 36 + 16 == 1536
    # A mean of one number, and the shared weight once; the shape for Reshape is no parameter.
    assert facts.parameters == 1 + 12 + 16
    assert facts.uncounted == ()


def test_halving_the_precision_changes_no_count(tmp_path: Path) -> None:
    single = inspect_graph(write(tmp_path / "single.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS))
    text = CONVOLUTIONAL.replace("float[", "float16[")
    half = inspect_graph(write(tmp_path / "half.onnx", text, CONVOLUTIONAL_WEIGHTS, "float16"))
    assert (half.parameters, half.macs, half.flops) == (single.parameters, single.macs, single.flops)
    assert half.inputs[0].dtype == half.outputs[0].dtype == "float16"


def test_counts_are_for_one_image_whatever_the_batch(tmp_path: Path) -> None:
    free = inspect_graph(write(tmp_path / "free.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS))
    text = CONVOLUTIONAL.replace("[n,", "[4,")
    fixed = inspect_graph(write(tmp_path / "fixed.onnx", text, CONVOLUTIONAL_WEIGHTS))
    assert fixed.fixed_batch == 4
    assert (fixed.macs, fixed.flops) == (free.macs, free.flops)
    assert fixed.outputs[0].shape == (4, 5)


def test_a_batch_fixed_inside_the_graph_is_found(tmp_path: Path) -> None:
    text = GATED.replace("{-1, 4}", "{1, 4}")
    facts = inspect_graph(write(tmp_path / "b.onnx", text, {"w1": (4, 3, 1, 1), "shared": (4, 4)}))
    assert facts.fixed_batch == 1


def test_free_sides_are_taken_from_the_spec(tmp_path: Path) -> None:
    text = CONVOLUTIONAL.replace("[n,3,8,8]", "[n,3,h,w]")
    path = write(tmp_path / "a.onnx", text, CONVOLUTIONAL_WEIGHTS)
    spec = parse_spec("[input]\nheight = 8\nwidth = 8")
    assert inspect_graph(path, spec).macs == 2624
    elsewhere = inspect_graph(path)  # 112 × 112, for which the inner product is not made
    assert elsewhere.macs == 56 * 56 * 4 * (27 + 9)
    assert elsewhere.uncounted == ("Gemm",)


def test_stale_shapes_written_by_an_exporter_are_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS)
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [1, 9, 9, 9]))
    onnx.save(model, str(path))
    facts = inspect_graph(path)
    assert facts.macs == 2624
    assert facts.fixed_batch is None
    assert facts.outputs[0].shape == (None, 5)


def test_weights_listed_among_the_inputs_are_not_inputs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS)
    model = onnx.load(path)
    for name, shape in CONVOLUTIONAL_WEIGHTS.items():
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    onnx.save(model, str(path))
    facts = inspect_graph(path)
    assert [tensor.name for tensor in facts.inputs] == ["image"]
    assert (facts.parameters, facts.macs) == (493, 2624)


def test_constants_count_as_weights_where_they_are_used(tmp_path: Path) -> None:
    text = f"""{HEADER} network (float[n,3,8,8] image) => (float[n,3,8,8] out) <float[7] unused = {{1,2,3,4,5,6,7}}> {{
        scale = Constant <value = float[3,1,1] {{1.0, 2.0, 3.0}}> ()
        shift = Constant <value_float = 0.5> ()
        a = Mul (image, scale)
        out = Add (a, shift)
    }}"""
    assert inspect_graph(write(tmp_path / "a.onnx", text)).parameters == 4


def test_operators_without_a_rule_are_named(tmp_path: Path) -> None:
    text = f"""{HEADER} network (float[n,3,8,8] image) => (float[n,192] out) <int64 axis = {{1}}> {{
        a = Relu (image)
        b = CumSum (a, axis)
        out = Flatten (b)
    }}"""
    facts = inspect_graph(write(tmp_path / "a.onnx", text))
    assert facts.uncounted == ("CumSum",)
    assert facts.flops == 192


def test_functions_inside_the_model_are_counted(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 13, "own" : 1]>
    network (float[n,3,8,8] image) => (float[n,3,8,8] out) { out = own.twice (image) }
    <domain: "own", opset_import: ["" : 13]> twice (x) => (y) { a = Relu (x)  y = Add (a, a) }"""
    facts = inspect_graph(write(tmp_path / "a.onnx", text))
    assert facts.flops == 2 * 192
    assert facts.uncounted == ()


# -- against the real networks -----------------------------------------------------------------------------------------
@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "millions"),
    [("mbf", 3.40), ("y1", 1.02), ("intel", 1.11), ("mfV2", 0.89), ("casia", 1.02), ("mfV3", 0.55)],
)
def test_real_networks_have_the_parameters_their_page_says(real: Path, name: str, millions: float) -> None:
    facts = inspect_graph(real / "models" / f"{name}.onnx")
    assert round(facts.parameters / 1e6, 2) == millions
    assert facts.uncounted == ()


@pytest.mark.real
def test_intel_publishes_the_same_operations_for_its_network(real: Path) -> None:
    # Open Model Zoo's page of face-reidentification-retail-0095: 0.588 GFLOPs, 1.107 million parameters.
    facts = inspect_graph(real / "models" / "intel.onnx")
    assert facts.flops / 1e9 == pytest.approx(0.588, rel=0.01)
    assert facts.parameters / 1e6 == pytest.approx(1.107, abs=0.001)


@pytest.mark.real
@pytest.mark.parametrize("name", ["mbf", "intel", "mfV3"])
def test_multiplications_agree_with_the_tensors_a_run_really_makes(real: Path, tmp_path: Path, name: str) -> None:
    path = real / "models" / f"{name}.onnx"
    model = onnx.load(path)
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    wanted = [node.output[0] for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    made = _run_for(model, wanted, tmp_path / "opened.onnx")
    macs = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            macs += made[node.output[0]].size * math.prod(weights[node.input[1]][1:])
        elif node.op_type == "Gemm":
            macs += math.prod(weights[node.input[1]])
    assert inspect_graph(path).macs == macs


def _run_for(model: onnx.ModelProto, names: list[str], path: Path) -> dict[str, NDArray[np.float32]]:
    """What a run on one black image computes for the named tensors."""
    present = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in present)
    onnx.save(model, str(path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0]
    black = np.zeros((1, *feed.shape[1:]), np.float32)
    return dict(zip(names, session.run(names, {feed.name: black}), strict=True))


# -- files from strangers ----------------------------------------------------------------------------------------------
def refused(path: Path, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        inspect_graph(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_what_is_not_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    refused(path, "no such file")
    refused(tmp_path, "is not a file")
    path.write_bytes(b"")
    refused(path, "is empty")
    path.write_bytes(b"<!DOCTYPE html><html>not found</html>")
    refused(path, "not an ONNX file")
    path.write_bytes(bytes(range(256)) * 40)
    refused(path, "not an ONNX file")


def test_a_model_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS).read_bytes()
    path = tmp_path / "model.onnx"
    for length in range(1, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        refused(path, "not an ONNX file|cut short")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5))
def test_a_damaged_model_is_read_or_refused_but_breaks_nothing(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    path = write(tmp_path / "whole.onnx", GATED, {"w1": (4, 3, 1, 1), "shared": (4, 4)})
    damaged = bytearray(path.read_bytes())
    for place, value in changes:
        damaged[place % len(damaged)] = value
    path.write_bytes(damaged)
    with contextlib.suppress(ModelError):  # anything else, a warning too, fails
        assert inspect_graph(path).parameters >= 0


def test_a_weight_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS)
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-1]
    path.write_bytes(model.SerializeToString())
    refused(path, "weight 'w1' is cut short")


def test_operators_that_need_a_library_are_refused(tmp_path: Path) -> None:
    custom = """<ir_version: 8, opset_import: ["" : 13, "acme" : 1]>
    network (float[n,3,8,8] image) => (float[n,3,8,8] out) { out = acme.Magic (image) }"""
    path = tmp_path / "a.onnx"
    path.write_bytes(onnx.parser.parse_model(custom).SerializeToString())
    refused(path, "acme.Magic")
    compiled = """<ir_version: 8, opset_import: ["" : 13, "com.microsoft" : 1]>
    network (float[n,3,8,8] image) => (float[n,3,8,8] out) { out = com.microsoft.EPContext (image) }"""
    path.write_bytes(onnx.parser.parse_model(compiled).SerializeToString())
    refused(path, "EPContext")


def with_external_data(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = write(folder / "model.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS)
    onnx.save(onnx.load(path), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def relocated(path: Path, location: str) -> None:
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())


def test_weights_in_a_file_beside_the_model_are_counted_without_being_read(tmp_path: Path) -> None:
    path = with_external_data(tmp_path / "model")
    facts = inspect_graph(path)
    assert (facts.parameters, facts.macs) == (493, 2624)


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../secret.bin", "sub/../../secret.bin", "C:\\secret.bin", "..\\secret.bin", ""]
)
def test_weights_outside_the_models_folder_are_refused(tmp_path: Path, location: str) -> None:
    path = with_external_data(tmp_path / "model")
    (tmp_path / "secret.bin").write_bytes(bytes(10000))
    relocated(path, location)
    refused(path, "outside its folder")


def test_a_link_out_of_the_models_folder_is_refused(tmp_path: Path) -> None:
    path = with_external_data(tmp_path / "model")
    os.replace(path.parent / "weights.bin", tmp_path / "weights.bin")
    (path.parent / "weights.bin").symlink_to(tmp_path / "weights.bin")
    refused(path, "outside its folder")


def test_a_data_file_missing_or_cut_short_is_refused(tmp_path: Path) -> None:
    path = with_external_data(tmp_path / "model")
    data = path.parent / "weights.bin"
    data.write_bytes(data.read_bytes()[:-8])
    refused(path, "cut short")
    data.unlink()
    refused(path, "missing")


def hash_of(path: Path) -> str:
    return content_hash(path, open_onnx(path).data_files)


def test_the_hash_follows_the_file_and_its_data(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS)
    assert hash_of(plain) == hashlib.sha256(plain.read_bytes()).hexdigest()
    path = with_external_data(tmp_path / "model")
    before = hash_of(path)
    assert hash_of(path) == before
    data = path.parent / "weights.bin"
    changed = bytearray(data.read_bytes())
    changed[0] ^= 1
    data.write_bytes(changed)
    assert hash_of(path) != before


def test_facts_are_values(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", CONVOLUTIONAL, CONVOLUTIONAL_WEIGHTS)
    one, other = inspect_graph(path), inspect_graph(path)
    assert isinstance(one, GraphFacts)
    assert one == other
