"""UMAP in its own process: the picture tells related spaces from unrelated ones, and the process obeys."""

from __future__ import annotations

import json
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from canon_core.demo import workers
from canon_core.errors import Cancelled, CanonError
from canon_core.jobs import Event, JobContext, Progress
from canon_core.projection import worker_process
from canon_core.projection.joint_layout import JointLayouts
from canon_core.projection.neighbours import exact_neighbours
from canon_core.projection.private_folder import delete_left_behind, private_folder
from canon_core.projection.worker_process import ProjectionWorker, worker_command

COUNT, NEIGHBOURS = 300, 12


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def spaces() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A target, an unrelated narrower space of the same people, and what a good map makes of it."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(60, 20))[np.repeat(np.arange(60), 5)]
    latent = latent + 0.5 * rng.normal(size=latent.shape)
    target = unit(latent @ rng.normal(size=(20, 64)))
    raw = unit(latent @ rng.normal(size=(20, 48)))
    return target, raw, unit(target + 0.03 * rng.normal(size=target.shape))


@pytest.fixture(scope="module")
def worker() -> Iterator[ProjectionWorker]:
    with ProjectionWorker() as found:
        yield found


def laid_out(worker: ProjectionWorker, ctx: JobContext | None = None, seed: int = 0) -> JointLayouts:
    return worker.layouts(*spaces(), neighbours=NEIGHBOURS, min_dist=0.1, seed=seed, ctx=ctx or JobContext())


@pytest.fixture(scope="module")
def layouts(worker: ProjectionWorker) -> JointLayouts:
    return laid_out(worker)


def mixed(points: np.ndarray) -> float:
    """Share of target points among the nearest of each source point."""
    _, nearest = cKDTree(points).query(points[COUNT:], k=NEIGHBOURS)
    return float((nearest[:, 1:] < COUNT).mean())


def mixed_in_space(target: np.ndarray, source: np.ndarray) -> float:
    joint = np.zeros((2 * COUNT, target.shape[1]), np.float32)
    joint[:COUNT], joint[COUNT:, : source.shape[1]] = target, source
    nearest, _ = exact_neighbours(joint, NEIGHBOURS)
    return float((nearest[COUNT:, 1:] < COUNT).mean())


def test_unrelated_spaces_are_two_clouds_and_mapped_ones_meet(layouts: JointLayouts):
    target, raw, mapped = spaces()
    assert mixed_in_space(target, raw) < 0.02
    assert mixed_in_space(target, mapped) > 0.4
    assert mixed(layouts.before) < 0.03
    assert mixed(layouts.after) > 0.4
    # Not only apart, point by point: the two clouds have a straight line between them.
    one, other = layouts.before[:COUNT], layouts.before[COUNT:]
    way = np.median(other, axis=0) - np.median(one, axis=0)
    middle = way @ (np.median(other, axis=0) + np.median(one, axis=0)) / 2
    assert ((one @ way < middle).mean() + (other @ way > middle).mean()) / 2 > 0.97


def test_a_mapped_point_lies_near_its_own_image(layouts: JointLayouts):
    after = layouts.after
    radius = np.sqrt(after[:COUNT].var(axis=0).sum())
    assert np.median(np.linalg.norm(after[COUNT:] - after[:COUNT], axis=1)) < 0.1 * radius


def test_no_source_point_flies_out_although_the_sources_graph_falls_apart_among_target_points(
    worker: ProjectionWorker,
):
    """Ten images of each of forty people: a mapped point's neighbours are nearly all target points, and what is left of
    the graph among the sources is pieces of one or two. A point that only sources know belongs to the cloud too."""
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(40, 16))[np.repeat(np.arange(40), 10)]
    target = unit(centres + 0.5 * rng.normal(size=centres.shape))
    mapped = unit(centres + 0.9 * rng.normal(size=centres.shape))
    found = worker.layouts(target, mapped, mapped, neighbours=5, min_dist=0.1, seed=0, ctx=JobContext())
    places = found.after.astype(float)
    own, sources = places[: len(target)], places[len(target) :]
    radius = np.sqrt(own.var(axis=0).sum())
    far, _ = cKDTree(own).query(sources)
    assert (far > 0.5 * radius).mean() < 0.02
    assert far.max() < 1.5 * radius


