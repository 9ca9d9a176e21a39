"""Maps as files: what is written is the map, what is read is only what was written, and ONNX Runtime agrees."""

from __future__ import annotations

import dataclasses
import io
import math
import stat
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from canon_core.errors import CanonError, SettingsError, StoreError
from canon_core.maps.fit import fit_map
from canon_core.maps.kinds import MapKind
from canon_core.maps.portable import MapOrigin, MapSide, MeasuredTar, PortableMap
from canon_core.models.map_file import read_map, write_map

KINDS = [MapKind.LINEAR, MapKind.AFFINE, MapKind.ROTATION]
SUFFIXES = [".onnx", ".npz"]


def origin(mode: str = "disjoint", study: str = "faces") -> MapOrigin:
    return MapOrigin(
        program="1.2.3",
        study=study,
        dataset="photos",
        fingerprint="f" * 64,
        source=MapSide("old net", "a" * 64, "b" * 64),
        target=MapSide("new net", "c" * 64, "d" * 64),
        fitted_on="all 300 images",
        mode=mode,
        seed=3,
        features="paper",
        rule="conservative",
        genuine=120,
        impostors=9000,
        measured=(
            MeasuredTar(0.1, 0.0999, 0.31, 0.98, 899, 0.99, 0.995),
            MeasuredTar(1e-6, 0.0, math.inf, math.nan, 0, math.nan, math.nan),
        ),
    )


def made(kind: MapKind, source: int = 6, target: int = 9) -> PortableMap:
    rng = np.random.default_rng(source * 100 + target)
    rows = rng.standard_normal((300, source))
    aims = rows @ rng.standard_normal((source, target)) + 0.4 + 0.1 * rng.standard_normal((300, target))
    return PortableMap(fit_map(kind, rows, aims), origin())


def through_onnx_runtime(path: Path, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [(one.name, one.type) for one in session.get_inputs()] == [("embedding", "tensor(float)")]
    (found,) = session.run(["mapped"], {"embedding": rows})
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("source", "target"), [(6, 9), (9, 6), (7, 7)])
def test_onnx_runtime_computes_what_the_formula_says(tmp_path: Path, kind: MapKind, source: int, target: int) -> None:
    portable = made(kind, source, target)
    write_map(tmp_path / "map.onnx", portable)
    rows = np.random.default_rng(1).standard_normal((40, source)).astype(np.float32)
    rows *= np.geomspace(1e-3, 1e3, 40, dtype=np.float32)[:, None]
    expected = []
    for row in rows.astype(np.float64):
        mapped = row / np.linalg.norm(row) @ portable.mapping.matrix
        if portable.mapping.offset is not None:
            mapped = mapped + portable.mapping.offset
        expected.append(mapped / np.linalg.norm(mapped))
    found = through_onnx_runtime(tmp_path / "map.onnx", rows)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_zeros_stays_one_in_the_graph_as_in_the_program(tmp_path: Path, kind: MapKind) -> None:
    portable = made(kind)
    write_map(tmp_path / "map.onnx", portable)
    nothing = np.zeros((1, 6), np.float32)
    assert not through_onnx_runtime(tmp_path / "map.onnx", nothing).any()
    assert not portable.mapping.apply(nothing).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_read_is_what_was_written(tmp_path: Path, kind: MapKind, suffix: str) -> None:
    portable = made(kind)
    path = tmp_path / f"map{suffix}"
    write_map(path, portable)
    found = read_map(path)
    rounded = np.float32 if suffix == ".onnx" else np.float64
    np.testing.assert_array_equal(found.mapping.matrix, portable.mapping.matrix.astype(rounded))
    if portable.mapping.offset is None:
        assert found.mapping.offset is None
    else:
        np.testing.assert_array_equal(found.mapping.offset, portable.mapping.offset.astype(rounded))
    for name in ("kind", "pairs", "rank", "condition", "route", "determinant"):
        assert getattr(found.mapping, name) == getattr(portable.mapping, name)
    np.testing.assert_array_equal(found.mapping.singular_values, portable.mapping.singular_values)
    assert found.origin.source == portable.origin.source
    assert found.origin.target == portable.origin.target
    assert found.origin.measured[0] == portable.origin.measured[0]
    assert math.isnan(found.origin.measured[1].tar)
    assert found.origin.note == portable.origin.note
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_onnx_file_tells_settings_hashes_and_the_measured_tar_to_any_reader(tmp_path: Path) -> None:
    write_map(tmp_path / "map.onnx", made(MapKind.LINEAR))
    props = {entry.key: entry.value for entry in onnx.load(tmp_path / "map.onnx").metadata_props}
    assert props["canon.map"] == "linear"
    assert props["canon.program"] == "1.2.3"
    assert props["canon.source"] == "old net"
    assert props["canon.source_sha256"] == "a" * 64
    assert props["canon.target_embeddings"] == "d" * 64
    assert (props["canon.source_dimensions"], props["canon.target_dimensions"]) == ("6", "9")
    assert props["canon.pairs"] == "300"
    assert '"tar": 0.98' in props["canon.measured"]
    assert '"achieved_far": 0.0999' in props["canon.measured"]
    assert "null" in props["canon.measured"]
    assert "NaN" not in props["canon.measured"]
    assert "each fitted on one half of the subjects and scored on the other" in props["canon.measured_note"]


