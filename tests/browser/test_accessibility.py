"""Everybody can use the page: axe-core finds nothing serious on any tab, and the keyboard reaches all, visibly."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import core
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

# By tab and its part, if any: what is on the screen once it is ready.
VIEWS = {
    ("learn", "Stations"): "#station-text h2",
    ("learn", "Quiz"): "#quiz-before-hand-in",
    ("learn", "Tricks"): "#trick-run",
    ("learn", "Lab"): "#lab-chart svg",
    ("classify", "One photo"): "#result .pl-name",
    ("classify", "Several photos"): "#classify-all",
    ("train", None): "body:has(#sheet img):has(#plot canvas)",
    ("ideal", None): "#ideal-picture img",
    ("fool", None): "#fool-pictures .pl-after",
    ("inside", "Layers"): "#inside-maps button",
    ("inside", "Why this class?"): "#why-said img",
    ("inside", "Map of the pictures"): "#map-start",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# Of what the Tab key stops at: one of each group of radio buttons.
_REACHABLE_JS = """() => {
  for (const one of document.querySelectorAll("[data-reachable]")) delete one.dataset.reachable;
  const groups = new Set();
  let number = 0;
  for (const one of document.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")) {
    const seen = one.checkVisibility({checkVisibilityCSS: true}) && one.getClientRects().length;
    if (!seen || one.disabled || one.tabIndex < 0) continue;
    if (one.type === "radio") {
      if (groups.has(one.name) || (!one.checked && document.querySelector(`input[name="${one.name}"]:checked`))) continue;
      groups.add(one.name);
    }
    one.dataset.reachable = number++;
  }
  return number;
}"""
# Which one has the focus, and whether that is seen: on itself, or on the label that stands for it.
_FOCUSED_JS = """() => {
  const one = document.activeElement;
  const style = [one, one.closest("label")].filter(Boolean).map(each => getComputedStyle(each));
  const seen = style.some(each => each.outlineStyle !== "none" && parseFloat(each.outlineWidth) >= 2);
  return [one.dataset.reachable ?? null, seen, one.outerHTML.slice(0, 160)];
}"""
# What a number belongs to; null where it has gone from the page since.
_MARKED_JS = "number => document.querySelector(`[data-reachable='${number}']`)?.outerHTML.slice(0, 160) ?? null"


@pytest.fixture
def open_view(browser, app_address):
    """Opens one view of the page at a size, in a colour scheme."""
    core.load_backbone()
    contexts = []

    def opened(view, size=DESKTOP, scheme="light"):
        tab, part = view
        context = browser.new_context(viewport=size, color_scheme=scheme, locale="en")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{app_address}?tab={tab}")
        if part:
            page.get_by_role("tab", name=part, exact=True).click()
        expect(page.locator(VIEWS[view]).first).to_be_visible(timeout=60_000)
        page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(filter(None, view)))
def test_everybody_can_see_hear_and_reach_it(open_view, view, scheme):
    page = open_view(view, DESKTOP if scheme == "light" else PHONE, scheme)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    serious = [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert serious == []
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen, "it scrolls sideways"
    if scheme == "light":
        _go_through_by_keyboard(page)


def _go_through_by_keyboard(page):
    for _ in range(3):
        count = page.evaluate(_REACHABLE_JS)
        assert count > 8
        reached, unseen = set(), []
        for _ in range(count + 10):
            page.keyboard.press("Tab")
            number, seen, what = page.evaluate(_FOCUSED_JS)
            if number is not None:
                reached.add(int(number))
                if not seen:
                    unseen.append(what)
        assert unseen == [], "the focus is not seen"
        missed = [page.evaluate(_MARKED_JS, number) for number in range(count) if number not in reached]
        if None not in missed:  # else the page has put another in its place meanwhile: once more, from the beginning
            break
    assert missed == [], "the Tab key does not come by"
