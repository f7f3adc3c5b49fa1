"""Training a head: the gradient is right, the curves tell the truth, a killed run goes on, every switch does something."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from core import runtime
from core.errors import DatasetError, SettingsError
from core.optimisers import make_optimiser
from core.schedules import rate_factor
from core.streams import last
from core.training.examples import Examples, Scaling
from core.training.head import refit_settings, train_head
from core.training.head_settings import INITIALISATIONS, OPTIMISERS, SCALINGS, SCHEDULES, HeadSettings
from core.training.head_training import HeadTraining
from core.training.rates import find_rate
from core.training.selection import CANDIDATES, choose_weight_decay
from core.training.softmax_regression import SoftmaxRegression, initial
from tests.conftest import PROJECT

NAMES = ("one", "two", "three")


def clouds(count: int = 60, *, dim: int = 8, spread: float = 1.0, seed: int = 0) -> Examples:
    """Three classes as clouds of points, which a line can nearly part."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(3, dim)) * 2
    labels = generator.integers(0, 3, count)
    vectors = centres[labels] + generator.normal(size=(count, dim)) * spread
    return Examples((5 + 10 * vectors).astype(np.float32), labels.astype(np.int64))


def accuracy(head, examples: Examples) -> float:
    said = head.logits(torch.from_numpy(examples.vectors)).argmax(1).numpy()
    return float((said == examples.labels).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_gradient_is_that_of_autograd(smoothing):
    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(10, 4, generator=generator), torch.randint(0, 3, (10,), generator=generator)
    weight = torch.randn(3, 4, generator=generator)
    ours = SoftmaxRegression(weight.clone(), torch.ones(3))
    theirs = [weight.clone().requires_grad_(), torch.ones(3, requires_grad=True)]
    loss = torch.nn.functional.cross_entropy(inputs @ theirs[0].T + theirs[1], labels, label_smoothing=smoothing)
    loss.backward()
    torch.testing.assert_close(ours.differentiate(inputs, labels, label_smoothing=smoothing), loss.detach())
    torch.testing.assert_close(ours.weight.grad, theirs[0].grad)
    torch.testing.assert_close(ours.bias.grad, theirs[1].grad)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("sgd", lambda groups: torch.optim.SGD(groups, lr=0.1)),
        ("momentum", lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9)),
        ("adagrad", lambda groups: torch.optim.Adagrad(groups, lr=0.1, eps=1e-8)),
        ("rmsprop", lambda groups: torch.optim.RMSprop(groups, lr=0.1)),
        ("adam", lambda groups: torch.optim.Adam(groups, lr=0.1)),
        ("adamw", lambda groups: torch.optim.AdamW(groups, lr=0.1)),
    ],
)
def test_each_optimiser_steps_as_torchs_does(name, theirs):
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(3, 4, generator=generator), torch.randn(3, generator=generator)]
    gradients = [[torch.randn(tensor.shape, generator=generator) for tensor in start] for _ in range(10)]
    ours, copies = [tensor.clone() for tensor in start], [tensor.clone().requires_grad_() for tensor in start]
    optimiser = make_optimiser(name, ours, weight_decay=0.3)
    reference = theirs([{"params": copies[:1], "weight_decay": 0.3}, {"params": copies[1:], "weight_decay": 0.0}])
    for some in gradients:

        def objective(some=some):
            for tensor, copy, gradient in zip(ours, copies, some, strict=True):
                tensor.grad, copy.grad = gradient.clone(), gradient.clone()
            return torch.zeros(())

        optimiser.step(objective, 0.1)
        reference.step()
    for tensor, copy in zip(ours, copies, strict=True):
        torch.testing.assert_close(tensor, copy.detach())


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_optimiser_learns(optimiser):
    settings = HeadSettings(optimiser=optimiser, learning_rate=0.05, epochs=30, batch_size=16)
    final = last(train_head(clouds(), clouds(seed=1), NAMES, settings))
    assert accuracy(final.head, clouds(200, seed=2)) > 0.9
    assert final.history.validation_loss[-1] < final.history.validation_loss[0] / 2


