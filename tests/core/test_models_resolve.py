"""Where a model's spec comes from, and what happens when it contradicts the graph."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import canon_core.models.resolve as resolve_module
from canon_core.errors import ModelError
from canon_core.models.graph import inspect_graph
from canon_core.models.resolve import require_unchanged, resolve_model
from canon_core.models.spec import ModelSpec, load_spec, parse_spec, spec_to_toml

HEADER = '<ir_version: 8, opset_import: ["" : 13]>'
PLAIN = f"""{HEADER} network (float[n,3,112,112] image) => (float[n,3] embedding) {{
    pooled = GlobalAveragePool (image)
    embedding = Flatten (pooled)
}}"""
RAW = f"""{HEADER} network (float[n,3,112,112] image) => (float[n,3] embedding)
    <float[1] level = {{127.5}}, float[1] factor = {{0.0078125}}> {{
    a = Sub (image, level)
    b = Mul (a, factor)
    pooled = GlobalAveragePool (b)
    embedding = Flatten (pooled)
}}"""
LAST = f"""{HEADER} network (float[n,112,112,3] image) => (float[n,3] embedding) {{
    moved = Transpose <perm = [0, 3, 1, 2]> (image)
    pooled = GlobalAveragePool (moved)
    embedding = Flatten (pooled)
}}"""
SEVERAL = f"""{HEADER} network (float[n,3,112,96] image)
    => (float[n,3] mu, float[n,3] variance, float[n,3,112,96] map) {{
    pooled = GlobalAveragePool (image)
    mu = Flatten (pooled)
    variance = Exp (mu)
    map = Relu (image)
}}"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model.onnx", PLAIN)


def saved(path: Path, text: str) -> Path:
    onnx.save(onnx.parser.parse_model(text), str(path))
    return path


def spec_beside(model: Path, toml: str) -> Path:
    path = model.with_suffix(".toml")
    path.write_text(toml)
    return path


# -- the file that was hashed ------------------------------------------------------------------------------------------
def test_a_file_replaced_after_it_was_hashed_is_noticed_even_with_its_old_size_and_time(model: Path) -> None:
    resolved = resolve_model(model)
    require_unchanged(resolved)
    status, content = model.stat(), model.read_bytes()
    other = model.with_suffix(".new")
    other.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(other, model)
    with pytest.raises(ModelError, match=r"model\.onnx: changed while it was being loaded; run again"):
        require_unchanged(resolved)
    model.write_bytes(content)  # the same bytes at another time are the same network
    require_unchanged(resolved)
    model.unlink()
    with pytest.raises(ModelError, match="changed while it was being loaded"):
        require_unchanged(resolved)


