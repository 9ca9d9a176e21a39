"""What one node of a network costs: multiply-accumulates and floating-point operations, operator by operator.

Counted as a person would on paper, at inference:

- a multiply-accumulate (MAC) is one product added to a sum: convolutions and matrix products; it is 2 FLOPs, and a
  bias is 1 more for each output;
- an elementwise operator is as many FLOPs for each output as its formula has steps, each elementary function (exp,
  sqrt, erf, tanh, a comparison) being one step: sigmoid(x) = 1 / (1 + exp(−x)) is 4;
- batch normalisation is y = a·x + b with a and b known beforehand: 2;
- a pool is 1 for each element of each window;
- what only moves or names data is nothing, and so is arithmetic on integers (shapes and indices).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from onnx import NodeProto


@dataclass(frozen=True)
class Value:
    """What shape inference knows of a tensor: its ONNX element type, and its shape or None."""

    type: int
    shape: tuple[int, ...] | None

    @property
    def elements(self) -> int | None:
        """Number of elements, where known."""
        return None if self.shape is None else math.prod(self.shape)


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates and floating-point operations."""

    macs: int
    flops: int


FREE: Final = Cost(0, 0)

#: Operators that move, name or make data.
_FREE: Final = frozenset(
    {
        "Identity", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Concat", "Slice", "Gather", "GatherND",
        "GatherElements", "Shape", "Size", "Constant", "ConstantOfShape", "Cast", "CastLike", "Pad", "Dropout", "Split",
        "Expand", "Tile", "Range", "DepthToSpace", "SpaceToDepth", "ScatterND", "ScatterElements", "EyeLike",
    }
)  # fmt: skip
#: Operators by the steps of their formula for each output.
_BY_STEPS: Final[Mapping[int, tuple[str, ...]]] = {
    1: (
        "Abs", "Neg", "Sqrt", "Exp", "Log", "Erf", "Tanh", "Sin", "Cos", "Reciprocal", "Floor", "Ceil", "Round", "Sign",
        "Not", "And", "Or", "Xor", "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Where", "Relu",
        "ThresholdedRelu", "Mod", "Add", "Sub", "Mul", "Div", "Pow", "IsNaN", "IsInf",
    ),
    2: ("Clip", "PRelu", "LeakyRelu", "BatchNormalization", "DequantizeLinear"),
    3: ("Elu", "Celu", "Softplus", "Softsign"),
    4: ("Sigmoid", "HardSigmoid", "Selu", "QuantizeLinear", "LpNormalization"),
    5: ("HardSwish", "Swish", "QuickGelu", "Gelu", "FastGelu", "Mish", "Softmax", "LogSoftmax", "RMSNormalization",
        "SimplifiedLayerNormalization"),
    7: ("LayerNormalization", "InstanceNormalization", "GroupNormalization"),
}  # fmt: skip
_STEPS: Final = {operator: steps for steps, operators in _BY_STEPS.items() for operator in operators}
#: Elementwise over any number of inputs.
_MANY_INPUTS = frozenset({"Max", "Min", "Sum", "Mean"})
#: Steps for each input element of a reduction.
_REDUCTIONS: Mapping[str, int] = {
    "ReduceSum": 1, "ReduceMean": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceProd": 1, "ReduceL1": 2, "ReduceL2": 2,
    "ReduceSumSquare": 2, "GlobalAveragePool": 1, "GlobalMaxPool": 1, "ArgMax": 1, "ArgMin": 1,
}  # fmt: skip
#: Where the weight of a convolution or a matrix product is among the inputs.
_CONVOLUTIONS: Mapping[str, int] = {"Conv": 1, "ConvInteger": 1, "FusedConv": 1, "QLinearConv": 3}
_PRODUCTS: Mapping[str, int] = {"Gemm": 0, "MatMul": 0, "MatMulInteger": 0, "FusedMatMul": 0, "QLinearMatMul": 0}
_FLOATING: Final = frozenset({1, 10, 11, 16})  # float32, float16, float64, bfloat16


