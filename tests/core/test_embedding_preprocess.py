"""What reaches the network is (x − mean) / std in its own channel order and layout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canon_core.embedding.preprocess import input_shape, to_tensor
from canon_core.models.spec import InputSpec, ModelSpec

levels = st.floats(0, 255, width=32)
scales = st.floats(0.5, 255, width=32)


@settings(max_examples=60, deadline=None)
@given(
    color=st.sampled_from(["rgb", "bgr", "gray"]),
    layout=st.sampled_from(["nchw", "nhwc"]),
    mean=st.tuples(levels, levels, levels) | st.just((127.5,) * 3) | st.just((0.0,) * 3),
    std=st.tuples(scales, scales, scales) | st.just((128.0,) * 3) | st.just((1.0,) * 3),
    count=st.integers(0, 3),
)
def test_numbers_are_those_of_the_formula(color, layout, mean, std, count) -> None:
    channels = 1 if color == "gray" else 3
    spec = ModelSpec(
        input=InputSpec(height=9, width=8, color=color, layout=layout, mean=mean[:channels], std=std[:channels])
    )
    crops = np.random.default_rng(count).integers(0, 256, (count, 9, 8, 3)).astype(np.uint8)
    tensor = to_tensor(crops, spec)
    assert tensor.dtype == np.float32
    assert tensor.shape == input_shape(spec.input, count)
    for k in range(count):
        for y in range(9):
            for x in range(8):
                red, green, blue = (float(value) for value in crops[k, y, x])
                gray = 0.299 * red + 0.587 * green + 0.114 * blue
                pixel = {"rgb": (red, green, blue), "bgr": (blue, green, red), "gray": (gray,)}[color]
                for c in range(channels):
                    value = tensor[k, c, y, x] if layout == "nchw" else tensor[k, y, x, c]
                    wanted = (pixel[c] - mean[c]) / std[c]
                    assert value == pytest.approx(wanted, rel=1e-5, abs=1e-4 / std[c])


def test_a_buffer_is_filled_in_place_and_must_fit() -> None:
    spec = ModelSpec(input=InputSpec(height=8, width=8))
    crops = np.full((2, 8, 8, 3), 255, np.uint8)
    buffer = np.full((4, 3, 8, 8), np.nan, np.float32)
    assert np.shares_memory(to_tensor(list(crops), spec, buffer[:2]), buffer)
    assert (buffer[:2] == 1).all()
    assert np.isnan(buffer[2:]).all()
    with pytest.raises(ValueError, match="buffer of shape"):
        to_tensor(crops, spec, buffer)
