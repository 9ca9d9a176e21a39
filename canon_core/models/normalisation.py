"""What a network does to its pixels before it looks at them: the subtractions and factors at its input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.models.graph import Tensor
from canon_core.models.onnx_file import KEPT_ELEMENTS, OnnxFile
from canon_core.models.spec import InputSpec

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

#: Nodes after the input that are looked at.
_REACH: Final = 8
_PASSING: Final = frozenset({"Identity", "Cast", "Transpose", "Dropout"})


@dataclass(frozen=True)
class InGraph:
    """The graph's own normalisation, channel by channel: x' = scale · (x − mean).

    Attributes
    ----------
    operators : tuple of str
        The operators that do it; empty where the graph does nothing to its input.
    scale, mean : tuple of float
        One a channel, in the order the network expects; mean 0 where nothing is subtracted.
    transposed : bool
        Channels are moved in front of the pixels: the input has them last.
    """

    operators: tuple[str, ...]
    scale: tuple[float, ...]
    mean: tuple[float, ...]
    transposed: bool

    @property
    def wants(self) -> str:
        """Pixels the graph normalises: ``bytes`` (0..255), ``unit`` (0..1), or ``nothing`` it says."""
        low, high = min(self.mean), max(self.mean)
        strength = max(map(abs, self.scale))
        if not self.operators:
            return "nothing"
        if low >= 30:  # the mean of pixels, not of numbers around 0 or 1
            return "bytes"
        if low >= 0.2 and high <= 0.8 and strength >= 1:
            return "unit"
        return "bytes" if 0 < strength * 255 <= 20 else "nothing"

    def spread_after(self, spec: InputSpec) -> float:
        """How far apart black and white are when the spec's normalisation and the graph's are both applied."""
        return min(255 / std * abs(scale) for std, scale in zip(spec.std, self.scale, strict=False))


def in_graph_normalisation(file: OnnxFile, image: Tensor, channels: int) -> InGraph:
    """Follow the image through the graph's first nodes as long as they only scale, shift or move it.

    Parameters
    ----------
    file : OnnxFile
        The network.
    image : Tensor
        Its input.
    channels : int
        1 or 3.
    """
    graph = file.graph
    constants = _constants(graph)
    a, b = np.ones(channels), np.zeros(channels)
    operators: list[str] = []
    transposed = False
    name = image.name
    for _ in range(_REACH):
        users = [node for node in graph.node if name in node.input and node.op_type != "Shape"]
        if len(users) != 1 or not users[0].output:
            break
        node = users[0]
        if node.op_type in _PASSING:
            transposed = transposed or _moves_channels_forward(node)
        else:
            step = _affine(node, name, constants, channels)
            if step is None:
                break
            scale, shift = step
            a, b = a * scale, b * scale + shift
            operators.append(node.op_type)
        name = node.output[0]
    if np.allclose(a, 1) and np.allclose(b, 0):
        operators = []
    mean = np.divide(-b, a, out=np.zeros(channels), where=a != 0)
    return InGraph(tuple(operators), tuple(a.tolist()), tuple(mean.tolist()), transposed)


def _affine(
    node: NodeProto, name: str, constants: Mapping[str, NDArray[np.float64]], channels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Scale and shift of a node that does nothing else, else None."""
    if node.op_type == "BatchNormalization":
        found = [constants.get(each) for each in node.input[1:5]]
        gamma, beta, mean, variance = (*found, None, None, None, None)[:4]
        if gamma is None or beta is None or mean is None or variance is None:
            return None
        if any(each.size != channels for each in (gamma, beta, mean, variance)):
            return None
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
        scale = gamma.ravel() / np.sqrt(np.maximum(variance.ravel() + epsilon, 1e-12))
        return scale, beta.ravel() - scale * mean.ravel()
    if node.op_type not in ("Sub", "Add", "Mul", "Div") or len(node.input) != 2:
        return None
    first = node.input[0] == name
    constant = constants.get(node.input[1 if first else 0])
    if constant is None or constant.size not in (1, channels):
        return None
    value = np.broadcast_to(constant.ravel(), channels)
    one, zero = np.ones(channels), np.zeros(channels)
    match node.op_type:
        case "Add":
            return one, value
        case "Sub":
            return (one, -value) if first else (-one, value)
        case "Mul":
            return value, zero
        case _:
            return (1 / value, zero) if first and np.all(value != 0) else None


def _constants(graph: GraphProto) -> dict[str, NDArray[np.float64]]:
    """Small constants of the graph that lie in the file itself."""
    from onnx import TensorProto, numpy_helper

    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    found[node.output[0]] = attribute.t
    values: dict[str, NDArray[np.float64]] = {}
    for name, tensor in found.items():
        small = int(np.prod(tensor.dims, dtype=np.float64)) <= KEPT_ELEMENTS
        if not small or tensor.data_location == TensorProto.EXTERNAL:
            continue
        try:
            with np.errstate(invalid="ignore"):
                array = numpy_helper.to_array(tensor).astype(np.float64)
        except (TypeError, ValueError):  # texts, or a damaged constant: not a normalisation
            continue
        if np.isfinite(array).all():
            values[name] = array
    return values


def _moves_channels_forward(node: NodeProto) -> bool:
    order = next((list(each.ints) for each in node.attribute if each.name == "perm"), [])
    return order == [0, 3, 1, 2]
