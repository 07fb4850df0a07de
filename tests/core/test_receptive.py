"""The exact receptive field against autograd: with weights of one and no ReLU, a pixel that is seen has a gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.core import receptive
from cnnviz.core.capture import Capture
from cnnviz.core.graph import Graph, Node
from cnnviz.core.receptive import receptive_interval, receptive_region

SIDE = 24


class Residual(nn.Module):
    """A stem, a block with a stride and a 1×1 shortcut, and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 7, 2, 3)
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.a1, self.a2, self.short = nn.Conv2d(4, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(4, 8, 1, 2)
        self.b1, self.b2 = nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        x = self.a2(self.a1(x)) + self.short(x)
        return x + self.b2(self.b1(x))


class SkipSum(nn.Module):
    """Two paths whose pixels together are a cross, no rectangle."""

    def __init__(self) -> None:
        super().__init__()
        self.far = nn.Conv2d(2, 3, (1, 5), (2, 2), (0, 2))
        self.near = nn.Conv2d(2, 3, (5, 1), (2, 2), (2, 0))

    def forward(self, x: Tensor) -> Tensor:
        return self.far(x) + self.near(x)


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 2, 1)
        self.three = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 4, (1, 7), padding=(0, 3)))
        self.pool = nn.AvgPool2d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class Grouped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 5, padding=2), nn.Conv2d(3, 2, 1)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.grouped(torch.cat([self.left(x), self.right(x)], 1))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.pool, self.deep = nn.Conv2d(1, 2, 3, padding=1), nn.AvgPool2d(2), nn.Conv2d(2, 4, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(4, 2, 2, 2), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        return self.out(torch.cat([skip, self.up(self.deep(self.pool(skip)))], 1))


class Resized(nn.Module):
    def __init__(self, mode: str, factor: float, corners: bool | None) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, 2)
        self.mode, self.factor, self.corners = mode, factor, corners

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(
            self.first(x), scale_factor=self.factor, mode=self.mode, align_corners=self.corners
        )


class Shuffled(nn.Module):
    """ShuffleNet's way to mix channels: a view, a transposition and a view back."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, groups=4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        n, c, h, w = y.shape
        y = y.view(n, 2, c // 2, h, w)
        return self.last(torch.transpose(y, 1, 2).contiguous().view(n, c, h, w))


class ChannelsLast(nn.Module):
    """ConvNeXt's block: depthwise, then pointwise with the channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise, self.pointwise = nn.Conv2d(3, 3, 7, padding=3, groups=3), nn.Linear(3, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Squeezed(nn.Module):
    """Squeeze and excitation: every value depends on the whole map through its factor."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.pool, self.gate = nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return y * self.gate(self.pool(y))


def layered(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*layers)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "plain": (layered(nn.Conv2d(3, 2, 5, 1, 2), nn.AvgPool2d(2), nn.Conv2d(2, 2, 3)), 3),
    "residual": (Residual, 3),
    "skip of other sizes": (SkipSum, 2),
    "inception": (Inception, 3),
    "groups": (Grouped, 3),
    "dilated": (
        layered(nn.Conv2d(1, 1, 3, dilation=2, padding=2), nn.Conv2d(1, 1, 3, dilation=4, padding=3, stride=2)), 1,
    ),
    "uneven": (layered(nn.Conv2d(1, 1, (1, 5), (1, 3), (0, 1)), nn.AvgPool2d((3, 2), ceil_mode=True)), 1),
    "transposed": (
        layered(nn.Conv2d(1, 2, 3, 3), nn.ConvTranspose2d(2, 2, 4, 3, 1, output_padding=1, dilation=2)), 1,
    ),
    "unet": (UNet, 1),
    "same": (layered(nn.Conv2d(1, 1, 4, padding="same"), nn.Conv2d(1, 1, 5, padding="same", dilation=2)), 1),
    "circular": (layered(nn.Conv2d(1, 1, 5, padding=2, padding_mode="circular")), 1),
    "reflected": (layered(nn.Conv2d(1, 1, 5, padding=2, padding_mode="reflect")), 1),
    "replicated": (layered(nn.Conv2d(1, 1, 5, stride=2, padding=2, padding_mode="replicate")), 1),
    "padded": (layered(nn.ZeroPad2d((3, 0, 1, 2)), nn.Conv2d(1, 1, 3, 2)), 1),
    "adaptive": (layered(nn.AdaptiveAvgPool2d((5, 7))), 1),
    "nearest": (lambda: Resized("nearest", 2.5, None), 1),
    "bilinear": (lambda: Resized("bilinear", 2, False), 1),
    "bilinear, corners": (lambda: Resized("bilinear", 1.5, True), 1),
    "bicubic": (lambda: Resized("bicubic", 2, False), 1),
    "upsample": (layered(nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(1, 1, 3)), 1),
    "pixel shuffle": (layered(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Conv2d(1, 1, 2)), 1),
    "channel shuffle": (Shuffled, 1),
    "channels last": (ChannelsLast, 3),
    "squeeze": (Squeezed, 1),
    "flatten": (layered(nn.Conv2d(1, 2, 3, 2), nn.Flatten(), nn.Identity()), 1),
    "dense": (layered(nn.Conv2d(1, 2, 3, 2), nn.Flatten(), nn.Linear(242, 5), nn.Linear(5, 2)), 1),
}  # fmt: skip


def ones(module: nn.Module) -> nn.Module:
    """Give every parameter the value 1, or a positive one where ones cancel."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1)
    return module.eval()