def test_a_data_file_counts_as_part_of_the_network(tmp_path: Path) -> None:
    network = onnx.parser.parse_model(PLAIN)
    network.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(2000, np.float32), "w"))
    path = tmp_path / "model.onnx"
    onnx.save(network, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    resolved = resolve_model(path)
    data = tmp_path / "weights.bin"
    data.write_bytes(data.read_bytes()[::-1])
    with pytest.raises(ModelError, match="changed while it was being loaded"):
        require_unchanged(resolved)


def test_a_file_replaced_while_it_is_read_is_not_taken_for_either(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = saved(tmp_path / "other.onnx", RAW)
    real = resolve_module.content_hash

    def replaced_first(path: Path, data_files: object) -> str:
        if other.exists():
            os.replace(other, path)
        return real(path, ())

    # its graph is read, then another file gets its name, then that one is hashed
    monkeypatch.setattr(resolve_module, "content_hash", replaced_first)
    with pytest.raises(ModelError, match=r"model\.onnx: changed while it was being read; run again"):
        resolve_model(model)


# -- where the spec comes from -----------------------------------------------------------------------------------------
def test_without_a_spec_everything_is_inferred_and_said(model: Path) -> None:
    resolved = resolve_model(model)
    assert resolved.origin == "inferred"
    assert len(resolved.notes) == 6
    assert (resolved.dimensions, resolved.spec.output.names) == (3, ("embedding",))
    assert resolved.facts == inspect_graph(model, resolved.spec)


def test_the_file_beside_the_model_comes_before_inference(model: Path) -> None:
    spec_beside(model, "[input]\nmean = 0\nstd = 255")
    resolved = resolve_model(model)
    assert resolved.origin == "model.toml"
    assert resolved.spec.input.std == (255.0,) * 3


def test_what_a_spec_file_leaves_out_is_said(model: Path) -> None:
    spec_beside(model, "[input]\nheight = 112\nwidth = 112\nmean = 0\nstd = 255")
    notes = " ".join(resolve_model(model).notes)
    assert "color = rgb" in notes
    assert "template = arcface" in notes
    assert "std" not in notes
    spec_beside(model, "[input]\n")
    assert "std = 127.5" in " ".join(resolve_model(model).notes)


def test_a_complete_spec_file_needs_no_notes(model: Path) -> None:
    spec_beside(model, spec_to_toml(resolve_model(model).spec))
    assert resolve_model(model).notes == ()


def test_a_preset_comes_before_the_file_beside_the_model(model: Path) -> None:
    spec_beside(model, "[input]\nmean = 0\nstd = 255")
    resolved = resolve_model(model, preset="BUFFALO_L")
    assert resolved.origin == "preset buffalo_l"
    assert resolved.spec.input.std == (127.5,) * 3
    assert resolved.spec.about["training_set"] == "WebFace600K"


def test_a_spec_file_comes_before_the_file_beside_the_model(model: Path, tmp_path: Path) -> None:
    spec_beside(model, "[input]\nmean = 0\nstd = 255")
    other = tmp_path / "other.toml"
    other.write_text("[input]\nstd = 100")
    resolved = resolve_model(model, spec_file=other)
    assert (resolved.origin, resolved.spec.input.std) == ("other.toml", (100.0,) * 3)


def test_a_spec_given_in_the_program_is_used_as_it_is(model: Path) -> None:
    spec = parse_spec('[input]\ncolor = "bgr"')
    resolved = resolve_model(model, spec=spec)
    assert resolved.origin == "given"
    assert resolved.spec.input == spec.input


def test_two_sources_at_once_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="give one of them"):
        resolve_model(model, preset="facenet", spec_file=tmp_path / "a.toml")


# -- what exports of one network differ in ----------------------------------------------------------------------------
def test_a_preset_leaves_pixels_to_a_graph_that_normalises_them(tmp_path: Path) -> None:
    resolved = resolve_model(saved(tmp_path / "raw.onnx", RAW), preset="M2_R100_A")
    assert (resolved.spec.input.mean, resolved.spec.input.std) == ((0.0,) * 3, (1.0,) * 3)
    assert any("Sub and Mul" in note for note in resolved.notes)


def test_a_preset_takes_the_layout_of_the_export(tmp_path: Path, model: Path) -> None:
    assert resolve_model(saved(tmp_path / "last.onnx", LAST), preset="M1_R50_A").spec.input.layout == "nhwc"
    resolved = resolve_model(model, preset="M1_R50_A")
    assert resolved.spec.input.layout == "nchw"
    assert any("Layout NCHW" in note for note in resolved.notes)


def test_a_spec_that_normalises_a_second_time_is_pointed_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "raw.onnx", RAW)
    spec_beside(path, "[input]\nmean = 127.5\nstd = 127.5")
    assert any("normalised twice" in note for note in resolve_model(path).notes)
    spec_beside(path, "[input]\nmean = 0\nstd = 1")
    assert not any("normalised twice" in note for note in resolve_model(path).notes)


def test_means_and_variances_are_read_from_two_outputs(tmp_path: Path) -> None:
    path = saved(tmp_path / "pfe.onnx", SEVERAL)
    resolved = resolve_model(path, preset="C_64S_PFE")
    assert resolved.spec.output.names == ("mu", "variance")
    assert resolved.dimensions == 6


def test_several_named_outputs_are_concatenated_in_their_order(tmp_path: Path) -> None:
    path = saved(tmp_path / "pfe.onnx", SEVERAL)
    spec_beside(path, '[input]\nwidth = 96\n[output]\nnames = ["variance", "mu"]')
    resolved = resolve_model(path)
    assert resolved.spec.output.names == ("variance", "mu")
    assert resolved.dimensions == 6


# -- dimensions --------------------------------------------------------------------------------------------------------
def test_a_width_the_graph_leaves_open_is_learned_by_running_it(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(PLAIN)
    graph = model.graph
    graph.node[1].output[0] = "row"
    # A reshape to a shape that only the run knows: (n, 3 + ⌊mean⌋) with a black image is (n, 3).
    graph.node.extend(
        [
            onnx.helper.make_node("ReduceMean", ["row"], ["level"], keepdims=0),
            onnx.helper.make_node("Cast", ["level"], ["whole"], to=onnx.TensorProto.INT64),
            onnx.helper.make_node("Add", ["whole", "three"], ["width"]),
            onnx.helper.make_node("Unsqueeze", ["width", "axis"], ["width1"]),
            onnx.helper.make_node("Concat", ["any", "width1"], ["shape"], axis=0),
            onnx.helper.make_node("Reshape", ["row", "shape"], ["embedding"]),
        ]
    )
    for name, value in (("three", np.int64(3)), ("axis", np.array([0])), ("any", np.array([-1]))):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value, np.int64), name))
    graph.output[0].type.tensor_type.shape.dim[1].dim_param = "d"
    path = tmp_path / "open.onnx"
    onnx.save(model, str(path))
    assert inspect_graph(path).outputs[0].shape in ((None, None), None)
    assert resolve_model(path).dimensions == 3


