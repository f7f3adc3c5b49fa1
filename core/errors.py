"""What can go wrong, in words for the person at the screen.

    PetLensError
    ├── ImageError      a file that is not a picture, or one too large to open
    ├── SettingsError   a value outside its range, or a name that fits nothing
    ├── BackboneError   a network that is unknown, not here, or cannot be fetched
    ├── DatasetError    pictures to learn from that are not here, too few, or not arranged in classes
    └── CheckpointError a trained network that is unknown, damaged, or not ours to open

Every message says what is wrong, names the value, and says what to do about it.
None of them holds a path of the machine that runs the app: a web page may show them as they are.
"""


class PetLensError(Exception):
    """Base of all errors that the user can mend.

    Words and values are apart, so that a page can say the same in another language:

        raise ImageError("{name} is empty. Choose another file.", name=path.name)

    Attributes:
        words: the message in English, with places as `str.format` has them, where there are values.
        values: what fills the places.
    """

    def __init__(self, words: str = "", /, **values: object) -> None:
        super().__init__(words.format(**values) if values else words)
        self.words, self.values = words, values


class ImageError(PetLensError):
    """A picture cannot be read."""


class SettingsError(PetLensError):
    """A setting has a value outside its range, or names something that does not exist."""


class BackboneError(PetLensError):
    """A network is unknown, or its weights are neither here nor to be had."""


class DatasetError(PetLensError):
    """A data set is not here, has too few pictures, or is not arranged in classes."""


class CheckpointError(PetLensError):
    """What was trained and stored is unknown, damaged, or of a kind that is not opened here."""
