"""Makes ``.venv`` in the project root: the pinned packages, then the project itself in editable form.

Needs nothing but the standard library. What the system lacks (Debian's separate python3-venv, the libraries and the
font the window needs) is installed with apt-get, and said first, where the user is root; else the line to run is
printed and everything that works without it goes on. A second run finds its stamp and ends at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import system_packages
import window_needs
from telling import SetUpFailed, say

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
REQUIREMENTS = ROOT / "packaging" / "requirements.txt"
STAMP = ENVIRONMENT / "set-up.json"
OLDEST, NEWEST = (3, 11), (3, 14)
#: A download worth a line of its own, in megabytes.
LARGE_MB = 5.0
#: Settings of the caller's shell that would send packages elsewhere than into the environment.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV")
_DOWNLOAD = re.compile(
    r"(?:Downloading|Using cached) (?P<name>[\w.]+)-(?P<version>[^-]+)-\S+ \((?P<megabytes>[\d.]+) MB\)"
)
_WORKING = {"state": "installing"}


def main() -> int:
    try:
        with _alone():
            _set_up()
    except SetUpFailed as failure:
        print(f"\nSet-up stopped: {failure}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up interrupted; the next run begins it again.", file=sys.stderr)
        return 130
    return 0


def _set_up() -> None:
    version = _environment_version()
    venv_missing = version is None and not _can_make_environments()
    window = _provide_system(venv_missing)
    if version is None:
        version = _make_environment()
    done = _stamp()
    requirements = _digest(REQUIREMENTS) + f" python {version}"
    project = _digest(ROOT / "pyproject.toml")
    if done.get("requirements") != requirements:
        _install_requirements()
        done = {"requirements": requirements, "root": str(ROOT)}
        _write_stamp(done)
    if done.get("project") != project or not _canon().exists():
        say("installing the project itself")
        _install_project()
    wanted = {"requirements": requirements, "project": project, "root": str(ROOT), "window": "unknown"}
    if window and (done.get("window") == "loads" or _window_loads()):
        wanted["window"] = "loads"
    if wanted != done:
        _write_stamp(wanted)
        say(f"{ENVIRONMENT.name} is ready (Python {version})")


# --- the system --------------------------------------------------------------------------------------------------


def _provide_system(venv_missing: bool) -> bool:
    """Install or name what the system lacks; whether what the window needs is there."""
    libraries, font = window_needs.missing_libraries(), window_needs.font_missing()
    packages = window_needs.packages(libraries, font)
    if libraries or font:
        lacking = [f"{len(libraries)} libraries ({libraries[0]}, ...)"] if libraries else []
        say(f"this system lacks what the window needs: {' and '.join([*lacking, *(['a font'] if font else [])])}")
    if venv_missing:
        say(f"Python {sys.version_info[0]}.{sys.version_info[1]} cannot make virtual environments without its package")
        packages.insert(0, f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
    if packages and system_packages.install(packages):
        libraries, font = window_needs.missing_libraries(), window_needs.font_missing()
    if libraries or font:
        say("without them the window does not open; the command line needs none of them, so this goes on")
        return False
    return True


def _window_loads() -> bool:
    """Load Qt once: a library that the table of needs does not know shows here, not when the window opens."""
    answer = subprocess.run(
        [_python(), "-c", window_needs.PROBE], capture_output=True, text=True, env=_clean_environment(), check=False
    )
    if answer.returncode != 0:
        reason = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
        say(f"the window's toolkit does not load, the command line does: {reason[0]}")
    return answer.returncode == 0


# --- the environment ---------------------------------------------------------------------------------------------


def _environment_version() -> str | None:
    """Version of the environment's Python where it can be used as it is; None where it has to be made (anew)."""
    if not (ENVIRONMENT.exists() or ENVIRONMENT.is_symlink()):
        return None
    asked = [_python(), "-c", "import sys; print(*sys.version_info[:3], sys.prefix, sep='\\n')"]
    try:
        answer = subprocess.run(
            asked, capture_output=True, text=True, timeout=60, check=True, env=_clean_environment()
        )
        major, minor, patch, prefix = answer.stdout.splitlines()
    except (OSError, subprocess.SubprocessError, ValueError):
        say(f"{ENVIRONMENT.name} is broken: made anew")
        return None
    if not OLDEST <= (int(major), int(minor)) <= NEWEST:
        say(f"{ENVIRONMENT.name} holds Python {major}.{minor}, which is not supported: made anew")
        return None
    if Path(prefix).resolve() != ENVIRONMENT.resolve() or _stamp().get("root", str(ROOT)) != str(ROOT):
        say(f"{ENVIRONMENT.name} was made elsewhere: made anew")
        return None
    if _stamp() == _WORKING:
        # A package half unpacked looks installed to pip, so nothing in there can be trusted.
        say(f"{ENVIRONMENT.name} was left half made: made anew")
        return None
    return f"{major}.{minor}.{patch}"


