"""What is chosen on the Fool it tab: photo, goal, network, preset, and every setting that `core` offers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr

import core
from core.attack.presets import ATTACK_PRESETS, find_attack_preset
from core.attack.settings import NORMS, USED_BY, AttackSettings, epsilon_of, usual
from core.errors import SettingsError
from core.settings import Setting, settings_of
from demo.examples import Example, examples
from demo.languages import mark, tr
from demo.links import differences
from demo.links import given as given_in
from demo.networks import Network, network_dropdown, title_of
from demo.photo import photo_input
from demo.setting_widgets import plain, value_of, widget_of

# The value of the list, in links too; shown translated.
ANYTHING = mark("Anything else")
SIAMESE = "Siamese cat"
# On the screen before the thousand names are read.
FAVOURITES = (SIAMESE, "golden retriever", "zebra", "goldfish", "toaster", "volcano")
# Each takes as long as the first one.
MOST_BESIDE = 3
_SHOWN = ("method", "norm", "epsilon", "steps")
# What one begins with who has no photo.
_STARTS_FROM = "cheetah"


@dataclass(frozen=True, eq=False)
class Form:
    """What is on the screen.

    Attributes:
        photo: to be changed.
        goal: a list of names that also takes a typed one, with `ANYTHING` at its head.
        network: the list of networks.
        beside: further ones that are to be fooled as well.
        preset: its token.
        about: a sentence on the preset.
        widgets: by the names of the settings.
    """

    photo: gr.Image
    goal: gr.Dropdown
    network: gr.Dropdown
    beside: gr.Dropdown
    preset: gr.Dropdown
    about: gr.Markdown
    widgets: Mapping[str, gr.components.Component]

    @property
    def inputs(self) -> set[gr.components.Component]:
        """What a handler needs: it gets a mapping from these to their values."""
        return {self.photo, self.goal, self.network, self.beside, self.preset, *self.widgets.values()}

    def settings(self, values: Mapping[gr.components.Component, Any]) -> AttackSettings:
        """What the visitor chose. What the method does not use is hidden, and stays as is usual.

        Raises:
            SettingsError: a value is outside its range, or no number.
        """
        described = every_setting()
        method = values[self.widgets["method"]]
        usually = usual(method if isinstance(method, str) else "")
        chosen = {name: values[widget] for name, widget in self.widgets.items() if name in USED_BY[method]}
        given = {name: _setting_of(described[name], value) for name, value in chosen.items()}
        return dataclasses.replace(usually, **given)

    def shown(self, settings: AttackSettings) -> list[dict]:
        """Updates of the widgets, in their order, that stand for these settings; the method's own are visible."""
        described, used = every_setting(), USED_BY[settings.method]
        return [gr.update(value=_text_of(described[name], settings), visible=name in used) for name in self.widgets]


def build_form() -> Form:
    """Put the choices on the page."""
    described = every_setting()
    first = ATTACK_PRESETS[0].settings
    widgets: dict[str, gr.components.Component] = {}

    def put(name: str) -> None:
        setting = dataclasses.replace(described[name], default=getattr(first, name))
        widgets[name] = _widget_of(setting, first)

    with gr.Row():
        with gr.Column(scale=4, min_width=280):
            photo = _photo_and_examples()
        with gr.Column(scale=7, min_width=280):
            with gr.Row():
                goal = gr.Dropdown(
                    goal_choices(FAVOURITES),
                    value=SIAMESE,
                    label=tr("It should read"),
                    info=tr("one of a thousand: type a part of its name"),
                    allow_custom_value=True,
                    min_width=220,
                    elem_id="fool-goal",
                )
                network = network_dropdown(tr("Network"), tr("or type another timm network's name"), min_width=220)
            with gr.Row():
                preset = gr.Dropdown(
                    [(tr(preset.title), preset.token) for preset in ATTACK_PRESETS],
                    value=ATTACK_PRESETS[0].token,
                    label=tr("Preset"),
                    info=tr("settings that belong together"),
                    min_width=220,
                    elem_id="fool-preset",
                )
                beside = gr.Dropdown(
                    others_here(),
                    value=[],
                    multiselect=True,
                    max_choices=MOST_BESIDE,
                    label=tr("Fool these as well"),
                    info=tr("one picture for several networks: it often fools others, too"),
                    min_width=220,
                    elem_id="fool-beside",
                )
            about = gr.Markdown(tr(ATTACK_PRESETS[0].about), elem_id="fool-about")
            with gr.Row(equal_height=True, elem_classes="pl-flow"):
                for name in _SHOWN:
                    put(name)
            with gr.Accordion(tr("All settings"), open=False, elem_id="fool-all"):
                gr.Markdown(tr("Each method shows those that it uses."), elem_classes="pl-foot")
                with gr.Row(equal_height=True, elem_classes="pl-flow"):
                    for name in described:
                        if name not in _SHOWN:
                            put(name)
    form = Form(photo, goal, network, beside, preset, about, widgets)
    _follow(form)
    return form


