"""Where networks run, why not elsewhere, and what the environment report says."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from canon_core.errors import CanonError, SettingsError
from canon_core.models import environment, providers
from canon_core.models.cuda import Driver, ask_driver, cuda_libraries, missing
from canon_core.models.providers import ProviderChoice, choose_provider, environment_report, why_not

GPU = Driver("", (13, 0), ("H200, 139 GiB",))


class FakeDriverLibrary:
    """The driver's C functions, as far as they are asked."""

    def __init__(self, code: int, version: int, devices: list[tuple[bytes, int]]) -> None:
        self.code, self.version, self.devices = code, version, devices

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's names
        return self.code

    def cuDriverGetVersion(self, version: object) -> int:  # noqa: N802
        ctypes.cast(version, ctypes.POINTER(ctypes.c_int))[0] = self.version
        return 0

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = len(self.devices)
        return 0

    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], length: int, number: int) -> int:  # noqa: N802
        name.value = self.devices[number][0]
        return 0

    def cuDeviceTotalMem_v2(self, memory: object, number: int) -> int:  # noqa: N802
        ctypes.cast(memory, ctypes.POINTER(ctypes.c_size_t))[0] = self.devices[number][1]
        return 0


def test_the_cpu_really_runs() -> None:
    assert why_not("cpu") is None
    assert choose_provider("cpu") == ProviderChoice("cpu", 0, "asked for")


def test_auto_takes_cuda_only_where_it_runs_and_says_why_not() -> None:
    choice = choose_provider("auto")
    obstacle = why_not("cuda")
    assert choice.name == ("cpu" if obstacle else "cuda")
    if obstacle:
        assert obstacle.problem in choice.reason


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_provider_asked_for_by_name_is_never_replaced(name: str) -> None:
    obstacle = why_not(name)
    if obstacle is None:
        assert choose_provider(name).name == name
        return
    with pytest.raises(CanonError, match="does not run") as caught:
        choose_provider(name)
    assert obstacle.problem in str(caught.value)
    assert "--provider cpu" in caught.value.remedy


def test_unknown_providers_and_devices_are_refused() -> None:
    with pytest.raises(SettingsError, match="'gpu'"):
        choose_provider("gpu")
    with pytest.raises(SettingsError, match="-1"):
        choose_provider("cuda", -1)


def test_a_working_cuda_is_chosen_on_the_device_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_try", lambda name, device: None)
    monkeypatch.setattr(providers, "onnx_runtime", FakeRuntime)
    assert choose_provider("auto", 1) == ProviderChoice("cuda", 1, "CUDA runs on device 1")
    assert choose_provider("tensorrt").name == "tensorrt"


class FakeRuntime:
    cuda_version = "13.0"

    def get_available_providers(self) -> list[str]:
        return list(providers.PROVIDERS.values())


@pytest.mark.parametrize(
    ("found", "absent", "device", "problem", "remedy"),
    [
        (Driver("no NVIDIA driver is installed"), (), 0, "no NVIDIA driver", "driver"),
        (GPU, (), 3, "no device 3, only 1", "below 1"),
        (Driver("", (12, 4), ("A100, 80 GiB",)), (), 0, "supports CUDA 12.4, and CUDA 13 is needed", "newer driver"),
        (GPU, ("libcudnn.so.9",), 0, "libraries are missing: libcudnn.so.9", "canon-explorer[cuda]"),
        (GPU, (), 0, "it gave nonsense", "update"),
    ],
)
def test_the_first_thing_missing_on_the_way_to_the_device_is_the_reason(
    monkeypatch: pytest.MonkeyPatch,
    found: Driver,
    absent: tuple[str, ...],
    device: int,
    problem: str,
    remedy: str,
) -> None:
    monkeypatch.setattr(providers, "_try", lambda name, device: "it gave nonsense")
    monkeypatch.setattr(providers, "onnx_runtime", FakeRuntime)
    monkeypatch.setattr(providers, "driver", lambda: found)
    monkeypatch.setattr(providers, "missing", lambda names: absent)
    choice = choose_provider("auto", device)
    assert choice.name == "cpu"
    assert problem in choice.reason
    with pytest.raises(CanonError) as caught:
        choose_provider("cuda", device)
    assert problem in str(caught.value)
    assert remedy in caught.value.remedy


def test_tensorrt_names_its_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks_tensorrt(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if "nvinfer" in name)

    monkeypatch.setattr(providers, "_try", lambda name, device: "it does not load")
    monkeypatch.setattr(providers, "onnx_runtime", FakeRuntime)
    monkeypatch.setattr(providers, "driver", lambda: GPU)
    monkeypatch.setattr(providers, "missing", lacks_tensorrt)
    obstacle = why_not("tensorrt")
    assert obstacle is not None
    assert "nvinfer" in obstacle.problem
    assert "TensorRT 10" in obstacle.remedy


