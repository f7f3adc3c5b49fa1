"""Classes of one's own: named, filled with dropped files and with shots of the camera."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from core import places
from core.datasets.labelled import MIN_PICTURES
from core.errors import DatasetError
from core.texts import mark, say
from demo import cards
from demo.context import Context
from demo.languages import tr, tr_n
from demo.messages import message_for
from demo.opening import Opened, look_at
from demo.photo import say_why_no_camera, unopened_image

MAX_CLASSES = 8
_FIRST_SHOWN = 2
_EXAMPLES = (mark("my cat"), mark("my dog"), mark("nobody"))
# Folders that a killed server left behind.
_UNUSED_SECONDS = 24 * 3600
_COPY_AT_ONCE = 16

# Gradio switches the camera off after each shot; who collects pictures wants the next one at once.
CAMERA_ON_AGAIN_JS = """
() => {
  let left = 30;
  const press = () => {
    const wake = document.querySelector('#camera button .icon-wrap');
    if (wake) wake.closest('button').click(); else if (left-- > 0) setTimeout(press, 100);
  };
  press();
}
"""


@dataclass(frozen=True, eq=False)
class OwnClasses:
    """The rows on the page.

    Attributes:
        names, files: one component of each class.
        use: the button that makes a data set of them.
    """

    names: list[gr.Textbox]
    files: list[gr.File]
    use: gr.Button

    @property
    def inputs(self) -> list[gr.components.Component]:
        """What a handler gets: all names, then the files of all classes."""
        return [*self.names, *self.files]


def build_own_classes(context: Context) -> OwnClasses:
    """Put the rows, the camera and the button on the page, and connect them."""
    names, files, counts, rows, removers = [], [], [], [], []
    for number in range(MAX_CLASSES):
        if number % 2 == 0:
            pair = gr.Row()
        with pair, gr.Column(visible=number < _FIRST_SHOWN, min_width=240, elem_classes="pl-own-class") as row:
            hint = tr(_EXAMPLES[number]) if number < len(_EXAMPLES) else tr("its name")
            names.append(
                gr.Textbox(label=_numbered(number), placeholder=hint, max_lines=1, elem_id=f"own-name-{number + 1}")
            )
            files.append(
                gr.File(file_count="multiple", label=tr("Its pictures"), height=130, elem_id=f"own-files-{number + 1}")
            )
            counts.append(gr.HTML(_count_card(0, 0), elem_id=f"own-count-{number + 1}"))
            removers.append(gr.Button(tr("Remove the last shot"), size="sm", visible=False))
        rows.append(row)
    shown = gr.State(_FIRST_SHOWN)
    say_why_no_camera()
    with gr.Accordion(
        tr("Take pictures with the camera"), open=False, elem_id="own-camera", elem_classes="pl-needs-camera"
    ):
        choices = _class_choices([""] * _FIRST_SHOWN)
        into = gr.Radio(choices, value=0, label=tr("Each picture that you take is added to"))
        camera = unopened_image(
            sources=["webcam"],
            label=tr("Camera"),
            height=320,
            webcam_options=gr.WebcamOptions(mirror=False),
            buttons=[],
            elem_id="camera",
        )
        said = gr.HTML()
    with gr.Row():
        more = gr.Button(tr("Add a class"), size="sm")
        use = gr.Button(tr("Use these pictures"), variant="primary", elem_id="use-own")

    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def add_class(shown: int, *names: str) -> list:
        shown = min(MAX_CLASSES, int(shown) + 1)
        visible = [gr.update(visible=number < shown) for number in range(MAX_CLASSES)]
        return [shown, gr.update(interactive=shown < MAX_CLASSES), _choices(shown, names), *visible]

    def rename(shown: int, *names: str) -> dict:
        return _choices(int(shown), names)

    # functions made for each class: Gradio finds no `gr.Request` among the parameters of a `functools.partial`
    def count_of(number: int) -> Callable:
        def count(files: list[str] | None, request: gr.Request) -> str:
            shots = _shots(context.sessions.get(request.session_hash).folder, number)
            return _count_card(len(files or []), len(shots))

        return count

    def add_shot(shot: str | None, number: int, request: gr.Request, *files: list[str] | None) -> list:
        """Keep the shot and show the camera again."""
        skip = [gr.skip()] * (2 * MAX_CLASSES)
        if not shot:
            return [gr.skip(), gr.skip(), *skip]
        try:
            number = int(number)
            taken = _keep_shot(context, request.session_hash, shot, number)
        except Exception as error:
            return [None, cards.message_card(message_for(error)), *skip]
        skip[number] = _count_card(len(files[number] or []), taken)
        skip[MAX_CLASSES + number] = gr.update(visible=True)
        said = tr_n(
            "Added to class {number}: {count} taken so far.",
            "Added to class {number}: {count} taken so far.",
            taken,
            number=number + 1,
        )
        return [None, cards.waiting_card(said), *skip]

    def remover_of(number: int) -> Callable:
        def remove_shot(files: list[str] | None, request: gr.Request) -> list:
            shots = _shots(context.sessions.get(request.session_hash).folder, number)
            for shot in shots[-1:]:
                shot.unlink(missing_ok=True)
            left = len(shots[:-1])
            return [_count_card(len(files or []), left), gr.update(visible=left > 0)]

        return remove_shot

    more.click(add_class, inputs=[shown, *names], outputs=[shown, more, into, *rows], **quick)
    for number in range(MAX_CLASSES):
        names[number].change(rename, inputs=[shown, *names], outputs=into, **quick)
        files[number].change(count_of(number), inputs=files[number], outputs=counts[number], **quick)
        removers[number].click(
            remover_of(number), inputs=files[number], outputs=[counts[number], removers[number]], **quick
        )
    taken = camera.input(
        add_shot,
        inputs=[camera, into, *files],
        outputs=[camera, said, *counts, *removers],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    taken.then(None, js=CAMERA_ON_AGAIN_JS)
    return OwnClasses(names, files, use)


def visitors_folder(context: Context, visitor: str) -> Path:
    """The folder of a visitor's own pictures, made when it is needed; it goes when the visitor goes."""
    folder = context.sessions.get(visitor).folder
    if folder is None:
        parent = places.home() / "visitors"
        _sweep(parent)
        folder = parent / secrets.token_hex(16)
        folder.mkdir(parents=True)
        context.sessions.change(visitor, folder=folder)
    return folder