def others_here() -> list[tuple[str, str]]:
    """Networks that need not be fetched."""
    return [
        (listing.title, listing.name) for listing in core.list_backbones() if listing.here and listing.imagenet_head
    ]


def checked_beside(names: Any) -> tuple[str, ...]:
    """The further networks that were chosen.

    Raises:
        SettingsError: too many, or something else than names.
    """
    names = names or []
    if not isinstance(names, list) or len(names) > MOST_BESIDE or not all(isinstance(name, str) for name in names):
        raise SettingsError("Up to {most_beside} networks can be fooled beside the first one.", most_beside=MOST_BESIDE)
    return tuple(dict.fromkeys(names))


def _photo_and_examples() -> gr.Image:
    ready = examples()
    first = first_example()
    photo = photo_input(
        value=str(first.path) if first else None, label=tr("Photo to change"), height=260, elem_id="fool-photo"
    )
    if first is None:
        return photo
    gr.Markdown(
        tr(
            "No photo? This starts from {example} that comes with the app. Or take one of these:",
            example=tr(first.shows),
        ),
        elem_id="fool-start",
    )
    with gr.Row(elem_classes="pl-examples"):
        for example in ready:
            button = gr.Button(
                tr(example.shows), icon=str(example.path), size="sm", min_width=64, elem_classes="pl-example"
            )
            button.click(
                partial(str, example.path), outputs=photo, queue=False, show_progress="hidden", api_visibility="private"
            )
    return photo


def first_example() -> Example | None:
    """The picture that is changed when there is no photo; None where the installation has no examples."""
    ready = examples()
    return next((example for example in ready if _STARTS_FROM in example.shows), next(iter(ready), None))


def _widget_of(setting: Setting, first: AttackSettings) -> gr.components.Component:
    if setting.name == "epsilon":
        widget = gr.Textbox(
            _text_of(setting, first),
            label=tr(setting.title),
            info=tr(setting.about),
            max_lines=1,
            max_length=40,
            min_width=200,
            elem_id="fool-epsilon",
        )
    else:
        widget = widget_of(setting, elem_id=f"fool-{setting.name}")
    widget.visible = setting.name in USED_BY[first.method]
    return widget


def _follow(form: Form) -> None:
    """A preset sets everything, a method what is usual with it, a distance the epsilon that suits it."""

    def take_preset(token: str) -> list[Any]:
        preset = find_attack_preset(token)
        return [tr(preset.about), *form.shown(preset.settings)]

    def take_method(method: str) -> list[Any]:
        return form.shown(usual(method)) if method in USED_BY else [gr.skip()] * len(form.widgets)

    def take_norm(method: str, norm: str) -> Any:
        if method not in USED_BY or norm not in NORMS:
            return gr.skip()
        return _text_of(every_setting()["epsilon"], usual(method, norm))

    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    widgets = form.widgets
    form.preset.input(take_preset, inputs=form.preset, outputs=[form.about, *widgets.values()], **quick)
    widgets["method"].input(take_method, inputs=widgets["method"], outputs=[*widgets.values()], **quick)
    widgets["norm"].input(take_norm, inputs=[widgets["method"], widgets["norm"]], outputs=widgets["epsilon"], **quick)


def every_setting() -> dict[str, Setting]:
    """The settings by name."""
    return {setting.name: setting for setting in settings_of(AttackSettings)}


