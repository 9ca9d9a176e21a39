"""Crops as numbers in the order, scale and layout that a network was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.models.spec import InputSpec, ModelSpec

#: Rec. 601 weights of red, green and blue, with which image libraries make gray.
_GRAY: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def input_shape(spec: InputSpec, count: int) -> tuple[int, int, int, int]:
    """Shape of a batch of ``count`` images in the spec's layout."""
    if spec.layout == "nchw":
        return (count, spec.channels, spec.height, spec.width)
    return (count, spec.height, spec.width, spec.channels)


def to_tensor(
    crops: npt.NDArray[np.uint8] | Sequence[npt.NDArray[np.uint8]],
    spec: ModelSpec,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """A network's input: channels in the order of ``color``, ``x' = (x − mean) / std``, in the spec's layout.

    Parameters
    ----------
    crops : (k, height, width, 3) uint8, or k arrays (height, width, 3)
        RGB, 0..255.
    spec : ModelSpec
        Colour order, mean, std and layout of its input. Gray is Rec. 601 luma, not rounded.
    out : float32 array, optional
        Where to put it: a loop that reuses one buffer does not ask the system for new pages each time, which would
        cost more than the arithmetic.

    Returns
    -------
    (k, channels, height, width) or (k, height, width, channels) float32
        ``out`` where given.
    """
    wanted = spec.input
    shape = input_shape(wanted, len(crops))
    tensor = np.empty(shape, dtype=np.float32) if out is None else out
    if tensor.shape != shape:
        raise ValueError(f"a buffer of shape {tensor.shape} for a batch of shape {shape}")
    planes = tensor if wanted.layout == "nchw" else tensor.transpose(0, 3, 1, 2)
    for image, place in zip(crops, planes, strict=True):
        if wanted.color == "gray":
            np.einsum("hwc,c->hw", image, _GRAY, out=place[0], dtype=np.float32, casting="unsafe")
        else:
            ordered = image if wanted.color == "rgb" else image[..., ::-1]
            np.copyto(place, ordered.transpose(2, 0, 1))
    alike = len(set(wanted.mean)) == len(set(wanted.std)) == 1
    parts = [planes] if alike else [planes[:, channel : channel + 1] for channel in range(wanted.channels)]
    for part, mean, std in zip(parts, wanted.mean, wanted.std, strict=False):
        if mean != 0.0:
            np.subtract(part, np.float32(mean), out=part)
        if std != 1.0:
            np.divide(part, np.float32(std), out=part)
    return tensor
