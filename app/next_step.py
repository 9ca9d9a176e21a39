"""What a user can do next, in one sentence: the empty states of the views say it."""

from __future__ import annotations

from dataclasses import dataclass

from .contents import Contents
from .view_state import ViewState


@dataclass(frozen=True)
class NextStep:
    """A sentence, and the action (by its key) that a button offers; without ``action`` there is no button."""

    text: str
    button: str = ""
    action: str = ""


def next_step(contents: Contents, state: ViewState, *, embedding: bool, reading: bool) -> NextStep:
    """What stands between this study and its matrix.

    Parameters
    ----------
    contents, state :
        What the study holds, and what is chosen of it.
    embedding, reading :
        Whether embeddings are being made, and whether a dataset is being read.
    """
    if not contents.models:
        if contents.datasets and not any(dataset.has_images for dataset in contents.datasets):
            return _import(
                contents,
                f"Nobody has the images of '{contents.datasets[0].name}' here, so there is nothing to embed. Import"
                " embeddings that were made elsewhere: one file for each model.",
            )
        return NextStep(
            "This study has no networks yet. Add the ONNX files of the face models you want to compare, or import"
            " embeddings that were made elsewhere (File menu).",
            *_offer(contents, "Add models…", "study.add_model"),
        )
    if not contents.datasets:
        if reading:
            return NextStep("The images are being read. How far that is, is shown below.")
        return NextStep(
            f"{_count(len(contents.models), 'network')} in the study, and no faces yet. Add a folder of face images,"
            " with one sub-folder a person, or a set with a protocol of its own (IJB-B, IJB-C, LFW, a .bin file).",
            *_offer(contents, "Add dataset…", "study.add_dataset"),
        )
    chosen = [name for name in contents.model_names if name not in state.left_out]
    if not chosen:
        return NextStep("No model is ticked in the study tree, so there is nothing to compare.")
    dataset = contents.dataset(state.dataset)
    if dataset is None or set(contents.embedded(dataset.name)) & set(chosen):
        return NextStep("Looking up what is stored…")
    if embedding:
        return NextStep(
            f"The networks look at the faces of '{dataset.name}'. The matrix begins to fill as soon as that is done."
        )
    if not dataset.has_images:
        return _import(
            contents,
            f"Of '{dataset.name}' there are names and no images, so nothing can be embedded. Import embeddings of it"
            " that were made elsewhere.",
        )
    networks = contents.to_embed(dataset.name, chosen)
    if not networks:
        return _import(
            contents,
            f"The ticked models have no network, only embeddings made elsewhere, and none of '{dataset.name}'. Import"
            " those too, or add networks.",
        )
    gone = [name for name in networks if name in contents.missing_models]
    if len(gone) == len(networks) or dataset.name in contents.missing_datasets:
        return _locate(contents, gone, dataset.name)
    if dataset.alignment is None:
        return NextStep(
            f"The {_count(dataset.images, 'image')} of '{dataset.name}' are photographs, and nothing says where the"
            " faces are: networks that want aligned faces refuse them. Remove the dataset and add it again with a"
            " landmarks file or a detector."
        )
    left_out = f" ({dataset.problems:,} left out: choose it in the study tree to see why)" if dataset.problems else ""
    without = f" Left out: {_and(gone)}, whose file{'s are' if len(gone) > 1 else ' is'} gone." if gone else ""
    compared = "every pair of templates that it names" if dataset.has_templates else "every pair of images"
    ready = _count(len(networks) - len(gone), "network")
    return NextStep(
        f"{ready} and {_count(dataset.images, 'image')} of '{dataset.name}'{left_out} are ready. Embed the faces with"
        f" each network, fit a map between every two, and score {compared}.{without}",
        *_offer(contents, "Compute everything", "study.compute_all"),
    )


def missing_cell_step(
    contents: Contents, state: ViewState, pair: tuple[str, str], why: str, *, pending: bool, embedding: bool
) -> NextStep:
    """What a user can do about a cell of the matrix that has no number.

    Parameters
    ----------
    contents, state :
        What the study holds, and what is chosen of it.
    pair :
        Source and target of the cell.
    why :
        Why the cell cannot exist as things are; empty where it only was not computed.
    pending, embedding :
        Whether the cell is being computed, and whether embeddings are being made.
    """
    if pending:
        return NextStep("Its number appears as soon as it is there; the jobs below the matrix show how far they are.")
    if embedding:
        return NextStep("Embeddings are being made: the cell can be computed when they are complete.")
    if not why:
        if contents.read_only:
            return NextStep("The study is open read-only, so nothing is computed now.")
        return NextStep(
            "Nothing is stored of it at the settings above the matrix. Computing fills it, and all others that lack.",
            "Compute",
            "study.compute_all",
        )
    dataset = contents.dataset(state.dataset)
    lacking = [
        name
        for name in dict.fromkeys(pair)
        if dataset is not None
        and (name, dataset.name) in contents.states
        and not contents.states[name, dataset.name].complete
    ]
    if dataset is None or not lacking:
        return NextStep("Choose another map above the matrix, or other models in the study tree.")
    networks = contents.to_embed(dataset.name, lacking)
    if set(networks) != set(lacking) or not dataset.has_images:
        return _import(contents, f"Import embeddings of '{dataset.name}' by {_and(lacking)} that were made elsewhere.")
    gone = [name for name in networks if name in contents.missing_models]
    if gone or dataset.name in contents.missing_datasets:
        return _locate(contents, gone, dataset.name)
    return NextStep(
        f"Embed the faces of '{dataset.name}' with {_and(networks)}; the cell is computed after that.",
        *_offer(contents, "Embed and compute", "study.compute_all"),
    )


def _locate(contents: Contents, gone: list[str], dataset: str) -> NextStep:
    """What must be found again before anything can be embedded: networks, or the dataset."""
    what = f"the file{'s' * (len(gone) > 1)} of {_and(gone)}" if gone else f"the folder of '{dataset}'"
    if contents.read_only:
        return NextStep(f"To embed, {what} must be found again, and the study is open read-only.")
    one = f"choose {'one' if len(gone) > 1 else 'it'} in the study tree, then Study → Locate…."
    return NextStep(f"To embed, {what} must be found again: {one}")


def _and(names: list[str]) -> str:
    """The first three, and how many more."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) > 3:
        quoted[3:] = [f"{len(quoted) - 3} more"]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _import(contents: Contents, text: str) -> NextStep:
    return NextStep(text, *_offer(contents, "Import embeddings…", "file.import"))


def _offer(contents: Contents, button: str, action: str) -> tuple[str, str]:
    return ("", "") if contents.read_only else (button, action)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
