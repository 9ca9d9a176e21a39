"""What a network's graph says about it: inputs, outputs, parameters, and what one image costs.

The paper's Table 2 mixes parameters, MACs and FLOPs of its sources; here each is counted from the graph at the input
size the network is really fed with, by the rules of :mod:`canon_core.models.operations`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from canon_core.errors import ModelError
from canon_core.models.onnx_file import OnnxFile, nodes, open_onnx
from canon_core.models.operations import Value, cost
from canon_core.models.spec import InputSpec, ModelSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

#: Element types of an image or an embedding.
IMAGE_TYPES: Final = ("float32", "float16", "float64", "uint8")
EMBEDDING_TYPES: Final = ("float32", "float16", "float64")
#: Operators shown of a network's beginning; InsightFace's rule of thumb looks at as many.
_FIRST_OPS: Final = 8
_QUANTISED_RANK: Final = 2


@dataclass(frozen=True)
class Tensor:
    """An input or output: name, element type (``float32``), and sides, None where they are free."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        sides = "?" if self.shape is None else "×".join("n" if side is None else str(side) for side in self.shape)
        return f"{self.name} ({sides}, {self.dtype})"


@dataclass(frozen=True)
class GraphFacts:
    """What the graph says.

    Attributes
    ----------
    inputs, outputs : tuple of Tensor
        What must be fed (weights listed among a graph's inputs, as old exporters do, are left out) and what comes out.
        An output's free sides are filled in where the input size decides them.
    parameters : int
        Floating-point numbers the file holds as constants of the network, each stored one once, whoever shares it:
        weights, biases, slopes, batch normalisation with its running statistics, and constants such as an in-graph
        mean; and 8-bit integers of rank 2 or more (quantised weights). Unused constants, shapes and indices are not
        counted.
    macs, flops : int
        Of one image; FLOPs are two for each MAC plus everything else that computes.
    uncounted : tuple of str
        Operators in the graph without a rule, or whose shapes could not be worked out: macs and flops lack them.
    first_ops : tuple of str
        The first eight operators.
    opset : int
        Version of the standard operators.
    fixed_batch : int or None
        Images the network takes at once, where it takes no other number.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: int
    macs: int
    flops: int
    uncounted: tuple[str, ...]
    first_ops: tuple[str, ...]
    opset: int
    fixed_batch: int | None


def inspect_graph(path: str | Path, spec: ModelSpec | None = None) -> GraphFacts:
    """Read a network's graph.

    Parameters
    ----------
    path : path
        ONNX file; its weights in other files are not read.
    spec : ModelSpec, optional
        Gives the input size where the graph leaves it free; 112 × 112 without it.

    Raises
    ------
    ModelError
        For a file that is not a usable ONNX model (see :func:`canon_core.models.onnx_file.open_onnx`).
    """
    return facts_of(open_onnx(path), spec)


def facts_of(file: OnnxFile, spec: ModelSpec | None = None) -> GraphFacts:
    """:func:`inspect_graph` of a file that is already open."""
    graph = file.graph
    inputs = tuple(_tensor(value) for value in real_inputs(graph))
    shapes = {tensor.name: _full_shape(tensor, spec) for tensor in inputs}
    values = infer_shapes(file, shapes)
    batch, fixed = _batch(file, inputs, shapes)
    macs = flops = 0
    uncounted: set[str] = set()
    for node in graph.node:
        each = cost(node, values)
        if each is None:
            uncounted.add(node.op_type)
        else:
            macs, flops = macs + each.macs, flops + each.flops
    return GraphFacts(
        inputs=inputs,
        outputs=tuple(_filled(_tensor(value), values.get(value.name), fixed) for value in graph.output),
        parameters=_parameters(graph),
        macs=macs // batch,
        flops=flops // batch,
        uncounted=tuple(sorted(uncounted)),
        first_ops=tuple(node.op_type for node in graph.node[:_FIRST_OPS]),
        opset=next(opset.version for opset in file.model.opset_import if opset.domain in ("", "ai.onnx")),
        fixed_batch=batch if fixed else None,
    )


def image_input(file: OnnxFile) -> Tensor:
    """The one input, which must be an image.

    Raises
    ------
    ModelError
        When the network wants something else, or more.
    """
    inputs = tuple(_tensor(value) for value in real_inputs(file.graph))
    remedy = "use a network that takes one batch of images (four sides, 1 or 3 channels)"
    images = [tensor for tensor in inputs if _may_be_image(tensor)]
    if not images:
        found = ", ".join(map(str, inputs)) or "nothing"
        raise ModelError(f"its input is not an image but {found}", path=file.path, remedy=remedy)
    if len(inputs) > 1:
        others = ", ".join(str(tensor) for tensor in inputs if tensor is not images[0])
        raise ModelError(
            f"wants more than an image: {others}", path=file.path, remedy="export it with its other inputs set"
        )
    return images[0]


def vector_width(shape: Sequence[int | None] | None) -> int | None:
    """Numbers for each image in an output of shape (n, d), (n, d, 1, 1) or (n, 1, 1, d).

    None where the shape is not one vector for each image, or where d is not known.
    """
    if shape is None or len(shape) not in (2, 4):
        return None
    wide = [side for side in shape[1:] if side != 1]
    if not wide:
        return 1
    return wide[0] if len(wide) == 1 else None


def real_inputs(graph: GraphProto) -> Iterator[ValueInfoProto]:
    """Inputs that must be fed: not the weights that old exporters list among them."""
    weights = {tensor.name for tensor in graph.initializer}
    return (value for value in graph.input if value.name not in weights)


def infer_shapes(
    file: OnnxFile, shapes: Mapping[str, tuple[int, ...] | None], *, strict: bool = False
) -> dict[str, Value]:
    """Types and shapes of all tensors when the inputs have the given shapes.

    What the file itself claims about the tensors in between and about the outputs is set aside: exporters write the
    batch size they traced with there. ``strict`` raises ValueError where shapes contradict each other.
    """
    from onnx import ModelProto, shape_inference

    model = ModelProto()
    model.CopyFrom(file.model)
    graph = model.graph
    del graph.value_info[:]
    for value in real_inputs(graph):
        shape = shapes.get(value.name)
        if shape is not None:
            del value.type.tensor_type.shape.dim[:]
            for side in shape:
                value.type.tensor_type.shape.dim.add().dim_value = side
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = shape_inference.infer_shapes(model, strict_mode=strict, data_prop=True)
    except (shape_inference.InferenceError, RuntimeError, ValueError, TypeError) as error:
        if strict:
            raise ValueError(str(error)) from error
        inferred = model
    return _values(inferred)


# -- private ---------------------------------------------------------------------------------------------------------
def _tensor(value: ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return Tensor(value.name, value.type.WhichOneof("value") or "unknown", None)
    shape: tuple[int | None, ...] | None = None
    if kind.HasField("shape"):
        shape = tuple(
            side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in kind.shape.dim
        )
    return Tensor(value.name, _type_name(kind.elem_type), shape)


def _type_name(elem_type: int) -> str:
    """ONNX's element type as numpy would say it."""
    from onnx import TensorProto

    name = (
        str(TensorProto.DataType.Name(elem_type)).lower() if elem_type in TensorProto.DataType.values() else "unknown"
    )
    return {"float": "float32", "double": "float64", "undefined": "unknown"}.get(name, name)


