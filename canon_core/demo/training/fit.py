"""Train one network by its recipe: a checkpoint after every epoch, so that a cut run goes on as if it had not been."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.training.architectures import DIMENSIONS
from canon_core.demo.training.crops import plain_batch, training_batch
from canon_core.demo.training.layers import Layer
from canon_core.demo.training.losses import centre_pull, follow, margin_loss, sample_centres
from canon_core.demo.training.modules import build_modules
from canon_core.demo.training.photographs import SHOTS
from canon_core.demo.training.recipes import MarginLoss, Recipe
from canon_core.models.spec import InputSpec, ModelSpec
from canon_core.store.atomic import replacing

if TYPE_CHECKING:
    from torch import Tensor, nn

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

BATCH: Final = 128
_MOMENTUM: Final = 0.9
#: On matrices and convolutions only.
_WEIGHT_DECAY: Final = 5e-4
_LEAST_RATE: Final = 1e-5
#: Steps over which the learning rate rises, and share of all steps over which the margin does.
_WARM_UP, _RAMP = 150, 0.25
#: Longest gradient of the network.
_CLIP: Final = 5.0


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its last epoch.

    Attributes
    ----------
    network : nn.Module
        In evaluation mode.
    seconds : float
        Processor time of the training, over all runs.
    epochs : tuple of (loss, accuracy)
        Means over each epoch; accuracy among the class centres that took part, with augmentation.
    """

    network: nn.Module
    seconds: float
    epochs: tuple[tuple[float, float], ...]


def build_network(layers: tuple[Layer, ...], spec: InputSpec, seed: int) -> nn.Sequential:
    """A network before its first step."""
    import torch

    torch.manual_seed(seed)
    network = build_modules(layers, (spec.channels, spec.height, spec.width))
    return network.to(memory_format=torch.channels_last)


