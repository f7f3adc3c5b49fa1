"""The questions of the lesson: five before and after it, six on the training tricks. All of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.languages import mark


@dataclass(frozen=True)
class Question:
    """One question. Its texts are translated where they are shown.

    Attributes:
        token: what the browser keeps the answer under.
        right: number of the right choice.
        explanation: why it is right.
    """

    token: str
    text: str
    choices: tuple[str, ...]
    right: int
    explanation: str


QUIZ = (
    Question(
        "new-head",
        mark(
            "A network knows 1.3 million photos. You have 200 drawings of your own. What is the quick way to "
            "teach it yours?"
        ),
        (
            mark("Start again from random weights"),
            mark("Keep the network as it is and train only a new last layer"),
            mark("Nothing has to be trained: it knows every picture"),
            mark("Show it only the names, without pictures"),
        ),
        1,
        mark(
            "The network already turns any picture into a list of useful numbers, its features. A new last layer "
            "only has to "
            "learn which of them belong to your classes: that takes seconds, and few pictures."
        ),
    ),
    Question(
        "layers",
        mark("What do the first layers of a trained network react to?"),
        (
            mark("Whole animals"),
            mark("Eyes, ears and noses"),
            mark("Edges and spots of colour"),
            mark("The name of the file"),
        ),
        2,
        mark(
            "The first layers see only a few pixels at a time: edges, stripes, colours. Deeper layers put these "
            "together into "
            "patterns, and those into parts of things. Edges are the same in all photos, so the first layers fit "
            "new tasks, too."
        ),
    ),
    Question(
        "test",
        mark("Why is a network tested with pictures that it has not learned from?"),
        (
            mark("Because it may know the others by heart"),
            mark("Because testing is faster that way"),
            mark("Because the test pictures are easier"),
            mark("Because it would forget the others"),
        ),
        0,
        mark(
            "A network can learn its own pictures by heart and still know nothing about others. Only pictures "
            "that it has never "
            "seen tell what it will do tomorrow."
        ),
    ),
    Question(
        "sure",
        mark("A network says: 99 % Siamese cat. The picture shows coloured noise. What does this tell you?"),
        (
            mark("There must be a cat hidden in the noise"),
            mark("The program is broken"),
            mark("The picture is too small"),
            mark("Being sure is not the same as being right"),
        ),
        3,
        mark(
            "The percentages only share 100 % out among the names that the network knows. It has no name for "
            "“nothing”. A picture can be made so "
            "that one name wins by far, and still show nothing at all."
        ),
    ),
    Question(
        "other-network",
        mark(
            "A photo of a cheetah was changed invisibly, and network A now reads “Siamese cat”. What will "
            "another network B most likely read?"
        ),
        (
            mark("A Siamese cat, too: all networks see the same"),
            mark("Nothing: the file is broken"),
            mark("A cheetah: the change was made for network A"),
            mark("A dog"),
        ),
        2,
        mark(
            "A very small change fits the weak spots of one network. Another one has other weights and other "
            "weak spots. To fool several at once, "
            "a change has to be larger or made with several networks."
        ),
    ),
)

TRICK_QUESTIONS = (
    Question(
        "scaling",
        mark("A network was trained with pixel values around 0. You give it values from 0 to 255. What happens?"),
        (
            mark("It stops with an error"),
            mark("It answers as if nothing had happened"),
            mark("It still answers, but its features are worse, and nobody is warned"),
            mark("It becomes more exact, because the numbers are larger"),
        ),
        2,
        mark(
            "Numbers are numbers: nothing breaks. But the layers get values that they have never met in "
            "training. That is why this mistake "
            "is found so late."
        ),
    ),
    Question(
        "initialisation",
        mark("A single last layer may start from weights that are all 0. Why must the layers of a deep network not?"),
        (
            mark("All units of a layer would compute the same, and learn the same"),
            mark("0 cannot be stored in a file"),
            mark("The network would be too fast"),
            mark("Zeros make the pictures black"),
        ),
        0,
        mark(
            "Units that start equal get equal gradients and stay equal for ever: the layer is worth one unit. "
            "Random weights make them different. "
            "In a single last layer each class has its own answers to learn from, so the weights part by themselves."
        ),
    ),
    Question(
        "dropout",
        mark("What does dropout do?"),
        (
            mark("It deletes wrong pictures"),
            mark("It ends the training early"),
            mark("It makes the network smaller for good"),
            mark("It hides some inputs by chance at each step of training"),
        ),
        3,
        mark(
            "At each step other inputs are missing, so the layer cannot rely on a few of them. When the network "
            "is used, nothing is hidden. "
            "It helps against learning by heart; where nothing was learned by heart, it only costs time."
        ),
    ),
    Question(
        "rate",
        mark("The loss jumps up and down and does not fall. What do you try first?"),
        (
            mark("A higher learning rate"),
            mark("A lower learning rate"),
            mark("Fewer pictures"),
            mark("Another colour for the curve"),
        ),
        1,
        mark(
            "With too long steps one jumps across the valley and lands on the other side, again and again, or "
            "ever higher. "
            "Shorter steps get down into it."
        ),
    ),
    Question(
        "early-stopping",
        mark("By which pictures does early stopping decide when to stop?"),
        (
            mark("By those that it learns from"),
            mark("By validation pictures, which it does not learn from"),
            mark("By the test pictures"),
            mark("By the last picture that it saw"),
        ),
        1,
        mark(
            "On the pictures that it learns from the loss nearly always falls. And who chooses by the test "
            "pictures has used them: their result "
            "then looks better than it is. So one keeps a third group, for such choices."
        ),
    ),
    Question(
        "momentum",
        mark("Momentum is like a ball that rolls downhill. What does it change?"),
        (
            mark("Each step also goes on a bit in the direction of the steps before"),
            mark("Each step goes in a direction by chance"),
            mark("The pictures are turned"),
            mark("The network gets more layers"),
        ),
        0,
        mark(
            "Steps that agree add up, steps that go to and fro cancel out. So one gets faster through long flat "
            "valleys. "
            "Adam does this, too, and also chooses a length of step for each weight."
        ),
    ),
)


def shuffled(question: Question, number: int) -> list[tuple[str, int]]:
    """The choices in another order, each with its number: turned by one more place in each question; none stays.

    Args:
        number: of the question in its quiz, from 0.
    """
    count = len(question.choices)
    turn = 1 + number % (count - 1)
    order = [(place + turn) % count for place in range(count)]
    return [(question.choices[choice], choice) for choice in order]


def score(questions: Sequence[Question], answers: Mapping[str, int]) -> int:
    """How many answers are right."""
    return sum(answers.get(question.token) == question.right for question in questions)
