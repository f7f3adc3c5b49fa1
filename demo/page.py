"""The page: the tabs together, and how it is launched."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

import core
from core.errors import SettingsError
from demo.classify import build_classify_tab
from demo.context import Context, Limits
from demo.examples import examples
from demo.fool import build_fool_tab
from demo.full_disk import Page
from demo.ideal import build_ideal_tab
from demo.incoming import Incoming
from demo.inside import build_inside_tab
from demo.languages import Language, bound, languages, mark, speaking, tr
from demo.languages import spoken as spoken_here
from demo.learn import build_learn_tab
from demo.learn_stations import build_lesson_bar
from demo.photo import SECURE_SCRIPT
from demo.tab_opener import connect_links
from demo.train import build_train_tab
from demo.visitors_runs import browser_runs

ASSETS = Path(__file__).resolve().parent.parent / "assets"
STYLE_SHEETS = (
    "style.css",
    "evaluation.css",
    "fool.css",
    "ideal.css",
    "inside.css",
    "lab.css",
    "learn.css",
    "live_plot.css",
    "results.css",
    "train.css",
)
WARM_UP_AFTER_SECONDS = 3.0
SHORTEST_PASSWORD = 8
# What the file says to those who cannot see it.
LOGO_SHOWS = mark("A paw under a lens")


def build_page(context: Context | None = None, spoken: Sequence[Language] | None = None) -> gr.Blocks:
    """The whole app. Builds components only: torch is imported later, behind the page.

    Args:
        spoken: the languages; the first one is spoken at the address of the app, each other one at a path of its own.
    """
    context = context or Context.create()
    spoken = spoken or languages()
    kept_seconds = 3600 * context.limits.keep_hours
    with Page(title="Pet Lens", analytics_enabled=False, delete_cache=(3600, kept_seconds)) as page:
        _build_in(spoken[0], context, page, spoken)
    for language in spoken[1:]:
        with page.route(language.name, language.code, show_in_navbar=False):
            _build_in(language, context, page, spoken)
    # queue=False handlers stay reachable; the rest goes through the queue, which shows places
    return page.queue(api_open=False, max_size=None)


def _build_in(language: Language, context: Context, page: Page, spoken: Sequence[Language]) -> None:
    """Header and tabs in one language; what they are connected with speaks it too."""
    others = set(page.fns)
    with speaking(language):
        _build(context, page, spoken)
    for number, event in page.fns.items():
        if number not in others and event.fn is not None:
            event.fn = bound(event.fn, language)
            page.language_of[number] = language


def _build(context: Context, page: gr.Blocks, spoken: Sequence[Language]) -> None:
    gr.HTML(_header(spoken), elem_id="header")
    # outside the tabs: what is in a tab is read from the browser only when the tab is seen
    tokens = browser_runs()
    bar = build_lesson_bar()
    with gr.Tabs(selected="learn", overflow_behavior="wrap") as tabs:
        with gr.Tab(tr("Learn"), id="learn") as learn_tab:
            learn_place = gr.Column()
        with gr.Tab(tr("Classify"), id="classify"):
            network_lists, classify_opener = build_classify_tab(context, page)
        with gr.Tab(tr("Train"), id="train") as train_tab:
            train_place = gr.Column()
        with gr.Tab(tr("Ideal image"), id="ideal") as ideal_tab:
            ideal_lists, ideal_opener = build_ideal_tab(context, page, ideal_tab)
        with gr.Tab(tr("Fool it"), id="fool") as fool_tab:
            fool_lists, fool_opener = build_fool_tab(context, page, fool_tab)
        with gr.Tab(tr("Look inside"), id="inside") as inside_tab:
            inside_lists, inside_opener = build_inside_tab(context, page, inside_tab)
        network_lists += ideal_lists + fool_lists + inside_lists
        # a run that is trained can be chosen in the lists of all other tabs, which must be there first
        with train_place:
            train_opener = build_train_tab(
                context, page, train_tab, tabs=tabs, tokens=tokens, network_lists=network_lists
            )
        every_opener = (classify_opener, train_opener, ideal_opener, fool_opener, inside_opener)
        openers = {one.tab: one for one in every_opener}
        # its stations run in the other tabs
        with learn_place:
            build_learn_tab(context, page, learn_tab, tabs=tabs, bar=bar, openers=openers)

    # the Learn tab is the one that is open without a link
    for opener in openers.values():
        connect_links(page, tabs, opener)

    def forget(request: gr.Request) -> None:
        context.sessions.forget(request.session_hash)
        _drop_values(page, request.session_hash)

    page.unload(forget)
    # Gradio names the browser's language there, whatever is spoken
    page.load(None, js=f"() => {{ document.documentElement.lang = {spoken_here().code!r}; }}")


def _drop_values(page: gr.Blocks, visitor: str) -> None:
    """What Gradio keeps of every page that was ever opened: two megabytes, until the program ends."""
    holder = getattr(page, "state_holder", None)  # there once the page is served
    if holder is not None:
        with holder.lock:
            holder.session_data.pop(visitor, None)
            holder.time_last_used.pop(visitor, None)


def launch_options(limits: Limits | None = None, spoken: Sequence[Language] | None = None) -> dict[str, Any]:
    """Arguments for `Blocks.launch`: look, limits, and nothing that speaks to the outside.

    Args:
        spoken: the languages that the page was built in.

    Raises:
        SettingsError: a setting of the host's is none.
    """
    limits = limits or Limits.from_environment()
    return {
        "theme": theme(),
        "css_paths": [ASSETS / name for name in STYLE_SHEETS],
        "head": _first_script(spoken or languages()),
        "favicon_path": ASSETS / "logo.svg",
        "footer_links": ["api"],
        # these very files, wherever the packages are installed
        "allowed_paths": [str(example.path) for example in examples()],
        "max_file_size": f"{limits.max_upload_mb}mb",
        # also the number of streams at once, async ones included: thirty visitors with two each, and room
        "max_threads": 100,
        # of those too that are not said to be left: what Gradio keeps of each is two megabytes
        "state_session_capacity": limits.max_sessions,
        "auth": _password(),
        "app_kwargs": {"middleware": [Middleware(Incoming, max_request_mb=limits.max_request_mb)]},
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "pwa": False,
        "ssr_mode": False,
    }


def _password() -> tuple[str, str] | None:
    """The name and the password that the host asks of everybody; None: the page is open.

    Raises:
        SettingsError: `PETLENS_AUTH` is not of that kind. It is not repeated: a log is read by others, too.
    """
    said = os.environ.get("PETLENS_AUTH")
    if said is None:
        return None
    name, _, password = said.partition(":")
    name = name.strip()  # as Gradio does with what a visitor types
    if not name or len(password) < SHORTEST_PASSWORD:
        raise SettingsError(
            "PETLENS_AUTH must be a name, a colon and a password of at least {signs} signs, such as class:paw-under-lens.",
            signs=SHORTEST_PASSWORD,
        )
    return name, password


def theme() -> gr.themes.Base:
    """Teal on slate, with fonts that come with Gradio.

    Most of its font files are fragments without Latin letters ("Source Sans 3", every semibold); these are whole.
    """
    return gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        font=[gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
        radius_size="lg",
    ).set(
        # what Soft has as grey and as white on teal is too pale to be read by everybody (WCAG 2, AA: 4.5 to 1)
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_400",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_400",
        block_label_text_color="*primary_800",
        block_label_background_fill_dark="*primary_700",
        block_title_text_color="*primary_800",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_secondary_background_fill_hover_dark="*primary_700",
        button_primary_border_color="*primary_700",
        button_primary_border_color_dark="*primary_700",
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        color_accent="*primary_700",
    )


def warm_up() -> threading.Timer:
    """Load the default network a little after the start, so that the first visitor finds it ready.

    Not at once: importing torch would hold up the first page.
    """
    timer = threading.Timer(WARM_UP_AFTER_SECONDS, _load_what_everybody_needs)
    timer.daemon = True
    timer.start()
    return timer


def _load_what_everybody_needs() -> None:
    core.load_backbone()
    core.find_class("0")  # reads the names


def _first_script(spoken: Sequence[Language]) -> str:
    """Who comes without having chosen a language gets that of the browser; what this browser cannot do here is marked."""
    script = (ASSETS / "language.js").read_text(encoding="utf-8")
    codes = json.dumps([language.code for language in spoken])
    script = script.replace("const languages = LANGUAGES", f"const languages = {codes}")
    return f"<script>{SECURE_SCRIPT}\n{script}</script>"


def _header(spoken: Sequence[Language]) -> str:
    logo = (ASSETS / "logo.svg").read_text(encoding="utf-8").replace(LOGO_SHOWS, escape(tr(LOGO_SHOWS)))
    return (
        f'<header class="pl-header"><span class="pl-logo">{logo}</span>'
        f"<div><h1>Pet Lens</h1><p>{tr('Transfer learning that you can see')}</p></div>{_switch(spoken)}</header>"
    )


def _switch(spoken: Sequence[Language]) -> str:
    """Links to the other languages; addresses count from the page that one is on."""
    here, home = spoken_here(), spoken[0]
    links = []
    for language in spoken:
        if language is here:
            links.append(f'<b lang="{language.code}" aria-current="true">{escape(language.name)}</b>')
            continue
        path = "./" if language is home else language.code
        links.append(
            f'<a href="{path}?language={language.code}" lang="{language.code}" hreflang="{language.code}">'
            f"{escape(language.name)}</a>"
        )
    if len(links) < 2:
        return ""
    return f'<nav class="pl-languages" aria-label="{tr("Language")}">{" ".join(links)}</nav>'
