"""Where networks run: on a CUDA device when it really works, else on the CPU, with the reason.

ONNX Runtime falls back to the CPU with no more than a warning. So a provider counts as working only after a small
network has run on it with the right result, and the reason is found afterwards by looking at driver and libraries.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from canon_core.cores import usable_cores
from canon_core.errors import CanonError, SettingsError
from canon_core.models.cuda import Driver, cuda_libraries, driver, missing, tensorrt_libraries
from canon_core.resources import packaged

#: Our names and ONNX Runtime's.
PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
#: A bundle has no pip, and NVIDIA's libraries are never inside it.
_GET_CUDA: Final = (
    "install CUDA and cuDNN where the system finds their libraries"
    if packaged()
    else 'pip install "canon-explorer[cuda]"'
)
_GET_DRIVER: Final = "install NVIDIA's driver for the device"
_SILENT: Final = 4  # ONNX Runtime's severity "fatal"


@dataclass(frozen=True)
class ProviderChoice:
    """Where networks will run: ``cpu``, ``cuda`` or ``tensorrt``, the device's number, and why."""

    name: str
    device: int
    reason: str


@dataclass(frozen=True)
class Obstacle:
    """Why a provider does not run, and what to do about it."""

    problem: str
    remedy: str


def choose_provider(requested: str = "auto", device: int = 0) -> ProviderChoice:
    """Choose where networks run.

    Parameters
    ----------
    requested : str
        ``auto`` (CUDA where it works, else the CPU with the reason), ``cuda``, ``tensorrt`` or ``cpu``.
    device : int
        Number of the CUDA device.

    Raises
    ------
    SettingsError
        For an unknown provider or a negative device.
    CanonError
        When a provider was asked for by name and does not run: the reason and the remedy.
    """
    if requested not in ("auto", *PROVIDERS):
        raise SettingsError(f"there is no provider '{requested}'", remedy="use auto, cuda, tensorrt or cpu")
    if device < 0:
        raise SettingsError(f"there is no device {device}", remedy="devices are counted from 0")
    if requested == "cpu":
        return ProviderChoice("cpu", 0, "asked for")
    name = "cuda" if requested == "auto" else requested
    obstacle = why_not(name, device)
    if obstacle is None:
        return ProviderChoice(name, device, f"{_spelled(name)} runs on device {device}")
    if requested == "auto":
        return ProviderChoice("cpu", 0, f"{_spelled(name)} does not run: {obstacle.problem}")
    raise CanonError(
        f"{_spelled(name)} does not run: {obstacle.problem}",
        remedy=f"{obstacle.remedy}, or use --provider cpu",
    )


def why_not(name: str, device: int = 0) -> Obstacle | None:
    """What keeps a provider (``cpu``, ``cuda``, ``tensorrt``) from running a small network; None where it runs."""
    ort = onnx_runtime()
    if PROVIDERS[name] not in ort.get_available_providers():
        return Obstacle(
            "the installed ONNX Runtime was built without it",
            "use the CPU: this package was made without it" if packaged() else "install onnxruntime-gpu in its place",
        )
    failure = _try(name, device)
    if failure is None:
        return None
    return _obstacle(name, device, failure, driver(), _cuda_major(ort))


@functools.cache
def onnx_runtime() -> Any:
    """ONNX Runtime, silent on the terminal and to the network, with CUDA's libraries from the environment's own
    packages loaded first.

    Whoever makes a session gets the module here: the libraries must be loaded before the first one. Some of its builds
    send what they notice of the machine to their maker, from the import on; the variable keeps them from it.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime as ort

    ort.disable_telemetry_events()
    ort.set_default_logger_severity(_SILENT)
    if hasattr(ort, "preload_dlls"):
        # It prints what it does not find; that is said by why_not, where it matters.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(OSError, RuntimeError):
            ort.preload_dlls(directory="")
    return ort


@dataclass(frozen=True)
class Row:
    """One line of the environment report; ``state`` is ``ok``, ``warn`` or ``missing``."""

    section: str
    name: str
    state: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class EnvironmentReport:
    """What this machine offers and lacks, row by row, sections together."""

    rows: tuple[Row, ...]


def environment_report() -> EnvironmentReport:
    """What ``canon doctor`` prints: versions, devices, providers, the window's libraries; with remedies."""
    from canon_core.models.environment import computer, versions, window_libraries

    rows = (*versions(), *computer(), *_device_rows(driver()), *_provider_rows(), *window_libraries())
    return EnvironmentReport(rows)


