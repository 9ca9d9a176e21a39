"""The system's own dialogs for files and folders, each asked for one thing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

#: Endings of files that embeddings made elsewhere come in.
EMBEDDINGS = (".npy", ".npz", ".h5", ".hdf5", ".csv", ".parquet")


def _start(folder: Path | None) -> str:
    """The folder where it is there, else the user's documents, which not every home has, else the home."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    known = (folder, Path(documents)) if documents else (folder,)
    return next((str(each) for each in known if each is not None and each.is_dir()), str(Path.home()))


def choose_new_study(parent: QWidget, folder: Path | None) -> Path | None:
    """Where to make a study."""
    chosen, _ = QFileDialog.getSaveFileName(
        parent, "New study", str(Path(_start(folder)) / "study.canon"), "Study folder (*.canon)"
    )
    return Path(chosen) if chosen else None


def choose_study(parent: QWidget, folder: Path | None) -> Path | None:
    """Which study to open."""
    return _folder(parent, "Open study: choose the folder NAME.canon", folder)


def choose_networks(parent: QWidget, folder: Path | None) -> list[Path]:
    """Which ONNX files to add."""
    chosen, _ = QFileDialog.getOpenFileNames(
        parent, "Add models", _start(folder), "ONNX networks (*.onnx);;All files (*)"
    )
    return [Path(path) for path in chosen]


def choose_network(parent: QWidget, name: str, folder: Path | None) -> Path | None:
    """Where a network lies now."""
    return _file(parent, f"Locate the network '{name}'", folder, "ONNX networks (*.onnx);;All files (*)")


def choose_faces(parent: QWidget, folder: Path | None) -> Path | None:
    """Which folder of faces to add."""
    return _folder(parent, "Add dataset: choose its folder (sub-folders are the subjects, or IJB's meta)", folder)


def choose_verification_set(parent: QWidget, folder: Path | None) -> Path | None:
    """Which file of packed faces to add."""
    return _file(parent, "Add dataset", folder, "Verification sets (*.bin);;All files (*)")


def choose_embeddings(parent: QWidget, folder: Path | None) -> Path | None:
    """Which file of embeddings to import."""
    endings = " ".join(f"*{ending}" for ending in EMBEDDINGS)
    return _file(parent, "Import embeddings", folder, f"Embeddings ({endings});;All files (*)")


def choose_ids(parent: QWidget, folder: Path | None) -> Path | None:
    """Which list of ids to use."""
    return _file(parent, "Ids of the rows", folder, "Lists of ids (*.txt *.csv);;All files (*)")


def choose_landmarks(parent: QWidget, folder: Path | None) -> Path | None:
    """Which CSV of landmarks to use."""
    return _file(parent, "Landmarks", folder, "Landmarks (*.csv *.txt);;All files (*)")


def choose_detector(parent: QWidget, folder: Path | None) -> Path | None:
    """Which face detector to use."""
    return _file(parent, "Face detector (YuNet)", folder, "ONNX networks (*.onnx);;All files (*)")


def choose_picture(parent: QWidget, folder: Path | None) -> Path | None:
    """Which picture of a face to look at."""
    return _file(
        parent, "Picture of a face", folder, "Pictures (*.jpg *.jpeg *.png *.bmp *.webp *.tif *.tiff);;All files (*)"
    )


def choose_pairs(parent: QWidget, folder: Path | None) -> Path | None:
    """Which list of pairs to use."""
    return _file(parent, "List of pairs", folder, "Lists of pairs (*.txt);;All files (*)")


def choose_output(parent: QWidget, folder: Path | None) -> Path | None:
    """Which folder to write into."""
    return _folder(parent, "Export into folder", folder)


def choose_map(parent: QWidget, folder: Path | None) -> Path | None:
    """Where to write a map."""
    return _new_file(parent, "Save map", folder, "Maps (*.onnx *.npz)")


def choose_scores(parent: QWidget, folder: Path | None) -> Path | None:
    """Where to write scores."""
    return _new_file(parent, "Save scores", folder, "Scores (*.h5 *.csv)")


def choose_demo_folder(parent: QWidget, folder: Path | None) -> Path | None:
    """Where to make the demo study."""
    return _folder(parent, "Folder of the demo study", folder)


def _folder(parent: QWidget, title: str, folder: Path | None) -> Path | None:
    chosen = QFileDialog.getExistingDirectory(parent, title, _start(folder))
    return Path(chosen) if chosen else None


def _new_file(parent: QWidget, title: str, folder: Path | None, kinds: str) -> Path | None:
    # Whether a file is replaced is asked where it is written: its path may have been typed as well.
    options = QFileDialog.Option.DontConfirmOverwrite
    chosen, _ = QFileDialog.getSaveFileName(parent, title, _start(folder), kinds, "", options)
    return Path(chosen) if chosen else None


def _file(parent: QWidget, title: str, folder: Path | None, kinds: str) -> Path | None:
    chosen, _ = QFileDialog.getOpenFileName(parent, title, _start(folder), kinds)
    return Path(chosen) if chosen else None
