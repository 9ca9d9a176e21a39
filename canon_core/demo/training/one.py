"""Train one network, or make one control: ``python -m canon_core.demo.training.one DIR NAME``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from canon_core.demo.people import VALIDATION
from canon_core.demo.training.card import ModelCard
from canon_core.demo.training.controls import CONTROLS, Control, control_graph
from canon_core.demo.training.fit import Trained, embed_photographs, train_network
from canon_core.demo.training.onnx_graph import network_graph
from canon_core.demo.training.pfe import log_variances, train_variances
from canon_core.demo.training.photographs import SHOTS, Photographs, open_photographs
from canon_core.demo.training.recipes import RECIPES, Recipe
from canon_core.demo.training.validation import embed_with_engine, least_cosine, template_tars
from canon_core.models.resolve import resolve_model
from canon_core.models.spec import spec_to_toml
from canon_core.store.atomic import write_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn

Say = Callable[[str], None]


def make_network(item: Recipe | Control, photographs: Photographs, work: Path, out: Path, say: Say) -> ModelCard:
    """Train, export, check and describe one network.

    Parameters
    ----------
    item : Recipe or Control
    photographs : Photographs
        Of its people and of ``VALIDATION``.
    work : Path
        Gets checkpoints, and the card's facts last.
    out : Path
        Gets ``NAME.onnx``, ``NAME.toml`` and ``NAME.md``.
    say : callable
        Is told what happens.
    """
    import torch

    images, points = photographs.of(item.people)
    held_images, held_points = photographs.of(VALIDATION)
    trained: Trained | None = None
    reference = None
    if isinstance(item, Control):
        graph = control_graph(item, images, points)
    else:
        trained = train_network(item, images, points, work / "checkpoint.pt", say)
        variances = None
        if item.pfe:
            rows = torch.nn.functional.normalize(embed_photographs(trained.network, item.spec, images, points))
            variances, value = train_variances(rows.reshape(-1, SHOTS, rows.shape[1]), item.seed)
            say(f"variances: loss {value:.3f}")
        graph = network_graph(item.layers, trained.network, item.input, unit=item.unit, variances=variances)
        whole = with_output(trained.network, unit=item.unit, variances=variances)
        reference = embed_photographs(whole, item.spec, held_images, held_points).numpy()
    file = out / f"{item.name}.onnx"
    write_atomically(file, graph.SerializeToString())
    write_atomically(file.with_suffix(".toml"), spec_to_toml(item.spec).encode())
    embeddings = embed_with_engine(file, held_images, held_points)
    model = resolve_model(file)
    card = ModelCard(
        name=item.name,
        title=item.title,
        loss=item.spec.about["loss"],
        first_person=item.people.start,
        last_person=item.people.stop - 1,
        photographs=len(images),
        epochs=0 if isinstance(item, Control) else item.epochs,
        seed=item.seed,
        seconds=trained.seconds if trained else 0.0,
        training_loss=trained.epochs[-1][0] if trained else None,
        training_accuracy=trained.epochs[-1][1] if trained else None,
        tar=template_tars(embeddings),
        parity=None if reference is None else least_cosine(embeddings, reference),
        parameters=model.facts.parameters,
        bytes=file.stat().st_size,
        renderer=photographs.fingerprint,
        made_with=f"PyTorch {torch.__version__}, NumPy {np.__version__}",
    )
    write_atomically(file.with_suffix(".md"), card.markdown(VALIDATION).encode())
    card.write(work / "card.json")
    return card


def with_output(network: nn.Module, *, unit: bool, variances: nn.Module | None) -> Callable[[Tensor], Tensor]:
    """What the exported network computes, by PyTorch: embeddings of norm 1 where asked, and variances after them."""
    import torch

    def whole(batch: Tensor) -> Tensor:
        rows = network(batch)
        if unit or variances is not None:
            rows = torch.nn.functional.normalize(rows)
        if variances is not None:
            rows = torch.cat([rows, log_variances(variances, rows).exp()], dim=1)
        return rows

    return whole


def _main(arguments: list[str]) -> int:
    folder, name = Path(arguments[0]), arguments[1]
    item = next(each for each in (*RECIPES, *CONTROLS) if each.name == name)
    work = folder / "work" / name

    def say(text: str) -> None:
        print(text, flush=True)

    card = make_network(item, open_photographs(folder / "photographs"), work, folder / "networks", say)
    say(f"finished: {card.seconds / 60:.1f} min, TAR {', '.join(f'{tar:.3f}' for tar in card.tar)}")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
