"""Files that a reader has."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from tests.makers import encoded, picture
from vignette.limits import MIB

LARGE_BYTES = 12 * MIB  # more than what the system keeps of a connection that is held


class Made:
    """Files in a folder, each another picture: also than those of other tests, as the service knows what it has."""

    _numbers = count(1)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def picture(self, name: str = "") -> Path:
        number = next(self._numbers)
        image = picture(60 + number // 256, 40, shift=number)
        return self.file(name or f"picture-{number}.png", encoded(image, "PNG"))

    def pictures(self, count: int) -> list[Path]:
        return [self.picture() for _ in range(count)]

    def large(self) -> Path:
        """A picture with so many bytes behind it that it takes its time."""
        number = next(self._numbers)
        content = encoded(picture(60, 40), "JPEG")
        return self.file(f"large-{number}.jpg", content + number.to_bytes(4, "big") + bytes(LARGE_BYTES))
