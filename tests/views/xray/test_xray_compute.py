"""Shares, angles and energies: by hand, and against torch."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz.core.branches import Block, blocks
from cnnviz.core.capture import Capture, CapturedValues
from cnnviz.core.graph import Graph, Node
from cnnviz.views.xray import compute


class Two(nn.Module):
    """Sums with signs, broadcasting and a factor; a concatenation."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.conv = nn.Conv2d(2, 2, 1)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        if self.how == "sub":
            return x - y
        if self.how == "alpha":
            return torch.add(x, y, alpha=2)
        if self.how == "spread":
            return x + self.pool(y)
        if self.how == "cat":
            return torch.cat([x, y, self.relu(y)], 1)
        if self.how == "rows":
            return torch.cat([x, y], 2)
        return self.relu(y + x)


def run(module: nn.Module, shape: tuple[int, int, int] = (2, 3, 4)) -> tuple[Block, Graph, CapturedValues]:
    torch.manual_seed(0)
    capture = Capture(module.eval(), shape)
    with torch.no_grad():
        values = capture(torch.randn(1, *shape))
    return blocks(capture.graph)[-1], capture.graph, values


def by_hand(x: list[list[float]], f: list[list[float]]) -> compute.Residual:
    """Return a sum of maps of one row."""
    maps = [np.array(m, np.float32)[:, None, :] for m in (x, f)]
    return compute.Residual(
        maps[0], maps[1], maps[0] + maps[1], None, ("x", "F(x)"), *compute.energies(maps[0], maps[1])
    )


def test_shares_by_hand() -> None:
    found = by_hand([[3, 0], [1, 1], [0, 0], [0, 0]], [[0, 4], [-1, -1], [2, 0], [0, 0]])
    assert found.energy_x.tolist() == [9, 2, 0, 0]
    assert found.energy_f.tolist() == [16, 2, 4, 0]
    assert found.product.tolist() == [0, -2, 0, 0]
    assert found.shares[:3].tolist() == [0.64, 0.5, 1.0]
    assert math.isnan(found.shares[3])
    assert found.cosines[0] == 0
    assert found.cosines[1] == pytest.approx(-1)
    assert math.isnan(found.cosines[2])
    assert found.sizes.tolist() == pytest.approx([5, 0, 2, 0])
    assert found.share == pytest.approx(22 / 33)
    assert found.change == pytest.approx(math.sqrt(22 / 11))
    assert found.cosine == pytest.approx(-2 / math.sqrt(11 * 22))
    assert compute.words_of(found.cosine) == "cancelling"
    assert compute.order_channels(found, "index").tolist() == [0, 1, 2, 3]
    assert compute.order_channels(found, "branch").tolist() == [2, 0, 1, 3]  # what has no share comes last
    assert compute.order_channels(found, "size").tolist() == [0, 2, 1, 3]
    assert compute.summary(found) == "F(x): 67% of the energy · ‖F‖ / ‖x‖ = 1.41 · cosine −0.13, cancelling"


def test_a_cell_by_hand() -> None:
    found = by_hand([[0.25, -2]], [[0.5, 1.5]])
    cell = compute.arithmetic(found, 0, 0, 1)
    assert (cell.x, cell.f, cell.total, cell.exact) == ("−2.000", "1.500", "−0.500", True)
    assert cell.check.total == cell.check.torch == -0.5
    assert cell.check.scale == 3.5


def test_nothing_and_infinity_are_said() -> None:
    silent = by_hand([[0, 0]], [[0, 0]])
    assert math.isnan(silent.share)
    assert math.isnan(silent.change)
    assert compute.summary(silent) == "x and F(x) are zero everywhere for this input"
    new = by_hand([[0, 0]], [[1, 0]])
    assert new.change == math.inf
    assert "‖F‖ / ‖x‖ = ∞" in compute.summary(new)
    broken = by_hand([[math.nan, 0]], [[1, 0]])
    assert math.isnan(broken.change)
    assert compute.limits((broken.x_chw, broken.f_chw)) == 1.0


