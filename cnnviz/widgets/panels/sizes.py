"""Sizes of kernels and maps as they are written, and settings with which nothing is left over."""

from __future__ import annotations

from cnnviz.core import fitting
from cnnviz.core.convolution import ConvSpec, Pair, left_over
from cnnviz.core.operations import Convolution
from cnnviz.core.what_if import ConvChanges
from cnnviz.widgets.formula import coloured


def as_pair(numbers: tuple[int, ...]) -> Pair:
    """Return one number twice, or two."""
    return (numbers[0], numbers[-1])


def pair_text(pair: Pair) -> str:
    """Return how a pair is written in a field."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} × {pair[1]}"


def padding_text(padding: tuple[int, int, int, int]) -> str:
    """Return how the padding of four sides is written in a field."""
    top, bottom, left, right = padding
    if (top, left) == (bottom, right):
        return pair_text((top, left))
    return f"{top}, {bottom}, {left}, {right}"


def size_tex(n: int, kernel: int, stride: int, padding: int, dilation: int, result: int) -> str:
    """Return the output-size formula with its numbers, the kernel's in the kernel's colour."""
    top = rf"{n} + {coloured('pointer', str(padding))} - {dilation}({coloured('kernel', str(kernel))} - 1) - 1"
    exact = (n + padding - dilation * (kernel - 1) - 1) / stride
    between = "" if exact == int(exact) else rf"\lfloor {exact:g} \rfloor + 1 = "
    whole = rf"\left\lfloor \frac{{{top}}}{{{stride}}} \right\rfloor + 1 = {between}"
    return whole + coloured("accent", str(result))


def left_overs(operation: Convolution) -> Pair:
    """Return how many rows and columns at the end no window reaches."""
    spec = operation.spec
    height, width = operation.x.shape[1:]
    top, bottom, left, right = spec.padding
    return (
        left_over(height, spec.kernel[0], spec.stride[0], (top, bottom), spec.dilation[0]),
        left_over(width, spec.kernel[1], spec.stride[1], (left, right), spec.dilation[1]),
    )


def fits_for(spec: ConvSpec, size: Pair) -> list[tuple[str, ConvChanges]]:
    """Return up to three settings with which nothing is left over, in words and as changes.

    Rows and columns are mended each by their own nearest settings.
    """
    top, bottom, left, right = spec.padding
    axes = [
        fitting.nearest_fits(n, spec.kernel[a], spec.stride[a], pads, spec.dilation[a])
        for a, (n, pads) in enumerate(zip(size, ((top, bottom), (left, right)), strict=True))
    ]
    found: list[tuple[str, ConvChanges]] = []
    for index in range(3):
        picks = [options[index] if index < len(options) else None for options in axes]
        if all(pick is None for pick in picks):
            continue
        kernel = tuple(p.kernel if p else spec.kernel[a] for a, p in enumerate(picks))
        stride = tuple(p.stride if p else spec.stride[a] for a, p in enumerate(picks))
        down = picks[0].padding if picks[0] else (top, bottom)
        across = picks[1].padding if picks[1] else (left, right)
        changes = ConvChanges(
            kernel=as_pair(kernel) if kernel != spec.kernel else None,
            stride=as_pair(stride) if stride != spec.stride else None,
            padding=(*down, *across),
        )
        words = []
        if changes.kernel:
            words.append(f"kernel {pair_text(changes.kernel)}")
        if changes.stride:
            words.append(f"stride {pair_text(changes.stride)}")
        if (*down, *across) != spec.padding:
            words.append(f"padding {padding_text((*down, *across))}")
        found.append((", ".join(words), changes))
    return found