def test_lbfgs_finds_the_minimum_that_the_formula_asks_for():
    train = clouds(90, spread=3.0)
    train = Examples(train.vectors / 20, train.labels)
    settings = HeadSettings(optimiser="lbfgs", epochs=200, weight_decay=0.1, scaling="none")
    head = last(train_head(train, None, NAMES, settings)).head
    weight, bias = head.weight.double().requires_grad_(), head.bias.double().requires_grad_()
    logits = torch.from_numpy(train.vectors).double() @ weight.T + bias
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(train.labels)) + 0.05 * weight.square().sum()
    gradient = torch.autograd.grad(loss, [weight, bias])
    assert max(float(part.abs().max()) for part in gradient) < 1e-2


def test_lbfgs_searches_along_its_line_and_finds_the_end_of_a_bent_valley():
    """Rosenbrock's function (1960): a step of length 1 along the gradient makes it worse, again and again."""
    point = torch.tensor([-1.2, 1.0], requires_grad=True)
    optimiser = make_optimiser("lbfgs", [point], weight_decay=0.0)

    def objective():
        with torch.enable_grad():
            value = (1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2
        (point.grad,) = torch.autograd.grad(value, point)
        return value.detach()

    for _ in range(60):
        optimiser.step(objective, 1.0)
    assert float(objective()) < 1e-6


@pytest.mark.parametrize("scaling", SCALINGS)
def test_the_head_reads_unscaled_embeddings_whatever_the_scaling(scaling):
    train = clouds()
    final = last(train_head(train, train, NAMES, HeadSettings(scaling=scaling, epochs=5, learning_rate=0.01)))
    loss = torch.nn.functional.cross_entropy(
        final.head.logits(torch.from_numpy(train.vectors)), torch.from_numpy(train.labels)
    )
    assert float(loss) == pytest.approx(final.history.validation_loss[-1], rel=1e-3)
    assert accuracy(final.head, train) == pytest.approx(final.history.validation_accuracy[-1])


def test_each_input_is_scaled_by_its_own_spread_and_a_constant_one_left_alone():
    vectors = torch.tensor([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
    assert Scaling.of(vectors, "each").apply(vectors).tolist() == [[-1, -1, 0], [1, 1, 0]]
    overall = Scaling.of(vectors, "overall").apply(vectors)
    assert overall[1, 1] == pytest.approx(10 * overall[1, 0])
    assert float(overall.square().mean()) == pytest.approx(1, rel=1e-4)


def test_the_curves_have_equal_columns_and_rising_steps():
    stream = train_head(clouds(), clouds(seed=1), NAMES, HeadSettings(epochs=300, batch_size=4))
    for snapshot in stream:
        columns = list(snapshot.history.as_dict().values())
        assert len({len(column) for column in columns}) == 1
    assert snapshot.step == snapshot.total_steps == 300 * 15
    assert list(snapshot.history.step) == sorted(set(snapshot.history.step))
    assert snapshot.history.step[0] == 0
    assert snapshot.history.step[-1] == snapshot.step
    assert 100 <= len(snapshot.history) <= 210
    assert snapshot.epoch == 300
    assert snapshot.seconds_left == 0


def test_an_untrained_zero_head_is_as_unsure_as_guessing():
    first = next(iter(train_head(clouds(), clouds(seed=1), NAMES, HeadSettings())))
    assert first.history.train_loss[0] == pytest.approx(math.log(3), rel=1e-5)
    assert first.head.weight.abs().max() == 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    settings = HeadSettings(epochs=5, dropout=0.3, initialisation="xavier", batch_size=16)
    first, again = (last(train_head(clouds(), None, NAMES, settings)).head for _ in range(2))
    assert torch.equal(first.weight, again.weight)
    other = last(train_head(clouds(), None, NAMES, dataclasses.replace(settings, seed=1))).head
    assert not torch.equal(first.weight, other.weight)


def test_nobody_elses_random_numbers_are_touched():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    last(train_head(clouds(), None, NAMES, HeadSettings(epochs=3, dropout=0.5, initialisation="gaussian")))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "change",
    [
        {"weight_decay": 1.0},
        {"dropout": 0.5},
        {"label_smoothing": 0.3},
        {"clip_norm": 0.01},
        {"averaging": True},
        {"schedule": "constant"},
        {"schedule": "one-cycle"},
        {"schedule": "decay"},
        {"initialisation": "gaussian"},
        {"batch_size": 7},
        {"optimiser": "sgd"},
        {"scaling": "none"},
    ],
)
def test_every_trick_changes_what_is_learned(change):
    settings = HeadSettings(epochs=5, batch_size=16, learning_rate=0.01)
    plain = last(train_head(clouds(), None, NAMES, settings)).head
    other = last(train_head(clouds(), None, NAMES, dataclasses.replace(settings, **change))).head
    assert not torch.allclose(plain.weight, other.weight, rtol=1e-3)


def test_weight_decay_makes_weights_smaller():
    norms = []
    for decay in (0.0, 0.1, 1.0):
        settings = HeadSettings(optimiser="lbfgs", epochs=30, weight_decay=decay)
        norms.append(float(last(train_head(clouds(), None, NAMES, settings)).head.weight.norm()))
    assert norms[0] > norms[1] > norms[2]


def test_early_stopping_ends_the_run_and_takes_the_best_head():
    # many inputs, few examples, wrong labels: the validation loss soon rises
    generator = np.random.default_rng(0)
    train = Examples(generator.normal(size=(30, 50)).astype(np.float32), generator.integers(0, 3, 30))
    other = Examples(generator.normal(size=(30, 50)).astype(np.float32), generator.integers(0, 3, 30))
    settings = HeadSettings(epochs=500, patience=5, learning_rate=0.05, schedule="constant", batch_size=8)
    final = last(train_head(train, other, NAMES, settings))
    assert final.step < final.total_steps
    assert final.note.startswith("Stopped early")
    loss = torch.nn.functional.cross_entropy(
        final.head.logits(torch.from_numpy(other.vectors)), torch.from_numpy(other.labels)
    )
    assert float(loss) == pytest.approx(min(final.history.validation_loss), rel=1e-3)
    again = refit_settings(settings, final.best_epoch)
    assert again.patience == 0
    assert again.epochs == max(1, round(final.best_epoch))


def test_what_a_checkpoint_says_of_an_early_stop_can_be_translated_too():
    settings = HeadSettings(epochs=500, patience=1, learning_rate=10, schedule="constant")
    training, again = (HeadTraining(clouds(), clouds(seed=1), NAMES, settings) for _ in range(2))
    while not training.finished:
        training.advance()
    again.restore(training.state())
    assert again.note == training.note
    assert again.note.values == training.note.values == {"epochs": training.best_epoch}


@pytest.mark.parametrize("optimiser", ["sgd", "lbfgs"])
def test_a_run_that_diverges_says_so_and_keeps_a_head_of_numbers(optimiser):
    train = clouds()
    train = Examples(train.vectors * np.float32(1e18), train.labels)
    settings = HeadSettings(optimiser=optimiser, learning_rate=100, scaling="none", schedule="constant")
    final = last(train_head(train, None, NAMES, settings))
    assert "diverged" in final.note
    assert final.best_epoch is None
    assert final.head.weight.isfinite().all()


@pytest.mark.parametrize("averaging", [False, True])
def test_every_snapshot_of_a_run_that_diverges_holds_a_head_of_numbers(averaging):
    # each step makes the weights a hundred times as large, whatever the loss says
    settings = HeadSettings(
        optimiser="adamw", learning_rate=10, weight_decay=10, schedule="constant", batch_size=1, scaling="none"
    )
    # inputs so small that the loss does not notice
    train = Examples(clouds().vectors * np.float32(1e-14), clouds().labels)
    training = HeadTraining(train, None, NAMES, dataclasses.replace(settings, averaging=averaging))
    while not training.finished:
        training.advance()
        snapshot = training.snapshot()
        assert snapshot.head.weight.isfinite().all()
    assert "diverged" in snapshot.note
    assert snapshot.step < snapshot.total_steps


def test_averaging_is_the_mean_of_the_second_half():
    settings = HeadSettings(epochs=4, batch_size=60, optimiser="sgd", schedule="constant", learning_rate=0.5)
    heads = [
        last(train_head(clouds(), None, NAMES, dataclasses.replace(settings, epochs=epochs))).head.weight
        for epochs in (3, 4)
    ]
    averaged = last(train_head(clouds(), None, NAMES, dataclasses.replace(settings, averaging=True))).head.weight
    torch.testing.assert_close(averaged, (heads[0] + heads[1]) / 2)


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(DatasetError, match="no pictures"):
        next(train_head(clouds(0), None, NAMES, HeadSettings()))


def test_one_picture_a_class_is_enough_to_run():
    tiny = Examples(np.eye(3, dtype=np.float32), np.arange(3))
    assert accuracy(last(train_head(tiny, None, NAMES, HeadSettings(learning_rate=0.1))).head, tiny) == 1


@pytest.mark.parametrize("kind", INITIALISATIONS)
def test_initialisations_are_what_their_names_say(kind):
    weight = initial(kind, 50, 200, torch.Generator().manual_seed(0)).weight
    spread = {"zeros": 0, "uniform": 1 / 3**0.5, "gaussian": 1, "xavier": (2 / 250) ** 0.5}[kind]
    assert float(weight.std(correction=0)) == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_stay_within_the_rate_that_was_chosen(schedule):
    factors = [rate_factor(schedule, step, 100, 10) for step in range(100)]
    assert max(factors) == pytest.approx(1, abs=0.01)
    assert min(factors) >= 0
    ends = {"constant": (1, 1), "decay": (1, 0.98**9), "cosine": (1, 0), "one-cycle": (0.04, 0)}[schedule]
    assert (factors[0], factors[-1]) == pytest.approx(ends, abs=0.01)


# ---- stopping, and going on


@pytest.mark.parametrize("optimiser", ["adam", "momentum", "adagrad"])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch, optimiser):
    # stopped three times before its end, however fast the machine
    monkeypatch.setattr("core.training.head._SNAPSHOT_SECONDS", 0.001)
    settings = HeadSettings(optimiser=optimiser, epochs=200, batch_size=4, dropout=0.2, averaging=True)
    whole = last(train_head(clouds(), clouds(seed=1), NAMES, settings))
    checkpoint = tmp_path / "checkpoint" / "head"
    stopped_at = []
    for _ in range(3):
        stream = train_head(clouds(), clouds(seed=1), NAMES, settings, checkpoint=checkpoint)
        for snapshot in itertools.islice(stream, 3):
            reached = snapshot.step
        stream.close()
        stopped_at.append(reached)
    assert stopped_at == sorted(set(stopped_at))
    final = last(train_head(clouds(), clouds(seed=1), NAMES, settings, checkpoint=checkpoint))
    assert torch.equal(final.head.weight, whole.head.weight)
    assert final.history.as_dict() == whole.history.as_dict()


def test_a_checkpoint_of_other_settings_or_examples_is_not_taken(tmp_path):
    checkpoint = tmp_path / "head"
    settings = HeadSettings(epochs=5)
    last(train_head(clouds(), None, NAMES, settings, checkpoint=checkpoint))
    for examples, other in ((clouds(seed=3), settings), (clouds(), HeadSettings(epochs=6))):
        first = next(iter(train_head(examples, None, NAMES, other, checkpoint=checkpoint)))
        assert first.step == 0


def test_a_damaged_checkpoint_is_not_taken(tmp_path):
    checkpoint = tmp_path / "head"
    last(train_head(clouds(), None, NAMES, HeadSettings(epochs=5), checkpoint=checkpoint))
    for file in checkpoint.iterdir():
        file.write_bytes(file.read_bytes()[:-50])
    final = last(train_head(clouds(), None, NAMES, HeadSettings(epochs=5), checkpoint=checkpoint))
    assert final.step == final.total_steps


def test_a_killed_run_loses_a_second_at_most(tmp_path):
    code = f"""
import sys, time
sys.path.insert(0, {str(PROJECT)!r})
from pathlib import Path
from core.training.head import train_head
from core.training.head_settings import HeadSettings
from tests.core.training.test_head import clouds, NAMES
began = time.monotonic()
settings = HeadSettings(epochs=1000, batch_size=1)
for snapshot in train_head(clouds(400), None, NAMES, settings, checkpoint=Path({str(tmp_path / "head")!r})):
    print(snapshot.step, round(time.monotonic() - began, 3), flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    seen = []
    for line in process.stdout:
        step, seconds = line.split()
        seen.append((int(step), float(seconds)))
        if float(seconds) > 3 and len(seen) > 20:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    settings = HeadSettings(epochs=1000, batch_size=1)
    stream = train_head(clouds(400), None, NAMES, settings, checkpoint=tmp_path / "head")
    resumed = next(stream)
    stream.close()
    kept = max(seconds for step, seconds in seen if step <= resumed.step)
    # a checkpoint is written every 0.8 s; on a busy machine the write itself takes its time
    assert resumed.step > 0
    assert seen[-1][1] - kept < 2.0


# ---- choosing


def test_cross_validation_prefers_strong_decay_for_noise_and_tells_the_accuracies():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(90, 40)).astype(np.float32)
    vectors[:, 0] += 2 * (np.arange(90) % 3)
    noisy = Examples(vectors, np.arange(90, dtype=np.int64) % 3)
    settings = HeadSettings(optimiser="lbfgs", epochs=20)
    final = last(choose_weight_decay(noisy, NAMES, settings))
    assert final.done == final.total == 5 * len(CANDIDATES)
    best = max(final.accuracies)
    assert final.weight_decay == max(d for d, a in zip(CANDIDATES, final.accuracies, strict=True) if a == best)
    assert final.weight_decay > min(CANDIDATES)
    assert 0.4 < best < 1


def test_trials_that_diverge_count_as_wrong():
    train = Examples(clouds().vectors * np.float32(1e36), clouds().labels)
    settings = HeadSettings(optimiser="sgd", initialisation="gaussian", scaling="none", epochs=2)
    final = last(choose_weight_decay(train, NAMES, settings))
    assert final.accuracies == (0,) * len(CANDIDATES)


def test_cross_validation_can_be_left_in_the_middle_of_a_trial():
    # a trial of hours
    settings = HeadSettings(epochs=1000, batch_size=1, schedule="constant")
    stream = choose_weight_decay(clouds(10_000), NAMES, settings)
    assert next(stream).done == 0
    stream.close()
    assert runtime.workers().submit(lambda: "free").result() == "free"


def test_the_rate_that_is_found_trains_better_than_far_lower_and_far_higher_ones():
    final = last(find_rate(clouds(), NAMES, HeadSettings()))
    assert list(final.rates) == sorted(final.rates)
    assert len(final.rates) == len(final.losses)
    losses = []
    for factor in (0.001, 1, 1000):
        rate = min(100.0, max(1e-6, final.suggested * factor))
        settings = HeadSettings(epochs=3, learning_rate=rate, schedule="constant")
        losses.append(last(train_head(clouds(), clouds(seed=1), NAMES, settings)).history.validation_loss[-1])
    assert losses[1] == min(losses)


def test_gradients_are_not_clipped_under_a_line_search():
    HeadSettings(optimiser="lbfgs")
    with pytest.raises(SettingsError, match=r"clip_norm is 0\.5, but L-BFGS"):
        HeadSettings(optimiser="lbfgs", clip_norm=0.5)


def test_there_is_no_rate_to_find_for_lbfgs():
    with pytest.raises(SettingsError, match="itself"):
        next(find_rate(clouds(), NAMES, HeadSettings(optimiser="lbfgs")))