def collect_own(folder: Path, values: Sequence, *, max_pictures: int) -> Iterator[Opened]:
    """Copy the files of all named or filled classes into the visitor's folder and make a data set of them.

    Args:
        folder: the visitor's, with the shots of the camera in it.
        values: of `OwnClasses.inputs`.

    Raises:
        DatasetError: too many pictures, or what `core.datasets.own.collect` says.
    """
    from core.datasets.own import collect

    classes = _classes(folder, values[:MAX_CLASSES], values[MAX_CLASSES:])
    total = sum(len(paths) for _, paths in classes)
    if total > max_pictures:
        raise DatasetError(
            "These are {total:,} pictures; the host of this page allows {max_pictures:,}.",
            total=total,
            max_pictures=max_pictures,
        )
    done, collected = 0, []
    for name, paths in classes:
        kept = []
        for path in paths:
            kept.append(_kept(folder, path))
            done += 1
            if done % _COPY_AT_ONCE == 0:
                yield Opened(say("Copying your pictures: {done} of {total}", done=done, total=total), done / total)
        collected.append((name, kept))
    _refuse_same_names([name for name, _ in collected])
    yield Opened(mark("Reading your pictures …"))
    yield from look_at(collect(dict(collected)))


def _classes(folder: Path, names: Sequence[str], files: Sequence[list[str] | None]) -> list[tuple[str, list[Path]]]:
    """Name and paths of each class that has a name or a picture."""
    classes = []
    for number, (name, chosen) in enumerate(zip(names, files, strict=True)):
        paths = [Path(path) for path in chosen or []] + _shots(folder, number)
        if paths or (name or "").strip():
            classes.append((str(name or "").strip(), paths))
    return classes


def _refuse_same_names(names: Sequence[str]) -> None:
    """Two classes of one name would be one in a mapping; what is similar only, `core` finds."""
    for number, name in enumerate(names, start=1):
        if not name:
            raise DatasetError("Class {number} has no name. Call it what its pictures show.", number=number)
        if name in names[: number - 1]:
            raise DatasetError("Two classes are called {name}. Rename one of them.", name=name)


def _kept(folder: Path, path: Path) -> Path:
    """A copy in the visitor's folder, by its content: the same file is copied once."""
    if path.is_relative_to(folder):
        return path
    try:
        content = path.read_bytes()
        place = folder / hashlib.blake2b(content, digest_size=8).hexdigest()
        target = place / path.name[-60:]
        if not target.exists():
            place.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise DatasetError(
            "{value} is no longer on the server, or its disk is full. Choose the pictures again.",
            value=path.name[:80],
        ) from error
    return target


def _keep_shot(context: Context, visitor: str, shot: str, number: int) -> int:
    """Copy a shot to its class; returns how many the class has."""
    folder = visitors_folder(context, visitor)
    taken = _shots(folder, number)
    if len(taken) >= context.limits.max_own_pictures:
        raise DatasetError(
            "The host of this page allows {max_own_pictures:,} pictures.",
            max_own_pictures=context.limits.max_own_pictures,
        )
    place = folder / f"shots-{number}"
    place.mkdir(exist_ok=True)
    shutil.copyfile(shot, place / f"{time.time_ns()}{Path(shot).suffix[:6]}")
    return len(taken) + 1


def _shots(folder: Path | None, number: int) -> list[Path]:
    """The shots of a class, in the order in which they were taken."""
    place = folder / f"shots-{number}" if folder else None
    return sorted(place.iterdir()) if place and place.is_dir() else []


def _sweep(parent: Path) -> None:
    now = time.time()
    for folder in parent.iterdir() if parent.is_dir() else ():
        if now - folder.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _choices(shown: int, names: Sequence[str]) -> dict:
    return gr.update(choices=_class_choices(list(names)[:shown]))


def _class_choices(names: Sequence[str]) -> list[tuple[str, int]]:
    return [((name or "").strip() or _numbered(number), number) for number, name in enumerate(names)]


def _numbered(number: int) -> str:
    return tr("Class {number}", number=number + 1)


def _count_card(files: int, shots: int) -> str:
    total = files + shots
    enough = total >= MIN_PICTURES
    said = tr_n("{count} picture", "{count} pictures", total)
    if shots:
        said = tr_n(
            "{pictures}, {count} of them taken here", "{pictures}, {count} of them taken here", shots, pictures=said
        )
    if not enough:
        said += " · " + tr_n("{count} more needed", "{count} more needed", MIN_PICTURES - total)
    return f'<p class="pl-own-count{" pl-enough" if enough else ""}">{said}</p>'