def epsilon_text(epsilon: float, norm: str) -> str:
    """Epsilon as people write it: `8/255` where that is what it is."""
    steps = f"{epsilon * 255:.0f}/255"
    return steps if norm == "linf" and epsilon_of(steps) == epsilon else plain(epsilon)


def _setting_of(setting: Setting, value: Any) -> Any:
    if setting.name == "epsilon":
        return epsilon_of(value if isinstance(value, str) else str(value))
    return value_of(setting, value)


def _text_of(setting: Setting, settings: AttackSettings) -> Any:
    """What the widget of a setting shows."""
    value = getattr(settings, setting.name)
    if setting.name == "epsilon":
        return epsilon_text(value, settings.norm)
    return plain(value) if setting.logarithmic else value


def is_anything(goal: Any) -> bool:
    """Whether any other class will do; somebody may have typed it, in English or as the page says it."""
    return isinstance(goal, str) and goal.strip().casefold() in (ANYTHING.casefold(), tr(ANYTHING).casefold())


def link_of(goal: str, network: Network, preset: str, settings: AttackSettings, beside: Sequence[str] = ()) -> str:
    """The part of an address that brings these choices back; only what differs from the preset is in it."""
    said: dict[str, Any] = {"tab": "fool", "goal": goal, "preset": preset}
    if isinstance(network, str) and network != core.DEFAULT_BACKBONE:
        said["network"] = title_of(network)
    if beside:
        said["with"] = ",".join(beside)
    used = USED_BY[settings.method]
    said |= differences(
        settings, find_attack_preset(preset).settings, [name for name in every_setting() if name in used]
    )
    if "epsilon" in said:
        said["epsilon"] = epsilon_text(settings.epsilon, settings.norm)
    return f"?{urlencode(said)}"


def read_link(params: Mapping[str, str]) -> tuple[str, str, list[str], str, AttackSettings]:
    """Goal, network, further networks, preset and settings that a link stands for.

    Raises:
        SettingsError: it names a preset, a setting or a value that there is not.
    """
    preset = find_attack_preset(params.get("preset", ATTACK_PRESETS[0].token))
    chosen = given_in(params, [setting for setting in every_setting().values() if setting.name != "epsilon"])
    if "epsilon" in params:
        chosen["epsilon"] = epsilon_of(params["epsilon"])
    settings = dataclasses.replace(preset.settings, **chosen)
    goal = params.get("goal", SIAMESE)[:200]
    # only what can be chosen here: a list with another name in it could not be changed any more
    here = {name for _, name in others_here()}
    beside = [name for name in params.get("with", "").split(",", MOST_BESIDE)[:MOST_BESIDE] if name in here]
    return (
        ANYTHING if is_anything(goal) else goal,
        params.get("network", core.DEFAULT_BACKBONE)[:200],
        beside,
        preset.token,
        settings,
    )


def names_of_goals(own: Sequence[str] | None) -> list[str]:
    """What the network may be made to read: anything else, and the classes of a run, or ImageNet's."""
    if own is None:
        from core.imagenet import classes

        own = [known.title for known in classes()]
    return [ANYTHING, *own]


def goal_choices(names: Sequence[str]) -> list[tuple[str, str]]:
    """How a list offers these names, with `ANYTHING` at its head: what is read, and its value."""
    return [(tr(ANYTHING), ANYTHING), *((name, name) for name in names if name != ANYTHING)]


def is_goal(text: Any, names: Sequence[str], published: bool) -> bool:
    """Whether what was chosen or typed may be meant for one of these classes; ImageNet's have several names each."""
    if not isinstance(text, str) or text in names or not published:
        return text in names
    from core.imagenet import find_class

    if any(text.casefold() in name.casefold() for name in names):
        return True
    with contextlib.suppress(SettingsError):
        find_class(text)
        return True
    return False


def checked_photo(path: Any) -> str:
    """The photo that was chosen, or the one that comes with the app.

    Raises:
        SettingsError: there is neither.
    """
    if isinstance(path, str) and path:
        return path
    first = first_example()
    if first is None:
        raise SettingsError("There is no photo. Drop one, or take one with the camera.")
    return str(Path(first.path))