def test_an_embedding_with_sides_of_one_is_a_vector(tmp_path: Path) -> None:
    text = f"""{HEADER} network (float[n,3,112,112] image) => (float[n,3,1,1] embedding) {{
        embedding = GlobalAveragePool (image)
    }}"""
    assert resolve_model(saved(tmp_path / "a.onnx", text)).dimensions == 3


def test_half_precision_networks_resolve(tmp_path: Path) -> None:
    resolved = resolve_model(saved(tmp_path / "half.onnx", PLAIN.replace("float[", "float16[")))
    assert (resolved.dimensions, resolved.facts.inputs[0].dtype) == (3, "float16")


# -- contradictions ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[input]\nheight = 128\nwidth = 128", ("128 high × 128 wide", "n×3×112×112", "set height = 112")),
        ('[input]\nlayout = "nhwc"', ("layout nhwc", "n×3×112×112", 'set layout = "nchw"')),
        ('[input]\ncolor = "gray"', ("color gray", "n×3×112×112")),
        ('[output]\nnames = ["embeding"]', ("'embeding'", "embedding (n×3, float32)", "nearest is 'embedding'")),
        ("[output]\npfe = true", ("says pfe", "3 numbers wide")),
    ],
)
def test_a_spec_that_contradicts_the_graph_names_file_spec_graph_and_remedy(
    model: Path, toml: str, words: tuple[str, ...]
) -> None:
    spec_beside(model, toml)
    with pytest.raises(ModelError) as caught:
        resolve_model(model)
    sentence = str(caught.value)
    assert sentence.startswith(f"{model}: model.toml ")
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_a_preset_that_contradicts_the_graph_says_so(model: Path) -> None:
    with pytest.raises(ModelError, match=r"the preset facenet says .*160 high.* choose another preset"):
        resolve_model(model, preset="facenet")


def test_an_output_that_is_no_vector_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "pfe.onnx", SEVERAL)
    spec_beside(path, '[input]\nwidth = 96\n[output]\nnames = ["map"]')
    with pytest.raises(ModelError, match=r"output map .* is not one vector"):
        resolve_model(path)


def test_a_network_that_does_not_run_is_refused_when_it_has_to_be_run(tmp_path: Path) -> None:
    text = f"""{HEADER} network (float[n,3,112,112] image) => (float[n,d] embedding)
        <int64[2] size = {{-1, 7}}, float[7,2] weight = {{1,1,1,1,1,1,1,1,1,1,1,1,1,1}}> {{
        flat = Reshape (image, size)
        kept = Compress <axis = 1> (flat, chosen)
        product = MatMul (kept, weight)
        embedding = Compress <axis = 1> (product, chosen)
    }}"""
    model = onnx.parser.parse_model(text)
    chosen = np.array([True, False, True, False, True, False, True])
    model.graph.initializer.append(onnx.numpy_helper.from_array(chosen, "chosen"))
    path = tmp_path / "broken.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="ONNX Runtime cannot run it") as caught:
        resolve_model(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


# -- identity ----------------------------------------------------------------------------------------------------------
def test_the_hash_does_not_depend_on_name_or_spec(model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(model, tmp_path / "copy.onnx"))
    assert resolve_model(model).sha256 == resolve_model(copy, preset="buffalo_l").sha256


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "dimensions"), [("mbf", 512), ("y1", 128), ("intel", 256), ("mfV2", 256), ("casia", 128), ("mfV3", 256)]
)
def test_real_networks_resolve_alike_with_and_without_their_spec(
    real: Path, tmp_path: Path, name: str, dimensions: int
) -> None:
    source = real / "models" / f"{name}.onnx"
    alone = resolve_model(shutil.copy(source, tmp_path / "alone.onnx"))
    beside = resolve_model(source)
    assert (alone.origin, beside.origin) == ("inferred", f"{name}.toml")
    assert beside.notes == ()
    assert beside.spec == load_spec(source.with_suffix(".toml"))
    assert alone.spec.digest() == beside.spec.digest()
    assert alone.sha256 == beside.sha256
    assert alone.dimensions == beside.dimensions == dimensions
    assert isinstance(alone.spec, ModelSpec)


@pytest.mark.real
def test_a_face_detector_is_not_taken_for_a_face_model(real: Path) -> None:
    with pytest.raises(ModelError, match="not one vector"):
        resolve_model(real / "detector" / "yunet.onnx")
