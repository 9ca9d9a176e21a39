"""A map as an ONNX graph: normalise, multiply, add an affine map's offset, normalise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.errors import SettingsError
from canon_core.maps.fitted import FittedMap
from canon_core.models.providers import onnx_runtime
from canon_core.resources import version

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

#: Names of the graph's input, (N, d_source) float32, and output, (N, d_target) float32.
INPUT: Final = "embedding"
OUTPUT: Final = "mapped"
#: Operator set, and the oldest file format that has it: runtimes since 2022 read them.
_OPSET: Final = 17
_IR: Final = 8
#: In front of the names of our metadata.
_PREFIX: Final = "canon."
#: Norm below which a row counts as zeros, and stays so.
_SMALLEST: Final = 1e-12
#: Largest difference between what ONNX Runtime and numpy make of the same rows.
_TOLERANCE: Final = 1e-5
#: Rows of the trial.
_TRIAL_ROWS: Final = 64


def graph_bytes(mapping: FittedMap, facts: Mapping[str, str]) -> bytes:
    """The map as a serialised ONNX model, checked by onnx and tried in ONNX Runtime.

    Parameters
    ----------
    mapping : FittedMap
        Its matrix is rounded to float32.
    facts : mapping of str to str
        Kept as metadata, each name with ``canon.`` in front.

    Raises
    ------
    SettingsError
        When float32 does not hold the map, or what ONNX Runtime computes is not the map to 1e-5.
    """
    import onnx
    from onnx import helper

    arrays = {"matrix": _float32(mapping.matrix)}
    if mapping.offset is not None:
        arrays["offset"] = _float32(mapping.offset)
    graph = _graph(arrays)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="canon"
    )
    model.producer_version = version()
    helper.set_model_props(model, {_PREFIX + name: text for name, text in facts.items()})
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    _try(data, mapping)
    return data


def read_graph(data: bytes) -> tuple[dict[str, NDArray[np.floating]], dict[str, str]]:
    """Arrays and metadata of a model that :func:`graph_bytes` made.

    Raises
    ------
    ValueError
        For anything else; nothing of it is run, and no other file is looked at.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto, TensorProto

    model = ModelProto()
    try:
        model.ParseFromString(data)
        facts = {
            entry.key.removeprefix(_PREFIX): entry.value
            for entry in model.metadata_props
            if entry.key.startswith(_PREFIX)
        }
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
    except (DecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise ValueError("damaged, or not an ONNX file") from error
    arrays: dict[str, NDArray[np.floating]] = {}
    for name in ("matrix", "offset"):
        tensor = weights.get(name)
        if tensor is None:
            continue
        count = int(np.prod(tuple(tensor.dims), dtype=object))
        plain = tensor.data_type == TensorProto.FLOAT and tensor.data_location == TensorProto.DEFAULT
        if not plain or any(side < 1 for side in tensor.dims) or len(tensor.raw_data) != 4 * count:
            raise ValueError(f"its {name} is damaged or kept in another file")
        arrays[name] = np.frombuffer(tensor.raw_data, "<f4").reshape(tuple(tensor.dims))
    if "matrix" not in arrays or arrays["matrix"].ndim != 2:
        raise ValueError("it has no matrix")
    if not _same(model, _graph(arrays)):
        raise ValueError("its network does something else than map embeddings")
    return arrays, facts


# -- private ---------------------------------------------------------------------------------------------------------
def _graph(arrays: Mapping[str, NDArray[np.floating]]) -> GraphProto:
    from onnx import TensorProto, helper, numpy_helper

    width, wide = arrays["matrix"].shape
    product = "product"
    nodes = [
        helper.make_node("ReduceL2", [INPUT], ["norm"], axes=[1], keepdims=1),
        helper.make_node("Clip", ["norm", "smallest"], ["positive_norm"]),
        helper.make_node("Div", [INPUT, "positive_norm"], ["unit"]),
        helper.make_node("MatMul", ["unit", "matrix"], [product]),
    ]
    if "offset" in arrays:  # no face, no direction: a row of zeros stays one, the offset alone would make one up
        nodes += [
            helper.make_node("Add", [product, "offset"], ["shifted"]),
            helper.make_node("Sign", ["norm"], ["any_face"]),
            helper.make_node("Mul", ["shifted", "any_face"], ["kept"]),
        ]
        product = "kept"
    nodes += [
        helper.make_node("ReduceL2", [product], ["length"], axes=[1], keepdims=1),
        helper.make_node("Clip", ["length", "smallest"], ["positive_length"]),
        helper.make_node("Div", [product, "positive_length"], [OUTPUT]),
    ]
    constants = {**arrays, "smallest": np.array(_SMALLEST, np.float32)}
    return helper.make_graph(
        nodes,
        "map",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", wide])],
        [numpy_helper.from_array(np.ascontiguousarray(array, "<f4"), name) for name, array in constants.items()],
    )


def _same(model: ModelProto, wanted: GraphProto) -> bool:
    """Whether a model computes exactly what ``wanted`` says."""
    graph = model.graph
    return (
        not model.functions
        and not graph.sparse_initializer
        and [(opset.domain, opset.version) for opset in model.opset_import] == [("", _OPSET)]
        and list(graph.node) == list(wanted.node)
        and list(graph.input) == list(wanted.input)
        and list(graph.output) == list(wanted.output)
        and list(graph.initializer) == list(wanted.initializer)
    )


def _float32(array: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        small = array.astype(np.float32)
    if not np.isfinite(small).all():
        raise SettingsError("the map holds numbers that float32 does not", remedy="fit it on more images")
    return small


def _try(data: bytes, mapping: FittedMap) -> None:
    """Run it once on rows of every length, one of zeros among them, against numpy."""
    runtime = onnx_runtime()
    rows = np.random.default_rng(0).standard_normal((_TRIAL_ROWS, mapping.matrix.shape[0])).astype(np.float32)
    rows *= np.linspace(0, 2, _TRIAL_ROWS, dtype=np.float32)[:, None]
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    session = runtime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    (found,) = session.run([OUTPUT], {INPUT: rows})
    difference = float(np.abs(found - mapping.apply(rows)).max())
    if not difference <= _TOLERANCE:
        raise SettingsError(
            f"in float32 this map is determined to {difference:.1e} only (its fit has a condition of"
            f" {mapping.condition:.1e})",
            remedy="fit a rotation map, fit on more images, or write .npz",
        )