def cost(node: NodeProto, values: Mapping[str, Value]) -> Cost | None:
    """Cost of one node, or None where its operator has no rule or the shapes it needs are unknown.

    Parameters
    ----------
    node : onnx.NodeProto
        The node.
    values : mapping of name to Value
        Type and shape of every tensor that is known.
    """
    operator = node.op_type
    if operator in _FREE:
        return FREE
    inputs = [values.get(name, Value(0, None)) if name else Value(0, ()) for name in node.input]
    outputs = [values.get(name, Value(0, None)) for name in node.output if name]
    if not inputs or not outputs:
        return None
    output = outputs[0].elements
    if output is None:
        return None
    attributes = _attributes(node)
    if operator in _CONVOLUTIONS:
        return _convolution(inputs, _CONVOLUTIONS[operator], output, operator)
    if operator == "ConvTranspose":
        return _transposed_convolution(inputs, output)
    if operator in _PRODUCTS:
        return _product(inputs, output, operator, attributes)
    if operator in ("MaxPool", "AveragePool", "LpPool"):
        window = attributes.get("kernel_shape")
        return Cost(0, output * math.prod(window)) if window else None
    if operator in _REDUCTIONS:
        return None if inputs[0].elements is None else Cost(0, inputs[0].elements * _REDUCTIONS[operator])
    if all(each.type and each.type not in _FLOATING for each in (*inputs, outputs[0])):
        return FREE  # shape arithmetic
    if operator in _MANY_INPUTS:
        return Cost(0, output * max(len(inputs) - (operator != "Mean"), 0))
    if operator in _STEPS:
        return Cost(0, output * _STEPS[operator])
    return None


def shared_sides(node: NodeProto, values: Mapping[str, Value]) -> tuple[int, int] | None:
    """The side of each factor that a matrix product sums over: equal, or the shapes contradict each other.

    None for other operators and for unknown shapes. ONNX's own shape inference does not check them for Gemm.
    """
    if node.op_type not in ("Gemm", "MatMul") or len(node.input) < 2:
        return None
    left, right = (values.get(name, Value(0, None)).shape for name in node.input[:2])
    if not left or not right:
        return None
    attributes = _attributes(node) if node.op_type == "Gemm" else {}
    last_but_one = right[-2] if len(right) > 1 else right[-1]
    return left[0] if attributes.get("transA") else left[-1], right[-1] if attributes.get("transB") else last_but_one


def _convolution(inputs: list[Value], weight_at: int, output: int, operator: str) -> Cost | None:
    """Each output sums over the kernel and over the input channels of its group: the weight's sides but the first."""
    weight = inputs[weight_at].shape if len(inputs) > weight_at else None
    if weight is None:
        return None
    macs = output * math.prod(weight[1:])
    has_bias = {"Conv": len(inputs) > 2, "FusedConv": len(inputs) > 2, "QLinearConv": len(inputs) > 8}
    activation = output if operator == "FusedConv" else 0
    return Cost(macs, 2 * macs + output * has_bias.get(operator, False) + activation)


def _transposed_convolution(inputs: list[Value], output: int) -> Cost | None:
    """Each input is spread over the kernel and over the output channels of its group."""
    source, weight = inputs[0].elements, inputs[1].shape if len(inputs) > 1 else None
    if source is None or weight is None:
        return None
    macs = source * math.prod(weight[1:])
    return Cost(macs, 2 * macs + output * (len(inputs) > 2))


def _product(inputs: list[Value], output: int, operator: str, attributes: Mapping[str, Any]) -> Cost | None:
    """Each output sums over the side the two factors share."""
    left = inputs[0].shape
    if not left:
        return None
    shared = left[0] if operator == "Gemm" and attributes.get("transA") else left[-1]
    if operator == "FusedMatMul" and attributes.get("transA") and len(left) > 1:
        shared = left[-2]
    macs = output * shared
    has_bias = operator == "Gemm" and len(inputs) > 2 and inputs[2].shape != ()
    return Cost(macs, 2 * macs + output * has_bias)


def _attributes(node: NodeProto) -> dict[str, Any]:
    """The few attributes that decide a cost: integers and lists of integers."""
    from onnx import AttributeProto

    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == AttributeProto.INT:
            found[attribute.name] = attribute.i
        elif attribute.type == AttributeProto.INTS:
            found[attribute.name] = list(attribute.ints)
    return found
