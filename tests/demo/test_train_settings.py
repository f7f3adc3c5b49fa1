import gradio as gr
import pytest

from core import SettingsError
from core.training.head_settings import HeadSettings
from core.training.tuning_settings import TuneSettings
from demo.setting_widgets import ladder, widget_of
from demo.train_settings import build_form, default_for, every_setting, groups


@pytest.fixture(scope="module")
def form():
    with gr.Blocks():
        return build_form()


def _values(form, **changed):
    """What a handler gets where the visitor changed only these."""
    values = {widget: widget.value for widget in form.inputs}
    for name, value in changed.items():
        values[getattr(form, name, None) or form.widgets[name.replace("__", ".")]] = value
    return values


def test_an_untouched_form_is_the_plan_of_all_defaults(form):
    plan = form.plan(_values(form))
    assert (plan.method, plan.head, plan.tune) == ("head", HeadSettings(), TuneSettings())
    assert plan.differences() == ""


def test_networks_that_name_nothing_by_themselves_can_be_chosen_to_learn(form):
    assert "vit_small_patch14_dinov2" in [value for _, value in form.network.choices]
    assert form.plan(_values(form, network="vit_small_patch14_dinov2")).backbone == "vit_small_patch14_dinov2"


def test_every_setting_has_its_place_for_some_method(form):
    hidden = {"tune.start", "tune.seed"}  # follow from the method and from the one seed
    assert set(form.widgets) == set(every_setting()) - hidden
    assert {key for group in groups() for key in group.keys} == set(form.widgets)


def test_a_widget_begins_with_the_default_of_core():
    with gr.Blocks():
        for key, setting in every_setting().items():
            widget = widget_of(setting, elem_id=key)
            shown = float(widget.value) if setting.logarithmic else widget.value
            assert shown == setting.default, key


def test_a_method_brings_its_own_defaults_and_leaves_what_the_visitor_set():
    assert (default_for("scratch", "tune.learning_rate", "0.00002"), default_for("scratch", "tune.epochs", 6)) == (
        "0.002",
        40,
    )
    assert (default_for("finetune", "tune.learning_rate", "0.002"), default_for("head", "tune.epochs", 40)) == (
        "0.00002",
        6,
    )
    for touched in ("0.01", "", None):
        assert default_for("scratch", "tune.learning_rate", touched) == gr.skip()


def test_a_ladder_stays_in_the_range_and_climbs():
    for setting in every_setting().values():
        if setting.logarithmic:
            steps = [float(text) for text in ladder(setting)]
            assert steps == sorted(steps)
            assert setting.default in steps
            assert setting.low <= steps[0] <= steps[-1] <= setting.high


def test_what_the_visitor_sets_reaches_the_plan(form):
    plan = form.plan(
        _values(form, head__epochs=7, head__learning_rate="0.03", view__input_scaling=False, name=" my  run ")
    )
    assert (plan.head.epochs, plan.head.learning_rate, plan.view.input_scaling) == (7, 0.03, False)
    assert plan.name == "my run"


def test_settings_that_the_method_hides_do_not_count(form):
    changed = {"head__epochs": "nonsense", "view__input_scaling": False, "head__seed": 5, "head__images_per_class": 3}
    plan = form.plan(_values(form, method="finetune", tune__epochs=2, **changed))
    assert (plan.tune.epochs, plan.tune.seed, plan.head.seed, plan.head.images_per_class) == (2, 5, 5, 3)
    assert plan.view.input_scaling
    assert plan.head.epochs == HeadSettings().epochs


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"head__learning_rate": "fast"}, "Learning rate must be a number such as 0.001, not 'fast'"),
        ({"head__learning_rate": ["0.1", "0.2"]}, "Learning rate must be a number"),
        ({"head__learning_rate": "nan"}, "learning_rate must be a number from"),
        ({"head__epochs": 1.5}, "epochs must be a whole number"),
        ({"head__epochs": None}, "epochs must be a whole number"),
        ({"head__dropout": float("nan")}, "dropout must be a number"),
        ({"head__optimiser": "magic"}, "optimiser must be one of"),
        ({"head__averaging": "yes"}, "averaging must be on or off"),
        ({"name": "x" * 61}, "has 61 letters; at most 60"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(form, changed, said):
    with pytest.raises(SettingsError, match=said):
        form.plan(_values(form, **changed))
