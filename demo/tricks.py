"""The training tricks in words: what each experiment changes, what its outcome means. `core.experiments` runs them."""

from __future__ import annotations

from dataclasses import dataclass

from demo.languages import mark

GUESSES = ("better", "worse", "same")
GUESS_TEXTS = {"better": mark("better"), "worse": mark("worse"), "same": mark("about the same")}


@dataclass(frozen=True)
class Trick:
    """One experiment, as one reads it. Its texts are translated where they are shown.

    Attributes:
        token: of the experiment in `core`.
        text: what is done, in both trainings and in the second.
        first, second: what the two trainings are called.
        better, worse, same: what it means when the second turns out so.
    """

    token: str
    title: str
    text: str
    first: str
    second: str
    better: str
    worse: str
    same: str

    def meaning(self, verdict: str) -> str:
        """What that outcome means."""
        return {"better": self.better, "worse": self.worse, "same": self.same}[verdict]


TRICKS = (
    Trick(
        "scaling-off",
        mark("Scaling off"),
        mark(
            "The network was trained with pixel values around 0. The second training shows it the values as they "
            "stand in a file, 0 to 255: "
            "the classic bug. Is the second better?"
        ),
        mark("with scaling"),
        mark("without scaling"),
        mark("On these pictures the mistake helped. That is luck: the network gets values that it has never met."),
        mark(
            "The network gets values that it has never met, so its features say less. No error message, nothing "
            "breaks: only the result is worse. "
            "That is what makes this bug so common."
        ),
        mark(
            "These pictures cannot show a difference. The features are worse all the same: with finer classes, "
            "such as breeds, it costs much."
        ),
    ),
    Trick(
        "initialisation",
        mark("Initialisation"),
        mark(
            "The new last layer must start from some weights. The first training starts from zeros, the second "
            "from random numbers of about 1 "
            "(drawn from a normal distribution). Is the second better?"
        ),
        mark("from zeros"),
        mark("from random weights"),
        mark("Here the random start was the better one. With a longer training both should come closer together."),
        mark(
            "Random numbers of about 1 are far too large: more than a thousand inputs times such weights give "
            "wild answers at first, which the whole training "
            "is busy to unlearn. That is why random starts are drawn small, as Xavier and others worked out."
        ),
        mark(
            "One last layer has a single valley: from wherever one starts, one comes to about the same place. "
            "For networks with many layers it is "
            "different: there the start decides."
        ),
    ),
    Trick(
        "dropout",
        mark("Dropout"),
        mark(
            "In the second training half of the layer's inputs are hidden at each step, always others. That is "
            "meant to keep it from learning by heart. "
            "Is the second better?"
        ),
        mark("no dropout"),
        mark("half hidden"),
        mark("Hiding inputs kept the layer from relying on a few of them, and that helped with new pictures."),
        mark("With half of the inputs hidden it learns more slowly, and it was not done yet when the training ended."),
        mark(
            "A trick helps against its own trouble only. One last layer on good features hardly learns by heart "
            "here, so there was nothing to cure."
        ),
    ),
    Trick(
        "rate-too-high",
        mark("Rate too high"),
        mark(
            "The learning rate says how long each step is. In the second training the steps are many times as "
            "long. Is the second better?"
        ),
        mark("usual rate"),
        mark("rate too high"),
        mark("Here the longer steps came farther in the same time: the usual rate was too careful."),
        mark(
            "Steps that are too long jump over the valley instead of going down into it. Look at the loss: it "
            "leaps, and ends high."
        ),
        mark(
            "The loss leaps in the curve, but which name wins has hardly changed: the result is not worse than "
            "these pictures can show."
        ),
    ),
    Trick(
        "no-early-stopping",
        mark("No early stopping"),
        mark(
            "Both learn from few pictures, for long. The first stops when pictures kept aside get no better, the "
            "second goes on to the end. "
            "Is the second better?"
        ),
        mark("stops early"),
        mark("goes on"),
        mark("Going on was right here: the first stopped too soon."),
        mark("After its best moment it learned its own pictures by heart, and got worse with new ones."),
        mark(
            "Look at both curves. The loss tells how sure it is of wrong answers; how many answers are wrong may "
            "stay the same all the while. "
            "Then early stopping saves time, but no mistakes."
        ),
    ),
    Trick(
        "small-data",
        mark("Small data"),
        mark("The first training learns from all pictures, the second from only 5 of each kind. Is the second better?"),
        mark("all pictures"),
        mark("5 of each kind"),
        mark("Fewer pictures were better: that should not happen. Perhaps many of them are labelled wrongly."),
        mark(
            "Five pictures do not show how different the things of one kind can look. More pictures are the "
            "trick that helps nearly always."
        ),
        mark("Five pictures of each were enough here: the network knew these things well before."),
    ),
)


def find_trick(token: str) -> Trick:
    """The one of that token."""
    return next(trick for trick in TRICKS if trick.token == token)
