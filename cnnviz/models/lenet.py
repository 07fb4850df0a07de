"""LeNet-5, in the form that courses teach and in the form of 1998.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of the IEEE,
1998, section II-B. Every step is a module without children, so that each has its name and its value.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnviz.core.graph import Kind


def lenet1() -> nn.Sequential:
    """Return LeNet-1 with every map of one layer read by the next: 28×28, tanh, mean pooling; 3,246 parameters.

    Y. LeCun et al., "Handwritten Digit Recognition with a Back-Propagation Network", NIPS 1989; there its poolings have
    weights of their own and its second convolution reads some of the maps only.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 4, 5),  # (4, 24, 24)
            tanh1=nn.Tanh(),
            pool1=nn.AvgPool2d(2),  # (4, 12, 12)
            conv2=nn.Conv2d(4, 12, 5),  # (12, 8, 8)
            tanh2=nn.Tanh(),
            pool2=nn.AvgPool2d(2),  # (12, 4, 4)
            flatten=nn.Flatten(),  # (192,)
            fc=nn.Linear(192, 10),
        )
    )


def lenet5() -> nn.Sequential:
    """Return LeNet-5 as it is taught: 28×28, ReLU, max pooling; 61,706 parameters."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5, padding=2),  # (6, 28, 28)
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (6, 14, 14)
            conv2=nn.Conv2d(6, 16, 5),  # (16, 10, 10)
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # (16, 5, 5)
            flatten=nn.Flatten(),  # (400,)
            fc1=nn.Linear(400, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, 10),
        )
    )


def lenet5_original() -> nn.Sequential:
    """Return LeNet-5 of 1998: 32×32, scaled tanh, radial-basis output; 60,000 trainable parameters."""
    return nn.Sequential(
        OrderedDict(
            c1=nn.Conv2d(1, 6, 5),  # (6, 28, 28)
            tanh1=ScaledTanh(),
            s2=Subsampling(6),  # (6, 14, 14)
            tanh2=ScaledTanh(),
            c3=PartialConv2d(C3_CONNECTIONS, 5),  # (16, 10, 10)
            tanh3=ScaledTanh(),
            s4=Subsampling(16),  # (16, 5, 5)
            tanh4=ScaledTanh(),
            c5=nn.Conv2d(16, 120, 5),  # (120, 1, 1)
            tanh5=ScaledTanh(),
            flatten=nn.Flatten(),  # (120,)
            f6=nn.Linear(120, 84),
            tanh6=ScaledTanh(),
            output=RadialBasisOutput(glyphs()),  # (10,)
        )
    )


C3_CONNECTIONS: tuple[tuple[int, ...], ...] = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5), (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5),
    (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""Which maps of S2 each map of C3 reads: table I of the paper."""


class ScaledTanh(nn.Module):
    """f(a) = 1.7159 tanh(2a/3), the paper's appendix A: f(±1) = ±1, and the slope is largest where it is needed."""

    kind: Kind = "activation"

    def forward(self, x: Tensor) -> Tensor:
        """Return the function of each element."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """Trainable mean sub-sampling: a coefficient and a bias for each map times the mean of 2×2 neighbours.

    Parameters
    ----------
    channels
        Number of maps.
    """

    kind: Kind = "pooling"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel_size = (2, 2)
        self.stride = (2, 2)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, H/2, W/2)."""
        mean = functional.avg_pool2d(x, 2)
        return mean * self.weight[:, None, None] + self.bias[:, None, None]


class PartialConv2d(nn.Module):
    """A convolution whose filters each read only some of the input maps; only those kernels exist.

    Parameters
    ----------
    connections
        For each filter the input maps that it reads.
    side
        Side of the square kernels.
    """

    kind: Kind = "convolution"

    def __init__(self, connections: tuple[tuple[int, ...], ...], side: int) -> None:
        super().__init__()
        self.connections = connections
        self.kernel_size, self.stride, self.padding = (side, side), (1, 1), (0, 0)
        self.out_channels = len(connections)
        self.in_channels = 1 + max(max(inputs) for inputs in connections)
        self.kernels = nn.Parameter(torch.empty(sum(map(len, connections)), side, side))
        self.bias = nn.Parameter(torch.zeros(self.out_channels))
        places = [o * self.in_channels + i for o, inputs in enumerate(connections) for i in inputs]
        self.register_buffer("places", torch.tensor(places), persistent=False)
        start = 0
        for inputs in connections:  # the usual bound of a convolution, by each filter's own number of inputs
            bound = (len(inputs) * side * side) ** -0.5
            nn.init.uniform_(self.kernels.data[start : start + len(inputs)], -bound, bound)
            start += len(inputs)

    @property
    def dense_weight(self) -> Tensor:
        """The kernels as an ordinary weight (O, I, side, side), zero where there is no connection."""
        places = self.get_buffer("places")
        side = self.kernel_size[0]
        flat = self.kernels.new_zeros(self.out_channels * self.in_channels, side, side)
        return flat.index_copy(0, places, self.kernels).view(self.out_channels, self.in_channels, side, side)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Return the products of one input: each existing kernel once for each output cell."""
        return self.kernels.numel() * output_shape[-1] * output_shape[-2]

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, O, H', W')."""
        return functional.conv2d(x, self.dense_weight, self.bias)


class RadialBasisOutput(nn.Module):
    """Half the negative squared distance to each class's picture: −½ Σ (x − w)².

    The paper's output is the distance itself, smallest for the answer, and its loss (equation 9) is that of a softmax
    over the negative distances with one more, constant, class; without that class it is the cross entropy.
    Half the distance is the logarithm of a Gaussian of unit width. The pictures are fixed.

    Parameters
    ----------
    centres
        (classes, features), each −1 or +1.
    """

    kind: Kind = "output"

    def __init__(self, centres: Tensor) -> None:
        super().__init__()
        self.register_buffer("centres", centres)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Return one product for each feature of each class."""
        return self.get_buffer("centres").numel()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, classes)."""
        difference = x[:, None, :] - self.get_buffer("centres")[None]  # (N, classes, features)
        return -0.5 * difference.square().sum(2)


def glyphs() -> Tensor:
    """Return the ten digits as 7×12 pictures of −1 (paper) and +1 (ink), flattened to (10, 84)."""
    rows = [[character == "#" for line in digit.split() for character in line] for digit in _GLYPHS]
    return torch.tensor(rows, dtype=torch.float32) * 2 - 1


_GLYPHS = (
    "....... .#####. ##...## ##...## ##...## ##...## ##...## ##...## ##...## ##...## .#####. .......",
    "....... ...##.. ..###.. .####.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. .###### .......",
    "....... .#####. ##...## .....## .....## ....##. ...##.. ..##... .##.... ##..... ####### .......",
    "....... ######. .....## .....## .....## ..####. .....## .....## .....## .....## ######. .......",
    "....... ....##. ...###. ..####. .##.##. ##..##. ##..##. ####### ....##. ....##. ....##. .......",
    "....... ####### ##..... ##..... ##..... ######. .....## .....## .....## ##...## .#####. .......",
    "....... ..####. .##.... ##..... ##..... ######. ##...## ##...## ##...## ##...## .#####. .......",
    "....... ####### .....## .....## ....##. ....##. ...##.. ...##.. ..##... ..##... ..##... .......",
    "....... .#####. ##...## ##...## ##...## .#####. ##...## ##...## ##...## ##...## .#####. .......",
    "....... .#####. ##...## ##...## ##...## ##...## .###### .....## .....## ....##. .####.. .......",
)
