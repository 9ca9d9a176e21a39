"""Training of the demo's networks with PyTorch: losses against their formulas, exports against what was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra [train])")

from canon_core.demo.training import one  # noqa: E402
from canon_core.demo.training.controls import CONTROLS, UNTRAINED  # noqa: E402
from canon_core.demo.training.fit import build_network, embed_photographs, train_network  # noqa: E402
from canon_core.demo.training.losses import (  # noqa: E402
    centre_pull,
    follow,
    margin_loss,
    sample_centres,
    with_margin,
)
from canon_core.demo.training.onnx_graph import network_graph  # noqa: E402
from canon_core.demo.training.pfe import mutual_likelihood_loss, train_variances, variance_head  # noqa: E402
from canon_core.demo.training.photographs import SHOTS, SIDE, Photographs  # noqa: E402
from canon_core.demo.training.recipes import RECIPES, TEN, MarginLoss, Recipe  # noqa: E402
from canon_core.demo.training.validation import embed_with_engine, least_cosine  # noqa: E402
from canon_core.embedding.align import ARCFACE_POINTS  # noqa: E402
from canon_core.models.resolve import resolve_model  # noqa: E402
from canon_core.models.spec import spec_to_toml  # noqa: E402

ARC = MarginLoss("ArcFace", additive_angle=True)
COS = MarginLoss("CosFace", additive_angle=False)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def patterns(people: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Photographs with a colour pattern for each person, and landmarks where the pattern is."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(40, 215, (people, 1, 9, 9, 3)) + rng.normal(0, 25, (people, SHOTS, 9, 9, 3))
    images = np.clip(blocks, 0, 255).astype(np.uint8).repeat(16, axis=2).repeat(16, axis=3)
    points = (ARCFACE_POINTS + 16 + rng.normal(0, 1, (people * SHOTS, 5, 2))).astype(np.float32)
    return images.reshape(-1, SIDE, SIDE, 3), points


# -- losses ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("loss", [ARC, COS], ids=lambda loss: loss.name)
def test_margin_losses_are_their_formulas(loss: MarginLoss) -> None:
    rng = np.random.default_rng(1)
    embeddings, centres = rng.standard_normal((20, 6)), rng.standard_normal((9, 6))
    labels, margin = rng.integers(0, 9, 20), 0.3
    total = 0.0
    for row, label in zip(unit(embeddings), labels, strict=True):
        cosines = unit(centres) @ row
        angle = np.arccos(cosines[label])
        if not loss.additive_angle:
            cosines[label] -= margin
        elif angle + margin < np.pi:
            cosines[label] = np.cos(angle + margin)
        else:
            cosines[label] -= margin * np.sin(margin)
        logits = loss.scale * cosines
        total += np.log(np.exp(logits - logits[label]).sum())
    value, cosines = margin_loss(torch.tensor(embeddings), torch.tensor(centres), torch.tensor(labels), loss, margin)
    assert value.item() == pytest.approx(total / 20, rel=1e-6)
    np.testing.assert_allclose(cosines.numpy(), unit(embeddings) @ unit(centres).T, atol=1e-9)


def test_a_margin_makes_every_cosine_smaller_and_keeps_their_order_where_angles_add_up() -> None:
    cosines = torch.linspace(-1, 1, 201, dtype=torch.float64)
    for additive in (True, False):
        lowered = with_margin(cosines, 0.3, additive_angle=additive)
        assert (lowered < cosines + 1e-9).all()
        assert torch.isfinite(lowered).all()
    angles = with_margin(cosines, 0.3, additive_angle=True)
    assert (angles[5:].diff() > 0).all()


def test_partial_fc_keeps_the_batchs_own_classes_and_draws_the_others() -> None:
    generator = torch.Generator().manual_seed(3)
    labels = torch.tensor([7, 950, 7, 3, 499])
    drawn = torch.zeros(1000)
    for _ in range(400):
        chosen, places = sample_centres(labels, 1000, 0.1, generator)
        assert len(chosen) == 100
        assert (chosen.diff() > 0).all()
        assert torch.equal(chosen[places], labels)
        drawn[chosen] += 1
    others = np.delete(drawn.numpy(), [3, 7, 499, 950])
    assert others.min() > 10
    assert others.max() < 80  # 38.6 expected each
    everything, places = sample_centres(torch.arange(50), 60, 0.1, generator)
    assert torch.equal(everything, torch.arange(50))
    assert torch.equal(places, torch.arange(50))


def test_center_loss_pulls_to_the_means_which_follow() -> None:
    embeddings, labels = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 1])
    means = torch.zeros(2, 2)
    assert centre_pull(embeddings, means, labels).item() == pytest.approx((1 + 9 + 4) / 3 / 2)
    follow(means, embeddings, labels, 0.1)
    np.testing.assert_allclose(means.numpy(), [[0.4, 0.0], [0.0, 0.2]], atol=1e-6)


def test_the_mutual_likelihood_loss_is_a_slow_loop() -> None:
    rng = np.random.default_rng(2)
    means, logs = unit(rng.standard_normal((3, 4, 5))), rng.normal(-3, 1, (3, 4, 5))
    terms = [
        (means[p, a, k] - means[p, b, k]) ** 2 / (np.exp(logs[p, a, k]) + np.exp(logs[p, b, k]))
        + np.log(np.exp(logs[p, a, k]) + np.exp(logs[p, b, k]))
        for p in range(3)
        for a in range(4)
        for b in range(a)
        for k in range(5)
    ]
    assert mutual_likelihood_loss(torch.tensor(means), torch.tensor(logs)).item() == pytest.approx(np.mean(terms))


def test_variances_learn_which_photographs_are_uncertain() -> None:
    rng = np.random.default_rng(4)
    people, dimensions = 60, 16
    clear = np.repeat(unit(rng.standard_normal((people, 1, dimensions))), SHOTS, axis=1)
    # Uncertain photographs also look uncertain: they lie in one corner of the space.
    blurred = np.arange(SHOTS) % 2 == 0
    clear[:, blurred] += rng.normal(0, 0.3, (people, blurred.sum(), dimensions))
    clear[:, blurred, 0] += 3
    rows = torch.tensor(unit(clear), dtype=torch.float32)
    head, _ = train_variances(rows, 5, steps=300)
    with torch.no_grad():
        found = head(rows.reshape(-1, dimensions) * dimensions**0.5).reshape(people, SHOTS, dimensions).mean(dim=(0, 2))
    assert found[blurred].min() > found[~blurred].max()


# -- export ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("recipe", TEN, ids=lambda recipe: recipe.name)
def test_an_exported_network_embeds_in_a_study_as_pytorch_does(recipe: Recipe, tmp_path: Path) -> None:
    images, points = patterns(4)
    network = build_network(recipe.layers, recipe.input, recipe.seed)
    torch.manual_seed(1)
    for module in network.modules():  # as training leaves them: no two alike
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
        elif isinstance(module, torch.nn.PReLU):
            torch.nn.init.uniform_(module.weight, -0.2, 0.5)
    network.train()
    embed_photographs(network, recipe.spec, images, points)  # statistics that are not 0 and 1
    network.eval()
    variances = variance_head(128).eval() if recipe.pfe else None
    file = tmp_path / f"{recipe.name}.onnx"
    graph = network_graph(recipe.layers, network, recipe.input, unit=recipe.unit, variances=variances)
    file.write_bytes(graph.SerializeToString())
    file.with_suffix(".toml").write_text(spec_to_toml(recipe.spec))
    model = resolve_model(file)
    assert model.dimensions == recipe.dimensions
    assert model.facts.uncounted == ()
    assert model.notes == ()
    assert file.stat().st_size <= 1_500_000
    found = embed_with_engine(file, images, points)
    whole = one.with_output(network, unit=recipe.unit, variances=variances)
    expected = embed_photographs(whole, recipe.spec, images, points).numpy()
    assert least_cosine(found, expected) > 0.9999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(expected, axis=1), rtol=0.01)


# -- training --------------------------------------------------------------------------------------------------------
def small(name: str, epochs: int) -> Recipe:
    """One of the recipes on twenty people."""
    recipe = next(each for each in RECIPES if each.name == name)
    return replace(recipe, people=range(20), epochs=epochs)


@pytest.mark.parametrize("name", ["V_R8_A", "C_IR_C", "G_R10_P0.1"])
def test_a_training_that_was_cut_ends_with_the_same_weights(name: str, tmp_path: Path) -> None:
    images, points = patterns(20)
    recipe = small(name, 2)
    said: list[str] = []
    whole = train_network(recipe, images, points, tmp_path / "whole.pt", said.append)
    assert len(said) == 2

    class Cut(Exception):
        pass

    def cut(text: str) -> None:
        said.append(text)
        if len(said) == 4:
            raise Cut

    with pytest.raises(Cut):
        train_network(recipe, images, points, tmp_path / "cut.pt", cut)
    resumed = train_network(recipe, images, points, tmp_path / "cut.pt", said.append)
    for (key, first), second in zip(
        whole.network.state_dict().items(), resumed.network.state_dict().values(), strict=True
    ):
        assert torch.equal(first, second), key
    assert len(resumed.epochs) == 2
    assert resumed.epochs == whole.epochs


def test_networks_learn_and_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour patterns are easily told apart; whoever cannot learn them has a fault."""
    images, points = patterns(30, seed=8)
    people = (*range(30),)
    photographs = Photographs(
        people, images.reshape(30, SHOTS, SIDE, SIDE, 3), points.reshape(30, SHOTS, 5, 2), "patterns"
    )
    monkeypatch.setattr(one, "VALIDATION", range(20, 30))
    untrained = next(control for control in CONTROLS if control.name == UNTRAINED)
    cards = {
        item.name: one.make_network(item, photographs, tmp_path / item.name, tmp_path / "out", lambda text: None)
        for item in (small("C_9S_PFE", 4), replace(untrained, people=range(20)))
    }
    trained, control = cards["C_9S_PFE"], cards[UNTRAINED]
    assert trained.parity is not None
    assert trained.parity > 0.9999
    assert trained.training_loss is not None
    assert control.parity is None
    assert control.training_loss is None
    assert trained.tar[0] > 0.5
    assert trained.photographs == 280
    for name in cards:
        card = (tmp_path / "out" / f"{name}.md").read_text()
        assert card.startswith(f"# {name}")
        assert resolve_model(tmp_path / "out" / f"{name}.onnx").dimensions in (128, 256)
