"""Typeset formulas: at once or by a lane, in the theme's colours, and only when their numbers have come to rest."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnviz.widgets import formula, theme
from cnnviz.widgets.formula import Formula, Setting, coloured, signed, tex_number, typeset
from cnnviz.workers.latest_lane import LatestLane

SUM = rf"y = {coloured('kernel', 'w')} \cdot {coloured('pointer', 'x')} + \frac{{1}}{{2}}"


@pytest.fixture(autouse=True)
def _own_formulas(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither a lane nor kept formulas of another test."""
    monkeypatch.setattr(formula, "_kept", {})
    formula.use(None)
    yield
    formula.use(None)


@pytest.fixture
def line(qtbot: QtBot, qapp: QApplication) -> Formula:
    theme.apply(qapp, "light")
    made = Formula("The sum")
    qtbot.addWidget(made)
    made.resize(400, 60)
    made.show()
    return made


@pytest.fixture
def lane() -> Iterator[LatestLane]:
    made = LatestLane(formula.make_handler, "formulas")
    formula.use(made)
    yield made
    made.stop()


def picture(line: Formula) -> QImage:
    return line.to_image(1.0)


def has_colour(image: QImage, name: str) -> bool:
    return any(image.pixelColor(x, y).name() == name for x in range(image.width()) for y in range(image.height()))


def is_empty(image: QImage) -> bool:
    return len({image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}) == 1


def count_typeset(monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    asked: list[Setting] = []
    original = formula.typeset
    monkeypatch.setattr(formula, "typeset", lambda setting: (asked.append(setting), original(setting))[1])
    return asked


def test_it_is_set_when_it_has_come_to_rest(line: Formula, qtbot: QtBot) -> None:
    line.show_tex(SUM, "w times x plus a half")
    assert is_empty(picture(line))
    assert line.accessibleDescription() == line.toolTip() == "w times x plus a half"
    qtbot.waitUntil(lambda: not is_empty(picture(line)), timeout=5000)


def test_settling_sets_it_at_once(line: Formula) -> None:
    line.show_tex(SUM, "a sum")
    line.settle()
    assert not is_empty(picture(line))
    assert not line._rest.isActive()


def test_it_has_the_colours_of_the_theme_and_follows_it(line: Formula, qapp: QApplication) -> None:
    line.show_tex(rf"{coloured('kernel', 'M')} + {coloured('pointer', 'M')} = M", "colours")
    line.settle()
    light = picture(line)
    for role in ("kernel", "pointer", "text"):
        assert has_colour(light, getattr(theme.LIGHT, role)), role
        assert not has_colour(light, getattr(theme.DARK, role)), role
    theme.apply(qapp, "dark")
    line.settle()
    dark = picture(line)
    for role in ("kernel", "pointer", "text"):
        assert has_colour(dark, getattr(theme.DARK, role)), role
    theme.apply(qapp, "light")


def test_the_fills_of_the_svg_are_the_colours(line: Formula) -> None:
    line.show_tex(SUM, "a sum")
    line.settle()
    (svg,) = (kept.decode() for kept in formula._kept.values())
    fills = set(re.findall(r'fill="([^"]+)"', svg)) | set(re.findall(r"fill:\s*([^;\"]+)", svg))
    assert {theme.LIGHT.kernel, theme.LIGHT.pointer, theme.LIGHT.text} <= fills
    assert "@" not in svg
    assert "<symbol" not in svg  # QtSvg knows none


def test_larger_text_makes_larger_letters(line: Formula, qapp: QApplication) -> None:
    line.show_tex("x", "x")
    line.settle()
    small = line._renderer.viewBoxF().height()  # type: ignore[union-attr]
    theme.apply(qapp, "light", 2.0)
    line.settle()
    assert line._renderer.viewBoxF().height() > 1.7 * small  # type: ignore[union-attr]
    assert line.sizeHint().height() == round(theme.text_px() * 3.2)
    theme.apply(qapp, "light")


def test_while_it_changes_the_one_before_is_dimmed(line: Formula) -> None:
    line.show_tex(r"\rule{20px}{20px} M M", "first")
    line.settle()
    clear = picture(line)
    line.show_tex("x", "second")
    dimmed = picture(line)
    assert dimmed != clear
    assert not is_empty(dimmed)
    darkest = [min(i.pixelColor(x, y).lightness() for x in range(400) for y in range(60)) for i in (clear, dimmed)]
    assert darkest[1] > darkest[0] + 50
    assert line.accessibleDescription() == "second"


def test_the_same_formula_is_set_once(line: Formula, monkeypatch: pytest.MonkeyPatch) -> None:
    import ziamath

    made: list[str] = []
    original = ziamath.Latex

    def listen(tex: str, *args: object, **other: object) -> object:
        made.append(tex)
        return original(tex, *args, **other)

    monkeypatch.setattr(ziamath, "Latex", listen)
    for tex in ("x", "y", "x", "y"):
        line.show_tex(tex, tex)
        line.settle()
    assert made == ["x", "y"]


def test_only_so_many_formulas_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formula, "MOST_KEPT", 3)
    for tex in "abcde":
        typeset(Setting(tex, 12, "#000000"))
    assert [setting.tex for setting in formula._kept] == ["c", "d", "e"]


