"""Trained networks as ONNX graphs: normalisations folded into the weights before them, weights kept as half floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.training.architectures import DIMENSIONS
from canon_core.demo.training.layers import Activation, Conv, Embed, Layer, MaxPool, Parallel, Residual, Scale
from canon_core.models.spec import InputSpec

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

Array = NDArray[np.float32]

_OPSET: Final = 17
_IR: Final = 8
#: Smaller tensors (biases, slopes) stay single floats: they weigh nothing.
_HALVED_FROM: Final = 512
INPUT, OUTPUT = "pixels", "embedding"


class GraphWriter:
    """Collects the nodes of a graph, one after the other; every method gives the name of what it computes."""

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._count = 0

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node with one output."""
        from onnx import helper

        self._count += 1
        name = f"{operator.lower()}_{self._count}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """Add weights; many of them as half floats, which a node turns into single ones."""
        from onnx import TensorProto, numpy_helper

        self._count += 1
        name = f"weight_{self._count}"
        if values.dtype == np.float32 and values.size >= _HALVED_FROM:
            self._weights.append(numpy_helper.from_array(values.astype(np.float16), name))
            return self.node("Cast", [name], to=TensorProto.FLOAT)
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def pixels(self) -> str:
        """The input with its channels first."""
        return INPUT if self._spec.layout == "nchw" else self.node("Transpose", [INPUT], perm=(0, 3, 1, 2))

    def unit(self, rows: str) -> str:
        """Rows of norm 1."""
        return self.node("Div", [rows, self.node("ReduceL2", [rows], axes=[1], keepdims=1)])

    def model(self, output: str, dimensions: int) -> ModelProto:
        """The checked graph whose output is ``output``."""
        from onnx import TensorProto, checker, helper

        nodes = [*self._nodes, helper.make_node("Identity", [output], [OUTPUT])]
        spec = self._spec
        sides = [spec.channels, spec.height, spec.width]
        if spec.layout == "nhwc":
            sides = [spec.height, spec.width, spec.channels]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", *sides])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", dimensions])],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        checker.check_model(model, full_check=True)
        return model


def network_graph(
    layers: Sequence[Layer],
    network: nn.Module,
    spec: InputSpec,
    *,
    unit: bool,
    variances: nn.Sequential | None = None,
) -> ModelProto:
    """The graph of a trained network.

    Parameters
    ----------
    layers, network
        The layers and their modules (:func:`canon_core.demo.training.modules.build_modules`).
    spec : InputSpec
    unit : bool
        Whether embeddings leave it with norm 1; always so with variances.
    variances : nn.Sequential, optional
        The head of :mod:`canon_core.demo.training.pfe`; its σ² follow the embedding.
    """
    graph = GraphWriter(spec)
    embedding = _through(graph, layers, network, graph.pixels())
    if not unit and variances is None:
        return graph.model(embedding, DIMENSIONS)
    embedding = graph.unit(embedding)
    if variances is None:
        return graph.model(embedding, DIMENSIONS)
    first, first_norm, _, last, last_norm = variances
    rows = graph.node("Mul", [embedding, graph.constant(np.array(np.sqrt(DIMENSIONS), np.float32))])
    rows = graph.node("Relu", [_product(graph, rows, first, first_norm)])
    rows = graph.node("Exp", [_product(graph, rows, last, last_norm)])
    return graph.model(graph.node("Concat", [embedding, rows], axis=1), 2 * DIMENSIONS)


def _through(graph: GraphWriter, layers: Sequence[Layer], modules: Any, x: str) -> str:
    for layer, module in zip(layers, modules, strict=True):
        x = _layer(graph, layer, module, x)
    return x


def _layer(graph: GraphWriter, layer: Layer, module: Any, x: str) -> str:
    if isinstance(layer, Conv):
        return _convolution(graph, layer, module, x)
    if isinstance(layer, MaxPool):
        return graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    if isinstance(layer, Residual):
        body = _through(graph, layer.body, module.body, x)
        if layer.weight != 1.0:
            body = graph.node("Mul", [body, graph.constant(np.array(layer.weight, np.float32))])
        total = graph.node("Add", [_through(graph, layer.shortcut, module.shortcut, x), body])
        return _activated(graph, layer.activation, module.activation, total)
    if isinstance(layer, Parallel):
        ends = [_through(graph, *both, x) for both in zip(layer.branches, module.branches, strict=True)]
        return graph.node("Concat", ends, axis=1)
    if isinstance(layer, Scale):
        centred = graph.node("Sub", [x, graph.constant(np.array(layer.mean, np.float32))])
        return graph.node("Mul", [centred, graph.constant(np.array(1 / layer.std, np.float32))])
    assert isinstance(layer, Embed)
    _, matrix, norm = module
    return _product(graph, graph.node("Flatten", [x]), matrix, norm)


def _convolution(graph: GraphWriter, layer: Conv, module: Any, x: str) -> str:
    conv, *rest = module
    weight = _array(conv.weight)
    if layer.normalised:
        factor, offset = _normalisation(rest.pop(0))
        weight = weight * factor[:, None, None, None]
    else:
        offset = _array(conv.bias)
    edge = layer.kernel // 2
    x = graph.node(
        "Conv",
        [x, graph.constant(weight), graph.constant(offset)],
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        pads=[edge] * 4,
        group=layer.groups,
    )
    return _activated(graph, layer.activation, rest, x)


def _activated(graph: GraphWriter, kind: Activation | None, modules: Any, x: str) -> str:
    if kind is None:
        return x
    if kind == "relu":
        return graph.node("Relu", [x])
    if kind == "relu6":
        return graph.node("Clip", [x, *(graph.constant(np.array(bound, np.float32)) for bound in (0.0, 6.0))])
    return graph.node("PRelu", [x, graph.constant(_array(modules[0].weight)[:, None, None])])


def _product(graph: GraphWriter, rows: str, matrix: Any, norm: Any) -> str:
    factor, offset = _normalisation(norm)
    weight = (_array(matrix.weight) * factor[:, None]).T
    return graph.node("Gemm", [rows, graph.constant(np.ascontiguousarray(weight)), graph.constant(offset)])


def _normalisation(norm: Any) -> tuple[Array, Array]:
    """Factor and offset of a batch normalisation in evaluation."""
    factor = _array(norm.weight) / np.sqrt(_array(norm.running_var) + np.float32(norm.eps))
    return factor, _array(norm.bias) - _array(norm.running_mean) * factor


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().numpy(), np.float32)
