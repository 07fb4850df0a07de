"""Varied digits: each change alone against what it must do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cnnviz.datasets.starter import load_starter
from cnnviz.datasets.transforms import Augmentation

NONE = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def digits() -> Tensor:
    return torch.tensor(load_starter().images_nhw[::100])[:, None].float() / 255


def centre(batch_nchw: Tensor) -> Tensor:
    """Return each picture's centre of mass (N, 2), down and across."""
    mass = batch_nchw.sum((1, 2, 3))
    place = torch.arange(28.0)
    down = (batch_nchw.sum((1, 3)) * place).sum(1) / mass
    across = (batch_nchw.sum((1, 2)) * place).sum(1) / mass
    return torch.stack((down, across), 1)


def test_no_change_leaves_the_digits_alone() -> None:
    batch = digits()
    torch.testing.assert_close(NONE(batch, seeded()), batch, atol=1e-5, rtol=0)


def test_the_same_seed_gives_the_same_digits_and_the_given_ones_are_not_altered() -> None:
    batch = digits()
    before = batch.clone()
    one, again, other = (Augmentation()(batch, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(batch, before)


def test_ink_stays_between_nothing_and_all() -> None:
    varied = Augmentation()(digits(), seeded())
    assert varied.shape == (50, 1, 28, 28)
    assert float(varied.min()) >= 0
    assert float(varied.max()) <= 1 + 1e-6


def test_clean_leaves_about_its_share_untouched() -> None:
    batch = digits().repeat(20, 1, 1, 1)
    varied = Augmentation(clean=0.25)(batch, seeded())
    share = (varied == batch).flatten(1).all(1).float().mean()
    assert 0.2 < float(share) < 0.3  # 250 of 1,000 expected; four standard deviations are 55
    assert torch.equal(Augmentation(clean=1)(batch, seeded()), batch)


def test_shift_moves_the_centre_of_mass_by_no_more_than_asked() -> None:
    batch = digits()
    moved = centre(replace(NONE, shift_px=2)(batch, seeded())) - centre(batch)
    assert float(moved.abs().max()) <= 2.01
    assert float(moved.abs().max()) > 1.5
    assert float(moved.min()) < 0 < float(moved.max())


def test_rotation_of_a_line_by_its_angle() -> None:
    line = torch.zeros(200, 1, 28, 28)
    line[:, :, 4:24, 13:15] = 1
    turned = replace(NONE, rotation_deg=15)(line, seeded())
    place = torch.arange(28.0) - 13.5
    mass = turned.sum((1, 2, 3))
    mixed = (turned[:, 0] * place[:, None] * place[None]).sum((1, 2)) / mass
    spread = (turned[:, 0] * (place[:, None] ** 2 - place[None] ** 2)).sum((1, 2)) / mass
    angle_deg = torch.rad2deg(0.5 * torch.atan2(2 * mixed, spread))  # direction of the principal axis
    assert float(angle_deg.abs().max()) <= 15.2
    assert float(angle_deg.max()) > 13
    assert float(angle_deg.min()) < -13


def test_shear_slants_a_line_and_keeps_its_height() -> None:
    line = torch.zeros(50, 1, 28, 28)
    line[:, :, 8:20, 13:15] = 1
    slanted = replace(NONE, shear=0.25)(line, seeded())
    torch.testing.assert_close(slanted.sum(3), line.sum(3), atol=1e-4, rtol=0)  # the ink of every row stays
    place = torch.arange(28.0)
    top, bottom = ((slanted[:, 0, row] * place).sum(1) / 2 for row in (8, 19))
    assert float((bottom - top).abs().max()) <= 0.25 * 11 + 0.01
    assert float((bottom - top).abs().max()) > 2


def test_scale_changes_the_area_by_no_more_than_asked() -> None:
    square = torch.zeros(100, 1, 28, 28)
    square[:, :, 9:19, 9:19] = 1
    area = replace(NONE, scale=0.15)(square, seeded()).sum((1, 2, 3)) / 100
    assert float(area.max()) <= 1.15**2 * 1.01
    assert float(area.min()) >= 1.15**-2 * 0.99
    assert float(area.max()) > 1.2
    assert float(area.min()) < 0.85


def test_wobble_bends_but_keeps_the_ink() -> None:
    batch = digits()
    bent = replace(NONE, wobble_px=1)(batch, seeded())
    assert not torch.allclose(bent, batch, atol=0.1)
    ratio = bent.sum((1, 2, 3)) / batch.sum((1, 2, 3))
    assert 0.75 < float(ratio.min()) < float(ratio.max()) < 1.25
    assert float((centre(bent) - centre(batch)).abs().max()) < 1.2


@pytest.mark.parametrize("steps", [1.0, 2.0])
def test_thick_strokes_lie_between_the_old_and_the_largest_of_neighbours(steps: float) -> None:
    batch = digits()
    thick = replace(NONE, thick=steps).change_pen(batch, seeded())
    largest = functional.max_pool2d(batch, 2 * int(steps) + 1, 1, int(steps))
    assert bool((thick >= batch - 1e-6).all())
    assert bool((thick <= largest + 1e-6).all())
    assert float(thick.sum()) > 1.1 * float(batch.sum())


def test_thin_strokes_lose_ink_and_survive() -> None:
    batch = digits()
    thin = replace(NONE, thin=1).change_pen(batch, seeded())
    assert bool((thin <= batch + 1e-6).all())
    assert float(thin.sum()) < 0.9 * float(batch.sum())
    assert float(thin.amax((1, 2, 3)).min()) > 0.3


def test_faint_strokes_lose_ink_evenly() -> None:
    batch = digits()
    faint = replace(NONE, faint=0.4).change_pen(batch, seeded())
    share = faint.sum((1, 2, 3)) / batch.sum((1, 2, 3))
    torch.testing.assert_close(faint, batch * share[:, None, None, None], atol=1e-5, rtol=0)
    assert 0.6 <= float(share.min()) < 0.7
    assert 0.9 < float(share.max()) <= 1