def by_gradient(module: nn.Module, channels: int, unit: int | None, cell: tuple[int, int] | None) -> np.ndarray:
    """Return which pixels the output's unit and cell depend on, by autograd."""
    x = torch.rand(1, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.5
    x.requires_grad_()
    y = module.double()(x)[0]
    y = y if unit is None else y[unit]
    y = y if cell is None else y[..., cell[0], cell[1]]
    y.sum().backward()
    assert x.grad is not None
    return (x.grad[0].abs() > 1e-12).any(0).numpy()


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_pixels_that_are_seen_are_those_with_a_gradient(name: str) -> None:
    make, channels = NETWORKS[name]
    module = ones(make())
    graph = Capture(module, (channels, SIDE, SIDE)).graph
    shape = graph.output.output_shape
    generator = np.random.default_rng(0)
    places: list[tuple[int | None, tuple[int, int] | None]] = [(unit, None) for unit in {0, shape[0] - 1}]
    if len(shape) == 3:
        corners = [(0, 0), (shape[1] - 1, shape[2] - 1), (0, shape[2] - 1)]
        cells = [*corners, *((int(generator.integers(n)), int(generator.integers(m))) for n, m in [shape[1:]] * 4)]
        places = [(int(generator.integers(shape[0])), cell) for cell in cells] + [(None, cells[-1])]
    for unit, cell in places:
        expected = by_gradient(module, channels, unit, cell)
        region = receptive_region(graph, graph.output.name, unit, cell)
        assert np.array_equal(region.mask_hw, expected), (unit, cell)
        assert region.is_exact


def test_every_layer_of_a_residual_network_against_its_gradient() -> None:
    module = ones(Residual())
    graph = Capture(module, (3, SIDE, SIDE)).graph
    capture = Capture(module.float(), (3, SIDE, SIDE))
    x = torch.rand(1, 3, SIDE, SIDE)
    for node in graph.layers:
        x = x.detach().requires_grad_()
        values = capture(x)
        row, col = node.output_shape[1] // 2, node.output_shape[2] - 1
        (gradient,) = torch.autograd.grad(values.tensor(node.name)[:, row, col].sum(), x)
        seen = (gradient[0] != 0).any(0).numpy()
        rows, cols = receptive_interval(graph, node.name, (row, col))
        assert rows == (int(np.flatnonzero(seen.any(1))[0]), int(np.flatnonzero(seen.any(1))[-1]) + 1), node.name
        assert cols == (int(np.flatnonzero(seen.any(0))[0]), int(np.flatnonzero(seen.any(0))[-1]) + 1), node.name


def test_a_unit_of_a_concatenation_sees_what_its_own_branch_sees() -> None:
    graph = Capture(ones(Inception()), (3, SIDE, SIDE)).graph
    name = graph.output.name

    def field(unit: int) -> tuple[tuple[int, int], tuple[int, int]]:
        region = receptive_region(graph, name, unit, (10, 12))
        return region.rows, region.cols

    assert field(0) == ((10, 11), (12, 13))
    assert field(2) == ((9, 12), (11, 14))
    assert field(5) == ((10, 11), (9, 16))
    assert field(11) == ((9, 12), (11, 14))
    assert receptive_interval(graph, name, (10, 12)) == ((9, 12), (9, 16))


def test_the_field_is_the_recurrences_where_that_is_known() -> None:
    graph = Capture(nn.Sequential(nn.Conv2d(1, 2, 5, 2, 1), nn.MaxPool2d(3, 2), nn.Conv2d(2, 2, 3)), (1, 40, 40)).graph
    for node in graph.layers:
        assert node.field_hw is not None
        cell = (node.output_shape[1] // 2, 1)
        rows, cols = receptive_interval(graph, node.name, cell)
        for found, axis in ((rows, 0), (cols, 1)):
            first, last = node.field_hw[axis].interval(cell[axis])
            assert found == (max(0, first), min(40, last))


def test_a_dilated_field_has_holes() -> None:
    graph = Capture(nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3)), (1, 9, 9)).graph
    region = receptive_region(graph, "0", 0, (1, 2))
    assert np.argwhere(region.mask_hw).tolist() == [[r, c] for r in (1, 4, 7) for c in (2, 5, 8)]
    assert (region.rows, region.cols) == ((1, 8), (2, 9))
    assert not region.is_whole