def _may_be_image(tensor: Tensor) -> bool:
    if tensor.dtype not in IMAGE_TYPES or tensor.shape is None or len(tensor.shape) != 4:
        return False
    sides = (tensor.shape[1], tensor.shape[3])
    return any(side in (1, 3) for side in sides) or None in sides


def _full_shape(tensor: Tensor, spec: ModelSpec | None) -> tuple[int, ...] | None:
    """The input's shape for one image, free sides taken from the spec; None where that would be a guess."""
    if tensor.shape is None:
        return None
    if not _may_be_image(tensor):
        return tuple(1 if side is None else side for side in tensor.shape)
    batch, *sides = tensor.shape
    last = sides[2] in (1, 3) and sides[0] not in (1, 3)
    asked = spec.input if spec is not None else InputSpec(layout="nhwc" if last else "nchw")
    size = (asked.height, asked.width)
    wanted = (*size, asked.channels) if asked.layout == "nhwc" else (asked.channels, *size)
    return (batch or 1, *(side or want for side, want in zip(sides, wanted, strict=True)))


def _batch(
    file: OnnxFile, inputs: tuple[Tensor, ...], shapes: Mapping[str, tuple[int, ...] | None]
) -> tuple[int, bool]:
    """Images in the counted pass, and whether the network takes no other number.

    Some exporters leave the input's batch free and write a reshape to (1, d) inside: with two images such a graph
    gives one row, or none at all.
    """
    image = next((tensor for tensor in inputs if _may_be_image(tensor)), None)
    if image is None or image.shape is None:
        return 1, False
    if image.shape[0] is not None:
        return image.shape[0], True
    shape = shapes[image.name]
    if shape is None:
        return 1, False
    twice = infer_shapes(file, {**shapes, image.name: (2, *shape[1:])})
    first_sides = {
        found.shape[0] for value in file.graph.output if (found := twice.get(value.name)) is not None and found.shape
    }
    return 1, bool(first_sides) and 2 not in first_sides


def _filled(tensor: Tensor, found: Value | None, fixed_batch: bool) -> Tensor:
    """An output with the shape that the input size decides; its batch stays free where the network's is."""
    if found is None or not found.shape:
        return tensor
    batch = found.shape[0] if fixed_batch else None
    return Tensor(tensor.name, _type_name(found.type) if found.type else tensor.dtype, (batch, *found.shape[1:]))


def _values(model: ModelProto) -> dict[str, Value]:
    graph = model.graph
    values: dict[str, Value] = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        known = kind.HasField("shape") and all(side.HasField("dim_value") for side in kind.shape.dim)
        values[value.name] = Value(kind.elem_type, tuple(side.dim_value for side in kind.shape.dim) if known else None)
    for tensor in graph.initializer:
        values[tensor.name] = Value(tensor.data_type, tuple(tensor.dims))
    return values


def _parameters(graph: GraphProto) -> int:
    used = {name for node in nodes(graph) for name in node.input} | {value.name for value in graph.output}
    constants: dict[str, TensorProto] = {}
    numbers = 0
    for part in _graphs(graph):
        constants.update((tensor.name, tensor) for tensor in part.initializer)
        constants.update((sparse.values.name, sparse.values) for sparse in part.sparse_initializer)
        for node in part.node:
            if node.op_type != "Constant" or not used.intersection(node.output):
                continue
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    constants[node.output[0]] = attribute.t
                elif attribute.name in ("value_float", "value_floats"):
                    numbers += len(attribute.floats) if attribute.name == "value_floats" else 1
    weights = (tensor for name, tensor in constants.items() if name in used and _is_weight(tensor))
    for tensor in weights:
        numbers += math.prod(tensor.dims)
    return numbers


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph and its sub-graphs."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _graphs(inner)


def _is_weight(tensor: TensorProto) -> bool:
    name = _type_name(tensor.data_type)
    if name.startswith(("float", "bfloat")):
        return True
    return name in ("int8", "uint8", "int4", "uint4") and len(tensor.dims) >= _QUANTISED_RANK
