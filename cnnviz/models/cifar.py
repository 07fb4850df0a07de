"""Networks for small colour pictures: He et al.'s ResNets for CIFAR-10 and their plain twins, a small VGG, and NiN.

K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2; M. Lin,
Q. Chen and S. Yan, "Network In Network", ICLR 2014; K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks
for Large-Scale Image Recognition", ICLR 2015.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10


class ZeroPadShortcut(nn.Module):
    """He et al.'s option A: every second row and column, and maps of zeros around the old ones; no parameters.

    Parameters
    ----------
    in_channels, out_channels
        Maps before and after.
    """

    kind = "other"

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.padding = 1, 2, 0  # which pixels it keeps, as a sliding window has it

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return (N, out_channels, ⌈H / 2⌉, ⌈W / 2⌉)."""
        before = (self.out_channels - self.in_channels) // 2
        after = self.out_channels - self.in_channels - before
        return functional.pad(x_nchw[:, :, ::2, ::2], (0, 0, 0, 0, before, after))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions; what came in is added to what they make, where there is a shortcut.

    Parameters
    ----------
    in_channels, out_channels, stride
        Of the first convolution.
    residual
        Whether what came in is added; a plain twin leaves it out.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, residual: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU()
        self.residual = residual
        same = in_channels == out_channels and stride == 1
        self.shortcut = ZeroPadShortcut(in_channels, out_channels) if residual and not same else None

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return relu(F(x) + x), or relu(F(x)) without the shortcut."""
        y_nchw = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x_nchw)))))
        if self.residual:
            y_nchw = y_nchw + (x_nchw if self.shortcut is None else self.shortcut(x_nchw))
        result: Tensor = self.relu2(y_nchw)
        return result


class CifarResNet(nn.Module):
    """6n + 2 layers: a convolution, three stages of n blocks with 16, 32 and 64 maps, each map's mean, a dense layer.

    Parameters
    ----------
    depth
        20, 32, 44, 56 or another 6n + 2.
    residual
        Whether blocks have shortcuts.

    Raises
    ------
    ValueError
        When the depth is not 6n + 2.
    """

    def __init__(self, depth: int, *, residual: bool) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"the depth of such a network is 6n + 2, not {depth}")
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, blocks, 1, residual=residual)
        self.layer2 = _stage(16, 32, blocks, 2, residual=residual)
        self.layer3 = _stage(32, 64, blocks, 2, residual=residual)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(64, CLASSES)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):  # K. He et al., "Delving Deep into Rectifiers", ICCV 2015
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return the logits (N, 10) of pictures (N, 3, 32, 32)."""
        y_nchw = self.relu(self.bn1(self.conv1(x_nchw)))
        y_nchw = self.layer3(self.layer2(self.layer1(y_nchw)))
        logits: Tensor = self.linear(self.flatten(self.avgpool(y_nchw)))
        return logits


def _stage(in_channels: int, out_channels: int, blocks: int, stride: int, *, residual: bool) -> nn.Sequential:
    """Return a stage: its first block changes the size."""
    first = BasicBlock(in_channels, out_channels, stride, residual=residual)
    rest = (BasicBlock(out_channels, out_channels, 1, residual=residual) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)


def resnet20() -> nn.Module:
    """Return ResNet-20; 269,722 parameters."""
    return CifarResNet(20, residual=True)


def resnet32() -> nn.Module:
    """Return ResNet-32; 464,154 parameters."""
    return CifarResNet(32, residual=True)


def resnet44() -> nn.Module:
    """Return ResNet-44; 658,586 parameters."""
    return CifarResNet(44, residual=True)


def resnet56() -> nn.Module:
    """Return ResNet-56; 853,018 parameters."""
    return CifarResNet(56, residual=True)


def plain20() -> nn.Module:
    """Return ResNet-20 without its shortcuts."""
    return CifarResNet(20, residual=False)


def plain32() -> nn.Module:
    """Return ResNet-32 without its shortcuts."""
    return CifarResNet(32, residual=False)


def plain44() -> nn.Module:
    """Return ResNet-44 without its shortcuts."""
    return CifarResNet(44, residual=False)


def plain56() -> nn.Module:
    """Return ResNet-56 without its shortcuts."""
    return CifarResNet(56, residual=False)


class VggSmall(nn.Module):
    """Pairs of 3×3 convolutions with a pooling after each, as VGG; the mean of each map stands before the dense layer.

    Pictures of 32×32 and of 64×64 fit alike.
    """

    WIDTHS = (32, 64, 128)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in self.WIDTHS:
            for _ in range(2):
                layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(before, CLASSES)

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return the logits (N, 10)."""
        y_nf = self.flatten(self.avgpool(self.features(x_nchw)))
        logits: Tensor = self.classifier(self.dropout(y_nf))
        return logits


def vgg_small() -> nn.Module:
    """Return the small VGG; 288,746 parameters."""
    return VggSmall()


class NetworkInNetwork(nn.Module):
    """Convolutions followed by two of 1×1, a small dense network at every pixel; the last ten maps are the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_mlpconv(3, 192, 160, 96, kernel=5),
            nn.MaxPool2d(3, 2, 1),
            nn.Dropout(0.5),
            *_mlpconv(96, 192, 192, 192, kernel=5),
            nn.AvgPool2d(3, 2, 1),
            nn.Dropout(0.5),
            *_mlpconv(192, 192, 192, CLASSES, kernel=3),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return the logits (N, 10) of pictures (N, 3, 32, 32)."""
        logits: Tensor = self.flatten(self.avgpool(self.features(x_nchw)))
        return logits


def _mlpconv(before: int, first: int, second: int, third: int, *, kernel: int) -> list[nn.Module]:
    """Return a convolution and two of 1×1, each with its ReLU."""
    return [
        nn.Conv2d(before, first, kernel, padding=kernel // 2), nn.ReLU(),
        nn.Conv2d(first, second, 1), nn.ReLU(),
        nn.Conv2d(second, third, 1), nn.ReLU(),
    ]  # fmt: skip


def network_in_network() -> nn.Module:
    """Return Network in Network; 966,986 parameters."""
    return NetworkInNetwork()