def test_global_operations_see_the_whole_picture() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    graph = Capture(module, (1, SIDE, SIDE)).graph
    assert not receptive_region(graph, "0", 0, (3, 3)).is_whole
    for name in ("1", "2", "3"):
        region = receptive_region(graph, name, 0)
        assert region.is_whole
        assert region.is_exact


def test_what_cannot_be_followed_counts_as_seeing_all() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.flip(self.first(x), (2,))

    graph = Capture(Odd(), (1, SIDE, SIDE)).graph
    region = receptive_region(graph, graph.output.name, 0, (0, 0))
    assert region.is_whole
    assert not region.is_exact
    assert receptive_region(graph, "first", 0, (0, 0)).is_exact


def test_a_cell_that_sees_only_padding_sees_nothing() -> None:
    graph = Capture(nn.Sequential(nn.Conv2d(1, 1, 1, padding=2)), (1, 5, 5)).graph
    region = receptive_region(graph, "0", 0, (0, 0))
    assert (region.rows, region.cols) == ((0, 0), (0, 0))
    assert not region.mask_hw.any()


def test_the_input_sees_itself_and_a_vector_is_refused() -> None:
    graph = Capture(nn.Sequential(nn.Conv2d(1, 1, 3)), (1, 6, 6)).graph
    assert np.argwhere(receptive_region(graph, "input", 0, (2, 5)).mask_hw).tolist() == [[2, 5]]
    vector = Graph(
        "v", (Node("input", "input", "input", output_shape=(4,)), Node("fc", "linear", "Linear", ("input",)))
    )
    with pytest.raises(ValueError, match="no picture"):
        receptive_region(vector, "fc")


class DenseBlock(nn.Module):
    """Every layer reads all that were before it, as in DenseNet."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(2 + 2 * n, 4, 1), nn.Conv2d(4, 2, 3, padding=1)) for n in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(torch.cat(found, 1)))
        return torch.cat(found, 1)


def test_a_joined_value_is_looked_at_once_however_many_it_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """DenseNet-201 joins up to 48 values 98 times: the window waits for the answer."""
    graph = Capture(DenseBlock(12), (2, SIDE, SIDE)).graph
    joined = [node for node in graph.nodes if node.kind == "concatenation"]
    assert len(joined) == 13
    asked: list[str] = []
    joins = receptive._joins_channels
    monkeypatch.setattr(receptive, "_joins_channels", lambda node: asked.append(node.name) or joins(node))
    region = receptive_region(graph, graph.output.name, 25, (12, 12))  # the last layer's
    assert region.rows == region.cols == (0, SIDE)
    assert sorted(asked) == sorted(node.name for node in joined)
    first = receptive_region(graph, graph.output.name, 2, (12, 12))
    assert first.rows == first.cols == (11, 14)
    assert first.is_exact