def _make_environment() -> str:
    """Make the environment with the Python that runs this script; its version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if ENVIRONMENT.is_symlink() or ENVIRONMENT.is_file():
        ENVIRONMENT.unlink()
    elif ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    command = [sys.executable, "-m", "venv", str(ENVIRONMENT)]
    if not _can_make_environments():
        if not _system_pip():
            raise SetUpFailed(
                f"Python {version} cannot make virtual environments. Install the packages named above, or name "
                "another Python (make setup PYTHON=/where/it/is/python3), then run this again"
            )
        command.insert(3, "--without-pip")
    say(f"making {ENVIRONMENT.name} with Python {version} ({sys.executable})")
    _run(command, "the virtual environment could not be made")
    return version


def _can_make_environments() -> bool:
    asked = [sys.executable, "-c", "import venv, ensurepip"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _pip() -> list[str]:
    """The environment's own pip, or the system's working into it (an environment made by hand may have none)."""
    own = [_python(), "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True, env=_clean_environment(), check=False).returncode == 0:
        return own
    if _system_pip():
        return [sys.executable, "-m", "pip", "--python", _python()]
    _run([_python(), "-m", "ensurepip"], f"{ENVIRONMENT.name} has no pip and none can be had: delete it and try again")
    return own


def _system_pip() -> bool:
    """Whether the system's pip can install into another environment (``--python``, since pip 22.3)."""
    answer = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= (22, 3)


def _install_requirements() -> None:
    """Install the pinned packages, naming the large ones as they come: a first run moves hundreds of megabytes."""
    count = len(re.findall(r"^[\w.-]+==", REQUIREMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE))
    say(f"installing {count} pinned packages; the first time that is several hundred megabytes")
    command = [
        *_pip(), "install", "--require-hashes", "--only-binary", ":all:", "--no-user", "--progress-bar", "off",
        "--disable-pip-version-check", "--no-input", "--requirement", str(REQUIREMENTS),
    ]  # fmt: skip
    tail: deque[str] = deque(maxlen=25)
    STAMP.unlink(missing_ok=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=_clean_environment()
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tail.append(line)
            if found := _DOWNLOAD.search(line):
                if float(found["megabytes"]) >= LARGE_MB:
                    say(f"  {found['name']} {found['version']}: {found['megabytes']} MB")
            elif found := re.match(r"Installing collected packages: (.*)", line):
                say(f"  unpacking {len(found[1].split(', '))} packages")
                _write_stamp(_WORKING)
    if process.returncode != 0:
        print("".join(tail), file=sys.stderr)
        raise SetUpFailed(
            "the pinned packages could not be installed; pip's last lines are above. Check the network and the free "
            "disk space (some 3 GB), then run this again"
        )


def _install_project() -> None:
    _run(
        [
            *_pip(), "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-user",
            "--disable-pip-version-check", "--no-input", "--editable", str(ROOT),
        ],
        "the project itself could not be installed",
    )  # fmt: skip


def _stamp() -> dict[str, str]:
    """What the last set-up left; empty where it left nothing readable."""
    try:
        content = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_stamp(content: dict[str, str]) -> None:
    STAMP.write_text(json.dumps(content), encoding="utf-8")


def _python() -> str:
    return str(ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _canon() -> Path:
    return ENVIRONMENT / ("Scripts/canon.exe" if os.name == "nt" else "bin/canon")


# --- one at a time -----------------------------------------------------------------------------------------------


@contextmanager
def _alone() -> Iterator[None]:
    """Let one set-up at a time work on this checkout; a second one waits for the first."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock on a folder
        yield
        return
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is at work here: waiting for it")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _run(command: list[str], problem: str) -> None:
    answer = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=_clean_environment(), check=False,
    )  # fmt: skip
    if answer.returncode != 0:
        print(answer.stdout, file=sys.stderr)
        raise SetUpFailed(problem)


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
