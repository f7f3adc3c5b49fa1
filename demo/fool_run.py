"""One attack of one visitor: from a choice to a stream of attempts, its files, and what becomes of them later."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import core
from core.attack.settings import AttackSettings
from core.texts import say
from demo.examples import examples
from demo.fool_form import is_anything
from demo.made_files import new_file
from demo.networks import Network, load
from demo.session import VisitorsRun

if TYPE_CHECKING:
    from core.attack.defence import Defended
    from core.attack.dial import Dialled
    from core.attack.files import FullSize
    from core.attack.goals import Goal
    from core.attack.snapshot import Attacked, AttackSnapshot
    from core.attack.survival import Trial
    from core.attack.victims import Victim


@dataclass(frozen=True)
class Wish:
    """What a visitor wants to see.

    Attributes:
        photo: path of the photo.
        goal: `fool_form.ANYTHING`, or a class as it was chosen or typed.
        network: who is to be fooled.
        settings: how.
        preset: what the settings began with.
        beside: names of further networks that are to be fooled by the same picture.
    """

    photo: str
    goal: str
    network: Network
    settings: AttackSettings
    preset: str
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Attempt:
    """An attack as far as it is.

    Attributes:
        wish: what was wanted.
        own: what the network reads in the photo.
        target: the class that it should read, as the network calls it; None: anything else.
        networks: titles of the networks that are to be fooled.
        own_classes: whether the classes are those of a visitor's run, which no other network knows.
        snapshot: of the attack.
    """

    wish: Wish
    own: str
    target: str | None
    networks: tuple[str, ...]
    own_classes: bool
    snapshot: AttackSnapshot = field(repr=False)

    @property
    def attacked(self) -> Attacked:
        """The picture: before, after, and how far apart."""
        return self.snapshot.attacked[0]

    @property
    def network(self) -> str:
        """All of them in one line."""
        return " + ".join(self.networks)

    def set_aside(self) -> Attempt:
        """The same, with what only Continue needs on the disk."""
        snapshot = replace(self.snapshot, state=self.snapshot.state.set_aside())
        return replace(self, snapshot=snapshot)

    @property
    def watched(self) -> str:
        """The class whose probability the curve shows."""
        return self.target or self.own


@dataclass(frozen=True, eq=False)
class DialledPhoto:
    """A curve against distance as far as it is."""

    own: str
    target: str | None
    network: str
    norm: str
    dialled: Dialled = field(repr=False)


@dataclass(frozen=True, eq=False)
class Corner:
    """The defence corner as far as it is.

    Attributes:
        networks: what all that will be attacked are called; those that `Said` describes are no names.
        rows: of those that have been, in the same order.
        share: of all work that is done, in [0, 1].
    """

    networks: tuple[str, ...]
    rows: tuple[Defended, ...]
    share: float


def fool(wish: Wish, *, go_on: Attempt | None, max_seconds: float) -> Iterator[Attempt]:
    """The attack. Stops by itself after `max_seconds`.

    Raises:
        PetLensError: a class that is unknown or read already, a photo that cannot be read.
    """
    from core.attack.attack import attack

    victim, photo, goal = _aimed(wish)
    snapshots = attack(
        victim,
        [photo],
        [goal],
        wish.settings,
        go_on=go_on.snapshot if go_on else None,
        max_seconds=max_seconds,
    )
    names, target = victim.first.class_names, None if is_anything(wish.goal) else goal.label
    for snapshot in snapshots:
        own = snapshot.attacked[0].before.top(1)[0].title
        wanted = None if target is None else names[target]
        yield Attempt(wish, own, wanted, titles_of(wish), isinstance(wish.network, VisitorsRun), snapshot)


def survivals(attempt: Attempt) -> Iterator[tuple[Trial, ...]]:
    """What becomes of the very file that is downloaded: all trials that are known, after each."""
    from core.attack.survival import survive

    victim = _victim_of(attempt.wish)
    # read again: what is judged is what the file holds
    picture = core.read_image(io.BytesIO(png_of(attempt, victim)))
    known: tuple[Trial, ...] = ()
    yield known
    for trial in survive(victim, replace(attempt.attacked, picture=picture)):
        known = (*known, trial)
        yield known


def enlarge(attempt: Attempt) -> Iterator[FullSize]:
    """The change on the whole photo: each strength that is tried."""
    from core.attack.files import onto_full_size

    yield from onto_full_size(_victim_of(attempt.wish), _read(attempt.wish.photo), attempt.attacked)


def write_full_size(attempt: Attempt, full: FullSize) -> str:
    """Its PNG in a new temporary folder, which the caller deletes; returns its path."""
    path = new_file(f"full-size {attempt.target or 'something else'}", ".png")
    full.picture.save(path, "PNG")
    return str(path)


def dial_photo(wish: Wish, norm: str, *, max_seconds: float) -> Iterator[DialledPhoto]:
    """What the strongest change of each size does to the photo. Stops by itself after `max_seconds`."""
    from core.attack.dial import dial

    victim, photo, goal = _aimed(wish)
    own = victim.predict([photo])[0].top(1)[0].title
    target = None if is_anything(wish.goal) else victim.first.class_names[goal.label]
    for dialled in dial(victim, photo, goal, norm, max_seconds=max_seconds):
        yield DialledPhoto(own, target, " + ".join(titles_of(wish)), norm, dialled)


def defend_photos(wish: Wish, run: VisitorsRun | None, *, max_seconds: float) -> Iterator[Corner]:
    """The same attack on the network as it is and on what might help, over the app's pictures and the visitor's.

    Args:
        run: the visitor's own network, if there is one.
    """
    from core.attack.defence import defend

    paths = [str(example.path) for example in examples()]
    if wish.photo not in paths:
        paths.append(wish.photo)
    photos = [_read(path) for path in paths]
    plain = victim_of(wish.network)
    defences = _defences(wish.network, plain, run)
    names = (name_of(wish.network), *defences)
    for at in defend(plain, list(defences.values()), photos, wish.settings, max_seconds=max_seconds):
        yield Corner(names, at.rows, at.share)


def _defences(network: Network, plain: Victim, run: VisitorsRun | None) -> dict[str, Victim]:
    """What might help, by its name."""
    from core.attack.victims import Victim
    from core.backbones.sources import judges

    (classifier,) = plain.classifiers
    found = {}
    if run is not None and not (isinstance(network, VisitorsRun) and network.token == run.token):
        found[name_of(run)] = victim_of(run)
    if classifier.head is None:
        for listing in judges([classifier.backbone.name])[:1]:
            beside = core.Classifier(core.load_backbone(listing.name))
            name = say("average with {network}", network=beside.backbone.title)
            found[name] = Victim((classifier, beside), several="mean")
    found[say("everything blurred by a pixel")] = Victim((classifier,), smoothing_px=1.0)
    return found


def name_of(network: Network) -> str:
    """What to call a network in a sentence; it is in memory."""
    title = load(network).backbone.title
    return f"{network.record.name} ({title})" if isinstance(network, VisitorsRun) else title


def titles_of(wish: Wish) -> tuple[str, ...]:
    """The same for all that are to be fooled, each once."""
    return tuple(dict.fromkeys((name_of(wish.network), *(load(name).backbone.title for name in wish.beside))))


def victim_of(network: Network, beside: Sequence[str] = ()) -> Victim:
    """The network, or it and others, as something to attack; loaded if it is not in memory.

    Raises:
        SettingsError: others know different classes.
    """
    from core.attack.victims import Victim

    classifiers = {one.backbone.name: one for one in map(load, (network, *beside))}
    return Victim(tuple(classifiers.values()))


def _victim_of(wish: Wish) -> Victim:
    return victim_of(wish.network, wish.beside)


def png_of(attempt: Attempt, victim: Victim) -> bytes:
    """The changed picture as the PNG file that is downloaded, with what was done inside."""
    from core.attack.files import to_png

    return to_png(attempt.attacked, victim, attempt.wish.settings)


def write_png(attempt: Attempt) -> str:
    """The PNG in a new temporary folder, which the caller deletes; returns its path."""
    path = new_file(f"fooled {attempt.target or 'something else'}", ".png")
    path.write_bytes(png_of(attempt, _victim_of(attempt.wish)))
    return str(path)


def _aimed(wish: Wish) -> tuple[Victim, Any, Goal]:
    from core.attack.attack import check_photo
    from core.attack.goals import goal_of

    victim = _victim_of(wish)
    classifier = victim.first
    photo = _read(wish.photo)
    check_photo(photo)
    target = None if is_anything(wish.goal) else classifier.label_of(wish.goal)
    (before,) = victim.predict([photo])
    return victim, photo, goal_of(before.top(1)[0].index, target, classifier.class_names)


def _read(path: str) -> Any:
    if not os.path.exists(path):
        raise core.ImageError("This photo is no longer on the server, where it is kept for some hours. Drop it again.")
    return core.read_image(path)


def newest_run(runs: Sequence[VisitorsRun]) -> VisitorsRun | None:
    """The visitor's newest run that can classify."""
    usable = [run for run in runs if (run.folder / "head.safetensors").is_file()]
    return usable[-1] if usable else None