def test_a_bundle_without_the_providers_library_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runtime = FakeRuntime()
    runtime.__file__ = str(tmp_path / "onnxruntime" / "__init__.py")
    library = tmp_path / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"
    library.parent.mkdir(parents=True)
    monkeypatch.setattr(providers, "_try", lambda name, device: "it does not load")
    monkeypatch.setattr(providers, "onnx_runtime", lambda: runtime)
    monkeypatch.setattr(providers, "driver", lambda: GPU)
    monkeypatch.setattr(providers, "missing", lambda names: ())
    without = why_not("cuda")
    assert without is not None
    assert "--gpu" in without.remedy
    library.touch()
    with_it = why_not("cuda")
    assert with_it is not None
    assert with_it.problem == "it does not load"


def test_an_onnx_runtime_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class CpuOnly(FakeRuntime):
        def get_available_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(providers, "onnx_runtime", CpuOnly)
    obstacle = why_not("cuda")
    assert obstacle is not None
    assert "onnxruntime-gpu" in obstacle.remedy


def test_the_driver_is_asked_for_version_names_and_memory() -> None:
    library = FakeDriverLibrary(0, 12080, [(b"H200", 139 * 2**30), (b"A100", 80 * 2**30)])
    assert ask_driver(library) == Driver("", (12, 8), ("H200, 139 GiB", "A100, 80 GiB"))
    assert ask_driver(FakeDriverLibrary(0, 13000, [])).problem == "the driver sees no device"
    assert "restart" in ask_driver(FakeDriverLibrary(803, 13000, [])).problem
    assert "error 42" in ask_driver(FakeDriverLibrary(42, 13000, [])).problem


def test_libraries_that_do_not_load_are_named() -> None:
    assert missing(("libno-such-thing.so.1",)) == ("libno-such-thing.so.1",)
    assert not set(cuda_libraries(13)) & set(cuda_libraries(12)) - {"libcurand.so.10", "libcudnn.so.9", "cudnn64_9.dll"}


def test_the_extra_for_cuda_follows_onnx_runtimes_own_choice_of_libraries() -> None:
    document = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    (wanted,) = document["project"]["optional-dependencies"]["cuda"]
    assert wanted.startswith("onnxruntime-gpu[cuda,cudnn]")


def test_the_report_names_versions_devices_providers_and_remedies() -> None:
    rows = environment_report().rows
    found = {(row.section, row.name): row for row in rows}
    assert found["Versions", "numpy"].text == metadata.version("numpy")
    assert found["Versions", "PySide6-Essentials"].text == metadata.version("PySide6-Essentials")
    assert found["Providers", "cpu"].state == "ok"
    assert {"Versions", "Computer", "Devices", "Providers", "Window"} == {row.section for row in rows}
    for row in rows:
        assert row.state in ("ok", "warn", "missing")
        assert bool(row.remedy) is (row.state != "ok")


def test_missing_system_libraries_come_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment, "_loads", lambda name: name != "libxcb-cursor.so.0")
    (row,) = environment.window_libraries()
    assert (row.state, row.remedy) == ("missing", "sudo apt-get install libxcb-cursor0")
    assert "libxcb-cursor.so.0" in row.text


def test_a_missing_package_is_reported_with_what_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Callable[[str], str] = metadata.version

    def without_qt(name: str) -> str:
        if name == "PySide6-Essentials":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(environment.metadata, "version", without_qt)
    row = next(row for row in environment.versions() if row.name == "PySide6-Essentials")
    assert row.state == "missing"
    assert "the window" in row.text


def test_the_report_prints_nothing_of_its_own_and_loads_no_qt() -> None:
    code = (
        "import sys; from canon_core.models.providers import environment_report; environment_report();"
        "sys.exit(any(name.startswith('PySide6') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_library_writes_down_or_sends_what_it_notices_of_the_machine(tmp_path: Path) -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = (
        "from canon_core.demo.networks import TEN, network_file\n"
        "from canon_core.models.providers import onnx_runtime\n"
        "onnx_runtime().InferenceSession(str(network_file(TEN[0])), providers=['CPUExecutionProvider'])\n"
    )
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_nobody_but_the_one_that_keeps_it_quiet_imports_onnx_runtime() -> None:
    root = Path(providers.__file__).parents[2]
    importing = re.compile(r"^\s*(import|from) onnxruntime\b(?! import OrtValue)", re.MULTILINE)
    files = [file for room in ("canon_core", "app") for file in (root / room).rglob("*.py")]
    found = [file for file in files if importing.search(file.read_text(encoding="utf-8"))]
    assert found == [Path(providers.__file__)]
