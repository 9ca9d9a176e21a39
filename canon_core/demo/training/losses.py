"""The losses of Table 3's networks: margins on cosines, sampled class centres (Partial FC), center loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from canon_core.demo.training.recipes import MarginLoss

if TYPE_CHECKING:
    from torch import Generator, Tensor


def margin_loss(
    embeddings: Tensor, centres: Tensor, labels: Tensor, loss: MarginLoss, margin: float
) -> tuple[Tensor, Tensor]:
    """Cross entropy of scaled cosines, those of the true classes made smaller by the margin.

    ArcFace (Deng et al. 2019) adds the margin to the angle; where the sum would pass π, cos θ − m · sin m goes on
    falling instead. CosFace and AM-softmax (Wang et al. 2018) take it off the cosine.

    Parameters
    ----------
    embeddings : (n, d) tensor
    centres : (classes, d) tensor
    labels : (n,) int64 tensor
        Rows of ``centres``.
    loss : MarginLoss
    margin : float
        The margin at this moment of the training.

    Returns
    -------
    value : () tensor
    cosines : (n, classes) tensor
        Without margin.
    """
    from torch.nn import functional

    cosines = functional.normalize(embeddings) @ functional.normalize(centres).t()
    true = cosines.gather(1, labels[:, None])[:, 0]
    lowered = with_margin(true, margin, additive_angle=loss.additive_angle)
    logits = loss.scale * cosines.scatter(1, labels[:, None], lowered[:, None])
    return functional.cross_entropy(logits, labels), cosines


def with_margin(cosines: Tensor, margin: float, *, additive_angle: bool) -> Tensor:
    """Cosines (n,) to the true classes, made smaller by the margin."""
    import torch

    if not additive_angle:
        return cosines - margin
    angles = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
    return torch.where(cosines > -math.cos(margin), torch.cos(angles + margin), cosines - margin * math.sin(margin))


def sample_centres(labels: Tensor, classes: int, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Choose the class centres that take part in a step (Partial FC, An et al. 2021): the batch's own, and others.

    Parameters
    ----------
    labels : (n,) int64 tensor
    classes : int
    share : float
        Of all classes; more where the batch alone has more.
    generator : torch.Generator

    Returns
    -------
    chosen : (k,) int64 tensor
        Classes, ascending.
    places : (n,) int64 tensor
        Where each label is among them.
    """
    import torch

    own = torch.unique(labels)
    priority = torch.rand(classes, generator=generator)
    priority[own] = 2.0
    count = max(int(classes * share), len(own))
    chosen = priority.topk(count).indices.sort().values
    return chosen, torch.searchsorted(chosen, labels)


def centre_pull(embeddings: Tensor, means: Tensor, labels: Tensor) -> Tensor:
    """Half the mean squared distance of embeddings (n, d) to the means (classes, d) of their classes (center loss)."""
    return (embeddings - means[labels]).pow(2).sum(1).mean() / 2


def follow(means: Tensor, embeddings: Tensor, labels: Tensor, pace: float) -> None:
    """Move the means of the batch's classes towards its embeddings, in place."""
    means.index_add_(0, labels, pace * (embeddings.detach() - means[labels]))