def test_the_target_hardly_moves(layouts: JointLayouts):
    shift = np.linalg.norm(layouts.after[:COUNT] - layouts.before[:COUNT], axis=1)
    assert np.median(shift) < 0.5 * np.sqrt(layouts.before[:COUNT].var(axis=0).sum())
    assert max(layouts.moved) < 0.5
    assert layouts.before.dtype == layouts.after.dtype == np.float32


@pytest.mark.parametrize(("count", "neighbours"), [(3, 2), (60, 2), (4, 2)])
def test_sources_without_neighbours_among_one_another_are_laid_out(
    worker: ProjectionWorker, count: int, neighbours: int
):
    """Every source is its target point itself, and nothing else is near: they lie where that lies."""
    rows = unit(np.random.default_rng(2).normal(size=(count, 8)))
    found = worker.layouts(rows, rows, rows, neighbours=neighbours, min_dist=0.1, seed=0, ctx=JobContext())
    assert np.isfinite(found.before).all()
    assert found.after.shape == (2 * count, 2)
    assert found.gridded


def test_one_seed_is_one_picture_and_another_seed_another(worker: ProjectionWorker, layouts: JointLayouts):
    again, other = laid_out(worker), laid_out(worker, seed=1)
    np.testing.assert_array_equal(again.before, layouts.before)
    np.testing.assert_array_equal(again.after, layouts.after)
    assert not np.allclose(other.after, layouts.after, atol=0.1)


def test_every_seed_that_splits_subjects_lays_out_points_too(worker: ProjectionWorker):
    rows = unit(np.random.default_rng(2).normal(size=(30, 8)))

    def places(seed: int) -> np.ndarray:
        return worker.layouts(
            rows, rows[::-1], rows, neighbours=5, min_dist=0.1, seed=seed, ctx=JobContext()
        ).after

    largest = 2**32 - 1  # of NumPy's RandomState, which UMAP uses; the second layout has the next one
    assert np.isfinite(places(largest)).all()
    np.testing.assert_array_equal(places(2**32 + 7), places(7))


def test_it_says_how_far_it_is_and_leaves_nothing_behind(worker: ProjectionWorker, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    modes: list[int] = []
    told: list[Progress] = []

    def listen(event: Event) -> None:
        assert isinstance(event, Progress)
        told.append(event)
        modes.extend(stat.S_IMODE(folder.stat().st_mode) for folder in tmp_path.glob("canon-umap-*"))

    laid_out(worker, JobContext(emit=listen))
    assert set(modes) == {0o700}
    assert [*tmp_path.glob("canon-umap-*")] == []
    stages = list(dict.fromkeys(event.what for event in told))
    assert any("target" in stage for stage in stages)
    assert any("before" in stage for stage in stages)
    assert any("after" in stage for stage in stages)
    assert told[-1].done == told[-1].total


def test_what_goes_wrong_in_the_process_is_told_and_the_process_lives_on(worker: ProjectionWorker):
    target, raw, mapped = spaces()
    with pytest.raises(CanonError, match="UMAP stopped"):
        worker.layouts(target, raw, mapped[:, :7], neighbours=10**6, min_dist=0.1, seed=0, ctx=JobContext())
    before = worker._process
    laid_out(worker)
    assert worker._process is before


def test_cancelling_ends_it_at_once_and_it_can_be_started_anew(worker: ProjectionWorker):
    asked: list[float] = []

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and "before" in event.what and not asked:
            asked.append(time.monotonic())
            context.cancel()

    context = JobContext(emit=cancel)
    with pytest.raises(Cancelled):
        laid_out(worker, context)
    assert time.monotonic() - asked[0] < 1.0
    ended = worker._process
    assert ended is not None
    assert ended.wait(1.0) != 0
    worker.warm()
    assert worker._process is not None
    assert worker._process is not ended
    assert worker._process.poll() is None


def test_a_layout_that_waits_for_another_can_be_cancelled():
    ended: queue.SimpleQueue[Cancelled] = queue.SimpleQueue()
    context = JobContext()

    def wait() -> None:
        try:
            laid_out(worker, context)
        except Cancelled as error:
            ended.put(error)

    with ProjectionWorker() as worker, worker._turn:  # another job has its turn
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.05)
        context.cancel()
        assert ended.get(timeout=1.0) is not None
        assert worker._process is None