# -- private ---------------------------------------------------------------------------------------------------------
def _spelled(name: str) -> str:
    return {"cpu": "the CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}[name]


def _try(name: str, device: int) -> str | None:
    """Run a convolution and a matrix product on the provider alone; what went wrong, or None."""
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1" if name != "cpu" else "0")
    wanted: Any = PROVIDERS[name] if name == "cpu" else (PROVIDERS[name], {"device_id": device})
    try:
        # TensorRT's absence is printed as well as raised.
        with contextlib.redirect_stdout(io.StringIO()):
            session = ort.InferenceSession(_small_network(), options, providers=[wanted], enable_fallback=0)
            if session.get_providers()[0] != PROVIDERS[name]:
                return "ONNX Runtime fell back to the CPU"
            image = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
            (found,) = session.run(None, {"image": image})
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own exceptions share no other base
        text = " ".join(str(error).split())
        return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)[:300] or type(error).__name__
    # Every window of ones sums its 27 pixels, and the product sums the four windows.
    windows = [image[:, :, i : i + 3, j : j + 3].sum() for i in range(2) for j in range(2)]
    return None if np.allclose(found, sum(windows), rtol=1e-2) else f"it gave {found.ravel()[:1]}, which is wrong"


def _small_network() -> bytes:
    """A convolution, which needs cuDNN, and a matrix product, which needs cuBLAS."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel"], ["windows"]),
            helper.make_node("Flatten", ["windows"], ["row"]),
            helper.make_node("MatMul", ["row", "ones"], ["sum"]),
        ],
        "trial",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 1])],
        [
            numpy_helper.from_array(np.ones((1, 3, 3, 3), np.float32), "kernel"),
            numpy_helper.from_array(np.ones((4, 1), np.float32), "ones"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def _cuda_major(ort: Any) -> int:
    """CUDA's major version that the installed ONNX Runtime was built for."""
    version = str(getattr(ort, "cuda_version", "") or "")
    return int(version.split(".", maxsplit=1)[0]) if version[:1].isdigit() else 12


def _obstacle(name: str, device: int, failure: str, found: Driver, major: int) -> Obstacle:
    """The reason behind a failure: the first thing missing on the way from the driver to the library."""
    if found.problem:
        return Obstacle(found.problem, _GET_DRIVER)
    if device >= len(found.devices):
        count = len(found.devices)
        return Obstacle(f"there is no device {device}, only {count}", f"use a device below {count}")
    if _left_out(name, onnx_runtime()):
        remedy = "take a bundle made with --gpu, or set the program up from its source"
        return Obstacle("this installation leaves out ONNX Runtime's library for it", remedy)
    if found.cuda < (major, 0):
        has = ".".join(map(str, found.cuda))
        return Obstacle(f"the NVIDIA driver supports CUDA {has}, and CUDA {major} is needed", "install a newer driver")
    absent = missing(cuda_libraries(major))
    if absent:
        return Obstacle(f"libraries are missing: {', '.join(absent)}", _GET_CUDA)
    absent = missing(tensorrt_libraries()) if name == "tensorrt" else ()
    if absent:
        remedy = f"install TensorRT 10 for CUDA {major} where the system finds its libraries, or use --provider cuda"
        return Obstacle(f"libraries are missing: {', '.join(absent)}", remedy)
    return Obstacle(failure, "update the NVIDIA driver and ONNX Runtime")


def _left_out(name: str, ort: Any) -> bool:
    """Whether ONNX Runtime knows a provider whose library is not beside it: bundles leave out 285 MB of them."""
    package = getattr(ort, "__file__", None)
    return package is not None and not any(Path(package).parent.glob(f"capi/*onnxruntime_providers_{name}.*"))


def _device_rows(found: Driver) -> tuple[Row, ...]:
    cores = f"{usable_cores()} cores, {platform.processor() or platform.machine()}"
    rows = [Row("Devices", "CPU", "ok", cores)]
    if found.problem:
        rows.append(Row("Devices", "CUDA", "warn", f"none found: {found.problem}", f"for a GPU: {_GET_DRIVER}"))
    major = _cuda_major(onnx_runtime())
    absent = missing(cuda_libraries(major))
    if absent:
        rows.append(
            Row("Devices", "CUDA libraries", "warn", f"not found: {', '.join(absent)}", f"for a GPU: {_GET_CUDA}")
        )
    else:
        rows.append(Row("Devices", "CUDA libraries", "ok", f"CUDA {major} and cuDNN found"))
    version = ".".join(map(str, found.cuda))
    rows += [
        Row("Devices", f"CUDA device {number}", "ok", f"{name} (driver for CUDA {version})")
        for number, name in enumerate(found.devices)
    ]
    return tuple(rows)


def _provider_rows() -> tuple[Row, ...]:
    rows = []
    for name in PROVIDERS:
        obstacle = why_not(name)
        if obstacle is None:
            rows.append(Row("Providers", name, "ok", "runs"))
        else:
            state = "missing" if name == "cpu" else "warn"
            rows.append(Row("Providers", name, state, f"does not run: {obstacle.problem}", obstacle.remedy))
    return tuple(rows)
