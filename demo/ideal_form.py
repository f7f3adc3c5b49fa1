"""The settings of an ideal image on the screen: class, network, preset, and everything that `core` offers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import gradio as gr

import core
from core.ascent.presets import PRESETS, find_preset
from core.ascent.settings import AscentSettings
from core.errors import SettingsError
from core.settings import Setting, settings_of
from demo.languages import mark, tr
from demo.links import differences, given
from demo.networks import Network, network_dropdown, title_of
from demo.photo import photo_input
from demo.setting_widgets import plain, value_of, widget_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# The slider of smoothness moves from one of these to the next: a finger finds them, and each is felt.
TV_STOPS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)
# On the screen before the thousand names are read, and for somebody who wants to look around.
FAVOURITES = ("zebra", "Siamese cat", "golden retriever", "goldfish", "daisy", "ladybug", "balloon", "volcano")
_SHOWN = ("steps", "seed")
_GROUPS = (
    (mark("Picture"), ("size_px", "coarse_px", "coarse_share", "start", "parameterization", "candidates")),
    (
        mark("What it should be"),
        ("objective", "class_weight", "tv_norm", "l2_weight", "prior_weight", "diversity_weight"),
    ),
    (mark("How it moves"), ("optimiser", "learning_rate", "schedule")),
    (
        mark("How the network looks at it"),
        ("looks", "skip_blocks", "jitter", "zoom_in", "zoom_out", "rotate_degrees", "flip", "light", "noise"),
    ),
)
_IN_A_ROW = 3


@dataclass(frozen=True, eq=False)
class Form:
    """What is on the screen.

    Attributes:
        class_name: a list of names that also takes a typed one.
        network: the list of networks.
        preset: its token.
        about: a sentence on the preset.
        smoothness: a place in `TV_STOPS`.
        photo: to start from.
        widgets: by the names of the settings, without `tv_weight`.
    """

    class_name: gr.Dropdown
    network: gr.Dropdown
    preset: gr.Dropdown
    about: gr.Markdown
    smoothness: gr.Slider
    photo: gr.Image
    widgets: Mapping[str, gr.components.Component]

    @property
    def inputs(self) -> set[gr.components.Component]:
        """What a handler needs: it gets a mapping from these to their values."""
        return {self.class_name, self.network, self.preset, self.smoothness, self.photo, *self.widgets.values()}

    def settings(self, values: Mapping[gr.components.Component, Any]) -> AscentSettings:
        """What the visitor chose.

        Raises:
            SettingsError: a value is outside its range, or no number.
        """
        described = every_setting()
        given = {name: value_of(described[name], values[widget]) for name, widget in self.widgets.items()}
        return AscentSettings(**given, tv_weight=tv_weight_at(values[self.smoothness], values[self.preset]))

    def shown(self, settings: AscentSettings) -> list[Any]:
        """Values of `self.smoothness` and the widgets, in their order, that stand for these settings."""
        described = every_setting()
        values = [
            plain(getattr(settings, name)) if described[name].logarithmic else getattr(settings, name)
            for name in self.widgets
        ]
        return [stop_of(settings.tv_weight), *values]


def build_form() -> Form:
    """Put the choices on the page."""
    described = every_setting()
    first = PRESETS[0].settings
    with gr.Row():
        class_name = gr.Dropdown(
            list(FAVOURITES),
            value=FAVOURITES[0],
            label=tr("Class"),
            info=tr("one of a thousand: type a part of its name"),
            allow_custom_value=True,
            min_width=240,
            elem_id="ideal-class",
        )
        network = network_dropdown(tr("Network"), tr("or type another timm network's name"), min_width=240)
        preset = gr.Dropdown(
            [(tr(preset.title), preset.token) for preset in PRESETS],
            value=PRESETS[0].token,
            label=tr("Preset"),
            info=tr("settings that belong together"),
            min_width=240,
            elem_id="ideal-preset",
        )
    about = gr.Markdown(tr(PRESETS[0].about), elem_id="ideal-about")
    widgets: dict[str, gr.components.Component] = {}

    def put(name: str) -> None:
        setting = dataclasses.replace(described[name], default=getattr(first, name))
        widgets[name] = widget_of(setting, elem_id=f"ideal-{name}")

    with gr.Row():
        smoothness = gr.Slider(
            0,
            len(TV_STOPS) - 1,
            value=stop_of(first.tv_weight),
            step=1,
            label=tr("Smoothness (TV)"),
            info=weight_text(stop_of(first.tv_weight)),
            elem_id="ideal-tv",
        )
        for name in _SHOWN:
            put(name)
    with gr.Accordion(tr("All settings"), open=False, elem_id="ideal-all"):
        for title, names in _GROUPS:
            gr.HTML(f"<h4>{tr(title)}</h4>", elem_classes="pl-group-title")
            for start in range(0, len(names), _IN_A_ROW):
                with gr.Row(equal_height=True):
                    for name in names[start : start + _IN_A_ROW]:
                        put(name)
        photo = photo_input(
            label=tr("A photo to start from, with “Start from: photo”"), height=220, elem_id="ideal-photo"
        )
    form = Form(class_name, network, preset, about, smoothness, photo, widgets)
    _follow_presets(form)
    return form


def _follow_presets(form: Form) -> None:
    def take(token: str) -> list[Any]:
        from core.ascent.presets import backbone_for

        preset = find_preset(token)
        # only a preset that is meant for a kind of network chooses one
        network, note = backbone_for(preset) if preset.wants else (gr.skip(), "")
        return [f"{tr(preset.about)} {tr(note)}".strip(), network, *form.shown(preset.settings)]

    form.preset.input(
        take,
        inputs=form.preset,
        outputs=[form.about, form.network, form.smoothness, *form.widgets.values()],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def every_setting() -> dict[str, Setting]:
    """The settings by name."""
    return {setting.name: setting for setting in settings_of(AscentSettings)}


def tv_weight_at(stop: Any, preset: str) -> float:
    """The weight at a place of the slider; where a preset put it, the preset's own, which may lie between two places.

    Raises:
        SettingsError: there is no such place, or no such preset.
    """
    if isinstance(stop, bool) or not isinstance(stop, (int, float)) or stop not in range(len(TV_STOPS)):
        raise SettingsError(
            "Smoothness must be a whole number from 0 to {count}, not {stop!r:.80}.",
            count=len(TV_STOPS) - 1,
            stop=stop,
        )
    own = find_preset(preset).settings.tv_weight
    return own if stop == stop_of(own) else TV_STOPS[int(stop)]


def stop_of(tv_weight: float) -> int:
    """The place of the slider that is nearest to a weight."""
    return min(range(len(TV_STOPS)), key=lambda stop: abs(_felt(TV_STOPS[stop]) - _felt(tv_weight)))


def _felt(weight: float) -> float:
    return (weight + 0.3) ** 0.1


def weight_text(stop: int) -> str:
    """What stands under the slider."""
    weight = TV_STOPS[stop]
    if not weight:
        return tr("0: noise is free")
    return tr("weight {weight:g}: how much it costs that neighbouring pixels differ", weight=weight)


def link_of(class_name: str, network: Network, preset: str, settings: AscentSettings) -> str:
    """The part of an address that brings these choices back; only what differs from the preset is in it."""
    said: dict[str, Any] = {"tab": "ideal", "class": class_name, "preset": preset}
    if isinstance(network, str) and network != core.DEFAULT_BACKBONE:
        said["network"] = title_of(network)
    said |= differences(settings, find_preset(preset).settings, every_setting())
    return f"?{urlencode(said)}"


def read_link(params: Mapping[str, str]) -> tuple[str, str, str, AscentSettings]:
    """Class, network, preset and settings that a link stands for.

    Raises:
        SettingsError: it names a preset, a setting or a value that there is not.
    """
    preset = find_preset(params.get("preset", PRESETS[0].token))
    settings = dataclasses.replace(preset.settings, **given(params, every_setting().values()))
    return (
        params.get("class", FAVOURITES[0])[:200],
        params.get("network", core.DEFAULT_BACKBONE)[:200],
        preset.token,
        settings,
    )


def names_of_classes(own: Sequence[str] | None) -> Iterable[str]:
    """What the list of classes offers: those of a run, or ImageNet's."""
    if own is not None:
        return own
    from core.imagenet import classes

    return [known.title for known in classes()]
