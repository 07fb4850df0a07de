"""Presets, search, axes, the chart's places, the sentence about two networks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cnnviz.core.inspection import ModelRequest
from cnnviz.models import registry
from cnnviz.models.comparing import Compared
from cnnviz.views.networks import compute

VGG = Compared(
    ModelRequest("vgg19"), "VGG-19", parameters=143_667_240, macs=19_632_062_464, origin="published", times_ms=(400.0,),
    weight_bytes=574_668_960, activation_bytes=100_000_000, accuracy=(72.376, 90.876), accuracy_of="x",
)  # fmt: skip
RESNET = Compared(
    ModelRequest("resnet50"), "ResNet-50", parameters=25_557_032, macs=4_089_184_256, origin="published",
    times_ms=(100.0,), weight_bytes=102_228_128, activation_bytes=180_000_000, accuracy=(76.13, 92.862),
    accuracy_of="x",
)  # fmt: skip


def test_presets_name_registered_networks_and_begin_with_the_lecture_s() -> None:
    known = {spec.name for spec in registry.MODELS}
    found = compute.presets()
    assert found[0].names == ("vgg19", "resnet50")
    assert all(set(preset.names) <= known for preset in found)
    assert len({preset.title for preset in found}) == len(found) >= 5


def test_networks_are_found_by_title_name_and_family() -> None:
    everything = compute.families()
    assert sum(len(specs) for _, specs in everything) == len(registry.MODELS)
    (family,) = compute.families("resnet-20")
    assert [spec.name for spec in family[1]] == ["resnet20"]
    assert any(spec.name == "resnet152" for _, specs in compute.families("RESNET") for spec in specs)
    assert compute.families("no such thing") == ()


def test_a_logarithmic_axis_gives_equal_room_to_equal_factors() -> None:
    found = compute.axis([1e6, 1e8], is_log=True)
    assert found.part(1e7) == pytest.approx(0.5)
    assert found.low < 1e6 < 1e8 < found.high
    assert set(found.ticks) >= {1e6, 1e7, 1e8}
    assert all(found.low <= tick <= found.high for tick in found.ticks)


@pytest.mark.parametrize("values", [[70.0], [99.5, 99.5], [0.0], [100.0], [10.0, 95.0]])
def test_a_linear_axis_holds_its_values_and_ends_at_a_hundred(values: list[float]) -> None:
    found = compute.axis(values, is_log=False)
    assert all(0 <= found.part(value) <= 1 for value in values)
    assert 0 <= found.low < found.high <= 101
    assert 2 <= len(found.ticks) <= 7


def test_one_value_is_in_the_middle() -> None:
    assert compute.axis([5e6], is_log=True).part(5e6) == pytest.approx(0.5)


def test_discs_are_where_the_numbers_say() -> None:
    across, up = compute.MEASURES[compute.DEFAULT_X], compute.MEASURES[compute.DEFAULT_Y]
    unknown = replace(VGG, title="Unknown", accuracy=(None, None))
    failed = replace(VGG, title="Failed", error="It failed.")
    chart = compute.chart((VGG, RESNET, unknown, failed), across, up)
    vgg, resnet = chart.points
    assert vgg.x > resnet.x
    assert vgg.y < resnet.y
    assert vgg.area == 1
    assert resnet.area == pytest.approx(25_557_032 / 143_667_240)
    assert chart.missing == ("Unknown",)
    nothing = compute.chart((unknown,), across, up)
    assert nothing.points == ()
    assert nothing.missing == ("Unknown",)


@pytest.mark.parametrize("measure", compute.MEASURES, ids=lambda measure: measure.title)
def test_every_measure_writes_its_values(measure: compute.Measure) -> None:
    value = measure.value(VGG)
    assert value is not None
    assert measure.text(value)


def test_what_stands_out_of_two() -> None:
    assert compute.contrast((VGG, RESNET)) == (
        "VGG-19 has 5.6 × the parameters, 4.8 × the multiply-adds, 4.0 × the time of ResNet-50, "
        "and 3.8 points less top-1."
    )
    assert compute.contrast((VGG,)) == ""
    assert compute.contrast((VGG, RESNET, VGG)) == ""
    assert compute.contrast((VGG, replace(RESNET, error="no"))) == ""
    assert "top-1" not in compute.contrast((VGG, replace(RESNET, accuracy_of="other pictures")))