def test_running_numbers_make_no_formula(line: Formula, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_typeset(monkeypatch)
    made: list[int] = []

    def maker(n: int) -> tuple[str, str]:
        made.append(n)
        return f"y = {n}", f"number {n}"

    for n in range(50):
        line.show_later(lambda n=n: maker(n))
    assert made == []
    line.settle()
    assert made == [49]
    assert [setting.tex for setting in asked] == ["y = 49"]
    assert (line.tex, line.accessibleDescription()) == ("y = 49", "number 49")
    line.settle()
    assert made == [49]


def test_what_is_shown_later_is_forgotten_when_something_else_is_shown(line: Formula) -> None:
    line.show_later(lambda: ("late", "late"))
    line.show_tex("now", "now")
    line.settle()
    assert line.tex == "now"


def test_an_empty_formula_is_nothing(line: Formula) -> None:
    line.show_tex("x", "x")
    line.settle()
    line.show_tex("", "")
    line.settle()
    assert is_empty(picture(line))


def test_a_formula_wider_than_the_room_shrinks(line: Formula) -> None:
    line.resize(120, 40)
    line.show_tex(" + ".join("123456" for _ in range(30)), "long")
    line.settle()
    image = line.to_image(1.0)
    right = [image.pixel(118, y) for y in range(40)]
    assert len(set(right)) == 1
    assert not is_empty(image)


def test_a_lane_sets_two_formulas_one_after_the_other(lane: LatestLane, qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    first, second = Formula("First"), Formula("Second")
    for widget in (first, second):
        qtbot.addWidget(widget)
        widget.resize(300, 50)
    handled: list[Setting] = []
    lane.done.connect(lambda setting, svg: handled.append(setting))
    for widget, tex in ((first, "a + b"), (second, r"\frac{c}{d}")):
        widget.show_tex(tex, tex)
        widget.settle()
    assert is_empty(picture(first))  # the lane has them, not this thread
    qtbot.waitUntil(lambda: first._wanted is None and second._wanted is None, timeout=10_000)
    assert not is_empty(picture(first))
    assert not is_empty(picture(second))
    assert picture(first) != picture(second)
    assert {setting.tex for setting in handled} == {"a + b", r"\frac{c}{d}"}


def test_a_formula_that_is_kept_needs_no_lane(lane: LatestLane, qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    typeset(Setting("x", round(theme.text_px() * 1.3), theme.current().text))
    line = Formula("Line")
    qtbot.addWidget(line)
    line.resize(300, 50)
    line.show_tex("x", "x")
    line.settle()
    assert not is_empty(picture(line))
    assert not lane.is_busy


def test_only_the_newest_formula_of_a_line_is_shown(lane: LatestLane, qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    line = Formula("Line")
    qtbot.addWidget(line)
    for tex in ("a", "b", "c"):
        line.show_tex(tex, tex)
        line.settle()
    qtbot.waitUntil(lambda: line._wanted is None, timeout=10_000)
    assert line._shown == "c"
    assert Setting("c", round(theme.text_px() * 1.3), theme.current().text) in formula._kept


def test_printed_numbers_as_tex() -> None:
    for text, tex, summand in (
        ("1.5", "1.5", "1.5"), ("−1.5", "-1.5", "(-1.5)"), ("2.0e−05", r"2.0 \cdot 10^{-5}", r"2.0 \cdot 10^{-5}"),
        ("−1.00e+07", r"-1.00 \cdot 10^{7}", r"(-1.00 \cdot 10^{7})"), ("∞", r"\infty", r"\infty"),
        ("−∞", r"-\infty", r"(-\infty)"), ("not a number", r"\mathrm{NaN}", r"\mathrm{NaN}"),
    ):  # fmt: skip
        assert tex_number(text) == tex
        assert signed(text) == summand
        assert b"<svg" in typeset(Setting(tex, 12, "#000000"))
