"""Why CUDA does or does not run here: the driver, its devices, and the libraries ONNX Runtime loads."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_DRIVER: Final = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
#: Codes of the driver's cuInit that people meet.
_DRIVER_ERRORS: Final = {
    100: "the driver sees no device",
    101: "the driver sees no usable device",
    803: "the driver and its library are of different versions: restart the machine",
    804: "the driver is too old for its compatibility library",
    999: "the driver reports an unknown error: restart the machine",
}
_NAME_BYTES: Final = 256


@dataclass(frozen=True)
class Driver:
    """What the NVIDIA driver says.

    Attributes
    ----------
    problem : str
        Why it cannot be used; empty where it can.
    cuda : tuple of int
        Newest CUDA it supports, (major, minor); (0, 0) where unknown.
    devices : tuple of str
        Names and memory of its devices, by number.
    """

    problem: str
    cuda: tuple[int, int] = (0, 0)
    devices: tuple[str, ...] = ()


def driver() -> Driver:
    """Ask the NVIDIA driver, without any CUDA library."""
    try:
        library: Any = ctypes.CDLL(_DRIVER)
    except OSError:
        if any(Path("/proc/driver/nvidia/gpus").glob("*")):
            return Driver(f"there is an NVIDIA device but not its driver's {_DRIVER}: in a container, share it in")
        return Driver("no NVIDIA driver is installed")
    return ask_driver(library)


def ask_driver(library: Any) -> Driver:
    """:func:`driver` of a loaded driver library."""
    code = library.cuInit(0)
    version = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    cuda = (version.value // 1000, version.value % 1000 // 10)
    if code != 0:
        return Driver(_DRIVER_ERRORS.get(code, f"the NVIDIA driver does not start (error {code})"), cuda)
    count = ctypes.c_int()
    library.cuDeviceGetCount(ctypes.byref(count))
    devices = []
    for number in range(count.value):
        name, memory = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_size_t()
        library.cuDeviceGetName(name, _NAME_BYTES, number)
        library.cuDeviceTotalMem_v2(ctypes.byref(memory), number)
        devices.append(f"{name.value.decode(errors='replace')}, {memory.value / 2**30:.0f} GiB")
    return Driver("" if devices else "the driver sees no device", cuda, tuple(devices))


def cuda_libraries(major: int) -> tuple[str, ...]:
    """File names of the CUDA and cuDNN libraries that an ONNX Runtime built for CUDA ``major`` loads."""
    fft = 12 if major >= 13 else 11
    if sys.platform == "win32":
        names = (f"cublasLt64_{major}", f"cublas64_{major}", f"cudart64_{major}", f"cufft64_{fft}", "cudnn64_9")
        return tuple(f"{name}.dll" for name in names)
    versions = {"cublasLt": major, "cublas": major, "cudart": major, "curand": 10, "cufft": fft, "cudnn": 9}
    return tuple(f"lib{name}.so.{version}" for name, version in versions.items())


def tensorrt_libraries() -> tuple[str, ...]:
    """File names of the TensorRT 10 libraries."""
    if sys.platform == "win32":
        return ("nvinfer_10.dll", "nvonnxparser_10.dll")
    return ("libnvinfer.so.10", "libnvonnxparser.so.10")


def missing(libraries: tuple[str, ...]) -> tuple[str, ...]:
    """Those that do not load."""
    return tuple(name for name in libraries if not _loads(name))


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
