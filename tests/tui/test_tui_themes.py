"""Colours: every theme paints, the high-contrast one is that, and none at all when asked."""

import re
from itertools import product

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from tracedesk.tui.themes import CONTRAST, DARK, LIGHT, THEMES, derived

TEXTS = (
    "td-dim", "td-faint", "td-agent", "td-model", "td-tool", "td-retrieval", "td-string",
    "td-side-a", "td-side-b",
)  # fmt: skip
GROUNDS = ("td-cursor", "td-cursor-blurred", "td-match")


def ratio(one, other):
    """The contrast of two colours as WCAG counts it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
             for c in Color.parse(colour).normalized)  # fmt: skip
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def texts(theme):
    """What is written in: plain text, accents, states, and roles."""
    named = (theme.foreground, theme.accent, theme.success, theme.warning, theme.error)
    return [*named, *(theme.variables[name] for name in TEXTS)]


def grounds(theme):
    return [theme.background, theme.panel, *(theme.variables[name] for name in GROUNDS)]


def test_contrast_is_counted_as_wcag_counts_it():
    assert ratio("#ffffff", "#000000") == pytest.approx(21)
    assert ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_the_high_contrast_theme_reaches_seven_to_one_everywhere():
    low = {
        (text, ground): round(ratio(text, ground), 1)
        for text, ground in product(texts(CONTRAST), grounds(CONTRAST))
        if ratio(text, ground) < 7
    }
    assert low == {}
    assert ratio(CONTRAST.variables["td-bar"], CONTRAST.background) >= 4.5
    assert ratio(CONTRAST.variables["td-border"], CONTRAST.background) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_text_and_states_of_our_themes_can_be_read(theme):
    for text in (theme.foreground, theme.success, theme.warning, theme.error):
        assert ratio(text, theme.background) >= 4.5, text


def hue(colour):
    return Color.parse(colour).hsl.h * 360


def apart(one, other):
    """Degrees between two hues."""
    return min((hue(one) - hue(other)) % 360, (hue(other) - hue(one)) % 360)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_two_traces_are_told_apart_by_colours_that_are_no_verdict(theme):
    sides = [theme.variables["td-side-a"], theme.variables["td-side-b"]]
    assert apart(*sides) >= 60
    for side, verdict in product(sides, (theme.success, theme.warning, theme.error)):
        assert apart(side, verdict) >= 45, (side, verdict)


def test_other_themes_tell_two_traces_apart_as_ours_do():
    for name, theme in BUILTIN_THEMES.items():
        ours = DARK if theme.dark else LIGHT
        found = derived(theme)
        wanted = ("ansi_magenta", "ansi_cyan") if theme.ansi else (
            ours.variables["td-side-a"], ours.variables["td-side-b"]
        )  # fmt: skip
        assert (found["td-side-a"], found["td-side-b"]) == wanted, name


async def test_every_theme_paints_the_workbench(workbench):
    async with workbench() as session:
        for name in BUILTIN_THEMES:
            session.app.theme = name
            await session.pilot.pause()
            assert session.lines("#traces"), name
            assert "search_flights" in session.app.export_screenshot(), name


async def test_the_key_walks_ours_and_the_command_takes_any(workbench):
    async with workbench() as session:
        seen = []
        for _ in range(3):
            await session.press("T")
            seen.append(session.app.theme)
        assert seen == ["tracedesk-light", "tracedesk-contrast", "tracedesk-dark"]
        for line, theme in (("nord", "nord"), ("contrast", "tracedesk-contrast")):
            await session.press(":")
            await session.type(f"theme {line}")
            await session.press("enter")
            assert session.app.theme == theme
        await session.press(":")
        await session.type("theme drakula")
        await session.press("enter")
        (told,) = session.app._notifications
        assert told.message == "No theme 'drakula'; did you mean dracula?"


async def test_no_colour_is_used_when_none_is_wanted(workbench, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with workbench() as session:
        await session.press("enter")
        picture = session.app.export_screenshot()
        body = picture[picture.index("-matrix") :]
        used = {c.lower() for c in re.findall(r'fill[:=]"? ?(#[0-9a-fA-F]{6})', body)}
        frame = {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}  # of the picture itself
        assert [c for c in used - frame if len({c[1:3], c[3:5], c[5:7]}) > 1] == []