def test_the_npz_file_is_read_by_numpy_without_pickle(tmp_path: Path) -> None:
    portable = made(MapKind.AFFINE)
    write_map(tmp_path / "map.npz", portable)
    with np.load(tmp_path / "map.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["matrix"], portable.mapping.matrix)
        np.testing.assert_array_equal(file["offset"], portable.mapping.offset)
        assert str(file["measured_rule"]) == "conservative"


def test_a_measurement_on_what_was_fitted_says_so() -> None:
    assert "flatter" in origin("in-sample").note
    assert "flatter" not in origin().note


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_that_are_no_text_do_not_keep_a_map_from_being_written(tmp_path: Path, suffix: str) -> None:
    portable = PortableMap(made(MapKind.LINEAR).mapping, origin(study="a\udce4\nb"))
    write_map(tmp_path / f"map{suffix}", portable)
    assert read_map(tmp_path / f"map{suffix}").origin.study == "a??b"


def test_no_map_and_other_endings_are_refused(tmp_path: Path) -> None:
    rows = np.eye(4)
    with pytest.raises(SettingsError, match="nothing to write"):
        write_map(tmp_path / "map.onnx", PortableMap(fit_map(MapKind.NONE, rows, rows), origin()))
    with pytest.raises(SettingsError, match=r"\.onnx or \.npz"):
        write_map(tmp_path / "map.pt", made(MapKind.LINEAR))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [1e25, 1e45], ids=["its squares overflow", "it overflows"])
def test_a_map_that_float32_does_not_hold_is_not_written_as_onnx(tmp_path: Path, size: float) -> None:
    mapping = made(MapKind.LINEAR).mapping
    large = PortableMap(dataclasses.replace(mapping, matrix=mapping.matrix * size), origin())
    with pytest.raises(SettingsError, match="float32"):
        write_map(tmp_path / "map.onnx", large)
    assert not list(tmp_path.iterdir())
    write_map(tmp_path / "map.npz", large)