def test_energies_are_those_of_torch_in_double_precision() -> None:
    block, graph, values = run(Two("add"), (2, 37, 41))
    found = compute.residual(block, graph, values)
    assert found is not None
    x, f = (torch.from_numpy(np.array(a)).double() for a in (found.x_chw, found.f_chw))
    assert found.energy_f == pytest.approx(f.square().sum((1, 2)).numpy(), rel=1e-12)
    cosine = torch.nn.functional.cosine_similarity(x.flatten(1), f.flatten(1))
    assert found.cosines == pytest.approx(cosine.numpy(), rel=1e-9)
    assert np.array_equal(found.x_chw, values["input"])  # the shortcut first, although it is added second
    assert found.after_chw is not None
    assert np.array_equal(found.after_chw, np.maximum(found.sum_chw, 0))
    assert compute.change_of(block, graph, values) == pytest.approx(float(f.norm() / x.norm()))


def test_a_difference_turns_the_sign_of_what_is_taken_away() -> None:
    block, graph, values = run(Two("sub"))
    found = compute.residual(block, graph, values)
    assert found is not None
    assert np.array_equal(found.f_chw, -values["conv"])
    for unit in range(2):
        assert compute.arithmetic(found, unit, 2, 3).check.agrees


def test_a_value_that_is_spread_out_has_the_shape_of_the_sum() -> None:
    block, graph, values = run(Two("spread"))
    found = compute.residual(block, graph, values)
    assert found is not None
    assert found.f_chw.shape == (2, 3, 4)
    assert found.energy_f[0] == pytest.approx(12 * float(values["pool"][0, 0, 0]) ** 2)


def test_a_factor_cannot_be_taken_apart() -> None:
    block, graph, values = run(Two("alpha"))
    assert compute.residual(block, graph, values) is None
    assert math.isnan(compute.change_of(block, graph, values))


def test_parts_of_a_concatenation() -> None:
    block, graph, values = run(Two("cat"))
    found = compute.parts(block, graph, values)
    assert [(p.title, p.first, p.count) for p in found] == [("input", 0, 2), ("conv", 2, 2), ("relu", 4, 2)]
    whole = values[block.joining.name].astype(np.float64)
    assert sum(p.share for p in found) == pytest.approx(1)
    assert found[1].share == pytest.approx(float((whole[2:4] ** 2).sum() / (whole**2).sum()))
    assert [p.branch.parameters for p in found] == [0, 6, 0]  # the ReLU's way goes through the convolution's
    assert found[0].branch.is_shortcut
    assert found[0].cost == "as it comes: no parameters"
    assert found[1].channels == "channels 2–3, 3 × 4"
    assert compute.part_of(found, 3) == 1
    brought = (whole[2:] ** 2).sum() / (whole[:2] ** 2).sum()
    assert compute.change_of(block, graph, values) == pytest.approx(math.sqrt(float(brought)))


def test_what_is_not_joined_by_channel_is_not_shown_as_such() -> None:
    block, graph, values = run(Two("rows"))
    assert compute.parts(block, graph, values) == ()


def test_vectors_and_sequences_have_rows_too() -> None:
    assert compute.as_rows(np.zeros(5, np.float32)).shape == (5, 1, 1)
    assert compute.as_rows(np.zeros((7, 5), np.float32)).shape == (7, 1, 5)
    assert compute.as_rows(np.zeros((7, 5, 2), np.float32)).shape == (7, 5, 2)


def test_labels_name_the_module_and_what_joins() -> None:
    def block(scope: str, name: str, title: str) -> Block:
        node = Node(name, "sum", "add", ("a", "b"), MappingProxyType({}), scope=scope)
        return Block(node, node, (), None, title)

    assert compute.label(block("layer1.0", "layer1.0.add", "layer1.0")) == "layer1.0 · add"
    assert compute.label(block("", "add", "add")) == "add"