def test_a_process_that_cannot_start_is_told_with_its_last_words(monkeypatch):
    monkeypatch.setattr(worker_process, "_MODULE", "canon_core.projection.missing")
    with ProjectionWorker() as broken, pytest.raises(CanonError, match=r"ended early.*No module named"):
        laid_out(broken)


def test_it_ends_when_its_standard_input_closes_and_deletes_its_folder(tmp_path: Path):
    folder = tmp_path / "private"
    folder.mkdir()
    process = subprocess.Popen(
        worker_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=worker_process._environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    request = {"folder": str(folder), "request": 1, "neighbours": 5, "min_dist": 0.1, "seed": 0}
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["what"] == "UMAP: getting ready"  # it is importing
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
    assert not folder.exists()


def test_a_closed_worker_starts_no_process_again():
    closed = ProjectionWorker()
    closed.close()
    closed.warm()
    assert closed._process is None
    with pytest.raises(CanonError, match="closed"):
        laid_out(closed)


def test_a_frozen_program_calls_itself(monkeypatch):
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert worker_command()[1:] == [worker_process.WORKER_SWITCH]
    assert os.path.isabs(worker_command()[0])


def planted(folder: Path, monkeypatch) -> Path:
    """Stand in a folder with a module that has the name of one the worker imports."""
    (folder / "umap.py").write_text(f"import pathlib\npathlib.Path({str(folder / 'ran')!r}).touch()\n")
    monkeypatch.chdir(folder)
    return folder / "ran"


@pytest.mark.parametrize("module", ["canon_core.projection.worker", "canon_core.demo.photo_file"])
def test_what_lies_in_the_present_folder_is_not_imported(module: str, tmp_path: Path, monkeypatch):
    ran = planted(tmp_path, monkeypatch)
    (tmp_path / "json.py").write_text("import umap\n")
    monkeypatch.setenv("PYTHONPATH", "")
    started: list[list[str]] = []
    real = subprocess.Popen

    def popen(command: list[str], **more: object) -> subprocess.Popen:
        started.append([*command[: command.index("-m")], "-c", "import umap"])
        return real(started[-1], **more)

    monkeypatch.setattr(subprocess, "Popen", popen)
    if module.startswith("canon_core.demo"):
        process = workers._start(module, [])
        process.communicate()
    else:
        with ProjectionWorker() as worker:
            worker.warm()
            assert worker._process is not None
            worker._process.wait(60)
    assert started
    assert not ran.exists()


def test_pythonpath_still_counts(tmp_path: Path, monkeypatch):
    (tmp_path / "mine.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = [*worker_command()[:-2], "-c", "import mine, canon_core"]
    assert subprocess.run(command, env=worker_process._environment(), check=False, cwd="/").returncode == 0


#: Stands in for the worker: says something that nobody understands once, then answers what it was asked.
BABBLING = """
import json, sys, numpy as np
said = False
for line in sys.stdin:
    asked = json.loads(line)
    if "request" not in asked:
        continue
    if not said and len(sys.argv) > 1:
        print(sys.argv[1], flush=True)
        said = True
    np.save(asked["folder"] + "/layouts.npy", np.full((2, 9, 2), asked["seed"], "f4"))
    print(json.dumps({"event": "done", "request": asked["request"], "moved": [asked["seed"]] * 2}), flush=True)
"""


@pytest.mark.parametrize(
    "babble",
    ["garbage", '{"event": "progress", "request": 1}', '{"event": "done", "request": 7, "moved": [0, 0]}', "[]"],
)
def test_a_process_that_babbles_is_ended_and_no_answer_is_taken_for_another(babble: str, tmp_path: Path, monkeypatch):
    script = tmp_path / "worker.py"
    script.write_text(BABBLING)
    rows = np.ones((3, 2), np.float32)

    def asked(worker: ProjectionWorker, seed: int) -> JointLayouts:
        return worker.layouts(rows, rows, rows, neighbours=2, min_dist=0.1, seed=seed, ctx=JobContext())

    with ProjectionWorker() as worker:
        monkeypatch.setattr(worker_process, "worker_command", lambda: [sys.executable, str(script), babble])
        with pytest.raises(CanonError, match="ended early"):
            asked(worker, 5)
        monkeypatch.setattr(worker_process, "worker_command", lambda: [sys.executable, str(script)])
        assert [asked(worker, seed).moved[0] for seed in (6, 7)] == [6, 7]


def test_a_killed_program_leaves_no_embeddings_behind(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import tempfile, time; from canon_core.projection.private_folder import private_folder\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "with private_folder() as folder:\n"
        "    (folder / 'target.npy').touch(); print(folder, flush=True); time.sleep(60)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    with private_folder() as mine:
        delete_left_behind()
        assert (left / "target.npy").exists()  # its owner lives
        killed.kill()
        killed.wait()
        killed.stdout.close()
        delete_left_behind()
        assert not left.exists()
        assert mine.exists()


#: A command that waits for a layout; the process that computes it is a stand-in that says it works and never ends.
WAITING = """
import sys
from canon_core.cli.terminal import run_job
from canon_core.jobs import JobContext
from canon_core.projection import worker_process
import numpy as np
busy = '''
import time
print('{"event": "progress", "request": 1, "done": 0, "total": 1, "what": "busy"}', flush=True)
time.sleep(60)
'''
worker_process.worker_command = lambda: [sys.executable, "-c", busy]
rows = np.ones((3, 2), np.float32)
def job(ctx):
    report = ctx.report
    def told(*what):
        report(*what)
        print(worker._process.pid, flush=True)
    ctx.report = told
    return worker.layouts(rows, rows, rows, neighbours=2, min_dist=0.1, seed=0, ctx=ctx)
import typer
worker = worker_process.ProjectionWorker()
try:
    run_job("overlay", job)
except typer.Exit as ended:
    sys.exit(ended.exit_code)
"""


def alive(process: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and ps are POSIX")
def test_ctrl_c_in_a_terminal_cancels_and_is_no_failure_of_the_process():
    command = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,  # a process group of its own, as a shell starts it
    )  # fmt: skip
    assert command.stdout is not None
    process = int(command.stdout.readline())
    os.killpg(command.pid, signal.SIGINT)  # as a terminal does: every process of the group
    _, said = command.communicate(timeout=20)
    assert (command.returncode, said.split(";")[0]) == (130, "cancelled")
    assert not alive(process)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_processes_that_render_faces_are_not_interrupted_by_the_terminal_either():
    process = workers._start("canon_core.demo.photo_file", [])
    try:
        assert os.getpgid(process.pid) != os.getpgid(0)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and ps are POSIX")
def test_the_process_ends_with_a_killed_program():
    code = (
        "import time; from canon_core.projection.worker_process import ProjectionWorker\n"
        "worker = ProjectionWorker(); worker.warm(); worker._process.stdout.readline()\n"
        "print(worker._process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        process = int(program.stdout.readline())
        assert alive(process)
        program.kill()
    until = time.monotonic() + 20
    while alive(process) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(process)


def test_the_process_knows_the_folder_before_anything_is_in_it(monkeypatch):
    told: list[tuple[bool, list[str]]] = []
    real = worker_process._send

    def send(process: subprocess.Popen[str], request: dict[str, object]) -> None:
        told.append(("request" in request, [path.name for path in Path(str(request["folder"])).glob("*.npy")]))
        real(process, request)

    monkeypatch.setattr(worker_process, "_send", send)
    monkeypatch.setattr(worker_process, "worker_command", lambda: [sys.executable, "-c", "raise SystemExit(3)"])
    with ProjectionWorker() as broken, pytest.raises(CanonError, match="ended early"):
        laid_out(broken)
    assert told[0] == (False, [])
    assert told[1][0]
    assert len(told[1][1]) == 3