# -- files that nobody vouches for -----------------------------------------------------------------------------------
def refused(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        read_map(path)
    assert str(path) in str(caught.value)
    assert "canon map fit" in str(caught.value)
    return str(caught.value)


def changed(tmp_path: Path, change: str) -> Path:
    """One of our ONNX files after somebody worked on it."""
    path = tmp_path / "map.onnx"
    write_map(path, made(MapKind.LINEAR))
    model = onnx.load(path)
    matrix = next(tensor for tensor in model.graph.initializer if tensor.name == "matrix")
    if change == "another operator":
        model.graph.node[3].op_type = "Sub"
    elif change == "one node more":
        model.graph.node.append(helper.make_node("Identity", ["mapped"], ["more"]))
    elif change == "no metadata":
        model.ClearField("metadata_props")
    elif change == "a library's operator":
        model.graph.node[3].domain = "mine"
    elif change == "weights elsewhere":
        matrix.data_location = TensorProto.EXTERNAL
        matrix.external_data.add(key="location", value="../../secret")
        matrix.ClearField("raw_data")
    elif change == "an absurd matrix":
        matrix.dims[:] = [2**40, 2**40]
    elif change == "a matrix with NaN":
        matrix.CopyFrom(numpy_helper.from_array(np.full((6, 9), np.nan, np.float32), "matrix"))
    elif change == "a matrix of other dimensions":
        matrix.CopyFrom(numpy_helper.from_array(np.ones((6, 8), np.float32), "matrix"))
    elif change == "another format":
        next(entry for entry in model.metadata_props if entry.key == "canon.format").value = "canon map 9"
    elif change == "a TAR that is none":
        next(entry for entry in model.metadata_props if entry.key == "canon.measured").value = '[{"tar": "x"}]'
    onnx.save(model, str(path))
    return path


CHANGES = [
    "another operator", "one node more", "no metadata", "a library's operator", "weights elsewhere",
    "an absurd matrix", "a matrix with NaN", "a matrix of other dimensions", "another format", "a TAR that is none",
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_an_onnx_file_that_is_not_exactly_ours_is_refused(tmp_path: Path, change: str) -> None:
    assert "no map that this program wrote" in refused(changed(tmp_path, change))


def test_a_network_is_no_map(tmp_path: Path, make_network) -> None:
    assert "no map that this program wrote" in refused(make_network(tmp_path / "net.onnx"))


def npz_with(path: Path, **replaced: object) -> Path:
    write_map(path, made(MapKind.LINEAR))
    with np.load(path) as file:
        arrays: dict[str, object] = dict(file)
    np.savez(path, **{**arrays, **replaced})
    return path


@pytest.mark.parametrize(
    "replaced",
    [
        {"matrix": np.array([[object()]])},
        {"matrix": np.full((6, 9), np.inf)},
        {"matrix": np.ones((6, 8))},
        {"matrix": np.ones((6, 9), np.int64)},
        {"offset": np.ones(9)},
        {"map": np.array("projection")},
        {"condition": np.array("wide")},
        {"singular_values": np.array("[1]")},
        {"study": np.array("\x1b[2J")},
        {"measured": np.array("[" * 100_000)},
    ],
    ids=["objects", "infinite", "dimensions", "integers", "offset", "kind", "condition", "values", "escape", "nested"],
)
def test_an_npz_file_that_is_not_ours_is_refused(tmp_path: Path, replaced: dict[str, object]) -> None:
    refused(npz_with(tmp_path / "map.npz", **replaced))


def test_an_array_that_claims_more_than_the_file_holds_is_refused_before_room_is_made(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**20)})
    with zipfile.ZipFile(tmp_path / "map.npz", "w") as archive:
        archive.writestr("matrix.npy", header.getvalue() + bytes(800))
    assert "(1048576, 1048576)" in refused(tmp_path / "map.npz")


def test_a_compressed_archive_is_none_of_ours(tmp_path: Path) -> None:
    write_map(tmp_path / "map.npz", made(MapKind.LINEAR))
    with np.load(tmp_path / "map.npz") as file:
        arrays = dict(file)
    np.savez_compressed(tmp_path / "map.npz", **arrays)
    assert "compressed" in refused(tmp_path / "map.npz")


def test_missing_files_folders_and_other_endings_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.npz")
    (tmp_path / "folder.npz").mkdir()
    refused(tmp_path / "folder.npz")
    (tmp_path / "map.txt").write_text("1 0\n0 1\n")
    refused(tmp_path / "map.txt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("maps")
    for suffix in SUFFIXES:
        write_map(folder / f"map{suffix}", made(MapKind.AFFINE, 3, 4))
    return {suffix: folder / f"map{suffix}" for suffix in SUFFIXES}


@settings(max_examples=150, deadline=None)
@given(
    suffix=st.sampled_from(SUFFIXES),
    cut=st.floats(0, 1),
    place=st.floats(0, 1),
    new=st.binary(min_size=1, max_size=8),
)
def test_damage_is_a_clear_error_or_does_no_harm(
    whole: dict[str, Path], suffix: str, cut: float, place: float, new: bytes
) -> None:
    data = bytearray(whole[suffix].read_bytes())
    at = int(place * len(data))
    data[at : at + len(new)] = new
    path = whole[suffix].with_name(f"damaged{suffix}")
    path.write_bytes(data[: max(1, int(len(data) * max(cut, 0.2)))])
    try:
        found = read_map(path)
    except CanonError:
        return
    assert np.isfinite(found.mapping.matrix).all()
