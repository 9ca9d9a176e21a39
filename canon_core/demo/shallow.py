"""Shallow face networks as ONNX graphs: a bank of filters, pooled and normalised, then one linear projection.

Their projections can be fitted in closed form (:mod:`~canon_core.demo.discriminant`), which is what makes networks
possible that were honestly fitted to faces without a deep-learning framework.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.models.spec import ModelSpec

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Filters = NDArray[np.float32]

_OPSET: Final = 17
_IR_VERSION: Final = 8
#: Keeps the normalisation of flat places finite; in units of the input after its own normalisation.
_FLOOR: Final = 1e-3


@dataclass(frozen=True, eq=False)
class FilterBank:
    """What a shallow network computes before its projection.

    Attributes
    ----------
    filters : (k, channels, h, w) float32 ndarray
        Convolved with the input at ``stride``; each answer is split by its sign.
    stride : int
    cells : int
        The answers are averaged over ``cells`` × ``cells`` overlapping places of the face.
    colours : int
        Side of the coarse picture whose pixels are features as well; 0: none.
    """

    filters: Filters
    stride: int
    cells: int
    colours: int


def oriented_filters(orientations: int, wavelengths: tuple[float, ...], channels: int, side: int) -> Filters:
    """Gabor filters of zero mean and unit energy, even and odd, on the sum of the channels."""
    axis = np.arange(side) - (side - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    filters = []
    for wavelength in wavelengths:
        envelope = np.exp(-(x**2 + y**2) / (2 * (0.45 * wavelength) ** 2))
        for angle in np.arange(orientations) * np.pi / orientations:
            phase = 2 * np.pi / wavelength * (x * np.cos(angle) + y * np.sin(angle))
            filters += [envelope * np.sin(phase), envelope * np.cos(phase)]
    return _balanced(np.repeat(np.array(filters)[:, None], channels, axis=1))


def random_filters(count: int, channels: int, side: int, seed: int) -> Filters:
    """Smooth random filters of zero mean and unit energy."""
    rng = np.random.default_rng([0xF117, seed])
    noise = rng.standard_normal((count, channels, side, side))
    noise += 0.8 * noise.mean(axis=1, keepdims=True) * np.sqrt(channels)
    axis = np.arange(side) - (side - 1) / 2
    smooth = np.exp(-((axis[:, None] - axis[None, :]) ** 2) / 2)
    window = np.exp(-(axis**2) / (2 * (side / 3.2) ** 2))
    noise = np.einsum("ij,kcjl,lm->kcim", smooth, noise, smooth) * np.outer(window, window)
    return _balanced(noise)


def patch_filters(images: NDArray[np.float32], count: int, side: int, seed: int) -> Filters:
    """The leading principal components of patches of ``images`` (n, channels, h, w), means removed."""
    rng = np.random.default_rng([0xF118, seed])
    n, channels, height, width = images.shape
    take = 60_000
    which, top, left = (
        rng.integers(0, n, take),
        rng.integers(0, height - side + 1, take),
        rng.integers(0, width - side + 1, take),
    )
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(2, 3))
    patches = windows[which, :, top, left].reshape(take, -1).astype(np.float64)
    patches -= patches.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(patches.T @ patches)
    leading = vectors[:, ::-1][:, :count].T
    # An eigenvector's sign is arbitrary: fix it, or two machines would disagree.
    leading *= np.sign(leading[np.arange(count), np.abs(leading).argmax(axis=1)])[:, None]
    return _balanced(leading.reshape(count, channels, side, side))


def _balanced(filters: NDArray[np.float64]) -> Filters:
    filters = filters - filters.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(filters / np.sqrt((filters**2).sum(axis=(1, 2, 3), keepdims=True)), np.float32)


def feature_count(bank: FilterBank, spec: ModelSpec) -> int:
    """Numbers that reach the projection."""
    return 2 * len(bank.filters) * bank.cells**2 + spec.input.channels * bank.colours**2


def build_network(
    bank: FilterBank, spec: ModelSpec, weight: NDArray[np.float32] | None, bias: NDArray[np.float32] | None
) -> ModelProto:
    """The graph from pixels to embedding, or to the features themselves where there is no projection yet.

    Parameters
    ----------
    weight : (features, d) or None
        Stored as float16, to be small.
    bias : (d,) or None
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes: list[NodeProto] = []
    constants = [
        numpy_helper.from_array(bank.filters, "filters"),
        numpy_helper.from_array(np.array(_FLOOR, np.float32), "floor"),
    ]

    def add(operation: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operation, inputs, [output], name=output, **attributes))
        return output

    pixels = "pixels"
    if spec.input.layout == "nhwc":
        pixels = add("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2])
    side = bank.filters.shape[2]
    answers = add(
        "Conv", [pixels, "filters"], "answers", strides=[bank.stride] * 2, pads=[side // 2] * 4, kernel_shape=[side] * 2
    )
    # Local contrast: an answer counts relative to all answers around it, so that lamps and cameras matter less.
    energy = add("Mul", [answers, answers], "energy")
    around = add("ReduceMean", [energy], "energy_of_all", axes=[1], keepdims=1)
    around = add("AveragePool", [around], "energy_around", kernel_shape=[9, 9], pads=[4] * 4, count_include_pad=0)
    around = add("Sqrt", [add("Add", [around, "floor"], "energy_floored")], "contrast")
    relative = add("Div", [answers, around], "relative")
    rising = add("Relu", [relative], "rising")
    falling = add("Relu", [add("Neg", [relative], "negated")], "falling")
    signed = add("Concat", [rising, falling], "signed", axis=1)
    rows, columns = (-(-n // bank.stride) for n in (spec.input.height, spec.input.width))
    pooled = add("AveragePool", [signed], "pooled", **_cells(rows, columns, bank.cells))
    flat = [add("Flatten", [add("Sqrt", [pooled], "rooted")], "texture")]
    if bank.colours:
        coarse = add("AveragePool", [pixels], "coarse", **_cells(spec.input.height, spec.input.width, bank.colours))
        flat.append(add("Flatten", [coarse], "colours"))
    features = add("Concat", flat, "features", axis=1) if len(flat) > 1 else flat[0]
    width = feature_count(bank, spec)
    result = features
    if weight is not None and bias is not None:
        constants += [
            numpy_helper.from_array(weight.astype(np.float16), "weight_half"),
            numpy_helper.from_array(bias, "bias"),
        ]
        full = add("Cast", ["weight_half"], "weight", to=TensorProto.FLOAT)
        result = add("Gemm", [features, full, "bias"], "embedding")
        width = weight.shape[1]
    shape: list[str | int | None] = ["batch", spec.input.channels, spec.input.height, spec.input.width]
    if spec.input.layout == "nhwc":
        shape = [shape[0], *shape[2:], shape[1]]
    graph = helper.make_graph(
        nodes,
        "shallow",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["batch", width])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="canon-explorer"
    )
    checker.check_model(model)
    return model


def _cells(rows: int, columns: int, cells: int) -> dict[str, list[int]]:
    """Pooling windows half again as large as their distance, ``cells`` of them along each side."""
    strides = [rows // (cells), columns // (cells)]
    kernel = [n - s * (cells - 1) for n, s in zip((rows, columns), strides, strict=True)]
    grown = [max(k, round(1.5 * s)) for k, s in zip(kernel, strides, strict=True)]
    pads = [s * (cells - 1) + g - n for n, s, g in zip((rows, columns), strides, grown, strict=True)]
    return {"kernel_shape": grown, "strides": strides, "pads": [p // 2 for p in pads] + [p - p // 2 for p in pads]}
