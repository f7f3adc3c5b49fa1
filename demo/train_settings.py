"""The widgets of a training, made from the settings of `core`: title, sentence, range and default are written there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

import core
from core.backbones.views import ViewSettings
from core.errors import SettingsError
from core.settings import Setting, settings_of
from core.training.head_settings import HeadSettings
from core.training.tuning_settings import FROM_SCRATCH, TuneSettings
from demo.languages import mark, tr
from demo.links import given as given_in
from demo.networks import network_dropdown
from demo.setting_widgets import plain, value_of, widget_of

if TYPE_CHECKING:
    from core.runs.plan import Plan

HEAD, TUNE = ("head",), ("finetune", "scratch")
ALL = HEAD + TUNE
METHODS = ((mark("New head"), "head"), (mark("Fine-tune"), "finetune"), (mark("From scratch"), "scratch"))
ABOUT_METHODS = {
    "head": mark(
        "The network stays as it is and looks at each picture once; only a new last layer learns. **Seconds.**"
    ),
    "finetune": mark(
        "First a new last layer learns for a few seconds, always with the usual settings "
        "({epochs} epochs, learning rate {rate:g}). Then the network's last stages learn with it, "
        "with the settings below. Often the best, but it takes **minutes to hours.**"
    ),
    "scratch": mark(
        "Everything learns, from random weights, as if the network had never seen a picture. "
        "**To compare:** what is it worth to know something already?"
    ),
}
MAX_NAME = 60

_CLASSES = {"head": HeadSettings, "tune": TuneSettings, "view": ViewSettings}
_TRICKS = (
    "view.input_scaling",
    "head.scaling",
    "head.initialisation",
    "head.dropout",
    "head.patience",
    "head.averaging",
    "head.weight_decay",
    "head.label_smoothing",
    "head.clip_norm",
    "head.schedule",
    "head.optimiser",
)
_FOR_ALL = ("head.validation_share", "head.seed")
# The method says where tuning starts, and one seed holds for both.
_NOT_SHOWN = ("tune.start", "tune.seed")
_IN_A_ROW = 3


@dataclass(frozen=True)
class Group:
    """Settings that are shown together, for some methods; without a title they are always on the screen.

    The title is translated where it is shown.
    """

    title: str
    methods: Sequence[str]
    keys: Sequence[str]


@dataclass(frozen=True, eq=False)
class Form:
    """The settings on the screen.

    Attributes:
        network: the list of networks.
        method: "head", "finetune" or "scratch".
        name: what the visitor calls the run.
        widgets: by "head.epochs", "tune.stages", "view.mirrored" and so on.
    """

    network: gr.Dropdown
    method: gr.Radio
    name: gr.Textbox
    widgets: Mapping[str, gr.components.Component]

    @property
    def inputs(self) -> set[gr.components.Component]:
        """What a handler needs to make a plan: it gets a mapping from these to their values."""
        return {self.network, self.method, self.name, *self.widgets.values()}

    def plan(self, values: Mapping[gr.components.Component, Any]) -> Plan:
        """What the visitor wants to train. Settings that the method hides do not count.

        Raises:
            SettingsError: a value is outside its range, or no number.
        """
        from core.runs.plan import Plan

        method = values[self.method]
        given: dict[str, dict[str, Any]] = {part: {} for part in _CLASSES}
        for group in groups():
            if method in group.methods:
                for key in group.keys:
                    part, name = key.split(".")
                    given[part][name] = value_of(every_setting()[key], values[self.widgets[key]])
        if method != "head":
            given["tune"]["seed"] = given["head"]["seed"]
        parts = {part: settings_class(**given[part]) for part, settings_class in _CLASSES.items()}
        return Plan(str(values[self.network]), method, **parts, name=_checked_name(values[self.name]))


def groups() -> Iterator[Group]:
    """All settings, in the order of the page. A setting that `core` adds appears by itself."""
    yield Group("", HEAD, ("head.epochs", "head.learning_rate"))
    yield Group("", TUNE, ("tune.epochs", "tune.learning_rate"))
    yield Group("", ALL, ("head.images_per_class",))
    shown = {"head.epochs", "head.learning_rate", "tune.epochs", "tune.learning_rate", "head.images_per_class"}
    shown |= {*_TRICKS, *_FOR_ALL, *_NOT_SHOWN}
    yield Group(mark("The lesson's tricks"), HEAD, _TRICKS)
    rest = [key for key in every_setting() if key not in shown]
    yield Group(mark("More"), HEAD, [key for key in rest if not key.startswith("tune.")])
    yield Group(mark("Training the network"), TUNE, [key for key in rest if key.startswith("tune.")])
    yield Group(mark("For every method"), ALL, _FOR_ALL)


def build_form() -> Form:
    """Put the widgets on the page; which are shown follows the method."""
    widgets: dict[str, gr.components.Component] = {}
    shown_for: list[tuple[gr.Column, Sequence[str]]] = []

    def put(group: Group) -> None:
        # as wide as the number of its widgets asks for, where several groups share a row
        scale = len(group.keys) if not group.title else 1
        with gr.Column(scale=scale, visible="head" in group.methods, min_width=200, elem_classes="pl-group") as column:
            if group.title:
                gr.HTML(f"<h4>{tr(group.title)}</h4>", elem_classes="pl-group-title")
            for start in range(0, len(group.keys), _IN_A_ROW):
                with gr.Row(equal_height=True):
                    for key in group.keys[start : start + _IN_A_ROW]:
                        widgets[key] = widget_of(every_setting()[key], elem_id="set-" + key.replace(".", "-"))
        shown_for.append((column, group.methods))

    with gr.Row():
        network = network_dropdown(tr("Network"), tr("or type another timm network's name"), to_train=True)
        name = gr.Textbox(
            label=tr("Name of this run"),
            info=tr("if you want to give it one"),
            placeholder=tr("made from the settings"),
            max_lines=1,
            min_width=240,
            elem_id="run-name",
        )
    with gr.Row():
        methods = [(tr(title), name) for title, name in METHODS]
        method = gr.Radio(methods, value="head", label=tr("Method"), elem_id="method", scale=2, min_width=300)
        with gr.Column(scale=3, min_width=300, elem_classes="pl-about"):
            about = gr.Markdown(_about("head"), elem_id="about-method")
    essential, folded = [], []
    for group in groups():
        (folded if group.title else essential).append(group)
    with gr.Row():
        for group in essential:
            put(group)
    with gr.Accordion(tr("All settings"), open=False, elem_id="all-settings"):
        for group in folded:
            put(group)

    own_defaults = [f"tune.{name}" for name in FROM_SCRATCH]

    def show_for_method(method: str) -> list:
        return [_about(method), *(gr.update(visible=method in methods) for _, methods in shown_for)]

    def take_defaults(method: str, *values: Any) -> list:
        return [default_for(method, key, value) for key, value in zip(own_defaults, values, strict=True)]

    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    method.change(show_for_method, inputs=method, outputs=[about, *(column for column, _ in shown_for)], **quick)
    # a link says what it wants: only what the visitor turns brings its defaults
    own = [widgets[key] for key in own_defaults]
    method.input(take_defaults, inputs=[method, *own], outputs=own, **quick)
    return Form(network, method, name, widgets)


def read_link(params: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    """Network, method, and what each widget shows by its key, for a link.

    A setting is named as on the page, "head.epochs", or by its own name, "epochs", which then is that of the method.

    Raises:
        SettingsError: it names a method, a setting or a value that there is not.
    """
    method = params.get("method", "head")
    if method not in ALL:
        known = ", ".join(ALL)
        raise SettingsError("There is no method {method!r:.80}. There are {known}.", method=method, known=known)
    described = every_setting()
    given: dict[str, dict[str, Any]] = {part: {} for part in _CLASSES}
    if method == "scratch":
        given["tune"] |= FROM_SCRATCH
    shown = [key for group in groups() for key in group.keys]
    of_method = [key for group in groups() if method in group.methods for key in group.keys]
    for key in shown:
        part, name = key.split(".")
        text = params.get(key, params.get(name) if key in of_method else None)
        if text is not None:
            given[part] |= given_in({name: text}, [described[key]])
    parts = {part: settings_class(**given[part]) for part, settings_class in _CLASSES.items()}
    values = {key: getattr(parts[key.split(".")[0]], described[key].name) for key in shown}
    return (
        params.get("network", core.DEFAULT_BACKBONE)[:200],
        method,
        {key: plain(value) if described[key].logarithmic else value for key, value in values.items()},
    )


def default_for(method: str, key: str, value: Any) -> Any:
    """What a widget shows after the method has changed: its default there, unless the visitor has set it."""
    setting = every_setting()[key]
    usual, scratch = setting.default, FROM_SCRATCH[setting.name]
    before, after = (usual, scratch) if method == "scratch" else (scratch, usual)
    try:
        untouched = float(value) == before
    except (TypeError, ValueError):
        untouched = False
    if not untouched:
        return gr.skip()
    return plain(after) if setting.logarithmic else after


def every_setting() -> dict[str, Setting]:
    """Every setting by "head.epochs" and so on, in order."""
    return {
        f"{part}.{setting.name}": setting
        for part, settings_class in _CLASSES.items()
        for setting in settings_of(settings_class)
    }


def _about(method: str) -> str:
    usual = HeadSettings()
    return tr(ABOUT_METHODS[method], epochs=usual.epochs, rate=usual.learning_rate)


def _checked_name(name: Any) -> str:
    tidy = " ".join(str(name or "").split())
    if len(tidy) > MAX_NAME:
        raise SettingsError(
            "The name of the run has {count} letters; at most {max_name} fit. Shorten it.",
            count=len(tidy),
            max_name=MAX_NAME,
        )
    return tidy
