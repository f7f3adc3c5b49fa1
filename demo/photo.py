"""The photo input: Gradio's picture component, which leaves reading the file to `core`."""

from __future__ import annotations

import functools
from abc import ABCMeta
from html import escape
from typing import Any

import gradio as gr
from gradio.components.image import ImageData

from demo.languages import tr

# Whether the browser gives a page of this address camera and clipboard; what then is hidden, style.css says.
SECURE_SCRIPT = "document.documentElement.classList.toggle('pl-insecure', !window.isSecureContext);"


def photo_input(**arguments: Any) -> gr.Image:
    """A place for a photo, and below it why it may have no camera. Handlers get the path, as of `unopened_image`."""
    photo = unopened_image(
        sources=["upload", "webcam", "clipboard"],
        # the camera that looks away from the person, where a phone has two
        webcam_options=gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": "environment"}}),
        buttons=["fullscreen"],
        placeholder=tr("Drop a photo here"),
        **arguments,
    )
    say_why_no_camera()
    return photo


def unopened_image(**arguments: Any) -> gr.Image:
    """A `gr.Image` that gives its handler the path of the uploaded file, unopened.

    Gradio would open every file with Pillow first, before our limits and our messages: a broken file would end in a
    bare "Error". That the path is an upload and not any file of the server, Gradio has checked before.
    """
    return _unopened()(type="filepath", image_mode=None, **arguments)


def say_why_no_camera() -> None:
    """A note that is seen only where the browser gives the page no camera."""
    words = tr(
        "No camera here: browsers give it only to pages from https or from this very computer. Files can be dropped or chosen."
    )
    gr.HTML(f'<p class="pl-foot">{escape(words)}</p>', elem_classes=["pl-why-no-camera", "pl-bare"])


@functools.cache
def _unopened() -> type[gr.Image]:
    """`gr.Image` with another `preprocess`.

    A class, for Gradio makes each visitor a component anew from the class when an event updates it, if only by `gr.skip()`.
    Past Gradio's own making of classes, which would write a stub file beside this module.
    """
    own = {"preprocess": _path_of, "__module__": gr.Image.__module__}
    return ABCMeta.__new__(type(gr.Image), gr.Image.__name__, (gr.Image,), own)


def _path_of(self: gr.Image, payload: ImageData | None) -> str | None:
    return payload.path if payload is not None else None
