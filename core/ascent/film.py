"""A run as a filmstrip: some of its pictures, spread evenly over its steps, in little room."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

from PIL import Image

from core.set_aside import set_bytes_aside

MOST_FRAMES = 60
_QUALITY = 90


@dataclass(frozen=True)
class Frame:
    """One picture of the run.

    Attributes:
        step: after which it looked so.
        probability: of its class, in [0, 1].
        content: of the picture as a JPEG file, for looking at; the result itself is a PNG.
    """

    step: int
    probability: float
    content: bytes | memoryview

    @property
    def jpeg(self) -> bytes:
        """The picture as a JPEG file."""
        return bytes(self.content)

    @classmethod
    def of(cls, step: int, probability: float, picture: Image.Image) -> Frame:
        """A frame of an RGB picture."""
        return cls(step, probability, as_jpeg(picture))

    def picture(self) -> Image.Image:
        """RGB."""
        return Image.open(io.BytesIO(self.jpeg)).convert("RGB")


@dataclass(frozen=True)
class Film:
    """Frames in the order of their steps, `MOST_FRAMES` at most."""

    frames: tuple[Frame, ...] = ()
    stride: int = 1
    offered: int = 0

    def with_frame(self, frame: Frame) -> Film:
        """This film and one frame more, unless the frames have become too dense: then every second one is dropped.

        What counts are the looks that were offered, so that frames lie evenly also after a run was gone on with.
        """
        if self.frames and frame.step <= self.frames[-1].step:
            return self
        offered = self.offered + 1
        if self.offered % self.stride:
            return Film(self.frames, self.stride, offered)
        frames = (*self.frames, frame)
        if len(frames) <= MOST_FRAMES:
            return Film(frames, self.stride, offered)
        return Film(frames[::2], 2 * self.stride, offered)

    def set_aside(self) -> Film:
        """The same, on the disk until it is looked at: see `core.set_aside`."""
        contents = set_bytes_aside(frame.content for frame in self.frames)
        frames = (replace(frame, content=content) for frame, content in zip(self.frames, contents, strict=True))
        return replace(self, frames=tuple(frames))


def as_jpeg(picture: Image.Image) -> bytes:
    """A picture as a JPEG file for looking at."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
