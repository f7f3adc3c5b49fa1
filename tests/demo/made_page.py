"""The tabs that can be opened from elsewhere, beside one from which they are opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.classify import build_classify_tab
from demo.context import Context
from demo.fool import build_fool_tab
from demo.ideal import build_ideal_tab
from demo.inside import build_inside_tab
from demo.tab_opener import Opener, connect_links
from demo.train import build_train_tab
from demo.visitors_runs import browser_runs


@dataclass(frozen=True, eq=False)
class MadePage:
    """The page, its tabs and what opens them."""

    page: gr.Blocks
    tabs: gr.Tabs
    openers: dict[str, Opener]


def make_page(context: Context, asked: dict[str, dict[str, str]] | None = None) -> MadePage:
    """The page.

    Args:
        asked: for each button that is wanted, by the id of the tab that it opens and runs: with which parameters.
    """
    with gr.Blocks() as page:
        tokens = browser_runs()
        with gr.Tabs() as tabs:
            with gr.Tab("Elsewhere", id="elsewhere"):
                buttons = {tab: gr.Button(tab, elem_id=f"open-{tab}") for tab in asked or {}}
            with gr.Tab("Classify", id="classify"):
                lists, classify = build_classify_tab(context, page)
            with gr.Tab("Train", id="train") as train_tab:
                train_place = gr.Column()
            with gr.Tab("Ideal image", id="ideal") as ideal_tab:
                _, ideal = build_ideal_tab(context, page, ideal_tab)
            with gr.Tab("Fool it", id="fool") as fool_tab:
                _, fool = build_fool_tab(context, page, fool_tab)
            with gr.Tab("Look inside", id="inside") as inside_tab:
                _, inside = build_inside_tab(context, page, inside_tab)
            with train_place:
                train = build_train_tab(context, page, train_tab, tabs=tabs, tokens=tokens, network_lists=lists)
        openers = {opener.tab: opener for opener in (classify, train, ideal, fool, inside)}
        for opener in openers.values():
            connect_links(page, tabs, opener)
        for tab, button in buttons.items():
            _connect(button, tabs, openers[tab], asked[tab])
    return MadePage(page, tabs, openers)


def _connect(button: gr.Button, tabs: gr.Tabs, opener: Opener, params: dict[str, str]) -> None:
    async def run_it(request: gr.Request) -> tuple[Any, ...]:
        return await opener.open_with(request.session_hash, params, run=True)

    button.click(run_it, outputs=[tabs, *opener.all_outputs], queue=False, api_visibility="private")
