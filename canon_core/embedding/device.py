"""Inputs on a GPU: host memory that the device reads by itself, and a place for a batch on the device."""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: CUDA's runtime library by version, as ONNX Runtime's builds load it.
_CUDA_RUNTIMES: Final = (
    ("cudart64_13.dll", "cudart64_12.dll")
    if sys.platform == "win32"
    else ("libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0")
)


def page_locked(array: npt.NDArray[Any]) -> bool:
    """Pin an array's pages, so that the device copies from them at full speed and beside the computation.

    They are released with the array. Without CUDA's runtime, or where the system refuses, the array stays as it is
    and works all the same.

    Returns
    -------
    bool
        Whether it is pinned.
    """
    for name in _CUDA_RUNTIMES:
        try:
            runtime = ctypes.CDLL(name)
            register, unregister = runtime.cudaHostRegister, runtime.cudaHostUnregister
        except (OSError, AttributeError):
            continue
        register.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint)
        unregister.argtypes = (ctypes.c_void_p,)
        if register(array.ctypes.data, array.nbytes, 0) == 0:
            weakref.finalize(array, unregister, array.ctypes.data)
            return True
    return False


class DeviceInput:
    """A batch's place on the device and what is bound to it, for one thread.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The loaded network.
    name, outputs : str, sequence of str
        The input, and which outputs are wanted.
    device : int
        Number of the device.
    like : array
        A batch; later ones must have its shape and type.
    kind : str
        Kind of device, as ONNX Runtime names it.
    """

    def __init__(
        self,
        session: Any,
        name: str,
        outputs: Sequence[str],
        device: int,
        like: npt.NDArray[Any],
        kind: str = "cuda",
    ) -> None:
        from onnxruntime import OrtValue

        self._shape, self._type = like.shape, like.dtype
        self._value = OrtValue.ortvalue_from_shape_and_type(list(like.shape), like.dtype.type, kind, device)
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(name, self._value)
        for output in outputs:
            self._binding.bind_output(output, "cpu")

    def fits(self, batch: npt.NDArray[Any]) -> bool:
        """Whether a batch has this place's shape and type."""
        return batch.shape == self._shape and batch.dtype == self._type

    def copy(self, batch: npt.NDArray[Any]) -> None:
        """Bring a batch to the device; it is there on return."""
        self._value.update_inplace(np.ascontiguousarray(batch))

    def run(self, session: Any, options: Any) -> list[npt.NDArray[Any]]:
        """Compute, and bring the outputs back."""
        session.run_with_iobinding(self._binding, options)
        outputs: list[npt.NDArray[Any]] = self._binding.copy_outputs_to_cpu()
        return outputs