def train_network(
    recipe: Recipe, images: Pixels, points: Points, checkpoint: Path, say: Callable[[str], None]
) -> Trained:
    """Train, or go on from ``checkpoint``.

    Stochastic gradient descent with Nesterov's momentum; the learning rate rises for ``_WARM_UP`` steps and falls as
    a cosine. Order and augmentation of an epoch follow from the recipe's seed and the epoch's number alone.

    Parameters
    ----------
    recipe : Recipe
    images, points : (n · SHOTS, …) arrays
        Of the recipe's people, in order.
    checkpoint : Path
        Written after every epoch.
    say : callable
        Is told each epoch's figures.
    """
    import torch

    torch.set_num_threads(1)
    training = _Training(recipe, len(images) // SHOTS, len(images) // BATCH)
    if checkpoint.is_file():
        training.load(torch.load(checkpoint, weights_only=True))
    while training.epoch < recipe.epochs:
        start = time.process_time()
        training.run_epoch(images, points)
        training.seconds += time.process_time() - start
        loss, accuracy = training.curve[-1]
        rate = training.steps * BATCH / (time.process_time() - start)
        say(f"epoch {training.epoch} of {recipe.epochs}: loss {loss:.3f}, accuracy {accuracy:.3f}, {rate:.0f} images/s")
        with replacing(checkpoint) as file:
            torch.save(training.state(), file)
    return Trained(training.network.eval(), training.seconds, tuple(training.curve))


def embed_photographs(network: Callable[[Tensor], Tensor], spec: ModelSpec, images: Pixels, points: Points) -> Tensor:
    """Embeddings (n, d) by PyTorch, without augmentation; mirrored faces are added where the spec says so."""
    import torch

    parts = []
    with torch.no_grad():
        for k in range(0, len(images), BATCH):
            batch = _channels_first(plain_batch(images[k : k + BATCH], points[k : k + BATCH], spec), spec)
            rows = network(batch)
            parts.append(rows + network(batch.flip(3)) if spec.output.flip == "sum" else rows)
    return torch.cat(parts)


class _Training:
    """What changes from step to step."""

    def __init__(self, recipe: Recipe, people: int, steps: int) -> None:
        import torch
        from torch.nn import functional

        self.recipe, self.people, self.steps = recipe, people, steps
        self.network = build_network(recipe.layers, recipe.input, recipe.seed)
        start = functional.normalize(torch.randn(people, DIMENSIONS))
        margin = isinstance(recipe.loss, MarginLoss)
        self.centres = torch.nn.Parameter(start if margin else 0.1 * start)
        self.bias = torch.nn.Parameter(torch.zeros(people))
        self.means = torch.zeros(people, DIMENSIONS)
        weights = list(self.network.parameters())
        decayed = [weight for weight in weights if weight.ndim > 1]
        others = [weight for weight in weights if weight.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [
                {"params": [*decayed, self.centres], "weight_decay": _WEIGHT_DECAY},
                {"params": [*others, self.bias], "weight_decay": 0.0},
            ],
            lr=recipe.rate,
            momentum=_MOMENTUM,
            nesterov=True,
        )
        self.epoch, self.seconds = 0, 0.0
        self.curve: list[tuple[float, float]] = []

    def run_epoch(self, images: Pixels, points: Points) -> None:
        import torch

        recipe, spec = self.recipe, self.recipe.spec
        rng = np.random.default_rng([recipe.seed, self.epoch])
        generator = torch.Generator().manual_seed(1000 * recipe.seed + self.epoch)
        order = rng.permutation(len(images))
        total = self.steps * recipe.epochs
        self.network.train()
        sums = np.zeros(2)
        for k in range(self.steps):
            step = self.epoch * self.steps + k
            fall = 0.5 + 0.5 * math.cos(math.pi * step / total)
            for group in self.optimiser.param_groups:
                group["lr"] = recipe.rate * min(1.0, step / _WARM_UP) * fall + _LEAST_RATE
            chosen = np.sort(order[k * BATCH : (k + 1) * BATCH])
            batch = training_batch(images[chosen], points[chosen], spec, rng)
            labels = torch.from_numpy(chosen // SHOTS)
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.half_precision):
                embeddings = self.network(_channels_first(batch, spec))
            loss, right = self._loss(embeddings.float(), labels, min(1.0, step / (_RAMP * total)), generator)
            self.optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
            self.optimiser.step()
            sums += loss.item(), right
        self.epoch += 1
        self.curve.append((float(sums[0] / self.steps), float(sums[1] / self.steps)))

    def _loss(self, embeddings: Tensor, labels: Tensor, ramp: float, generator: Any) -> tuple[Tensor, float]:
        """The loss, and the share of the batch whose own class is the nearest."""
        from torch.nn import functional

        loss = self.recipe.loss
        if isinstance(loss, MarginLoss):
            centres = self.centres
            if loss.sampled < 1:
                kept, labels = sample_centres(labels, self.people, loss.sampled, generator)
                centres = centres[kept]
            value, cosines = margin_loss(embeddings, centres, labels, loss, ramp * loss.margin)
            return value, _share(cosines, labels)
        logits = embeddings @ self.centres.t() + self.bias
        value = functional.cross_entropy(logits, labels) + loss.weight * centre_pull(embeddings, self.means, labels)
        follow(self.means, embeddings, labels, loss.pace)
        return value, _share(logits, labels)

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "centres": self.centres.data,
            "bias": self.bias.data,
            "means": self.means,
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "seconds": self.seconds,
            "curve": self.curve,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.centres.data.copy_(state["centres"])
        self.bias.data.copy_(state["bias"])
        self.means.copy_(state["means"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.seconds, self.curve = state["epoch"], state["seconds"], list(state["curve"])


def _share(logits: Tensor, labels: Tensor) -> float:
    return float((logits.detach().argmax(1) == labels).float().mean())


def _channels_first(batch: NDArray[np.float32], spec: ModelSpec) -> Tensor:
    """A batch (n, channels, h, w) whose channels lie together in memory, which convolutions on the CPU like best."""
    import torch

    tensor = torch.from_numpy(batch)
    if spec.input.layout == "nhwc":
        return tensor.permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=torch.channels_last)
