"""The table of networks: one line each. Imports no torch, so a menu can be built before torch is there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from cnnviz.core.errors import UserError
from cnnviz.core.inspection import Interpolation, Preparation

DIGITS = tuple("0123456789")
Labels = tuple[str, ...] | Literal["imagenet"]


@dataclass(frozen=True)
class InputSpec:
    """What a network is given.

    Attributes
    ----------
    channels, height, width
        Shape of the input without the batch axis.
    preparation
        ``digit``: centred like MNIST, ink is 1 on 0 and the 28×28 picture is padded with paper to the input's side.
        ``photo``: red, green and blue; reduced or enlarged until its middle fills the input, as torchvision does it.
    mean, std
        Normalisation for each channel, applied to values in 0..1.
    resize
        What a photograph's shorter side becomes before the middle is cut out of it; 0: the input's own side.
    interpolation
        How it is resized.
    """

    channels: int
    height: int
    width: int
    preparation: Preparation
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int = 0
    interpolation: Interpolation = "bilinear"


@dataclass(frozen=True)
class ModelSpec:
    """A network that cnnviz knows by name.

    Attributes
    ----------
    name, title, summary
        Registry name, name for people, one sentence.
    builder
        ``module:function``; the function takes no arguments and returns an ``nn.Module`` with fresh weights.
    input
        What it is given.
    labels
        Class names, or ``imagenet``: those 1000 that torchvision knows; none where the output is a picture.
    weights
        File below ``resources/weights`` that ships, or ``None``: then the weights are torchvision's, once they were
        fetched, or random.
    family
        Under which heading it stands in lists.
    """

    name: str
    title: str
    summary: str
    builder: str
    input: InputSpec
    labels: Labels
    weights: str | None = None
    family: str = "LeNet"

    @property
    def gives_picture(self) -> bool:
        """Whether its answer is a picture rather than classes."""
        return not self.labels

    @property
    def is_torchvision(self) -> bool:
        """Whether torchvision builds it, and publishes weights for it."""
        return self.builder.startswith("cnnviz.models.torchvision_zoo:")


_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALVES = (0.5, 0.5, 0.5)
_CENTRED = ("googlenet", "inception_v3", "efficientnet_v2_l")  # the first two by torchvision's `transform_input`
_CIFAR = InputSpec(3, 32, 32, "photo", mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616))
_MNIST_MEAN, _MNIST_STD = (0.1307,), (0.3081,)
_DIGIT = InputSpec(1, 28, 28, "digit", _MNIST_MEAN, _MNIST_STD)
_DIGIT_32 = InputSpec(1, 32, 32, "digit", _MNIST_MEAN, _MNIST_STD)
MORE = "More of torchvision"
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _lenet(name: str, title: str, summary: str, given: InputSpec, weights: str | None) -> ModelSpec:
    return ModelSpec(name, title, summary, f"cnnviz.models.lenet:{name}", given, DIGITS, weights, "LeNet")


def _picture(name: str, title: str, summary: str, given: InputSpec) -> ModelSpec:
    words = f"{summary} {given.height}×{given.width} digits."
    return ModelSpec(
        name, title, words, f"cnnviz.models.upsampling:{name}", given, (), f"{name}.safetensors", "Up-sampling"
    )


def _cifar(name: str, title: str, summary: str, weights: str | None = None) -> ModelSpec:
    return ModelSpec(name, title, summary, f"cnnviz.models.cifar:{name}", _CIFAR, CIFAR_CLASSES, weights, "CIFAR-10")


def _residual(depth: int) -> ModelSpec:
    blocks = (depth - 2) // 2
    shipped = "resnet20.safetensors" if depth == 20 else None
    words = f"He et al.'s network for CIFAR-10: {blocks} blocks that add to what they are given. 32×32 photographs."
    return _cifar(f"resnet{depth}", f"ResNet-{depth}", words, shipped)


def _plain(depth: int) -> ModelSpec:
    return _cifar(f"plain{depth}", f"Plain-{depth}", f"ResNet-{depth} without its shortcuts. 32×32 photographs.")


def _torchvision(
    name: str, title: str, summary: str, family: str, side: int = 224, resize: int = 256,
    interpolation: Interpolation = "bilinear", weights: str | None = None,
) -> ModelSpec:  # fmt: skip
    mean, std = (_HALVES, _HALVES) if name in _CENTRED else (_IMAGENET_MEAN, _IMAGENET_STD)
    given = InputSpec(3, side, side, "photo", mean, std, resize, interpolation)
    words = f"{summary} {side}×{side} photographs."
    return ModelSpec(name, title, words, f"cnnviz.models.torchvision_zoo:{name}", given, "imagenet", weights, family)


def _vgg(depth: int, *, normalised: bool) -> ModelSpec:
    words = f"{depth - 3} convolutions of 3×3, five max poolings, three dense layers; ReLU."
    if normalised:
        words = f"VGG-{depth} whose convolutions are each normalised before their ReLU."
    name, title = f"vgg{depth}" + "_bn" * normalised, f"VGG-{depth}" + " with batch normalisation" * normalised
    return _torchvision(name, title, words, "AlexNet and VGG")


_OTHERS: tuple[tuple[str, str, int, int, Interpolation], ...] = (
    ("convnext_tiny", "ConvNeXt Tiny", 224, 236, "bilinear"),
    ("convnext_small", "ConvNeXt Small", 224, 230, "bilinear"),
    ("convnext_base", "ConvNeXt Base", 224, 232, "bilinear"),
    ("convnext_large", "ConvNeXt Large", 224, 232, "bilinear"),
    ("densenet121", "DenseNet-121", 224, 256, "bilinear"),
    ("densenet161", "DenseNet-161", 224, 256, "bilinear"),
    ("densenet169", "DenseNet-169", 224, 256, "bilinear"),
    ("densenet201", "DenseNet-201", 224, 256, "bilinear"),
    ("efficientnet_b0", "EfficientNet-B0", 224, 256, "bicubic"),
    ("efficientnet_b1", "EfficientNet-B1", 240, 256, "bicubic"),
    ("efficientnet_b2", "EfficientNet-B2", 288, 288, "bicubic"),
    ("efficientnet_b3", "EfficientNet-B3", 300, 320, "bicubic"),
    ("efficientnet_b4", "EfficientNet-B4", 380, 384, "bicubic"),
    ("efficientnet_b5", "EfficientNet-B5", 456, 456, "bicubic"),
    ("efficientnet_b6", "EfficientNet-B6", 528, 528, "bicubic"),
    ("efficientnet_b7", "EfficientNet-B7", 600, 600, "bicubic"),
    ("efficientnet_v2_s", "EfficientNetV2-S", 384, 384, "bilinear"),
    ("efficientnet_v2_m", "EfficientNetV2-M", 480, 480, "bilinear"),
    ("efficientnet_v2_l", "EfficientNetV2-L", 480, 480, "bicubic"),
    ("maxvit_t", "MaxViT-T", 224, 224, "bicubic"),
    ("mnasnet0_5", "MNASNet 0.5", 224, 256, "bilinear"),
    ("mnasnet0_75", "MNASNet 0.75", 224, 232, "bilinear"),
    ("mnasnet1_0", "MNASNet 1.0", 224, 256, "bilinear"),
    ("mnasnet1_3", "MNASNet 1.3", 224, 232, "bilinear"),
    ("mobilenet_v2", "MobileNetV2", 224, 256, "bilinear"),
    ("mobilenet_v3_small", "MobileNetV3 Small", 224, 256, "bilinear"),
    ("mobilenet_v3_large", "MobileNetV3 Large", 224, 256, "bilinear"),
    ("regnet_x_400mf", "RegNetX-400MF", 224, 256, "bilinear"),
    ("regnet_x_800mf", "RegNetX-800MF", 224, 256, "bilinear"),
    ("regnet_x_1_6gf", "RegNetX-1.6GF", 224, 256, "bilinear"),
    ("regnet_x_3_2gf", "RegNetX-3.2GF", 224, 256, "bilinear"),
    ("regnet_x_8gf", "RegNetX-8GF", 224, 256, "bilinear"),
    ("regnet_x_16gf", "RegNetX-16GF", 224, 256, "bilinear"),
    ("regnet_x_32gf", "RegNetX-32GF", 224, 256, "bilinear"),
    ("regnet_y_400mf", "RegNetY-400MF", 224, 256, "bilinear"),
    ("regnet_y_800mf", "RegNetY-800MF", 224, 256, "bilinear"),
    ("regnet_y_1_6gf", "RegNetY-1.6GF", 224, 256, "bilinear"),
    ("regnet_y_3_2gf", "RegNetY-3.2GF", 224, 256, "bilinear"),
    ("regnet_y_8gf", "RegNetY-8GF", 224, 256, "bilinear"),
    ("regnet_y_16gf", "RegNetY-16GF", 224, 256, "bilinear"),
    ("regnet_y_32gf", "RegNetY-32GF", 224, 256, "bilinear"),
    ("regnet_y_128gf", "RegNetY-128GF", 384, 384, "bicubic"),
    ("resnext50_32x4d", "ResNeXt-50 32×4d", 224, 256, "bilinear"),
    ("resnext101_32x8d", "ResNeXt-101 32×8d", 224, 256, "bilinear"),
    ("resnext101_64x4d", "ResNeXt-101 64×4d", 224, 232, "bilinear"),
    ("shufflenet_v2_x0_5", "ShuffleNetV2 0.5×", 224, 256, "bilinear"),
    ("shufflenet_v2_x1_0", "ShuffleNetV2 1×", 224, 256, "bilinear"),
    ("shufflenet_v2_x1_5", "ShuffleNetV2 1.5×", 224, 232, "bilinear"),
    ("shufflenet_v2_x2_0", "ShuffleNetV2 2×", 224, 232, "bilinear"),
    ("swin_t", "Swin-T", 224, 232, "bicubic"),
    ("swin_s", "Swin-S", 224, 246, "bicubic"),
    ("swin_b", "Swin-B", 224, 238, "bicubic"),
    ("swin_v2_t", "SwinV2-T", 256, 260, "bicubic"),
    ("swin_v2_s", "SwinV2-S", 256, 260, "bicubic"),
    ("swin_v2_b", "SwinV2-B", 256, 272, "bicubic"),
    ("vit_b_16", "ViT-B/16", 224, 256, "bilinear"),
    ("vit_b_32", "ViT-B/32", 224, 256, "bilinear"),
    ("vit_l_16", "ViT-L/16", 224, 242, "bilinear"),
    ("vit_l_32", "ViT-L/32", 224, 256, "bilinear"),
    ("vit_h_14", "ViT-H/14", 518, 518, "bicubic"),
    ("wide_resnet50_2", "Wide ResNet-50", 224, 256, "bilinear"),
    ("wide_resnet101_2", "Wide ResNet-101", 224, 256, "bilinear"),
)
"""Torchvision's other classifiers: name, title, side of the input, what a picture is resized to, and how.

