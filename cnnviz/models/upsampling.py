"""Networks whose answer is a picture: a small autoencoder and a small U-Net, both trained to take noise off digits.

P. Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008; O. Ronneberger,
P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


def autoencoder() -> nn.Sequential:
    """Return a convolutional autoencoder for 28×28 digits, whose code has 4 maps of 7×7; 4,485 parameters."""
    return nn.Sequential(
        OrderedDict(
            encoder=nn.Sequential(
                OrderedDict(
                    conv1=nn.Conv2d(1, 8, 3, stride=2, padding=1),  # (8, 14, 14)
                    relu1=nn.ReLU(),
                    conv2=nn.Conv2d(8, 16, 3, stride=2, padding=1),  # (16, 7, 7)
                    relu2=nn.ReLU(),
                    code=nn.Conv2d(16, 4, 1),  # (4, 7, 7)
                )
            ),
            decoder=nn.Sequential(
                OrderedDict(
                    up1=nn.ConvTranspose2d(4, 16, 4, stride=2, padding=1),  # (16, 14, 14)
                    relu1=nn.ReLU(),
                    up2=nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1),  # (8, 28, 28)
                    relu2=nn.ReLU(),
                    conv=nn.Conv2d(8, 1, 3, padding=1),  # (1, 28, 28)
                    sigmoid=nn.Sigmoid(),
                )
            ),
        )
    )


class UNet(nn.Module):
    """A U-Net of two levels for 32×32 digits: what was seen before pooling is laid beside what is enlarged again."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = _pair(1, 8)
        self.pool1 = nn.MaxPool2d(2)
        self.down2 = _pair(8, 16)
        self.pool2 = nn.MaxPool2d(2)
        self.bottom = _pair(16, 32)
        self.up2 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.join2 = _pair(32, 16)
        self.up1 = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.join1 = _pair(16, 8)
        self.head = nn.Conv2d(8, 1, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x_nchw: Tensor) -> Tensor:
        """Return ink in 0..1, (N, 1, 32, 32)."""
        fine = self.down1(x_nchw)  # (8, 32, 32)
        coarse = self.down2(self.pool1(fine))  # (16, 16, 16)
        bottom = self.bottom(self.pool2(coarse))  # (32, 8, 8)
        coarse = self.join2(torch.cat([coarse, self.up2(bottom)], dim=1))
        fine = self.join1(torch.cat([fine, self.up1(coarse)], dim=1))
        result: Tensor = self.sigmoid(self.head(fine))
        return result


def _pair(before: int, after: int) -> nn.Sequential:
    """Return two 3×3 convolutions, each with its ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(before, after, 3, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(after, after, 3, padding=1),
            relu2=nn.ReLU(),
        )
    )


def unet() -> UNet:
    """Return the small U-Net; 29,321 parameters."""
    return UNet()
