"""What one zip may come to: pictures, bytes, ratios."""

from __future__ import annotations

from dataclasses import dataclass

from core import limits


@dataclass(frozen=True)
class ArchiveLimits:
    """What one zip may come to.

    Attributes:
        max_images: pictures in it.
        max_unpacked_bytes: all of them together, unpacked.
        max_file_bytes: one of them, unpacked.
        max_ratio: one of them, unpacked against packed. Photos hardly shrink in a zip; only bombs reach a thousand.
        ratio_from_bytes: below this, unpacked, no ratio is too high.
        max_table_bytes: its table of contents, about a hundred bytes a file, which is read into memory whole.
    """

    max_images: int = 20_000
    max_unpacked_bytes: int = 2_000_000_000
    max_file_bytes: int = 100_000_000
    max_ratio: float = 200
    ratio_from_bytes: int = 1_000_000
    max_table_bytes: int = 32_000_000

    @classmethod
    def from_environment(cls) -> ArchiveLimits:
        """The host's limits: `PETLENS_MAX_IMAGES` and `PETLENS_MAX_UNPACKED_MB`.

        Raises:
            SettingsError: one of them is not a whole number above 0.
        """
        return cls(max_images=limits.max_dataset_images(), max_unpacked_bytes=limits.max_unpacked_bytes())