Written down, since asking torchvision takes a second and a half; a test compares the table with it.
"""


def _other(name: str, title: str, side: int, resize: int, interpolation: Interpolation) -> ModelSpec:
    return _torchvision(name, title, "One of torchvision's other classifiers.", MORE, side, resize, interpolation)


MODELS: tuple[ModelSpec, ...] = (
    _lenet(
        "lenet5",
        "LeNet-5",
        "Two convolutions, two max poolings, three dense layers; ReLU. 28×28 digits.",
        _DIGIT,
        "lenet5.safetensors",
    ),
    _lenet(
        "lenet5_original",
        "LeNet-5 (1998)",
        "LeCun's original form: tanh, trainable sub-sampling, partial connections, radial-basis output.",
        _DIGIT_32,
        "lenet5_original.safetensors",
    ),
    _lenet(
        "lenet1",
        "LeNet-1",
        "LeCun's first: four and twelve maps of 5×5, mean pooling, one dense layer; tanh. 28×28 digits.",
        _DIGIT,
        "lenet1.safetensors",
    ),
    _picture("autoencoder", "Autoencoder", "Squeezes a digit into 4 maps of 7×7 and draws it anew.", _DIGIT),
    _picture(
        "unet", "U-Net", "Takes noise off a digit: what was seen before pooling is laid beside the rest.", _DIGIT_32
    ),
    *(_residual(depth) for depth in (20, 32, 44, 56)),
    *(_plain(depth) for depth in (20, 32, 44, 56)),
    _cifar(
        "vgg_small",
        "Small VGG",
        "Six convolutions of 3×3 and three max poolings. 32×32 photographs.",
        "vgg_small.safetensors",
    ),
    _cifar(
        "network_in_network",
        "Network in Network",
        "1×1 convolutions between the others; no dense layer. 32×32 photographs.",
    ),
    _torchvision(
        "alexnet", "AlexNet", "Five convolutions, the first of 11×11, three dense layers; ReLU.", "AlexNet and VGG"
    ),
    *(_vgg(depth, normalised=normalised) for depth in (11, 13, 16, 19) for normalised in (False, True)),
    *(
        _torchvision(
            f"resnet{depth}",
            f"ResNet-{depth}",
            f"{depth - 1} convolutions in {blocks} blocks that add to what they are given.",
            "ResNet",
        )
        for depth, blocks in ((18, 8), (34, 16), (50, 16), (101, 33), (152, 50))
    ),
    _torchvision(
        "googlenet",
        "GoogLeNet",
        "Nine Inception modules: four branches side by side, then joined.",
        "Inception and SqueezeNet",
    ),
    _torchvision(
        "inception_v3",
        "Inception v3",
        "Inception modules with 7×1 and 1×7 convolutions.",
        "Inception and SqueezeNet",
        299,
        342,
    ),
    _torchvision(
        "squeezenet1_0",
        "SqueezeNet 1.0",
        "Eight fire modules: 1×1 convolutions before 1×1 and 3×3 ones.",
        "Inception and SqueezeNet",
    ),
    _torchvision(
        "squeezenet1_1",
        "SqueezeNet 1.1",
        "SqueezeNet with less than half of the multiply-adds.",
        "Inception and SqueezeNet",
        weights="squeezenet1_1.safetensors",
    ),
    *(_other(*row) for row in _OTHERS),
)


def taking(preparation: Preparation) -> tuple[ModelSpec, ...]:
    """Return the registered networks for digits, or those for photographs."""
    return tuple(spec for spec in MODELS if spec.input.preparation == preparation)


_FILE = "file:"
_opened: dict[str, ModelSpec] = {}


def name_of_file(path: str) -> str:
    """Return under which name a network stands that is told by its file: its weights, or a whole program."""
    return _FILE + path


def is_file(name: str) -> bool:
    """Return whether a name is one that `name_of_file` makes; `get` knows it once the file was opened."""
    return name.startswith(_FILE)


def remember(name: str, spec: ModelSpec) -> None:
    """Let `get` find the network of a file that was opened."""
    _opened[name] = spec


def table_name(name: str) -> str:
    """Return the name in the table of what `get` returns; empty where there is nothing (yet)."""
    spec = _opened.get(name)
    return spec.name if spec is not None else "" if is_file(name) else name


def get(name: str) -> ModelSpec:
    """Return the registered network called `name`, or that of an opened file.

    Raises
    ------
    UserError
        When there is none; the sentence lists the known names.
    """
    if name in _opened:
        return _opened[name]
    for spec in MODELS:
        if spec.name == name:
            return spec
    near = difflib.get_close_matches(name, [spec.name for spec in MODELS], n=3)
    known = ", ".join(near or [spec.name for spec in MODELS if spec.family != MORE])
    raise UserError(
        f"There is no network called '{name}'.", suggestion=f"Known networks: {known}; 'cnnviz models' lists all."
    )
