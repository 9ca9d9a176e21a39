"""Variances for a trained network: probabilistic face embeddings (Shi and Jain 2019)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Training of the variances: steps, people a step, photographs of each.
STEPS: Final = 1500
_PEOPLE, _SHOTS = 64, 4
_RATE: Final = 1e-3
#: Where log σ² starts: about what photographs of one person differ by in a dimension.
_LOG_VARIANCE: Final = -5.0


def variance_head(dimensions: int) -> nn.Sequential:
    """From a unit embedding, multiplied by √d, to the logarithms of its variances: two layers, both normalised."""
    from torch import nn

    last = nn.BatchNorm1d(dimensions)
    nn.init.constant_(last.weight, 0.1)
    nn.init.constant_(last.bias, _LOG_VARIANCE)
    return nn.Sequential(
        nn.Linear(dimensions, dimensions, bias=False),
        nn.BatchNorm1d(dimensions),
        nn.ReLU(inplace=True),
        nn.Linear(dimensions, dimensions, bias=False),
        last,
    )


def log_variances(head: nn.Module, unit: Tensor) -> Tensor:
    """log σ² (n, d) of unit embeddings (n, d)."""
    return head(unit * math.sqrt(unit.shape[-1]))


def mutual_likelihood_loss(unit: Tensor, log_variance: Tensor) -> Tensor:
    """Negative mutual likelihood score of the photographs of each person, mean over dimensions and pairs.

    Parameters
    ----------
    unit, log_variance : (people, photographs, d) tensors
    """
    import torch

    count = unit.shape[1]
    first, second = torch.triu_indices(count, count, 1)
    variance = log_variance.exp()
    together = variance[:, first] + variance[:, second]
    apart = unit[:, first] - unit[:, second]
    return (apart.pow(2) / together + together.log()).mean()


def train_variances(unit: Tensor, seed: int, steps: int = STEPS) -> tuple[nn.Sequential, float]:
    """Train a head on the unit embeddings (people, photographs, d) of a frozen network; the head, and its last loss."""
    import torch

    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    people, shots, dimensions = unit.shape
    head = variance_head(dimensions)
    head.train()
    optimiser = torch.optim.Adam(head.parameters(), _RATE)
    value = math.nan
    for _ in range(steps):
        who = torch.randint(people, (min(_PEOPLE, people),), generator=order)
        which = torch.rand((len(who), shots), generator=order).argsort(dim=1)[:, :_SHOTS]
        chosen = unit[who[:, None], which]
        found = log_variances(head, chosen.reshape(-1, dimensions)).reshape(chosen.shape)
        loss = mutual_likelihood_loss(chosen, found)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        value = loss.item()
    return head.eval(), value
