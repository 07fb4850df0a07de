"""The numbers of a difference, by hand and against PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray, Inspection, ModelRequest
from cnnviz.views.difference import compute

MAPS = Node("conv", "convolution", "Conv2d", output_shape=(3, 1, 2))
VECTOR = Node("fc", "linear", "Linear", output_shape=(3,))
RELU = Node("relu", "activation", "ReLU", output_shape=(3, 1, 2))
INPUT = Node("input", "input", "input", output_shape=(3, 1, 2))


def maps(*rows: tuple[float, float]) -> FloatArray:
    return np.array(rows, np.float32)[:, None, :]


A = maps((1, 2), (0, 0), (2, 4))
B = maps((1, 2), (3, 4), (-2, 1))


def test_by_hand() -> None:
    found = compute.difference_of(MAPS, A, B)
    assert found.change_chw.tolist() == [[[0, 0]], [[3, 4]], [[-4, -3]]]
    assert found.norm_c.tolist() == [0, 5, 5]
    assert found.norm_a == 5  # 1 + 4 + 0 + 0 + 4 + 16
    assert found.norm == pytest.approx(math.sqrt(50))
    assert found.relative == pytest.approx(math.sqrt(50) / 5)
    assert compute.summary(MAPS, found) == "‖B − A‖ / ‖A‖ = 1.41; most in map 1"


@pytest.mark.parametrize(
    ("order", "expected"), [("change", [1, 2, 0]), ("rise", [1, 0, 2]), ("fall", [2, 0, 1]), ("index", [0, 1, 2])]
)
def test_units_in_order(order: compute.Order, expected: list[int]) -> None:
    assert compute.order_units(compute.difference_of(MAPS, A, B), order).tolist() == expected


def test_the_norms_are_pytorchs() -> None:
    a, b = (torch.randn(32, 14, 14, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    node = Node("conv", "convolution", "Conv2d", output_shape=(32, 14, 14))
    found = compute.difference_of(node, a.numpy(), b.numpy())
    np.testing.assert_allclose(found.norm_c, (b - a).flatten(1).norm(dim=1).numpy(), rtol=1e-5)
    assert found.relative == pytest.approx(float((b - a).norm() / a.norm()), rel=1e-5)


def test_a_vector_has_one_number_an_element() -> None:
    a, b = np.array([1, -2, 2], np.float32), np.array([1, 2, 2], np.float32)
    found = compute.difference_of(VECTOR, a, b)
    assert found.norm_c.tolist() == [0, 4, 0]
    assert found.relative == pytest.approx(4 / 3)
    assert compute.summary(VECTOR, found).endswith("most in element 1")


def test_nothing_differs_and_nothing_to_compare_with() -> None:
    same = compute.difference_of(MAPS, A, A)
    assert same.relative == 0
    assert compute.summary(MAPS, same) == "‖B − A‖ / ‖A‖ = 0; nothing differs"
    from_nothing = compute.difference_of(MAPS, np.zeros_like(A), B)
    assert from_nothing.relative is None
    assert compute.summary(MAPS, from_nothing) == "A is 0 everywhere; most in map 1"


def test_what_is_no_number_does_not_hide_the_rest() -> None:
    b = B.copy()
    b[1, 0, 0] = np.nan
    found = compute.difference_of(MAPS, A, b)
    assert compute.order_units(found, "change").tolist() == [2, 0, 1]
    compute.summary(MAPS, found)
    infinite = compute.difference_of(MAPS, np.full_like(A, np.inf), np.full_like(A, np.inf))
    assert "nothing differs" in compute.summary(MAPS, infinite)
    compute.scales_of(MAPS, infinite, "unit")


def test_a_and_b_have_one_scale() -> None:
    found = compute.difference_of(MAPS, A, B)
    layer = compute.scales_of(MAPS, found, "layer")
    assert layer.role == "signed"
    assert (layer.low.tolist(), layer.high.tolist()) == ([-4], [4])
    assert layer.change.tolist() == [4]
    unit = compute.scales_of(MAPS, found, "unit")
    assert unit.high.tolist() == [2, 4, 4]
    assert unit.low.tolist() == [-2, -4, -4]
    assert unit.change.tolist() == [1, 4, 4]  # a map without a change has some range


def test_one_that_is_never_negative_is_sequential_in_both() -> None:
    positive = compute.scales_of(RELU, compute.difference_of(RELU, A, abs(B)), "layer")
    assert (positive.role, positive.low.tolist(), positive.high.tolist()) == ("activation", [0], [4])
    leaky = compute.scales_of(RELU, compute.difference_of(RELU, A, B), "layer")  # B is negative somewhere
    assert (leaky.role, leaky.low.tolist(), leaky.high.tolist()) == ("signed", [-4], [4])
    given = compute.scales_of(INPUT, compute.difference_of(INPUT, A, B), "layer")
    assert (given.role, given.low.tolist(), given.high.tolist()) == ("ink", [-2], [4])


def answer(*probabilities: float) -> Inspection:
    values = np.array(probabilities, np.float32)
    return Inspection(ModelRequest("lenet5"), 1, {}, np.log(values), values)


def test_the_best_classes_of_both() -> None:
    a, b = answer(0.7, 0.2, 0.0996, 0.0004), answer(0.0003, 0.3, 0.0997, 0.6)
    pairs = compute.class_pairs(a, b, ("cat", "dog", "owl", "cow"), 2)
    assert [(pair.label, round(pair.a, 4), round(pair.b, 4)) for pair in pairs] == [
        ("cat", 0.7, 0.0003), ("cow", 0.0004, 0.6), ("dog", 0.2, 0.3),
    ]  # fmt: skip
    sure = compute.class_pairs(answer(0.9995, 0.0003, 0.0002), answer(0.9996, 0.0002, 0.0002), ("x", "y", "z"), 3)
    assert [pair.label for pair in sure] == ["x"]
    assert compute.class_pairs(a, b, ("cat", "dog"), 2) == ()
    assert compute.class_pairs(a, b, (), 2) == ()
    assert compute.class_pairs(answer(), answer(), (), 2) == ()  # a network whose answer is a picture
