"""Matrix products of templates on an NVIDIA GPU, through ONNX Runtime: no further dependency, same libraries."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon_core.models.cuda import driver
from canon_core.models.providers import PROVIDERS, ProviderChoice, choose_provider, onnx_runtime

Scores = NDArray[np.float32]
#: Computes ``rows @ columns.T`` into an array, for columns that were handed over before.
Product = Callable[[Scores, Scores], None]


@functools.cache
def gpu() -> ProviderChoice | None:
    """The GPU that products run on; None where there is none that works. Asked once a process."""
    if driver().problem:  # a hundredth of a second instead of a trial
        return None
    choice = choose_provider("auto")
    return choice if choice.name == "cuda" else None


class DeviceProduct:
    """Products with matrices that lie on the device.

    Float32 throughout: TensorFloat-32, which keeps ten bits of a factor, is switched off.

    Parameters
    ----------
    provider : ProviderChoice
        ``cuda``; ``cpu`` gives the same through the CPU.
    """

    def __init__(self, provider: ProviderChoice) -> None:
        runtime = onnx_runtime()
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        name = PROVIDERS[provider.name]
        wanted: Any = (name, {"device_id": provider.device, "use_tf32": "0"}) if provider.name == "cuda" else name
        self._runtime = runtime
        self._session = runtime.InferenceSession(_graph(), options, providers=[wanted], enable_fallback=0)
        self._device = ("cuda", provider.device) if provider.name == "cuda" else ("cpu", 0)

    def with_columns(self, columns: Scores) -> Product:
        """Hand (n, d) float32 ``columns`` over; the product may be used by several threads."""
        held = self._runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(columns), *self._device)

        def product(rows: Scores, out: Scores) -> None:
            binding = self._session.io_binding()
            binding.bind_cpu_input("rows", np.ascontiguousarray(rows))
            binding.bind_ortvalue_input("columns", held)
            binding.bind_output("scores", "cpu", 0, np.float32, out.shape, out.ctypes.data)
            self._session.run_with_iobinding(binding)

        return product


def _graph() -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Gemm", ["rows", "columns"], ["scores"], transB=1)],
        "product",
        [
            helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["r", "d"]),
            helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["n", "d"]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["r", "n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data
