"""How long the window's thread is held up while the engine works: embedding, scoring, sensitivity, UMAP, and a plot of
a million points that is panned while pairs are scored.

A 10 ms timer in the window's own thread ticks through at least 30 s of each kind of work, in the real window, while
somebody looks around in it: walks through cells, reads their curves, switches views, pans and blends the overlay.
Reported are the gaps between ticks, so 10 ms is perfect, and the processor time that the window's own thread took in
such a gap: what is over the limit without it waited for a processor, or for Python's lock. House plan: 99 of 100 gaps ≤
50 ms, the longest ≤ 250 ms.

Real faces and networks where they are, else the demo's.

With ``--ijbc``, instead, on a study of IJB-C's size: its protocol is read and embeddings of four models are imported,
the study is opened, its matrix computed, cancelled in the middle of a cell, and resumed.

    python tests/benchmarks/heartbeat.py [--json FILE] [--seconds 30] [--only umap,panning]
    python tests/benchmarks/make_ijbc_scale.py --out DIR --models 10
    python tests/benchmarks/heartbeat.py --ijbc DIR [--json FILE]

DIR may be a study (NAME.canon) made of that before: then it is opened only, and its results are computed anew.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QObject, Qt, QTimer

INTERVAL_MS = 10
LIMITS_MS = {"p99_ms": 50.0, "max_ms": 250.0}
#: Milliseconds between two things somebody does in the window.
LOOKING_MS = 400
#: Seconds until a step that should end counts as stuck.
PATIENCE_S = 900.0
#: Points that are panned, milliseconds between two moves, and seconds of a way across them and back.
POINTS, MOVE_MS, WAY_S = 1_000_000, 40, 8.0
#: Models of a study of IJB-C's size: two of 512 dimensions, two of 1024.
IJBC_MODELS = (1, 2, 9, 10)
#: How often it is opened.
OPENINGS = 10
#: Finished cells after which the matrix is cancelled, and seconds into the next one.
CELLS_BEFORE, SECONDS_INTO_CELL = 6, 0.5


@dataclass
class Heart:
    """Ticks in the thread it is made in, and remembers the gaps in milliseconds."""

    gaps: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)
        self._last = self._last_work = 0.0

    def start(self) -> None:
        self._last, self._last_work = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> None:
        """Stop, and count the gap that was under way."""
        self._tick()
        self._timer.stop()

    def _tick(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        self.gaps.append(1000 * (now - self._last))
        self.worked.append(1000 * (work - self._last_work))
        self._last, self._last_work = now, work

    def figures(self) -> dict[str, float]:
        ordered, worked = sorted(self.gaps), sorted(self.worked)
        at = min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)
        return {
            "p99_ms": round(ordered[at], 1),
            "max_ms": round(ordered[-1], 1),
            "median_ms": round(ordered[len(ordered) // 2], 1),
            "p99_own_ms": round(worked[at], 1),
            "max_own_ms": round(worked[-1], 1),
            "ticks": len(ordered),
            "seconds": round(sum(ordered) / 1000, 1),
        }


class Looker(QObject):
    """Somebody who walks through the matrix and the views while work goes on; or, where other cells would be other
    work, through the views and about the overlay."""

    def __init__(self, window: Any, *, cells: bool = True) -> None:
        super().__init__(window)
        self._window, self._cells = window, cells
        self._steps = itertools.count()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOKING_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _look(self) -> None:
        window, step = self._window, next(self._steps)
        window.tabs.setCurrentIndex(step // 4 % window.tabs.count())
        matrix = window.computing.matrix
        if not self._cells:
            window.tabs.setCurrentWidget(window.overlay_view if step % 4 else window.tabs.widget(step // 4 % 3))
            self._look_about(step)
        elif matrix is not None:
            pairs = [pair for pair, cell in matrix.cells.items() if cell is not None]
            if pairs:
                pair = pairs[step % len(pairs)]
                window.document.change("Choose a cell", kind="cells", cells=(pair,))


    def _look_about(self, step: int) -> None:
        """Pan and zoom the overlay, and move its slider."""
        from app.views.scatter_camera import Camera

        view = self._window.overlay_view
        if view.result is not None:
            camera, way = view.plot.camera, math.sin(step)
            scale = camera.scale * (1.3 if step % 2 else 1 / 1.3)
            view.plot.set_camera(Camera(camera.x + 30 * way / scale, camera.y, scale, camera.fitted))
            view.slider.set_blend((1 + way) / 2)


class Panner(QObject):
    """Somebody who pans a million points, in from all of them and out again, without a pause."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        import numpy as np

        from app.views.scatter_plot import ScatterPlot
        from app.views.scatter_points import PointClass, ScatterPoints

        rng = np.random.default_rng(0)
        middle = rng.normal(size=(POINTS // 400, 2)) * 3
        places = middle[rng.integers(len(middle), size=POINTS)] + rng.normal(size=(POINTS, 2)) * 0.1
        self._plot = ScatterPlot()
        self._plot.resize(1280, 800)
        self._plot.set_points(
            ScatterPoints.build(places, np.arange(POINTS) % 2, [PointClass("one", 0), PointClass("other", 1)])
        )
        self._timer = QTimer(self)
        self._timer.setInterval(MOVE_MS)
        self._timer.timeout.connect(self._move)
        self.moves = 0

    def start(self) -> None:
        self._plot.show()
        self._whole = self._plot.camera
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self._plot.close()

    def _move(self) -> None:
        from app.views.scatter_camera import Camera

        self.moves += 1
        way = self.moves * MOVE_MS / 1000 / WAY_S * math.tau
        scale = self._whole.scale * 30 ** ((1 - math.cos(way)) / 2)
        x, y = (centre + 40 * math.sin(3 * way) / scale for centre in (self._whole.x, self._whole.y))
        self._plot.set_camera(Camera(x, y, scale, self._whole.fitted))


def run_until(application: Any, done: Callable[[], bool]) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit("the window is stuck")
        application.processEvents()
        time.sleep(0.0005)  # as the event loop does between events, this gives the processor away


def data(folder: Path) -> tuple[str, Path, Path | None, list[Path]]:
    """Which data there is: its kind, the faces, their landmarks where they are needed, the networks."""
    real = Path(os.environ.get("CANON_REAL") or Path(__file__).resolve().parents[3] / "shared" / "real")
    if (real / "models").is_dir():
        return "real", real / "lfw", None, sorted((real / "models").glob("*.onnx"))
    from canon_core.demo.fold_faces import landmarks_file, photos_folder, write_fold_faces
    from canon_core.demo.networks import TEN, network_file
    from canon_core.demo.study import DemoPlan
    from canon_core.jobs import JobContext

    write_fold_faces(folder / "demo", DemoPlan().fold_people, JobContext())
    made = folder / "demo"
    return "demo", photos_folder(made), landmarks_file(made), [network_file(name) for name in TEN[:6]]


def make_study(path: Path, faces: Path, landmarks: Path | None, networks: list[Path]) -> None:
    from canon_core.datasets.options import DatasetOptions
    from canon_core.jobs import JobContext
    from canon_core.study.study import Study

    with Study.create(path) as study:
        for network in networks:
            study.add_model(network)
        study.add_dataset(faces, DatasetOptions(landmarks=landmarks), JobContext())


def measure(
    application: Any, window: Any, seconds: float, kinds: Sequence[str] = ("embedding", "scoring")
) -> dict[str, dict[str, float]]:
    """The heart's figures for each kind of work. Embeddings are there before any other kind: all need them."""
    if kinds[0] != "embedding":
        embed_for(application, window, Heart(), 0.1)
    return {
        kind: beat(window, lambda heart, kind=kind: WORK[kind](application, window, heart, seconds), kind)
        for kind in kinds
    }


def beat(window: Any, work: Callable[[Heart], dict[str, float] | None], kind: str = "") -> dict[str, float]:
    heart = Heart()
    looker = Panner(window) if kind == "panning" else Looker(window, cells=kind != "umap")
    looker.start()
    more = work(heart)
    looker.stop()
    load = {"load": round(os.getloadavg()[0], 1)} if hasattr(os, "getloadavg") else {}
    return heart.figures() | load | (more or {})


def embed_for(application: Any, window: Any, heart: Heart, seconds: float) -> None:
    """Embed everything, again and again from the start, until it took long enough."""
    window.computing.automatic = False
    while sum(heart.gaps) < 1000 * seconds:
        for file in (window.document.contents.path / "embeddings").rglob("*.h5"):
            file.unlink()
        window.document.refresh()
        run_until(application, lambda: not window.bridge.busy)
        heart.start()
        assert window.computing.embeddings.embed_missing()
        run_until(application, lambda: not window.computing.embedding)
        heart.stop()


def score_for(application: Any, window: Any, heart: Heart, seconds: float, first: int = 1) -> None:
    """Score the matrix with one split into halves after the other, with each kind of map."""
    from canon_core.maps.kinds import MapKind

    kinds = itertools.cycle((MapKind.LINEAR, MapKind.ROTATION, MapKind.AFFINE))
    window.computing.automatic = True
    for seed in itertools.count(first):
        heart.start()
        window.document.change("Another split", seed=seed, map=next(kinds))
        run_until(application, lambda seed=seed: done(window, seed))
        heart.stop()
        if sum(heart.gaps) >= 1000 * seconds:
            return


def sense_for(application: Any, window: Any, heart: Heart, seconds: float) -> None:
    """Fit on ever fewer pairs, with one seed after the other; cancelled when it took long enough."""
    window.computing.automatic = False
    end = time.monotonic() + seconds
    for seed in itertools.count(1_001):
        window.document.change("Other subsets", seed=seed)
        window.actions_["view.sensitivity"].trigger()
        run_until(application, lambda: window.sensitivity.known)
        heart.start()
        window.sensitivity.compute()
        run_until(application, lambda: not window.sensitivity.running or time.monotonic() > end)
        window.bridge.cancel_all()
        run_until(application, lambda: not window.bridge.batch())
        heart.stop()
        if time.monotonic() > end:
            return


def lay_out_for(application: Any, window: Any, heart: Heart, seconds: float) -> None:
    """Lay out one overlay after the other, each with a seed of its own."""
    window.computing.automatic = True
    window.document.change("Choose a cell", cells=(next(pair for pair in matrix_pairs(window)),))
    for seed in itertools.count(2_001):
        window.actions_["view.overlay"].trigger()
        heart.start()
        window.document.change("Another layout", seed=seed)
        run_until(application, lambda: window.overlays.current)
        heart.stop()
        if sum(heart.gaps) >= 1000 * seconds:
            return


def matrix_pairs(window: Any) -> list[tuple[str, str]]:
    """Cells off the diagonal."""
    return [pair for pair in window.computing.matrix.cells if pair[0] != pair[1]]


#: Kind of work → what does it; panning needs a job that goes on meanwhile.
WORK = {
    "embedding": embed_for,
    "scoring": score_for,
    "sensitivity": sense_for,
    "umap": lay_out_for,
    "panning": functools.partial(score_for, first=5_001),  # splits that were not scored before
}


def done(window: Any, seed: int) -> bool:
    matrix = window.computing.matrix
    return (
        matrix is not None
        and matrix.settings.seed == seed
        and all(cell is not None or pair in matrix.missing for pair, cell in matrix.cells.items())
        and not window.computing.scoring
    )


def measure_ijbc(application: Any, window: Any, data: Path, folder: Path) -> dict[str, dict[str, float]]:
    """The heart's figures for reading, importing, opening, and computing a matrix of IJB-C's size."""
    figures: dict[str, dict[str, float]] = {}
    study = data if data.suffix == ".canon" else folder / "ijbc.canon"
    window.computing.automatic = False
    if study != data:
        window.document.create(study)
        run_until(application, lambda: window.document.contents is not None and not window.bridge.busy)
        figures["reading"] = beat(window, lambda heart: read_ijbc(application, window, heart, data))
        figures["importing"] = beat(window, lambda heart: import_ijbc(application, window, heart, data))
    figures["opening"] = beat(window, lambda heart: open_ijbc(application, window, heart, study))
    window.document.study.clear_results()
    window.document.change("Another split", seed=window.document.state.seed + 1)
    run_until(application, lambda: not window.bridge.busy)
    figures["scoring"] = beat(window, lambda heart: score_ijbc(application, window, heart))
    return figures


def read_ijbc(application: Any, window: Any, heart: Heart, data: Path) -> None:
    from canon_core.datasets.options import DatasetOptions

    heart.start()
    window.document.changes.add_dataset(data, DatasetOptions(), "ijbc", nothing, fail, nothing)
    run_until(application, lambda: not window.bridge.busy)
    heart.stop()


def import_ijbc(application: Any, window: Any, heart: Heart, data: Path) -> None:
    for number in IJBC_MODELS:
        file = data / "embeddings" / f"synthetic-{number:02d}.h5"
        heart.start()
        window.document.changes.import_embeddings(file, file.stem, "ijbc", None, None, nothing, fail, nothing)
        run_until(application, lambda: not window.bridge.busy)
        heart.stop()


def open_ijbc(application: Any, window: Any, heart: Heart, study: Path) -> None:
    """Open it, again and again: a single time is a second, of which one gap in a hundred says nothing."""
    for _ in range(OPENINGS):
        window.document.close()
        run_until(application, lambda: not window.document.changing)
        heart.start()
        window.document.open(study)
        run_until(application, lambda: window.document.contents is not None and not window.bridge.busy)
        heart.stop()


def score_ijbc(application: Any, window: Any, heart: Heart) -> dict[str, float]:
    """Compute a matrix; cancel it in the middle of a cell, and go on. Says how long cancelling took and how many cells
    were kept."""
    heart.start()
    window.computing.compute_matrix()
    run_until(application, lambda: finished_cells(window) >= CELLS_BEFORE)
    wait_until = time.monotonic() + SECONDS_INTO_CELL
    run_until(application, lambda: time.monotonic() > wait_until)
    begun = time.monotonic()
    [number] = window.bridge.batch()
    row = window.jobs.rows[number]
    row.button.click()
    run_until(application, lambda: not window.bridge.batch())
    cancelled_s = time.monotonic() - begun
    run_until(application, lambda: not window.bridge.busy)
    kept = finished_cells(window)
    assert CELLS_BEFORE <= kept < len(window.computing.matrix.cells), f"{kept} cells after cancelling"
    before = written_cells(window)
    run_until(application, row.button.isEnabled)  # the button that said Cancel waits before it takes Resume
    row.button.click()
    run_until(application, lambda: finished_cells(window) == len(window.computing.matrix.cells))
    run_until(application, lambda: not window.bridge.busy)
    heart.stop()
    after = written_cells(window)
    assert all(after[name] == when for name, when in before.items()), "a finished cell was computed again"
    return {"cancelled_s": round(cancelled_s, 2), "cells_kept": kept}


def written_cells(window: Any) -> dict[str, int]:
    """When each stored cell was written."""
    return {file.name: file.stat().st_mtime_ns for file in (window.document.contents.path / "results").glob("*.h5")}


def finished_cells(window: Any) -> int:
    matrix = window.computing.matrix
    return 0 if matrix is None else sum(cell is not None for cell in matrix.cells.values())


def nothing(*_: object) -> None:
    """What is done with a result."""


def fail(error: Exception) -> None:
    raise SystemExit(str(error))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only", default=",".join(WORK), help="some kinds of work; embedding comes first")
    parser.add_argument("--ijbc", type=Path, metavar="DIR", help="what make_ijbc_scale.py made, or a study of it")
    arguments = parser.parse_args()
    from PySide6.QtWidgets import QApplication

    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
            os.environ[name] = folder  # the user's recent studies are not for this
        application = QApplication([])
        from app.main import warm_up
        from app.main_window import MainWindow

        window = MainWindow()
        window.show()
        window.bridge.run_errand(warm_up)  # as the program does while the user looks at the start page
        run_until(application, lambda: not window.bridge.busy)
        if arguments.ijbc is not None:
            kind = "IJB-C-size synthetic"
            figures = measure_ijbc(application, window, arguments.ijbc.absolute(), Path(folder))
        else:
            kind, faces, landmarks, networks = data(Path(folder))
            make_study(Path(folder, "heartbeat.canon"), faces, landmarks, networks)
            window.document.open(Path(folder, "heartbeat.canon"))
            run_until(application, lambda: window.document.contents is not None and not window.bridge.busy)
            figures = measure(application, window, arguments.seconds, arguments.only.split(","))
        window.shut_down()
        run_until(application, lambda: not window.isVisible())
    failed = []
    print(f"{'work':12}{'median':>9}{'p99':>9}{'longest':>9}{'own p99':>9}{'own max':>9}   ms ({kind} data)")
    for work, found in figures.items():
        print(f"{work:12}{found['median_ms']:9.1f}{found['p99_ms']:9.1f}{found['max_ms']:9.1f}"
              f"{found['p99_own_ms']:9.1f}{found['max_own_ms']:9.1f}   {found['seconds']} s, load {found.get('load')}")
        failed += [f"{work} {key} {found[key]} > {limit}" for key, limit in LIMITS_MS.items() if found[key] > limit]
        if "cancelled_s" in found:
            print(f"{'':12}cancelled within {found['cancelled_s']} s, {found['cells_kept']:.0f} cells kept and resumed")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.ijbc is not None:
        print(f"peak memory {peak_mb:,.0f} MB")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"data": kind, **figures, "peak_mb": round(peak_mb)}, indent=1))
    if failed:
        print("too slow: " + "; ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
