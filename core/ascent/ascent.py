"""The loop: from noise to what a network thinks that a class looks like.

Each step looks at the picture through small random changes, asks the network how it would have to change to look more
like the class, and changes it a little. Page, terminal, tests and benchmarks run the same generator.

References:
    Simonyan et al. 2014, Deep Inside Convolutional Networks, arXiv:1312.6034
    Olah et al. 2017, Feature Visualization, doi:10.23915/distill.00007
    Yin et al. 2020, Dreaming to Distill, arXiv:1912.08795
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, TypeVar

import torch
from PIL import Image

from core import runtime
from core.ascent.onlooker import Onlooker
from core.ascent.picture import drawn
from core.ascent.settings import AscentSettings
from core.ascent.snapshot import AscentRow, AscentSnapshot, AscentState, Steering, StoppedBy
from core.ascent.wanted import check_labels, check_same_classes, on_pixels, on_views
from core.classifier import Classifier
from core.errors import SettingsError
from core.images import to_pixels
from core.objectives import Look
from core.optimisers import make_optimiser
from core.parameterize import Parameterization, parameterize
from core.schedules import rate_factor
from core.texts import mark

T = TypeVar("T")

DIVERGED = mark("The picture's numbers ran away: this is the last good one. Try a lower learning rate.")
# Looks of a whole run at the least, however fast it is: the film and the curve are made of them.
_LOOKS_IN_A_RUN = 30
# Views that a network sees in one batch at the most: more take more memory and gain no time.
_VIEWS_AT_ONCE = 16
# A cosine ends at 0, where nothing moves any more.
_SMALLEST_RATE = 0.02


def ascend(
    classifier: Classifier,
    labels: Sequence[int],
    settings: AscentSettings,
    *,
    beside: Sequence[Classifier] = (),
    photo: Image.Image | None = None,
    steering: Steering | None = None,
    go_on: AscentSnapshot | None = None,
    max_seconds: float | None = None,
    look_every_seconds: float = 0.3,
    all_processors: bool = False,
    starts: Literal["apart", "alike"] = "apart",
) -> Iterator[AscentSnapshot]:
    """Draw an ideal image of each label: a snapshot before the first step and after each.

    Args:
        labels: indices of classes of the classifier; each gets `settings.candidates` pictures, all made together.
        beside: further networks that know the same classes: each step pleases the mean of all of them.
        photo: RGB, to start from, when the settings say so.
        steering: what may be turned meanwhile.
        go_on: the last snapshot of an ascent with the same classifier, labels and settings: `settings.steps` more.
        max_seconds: no step begins after these.
        look_every_seconds: how often the pictures are looked at as people will see them; some looks spread evenly over the
            steps come in any case. A look costs a third of a step and changes nothing. Whoever closes the generator loses
            what came after the last.
        all_processors: whether each step is spread over all of them: faster where nothing else computes. Else it takes one,
            as beside another job each layer would wait until both get their turn, which took fifty times as long.
        starts: whether each picture begins with noise of its own, or all with the same.

    Raises:
        SettingsError: a label that the network does not know, networks that know different classes, a photo that is missing,
            a setting that does not fit.
        BackboneError: the batch-norm prior is wanted of a network without batch norm, or blocks are to be left out of one
            that has none.
    """
    began = time.monotonic()
    compute = _here if all_processors else runtime.on_one_thread
    ascent = compute(
        partial(
            Ascent,
            classifier,
            labels,
            settings,
            photo=photo,
            steering=steering,
            beside=beside,
            look_every_seconds=look_every_seconds,
        )
    )
    if starts == "alike":
        compute(ascent.begin_alike)
    if go_on is not None:
        ascent.restore(go_on)
    first = ascent.step
    yield ascent.snapshot()
    while not ascent.stopped_by:
        if max_seconds is not None and time.monotonic() - began >= max_seconds:
            ascent.stopped_by = "time"
            compute(ascent.look)
        else:
            compute(partial(ascent.advance, leg_start=first))
        yield ascent.snapshot()


def _here(work: Callable[[], T]) -> T:
    return work()


class Ascent:
    """One ascent, between two steps. Not shared; `ascend` drives it."""

    def __init__(
        self,
        classifier: Classifier,
        labels: Sequence[int],
        settings: AscentSettings,
        *,
        photo: Image.Image | None,
        steering: Steering | None,
        beside: Sequence[Classifier],
        look_every_seconds: float,
    ) -> None:
        check_labels(labels, classifier)
        check_same_classes(classifier, beside)
        self._classifier, self._settings = classifier, settings
        self._labels = tuple(label for label in labels for _ in range(settings.candidates))
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._onlookers = [Onlooker(one, settings, self._generator) for one in (classifier, *beside)]
        self._side_px = settings.coarse_px or settings.size_px
        # whoever resumes the generator may be in inference mode, whose tensors cannot take part in gradients
        with torch.inference_mode(False):
            self._on_pixels = on_pixels(self._labels, settings, steering or Steering(settings))
            self._pictures = self._begin(photo)
            self._optimiser = self._new_optimiser()
        self.step, self.total_steps = 0, settings.steps
        self._views_from = self._generator.get_state()
        self._gradients = 0
        self._seconds = 0.0
        self._loss: float | None = None
        self.stopped_by: StoppedBy = ""
        self._note = ""
        self._history: tuple[AscentRow, ...] = ()
        self._look_every_seconds, self._look_every_steps = look_every_seconds, max(1, settings.steps // _LOOKS_IN_A_RUN)
        self._alike = False
        self.look()

    def advance(self, *, leg_start: int) -> None:
        """One step, and a look where one is due.

        Args:
            leg_start: the step at which this part of the run began, of which a cosine spans the length.
        """
        began = time.monotonic()
        self._refine()
        factor = rate_factor(self._settings.schedule, self.step - leg_start, self.total_steps - leg_start, 1)
        rate = self._settings.learning_rate * max(factor, _SMALLEST_RATE)
        self._views_from = self._generator.get_state()
        with torch.inference_mode(False), torch.no_grad():
            loss = float(self._optimiser.step(self._differentiate, rate))
            self._pictures.keep_inside()
            finite = math.isfinite(loss) and all(bool(p.isfinite().all()) for p in self._pictures.parameters)
        self._seconds += time.monotonic() - began
        if not finite:
            self._side_px = self._good.side_px
            self.stopped_by, self._note = "diverged", DIVERGED
            return
        self.step += 1
        self._loss = loss / len(self._labels)
        if self.step >= self.total_steps:
            self.stopped_by = "steps"
        waited = time.monotonic() - self._looked_at >= self._look_every_seconds
        if self.stopped_by or waited or self.step % self._look_every_steps == 0:
            self.look()

    @torch.inference_mode(False)
    @torch.no_grad()
    def begin_alike(self) -> None:
        """Before the first step: let all pictures begin as the first one does, and be seen through the same views."""
        self._alike = True
        for parameter in self._pictures.parameters:
            parameter.copy_(parameter[:1].clone().expand_as(parameter))
        self.look()

    @torch.inference_mode(False)
    @torch.no_grad()
    def look(self) -> None:
        """See the pictures as people will see them, and keep what is needed to go on from here."""
        began = time.monotonic()
        self._drawn = drawn(self._classifier, self._pictures.pixels(), self._labels)
        count = len(self._drawn)
        row = AscentRow(
            self.step,
            self._loss,
            sum(one.probability for one in self._drawn) / count,
            sum(one.variation for one in self._drawn) / count,
        )
        earlier = self._history[:-1] if self._history and self._history[-1].step == self.step else self._history
        self._history = (*earlier, row)
        self._good = AscentState(
            self.step,
            self._side_px,
            tuple(parameter.detach().clone() for parameter in self._pictures.parameters),
            {name: tensor.clone() for name, tensor in self._optimiser.state.items()},
            self._generator.get_state(),
        )
        self._looked_at = time.monotonic()
        self._seconds += self._looked_at - began

    def snapshot(self) -> AscentSnapshot:
        """What can be seen now."""
        return AscentSnapshot(
            step=self.step,
            total_steps=self.total_steps,
            drawn=self._drawn,
            looked_at=self._good.step,
            history=self._history,
            gradients=self._gradients,
            seconds=self._seconds,
            stopped_by=self.stopped_by,
            note=self._note,
            state=self._good,
        )

    @torch.inference_mode(False)
    @torch.no_grad()
    def restore(self, snapshot: AscentSnapshot) -> None:
        """Go on where that snapshot's pictures were, as many steps again."""
        state = snapshot.state
        self._side_px = state.side_px
        self._pictures = self._pictures.at_size(state.side_px)
        for parameter, kept in zip(self._pictures.parameters, state.parameters, strict=True):
            parameter.copy_(kept)
        self._optimiser = self._new_optimiser()
        self._optimiser.state = {name: tensor.clone() for name, tensor in state.optimiser.items()}
        self._generator.set_state(state.generator)
        self.step, self.total_steps = state.step, state.step + self._settings.steps
        self._gradients, self._seconds = snapshot.gradients, snapshot.seconds
        self._history = snapshot.history
        self._drawn, self._good = snapshot.drawn, state

    def _begin(self, photo: Image.Image | None) -> Parameterization:
        settings = self._settings
        start: torch.Tensor | Literal["noise", "grey"]
        if settings.start != "photo":
            start = settings.start
        elif photo is None:
            raise SettingsError("start is photo, but there is no photo. Choose one, or start from noise.")
        else:
            start = to_pixels([_square(photo, self._side_px)])
        return parameterize(
            settings.parameterization,
            start,
            count=len(self._labels),
            side_px=self._side_px,
            generator=self._generator,
            device=self._classifier.backbone.device,
        )

    def _new_optimiser(self):
        return make_optimiser(self._settings.optimiser, self._pictures.parameters, weight_decay=0.0)

    def _refine(self) -> None:
        """From the coarse size to the final one, when it is time."""
        settings = self._settings
        if self._side_px == settings.size_px or self.step < settings.coarse_share * settings.steps:
            return
        self._side_px = settings.size_px
        with torch.inference_mode(False):
            self._pictures = self._pictures.at_size(self._side_px)
            self._optimiser = self._new_optimiser()

    def _differentiate(self) -> torch.Tensor:
        """Set the parameters' gradients to those of the objective, by a few looks; returns its value."""
        parameters = self._pictures.parameters
        self._generator.set_state(self._views_from)  # L-BFGS asks several times a step: always of the same views
        value = torch.zeros(())
        with torch.enable_grad():
            pixels = self._pictures.pixels()
            leaf = pixels.detach().requires_grad_()
            slope = torch.zeros_like(leaf)
            for part in self._parts(leaf):  # the memory of one is freed before the next
                if part.requires_grad:
                    slope += torch.autograd.grad(part, leaf)[0]
                value += part.detach().cpu()
            gradients = torch.autograd.grad(pixels, parameters, slope)
        self._gradients += self._settings.looks * len(self._onlookers)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.contiguous()  # as the parameters lie, which L-BFGS wants
        return value

    def _parts(self, leaf: torch.Tensor) -> Iterator[torch.Tensor]:
        """The objective, piece by piece: what each network sees, a few looks at a time, and the pixels themselves."""
        looks, coarse = self._settings.looks, self._side_px < self._settings.size_px
        at_once = max(1, _VIEWS_AT_ONCE // len(leaf))
        for onlooker in self._onlookers:
            for times in (min(at_once, looks - done) for done in range(0, looks, at_once)):
                look = onlooker.look(leaf, times, coarse=coarse, alike=self._alike)
                yield on_views(self._labels * times, self._settings)(look) / (looks * len(self._onlookers))
        yield self._on_pixels(Look(leaf))


def _square(photo: Image.Image, side_px: int) -> Image.Image:
    """The middle square of a photo, at that size."""
    short = min(photo.size)
    left, top = (photo.width - short) // 2, (photo.height - short) // 2
    box = (left, top, left + short, top + short)
    return photo.resize((side_px, side_px), Image.Resampling.BICUBIC, box=box)
