"""Model cards: what a network is, how it came about, and how good it is by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from canon_core.demo.training.validation import FARS
from canon_core.store.atomic import write_atomically


@dataclass(frozen=True)
class ModelCard:
    """Facts of one finished network.

    Attributes
    ----------
    name, title, loss : str
    first_person, last_person : int
        Identities it was trained on.
    photographs : int
        Of these people.
    epochs, seed : int
    seconds : float
        Processor time of the training, one thread.
    training_loss, training_accuracy : float or None
        Of the last epoch, with augmentation and margin.
    tar : tuple of float
        At the FARs of :mod:`canon_core.demo.training.validation`.
    parity : float or None
        Smallest cosine between what PyTorch and the exported file compute.
    parameters, bytes : int
    renderer : str
        Fingerprint of the renderer.
    made_with : str
        Versions.
    """

    name: str
    title: str
    loss: str
    first_person: int
    last_person: int
    photographs: int
    epochs: int
    seed: int
    seconds: float
    training_loss: float | None
    training_accuracy: float | None
    tar: tuple[float, ...]
    parity: float | None
    parameters: int
    bytes: int
    renderer: str
    made_with: str

    @property
    def seen(self) -> int:
        """Photographs seen in training, each as often as it was."""
        return self.photographs * self.epochs

    def write(self, file: Path) -> None:
        """Keep the facts."""
        write_atomically(file, json.dumps(asdict(self), indent=1).encode())

    @staticmethod
    def read(file: Path) -> ModelCard:
        """Facts that were kept."""
        facts = json.loads(file.read_text(encoding="utf-8"))
        return ModelCard(**{**facts, "tar": tuple(facts["tar"])})

    def markdown(self, validation: range) -> str:
        """The card for people; ``validation`` are the people its figures were measured on."""
        trained = self.training_loss is not None and self.training_accuracy is not None
        lines = [
            f"# {self.name}",
            "",
            f"{self.title}. Trained on synthetic faces only, for the demo; it knows one renderer's people and is of no "
            "use on photographs of real ones."
            if trained
            else f"{self.title}. It has learned nothing about people: it is there to be compared with.",
            "",
            f"- Data: {self.photographs:,} rendered photographs of the people numbered {self.first_person} to "
            f"{self.last_person}",
            f"- Method: {self.loss}",
            f"- Seed: {self.seed}",
        ]
        if trained:
            lines += [
                f"- Epochs: {self.epochs} ({self.seen:,} images seen); in the last, with margin and augmentation, loss "
                f"{self.training_loss:.3f} and accuracy {self.training_accuracy:.3f}",
                f"- Training time: {self.seconds / 60:.1f} minutes of one core",
            ]
        rates = ", ".join(f"{tar:.3f} at {_far(far)}" for far, tar in zip(FARS, self.tar, strict=True))
        lines += [
            f"- TAR at FAR, by itself, on templates of the people {validation.start} to {validation.stop - 1}, whom no "
            f"network was trained on: {rates}",
            f"- {self.parameters:,} parameters, {self.bytes / 1024:.0f} kB, weights as half floats"
            + (f"; smallest cosine to PyTorch {self.parity:.6f}" if self.parity is not None else ""),
            f"- Renderer {self.renderer[:12]}, {self.made_with}",
            "- Licence: Apache-2.0",
            "",
        ]
        return "\n".join(lines)


def summary(cards: Sequence[ModelCard]) -> str:
    """A Markdown table of several cards."""
    header = ["network", "people", "loss", "epochs", "seen", "minutes", *(_far(far) for far in FARS), "kB"]
    rows = [
        [
            card.name,
            f"{card.first_person}-{card.last_person}",
            card.loss,
            str(card.epochs),
            f"{card.seen / 1000:.0f} k",
            f"{card.seconds / 60:.1f}",
            *(f"{tar:.3f}" for tar in card.tar),
            f"{card.bytes / 1024:.0f}",
        ]
        for card in cards
    ]
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _far(far: float) -> str:
    return f"{far:.0e}".replace("e-0", "e-")
