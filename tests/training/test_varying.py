"""Varied pictures: what each kind does, and that the same place draws the same pictures."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from cnnviz.datasets.transforms import Augmentation
from cnnviz.training.variation import DIGITS, NONE, PHOTOGRAPHS, Variation, usual
from cnnviz.training.varying import mix, vary

N, SIDE = 64, 28
PLACE = (0, 0, 17)
KINDS: dict[str, Variation] = {
    "pens": DIGITS, "mirror": Variation(mirror=0.5), "shift": Variation(shift=0.2),
    "rotation": Variation(rotation_deg=30),
    "scale": Variation(scale=0.3), "skew": Variation(skew_deg=20), "brightness": Variation(brightness=0.4),
    "contrast": Variation(contrast=0.5), "colour": Variation(colour=0.5), "noise": Variation(noise=0.2),
}  # fmt: skip


def pictures(channels: int = 3, n: int = N) -> Tensor:
    """Return the same picture n times: a light corner piece, not symmetric, of another value in each colour."""
    picture = torch.full((channels, SIDE, SIDE), 0.1)
    picture[:, 9:20, 10:13] = torch.tensor([0.8, 0.5, 0.3])[:channels, None, None]
    picture[:, 17:20, 10:19] = torch.tensor([0.8, 0.5, 0.3])[:channels, None, None]
    return picture.expand(n, -1, -1, -1).clone()


def middle(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return the centre of mass of what is lighter than the background, down and across."""
    mass = (batch - 0.1).clamp(min=0).sum(1)
    along = torch.arange(SIDE, dtype=torch.float32)
    total = mass.sum((1, 2))
    return (mass.sum(2) * along).sum(1) / total, (mass.sum(1) * along).sum(1) / total


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_place_draws_the_same_and_another_draws_others(kind: str, channels: int) -> None:
    if kind == "colour" and channels == 1:
        assert torch.allclose(vary(pictures(1), KINDS[kind], *PLACE), pictures(1), atol=1e-6)  # there is none
        return
    given = pictures(channels)
    kept = given.clone()
    torch.manual_seed(1)
    first = vary(given, KINDS[kind], *PLACE)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(vary(given, KINDS[kind], *PLACE), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(given, kept)
    assert first.shape == given.shape
    assert not torch.equal(vary(given, KINDS[kind], 0, 0, 18), first)
    assert not torch.equal(vary(given, KINDS[kind], 1, 0, 17), first)
    different = len(torch.unique(first.flatten(1), dim=0))
    assert different == 2 if kind == "mirror" else different > N / 3  # each draws its own amount


def test_nothing_is_nothing() -> None:
    assert torch.equal(vary(pictures(), NONE, *PLACE), pictures())
    assert NONE.is_none
    assert not DIGITS.is_none


def test_mirrored_is_flipped_in_the_share_that_was_asked_for() -> None:
    given = pictures(n=400)
    for variation in (Variation(mirror=0.3), Variation(mirror=0.3, rotation_deg=1e-6)):
        found = vary(given, variation, *PLACE)
        flipped = torch.tensor([torch.allclose(a, b.flip(-1), atol=1e-3) for a, b in zip(found, given, strict=True)])
        as_is = torch.tensor([torch.allclose(a, b, atol=1e-3) for a, b in zip(found, given, strict=True)])
        assert bool((flipped ^ as_is).all())
        assert 0.2 < flipped.float().mean() < 0.4
    assert torch.equal(vary(given, Variation(mirror=1.0), *PLACE), given.flip(-1))


@pytest.mark.parametrize("slow", [False, True])
def test_a_shift_moves_the_middle_at_most_so_far(slow: bool) -> None:
    given = pictures() - 0.1  # paper is black, so that nothing comes from outside
    variation = Variation(shift=0.15, brightness=1e-6 if slow else 0.0)
    found = vary(given, variation, *PLACE) + 0.1
    for before, after in zip(middle(given + 0.1), middle(found), strict=True):
        moved = (after - before).abs()
        assert moved.max() <= round(0.15 * SIDE) + 0.01
        assert moved.max() > 2
        assert (after < before - 1).any()
        assert (after > before + 1).any()


def test_a_rotation_turns_and_keeps_the_mass() -> None:
    given = pictures() - 0.1
    found = vary(given, Variation(rotation_deg=90), *PLACE)
    assert torch.allclose(found.sum((1, 2, 3)), given.sum((1, 2, 3)), rtol=0.05)
    upright = (found[:, 0] > 0.2).any(2).sum(1) - (found[:, 0] > 0.2).any(1).sum(1)
    assert (upright > 1).any()
    assert (upright < -1).any()


def test_a_scale_changes_the_size_by_at_most_its_share() -> None:
    given = pictures() - 0.1
    ratio = vary(given, Variation(scale=0.4), *PLACE).sum((1, 2, 3)) / given.sum((1, 2, 3))
    assert 0.3 < ratio.min() < 0.7
    assert 1.3 < ratio.max() < 2.1  # (1 ± 0.4)²


def test_a_skew_slants_rows_and_leaves_them_in_their_rows() -> None:
    given = torch.zeros(N, 1, SIDE, SIDE)
    given[:, :, 4:24, 13:15] = 1.0
    found = vary(given, Variation(skew_deg=25), *PLACE)
    along = torch.arange(SIDE, dtype=torch.float32)
    top, bottom = ((rows * along).sum(-1) / rows.sum(-1) for rows in (found[:, 0, 6], found[:, 0, 21]))
    assert (top - bottom).abs().max() > 4
    assert torch.allclose(found[:, 0, 7:21].sum((1, 2)), torch.tensor(28.0), rtol=0.05)


def test_brightness_multiplies_each_picture_by_its_own_number() -> None:
    given = pictures()
    factors = (vary(given, Variation(brightness=0.2), *PLACE) / given).flatten(1)
    assert torch.allclose(factors, factors[:, :1].expand_as(factors), atol=1e-4)
    assert 0.8 <= factors.min() < 0.9
    assert 1.1 < factors.max() <= 1.2 + 1e-5


def test_contrast_spreads_values_about_their_mean() -> None:
    found = vary(pictures(), Variation(contrast=0.3), *PLACE)
    ratio = found.flatten(1).std(1) / pictures().flatten(1).std(1)
    assert 0.69 < ratio.min() < 0.85
    assert 1.15 < ratio.max() < 1.31


def test_colour_changes_colours_and_leaves_grey_alone() -> None:
    grey = pictures()[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(vary(grey, Variation(colour=0.5), *PLACE), grey, atol=0.01)
    found = vary(pictures(), Variation(colour=0.5), *PLACE)
    spread = (found.amax(1) - found.amin(1)).amax((1, 2))
    assert spread.max() > 0.55 > 0.45 > spread.min()


def test_noise_is_at_most_as_strong_as_asked_and_stays_within_black_and_white() -> None:
    given = torch.full((N, 1, SIDE, SIDE), 0.5)
    deviation = (vary(given, Variation(noise=0.1), *PLACE) - given).flatten(1).std(1)
    assert deviation.max() < 0.1 * 1.1
    assert deviation.min() < 0.03
    assert deviation.max() > 0.08
    strong = vary(given, Variation(noise=1.0), *PLACE)
    assert (strong.min(), strong.max()) == (0, 1)


def test_pens_are_the_digits_variation() -> None:
    found = vary(pictures(1), DIGITS, *PLACE)
    clean = sum(bool(torch.equal(a, b)) for a, b in zip(found, pictures(1), strict=True))
    assert 0.1 < clean / N < 0.45
    assert Augmentation().clean == 0.25


def test_mixup_blends_pictures_and_their_classes_by_the_same_share() -> None:
    given = pictures(n=6) * torch.arange(1, 7)[:, None, None, None] / 6
    labels = torch.arange(6)
    mixed, targets = mix(given, labels, 1.0, 10, *PLACE)
    assert targets.shape == (6, 10)
    assert torch.allclose(targets.sum(1), torch.ones(6))
    assert (targets >= 0).all()
    assert torch.allclose(mixed, torch.einsum("nk,kchw->nchw", targets[:, :6], given), atol=1e-5)
    share = targets.max(1).values
    assert torch.allclose(share, share[0].expand(6))
    again, _ = mix(given, labels, 1.0, 10, *PLACE)
    assert torch.equal(mixed, again)
    assert not torch.equal(mixed, mix(given, labels, 1.0, 10, 0, 0, 18)[0])


def test_only_what_moves_by_more_than_pixels_goes_picture_by_picture() -> None:
    for quick in (DIGITS, PHOTOGRAPHS, Variation(noise=0.1), Variation(mixup=0.2)):
        assert quick.is_quick
    slow = {"rotation_deg", "scale", "skew_deg", "brightness", "contrast", "colour"}
    assert {f.name for f in fields(Variation) if not replace(NONE, **{f.name: 0.1}).is_quick} == slow


def test_what_is_usual() -> None:
    assert usual("digit") == DIGITS
    assert usual("photo") == PHOTOGRAPHS
