"""An image with its metadata; what is long is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import Field

from vignette.limits import KIB
from vignette.model import Image, RenderingWarning
from vignette.pixels.metadata import fit
from vignette.web.api.resources.base import Resource
from vignette.web.api.resources.images import ImageResource, image_fields

# A longer binary value (MakerNote, preview) would be most of the resource; it is whole in `metadata.json`.
_LONG_BYTES: Final = 256
# So would be a packet of XMP, a text of megabytes. What cameras and programs write is far below.
_LONG_TEXT_CHARS: Final = 4 * KIB
_METADATA_BYTES: Final = 256 * KIB


class WarningResource(Resource):
    """What the rendering of a ready image passed over, or did not make."""

    code: RenderingWarning
    detail: str


class ImageWithMetadata(ImageResource):
    """An image, and what its file says of itself; long values are left to `links.metadata`."""

    metadata: dict[str, Any]
    warnings: list[WarningResource] = Field(
        description="What rendering passed over. What the check of the upload mended is in `metadata.warnings`"
    )


def image_with_metadata(
    image: Image, metadata: dict[str, Any], warnings: Sequence[RenderingWarning]
) -> ImageWithMetadata:
    told = [WarningResource(code=warning, detail=warning.words) for warning in warnings]
    return ImageWithMetadata(**image_fields(image), metadata=in_brief(metadata), warnings=told)


def in_brief(metadata: dict[str, Any]) -> dict[str, Any]:
    """*metadata* without long values; a warning tells if texts were cut or what did not fit was left out."""
    fitted = fit(_without_long_bytes(metadata), _METADATA_BYTES, _LONG_TEXT_CHARS)
    brief: dict[str, Any] = fitted.value
    if fitted.cut or fitted.left_out:
        warning = f"{fitted.cut:,} long values are cut here and {fitted.left_out:,} left out: metadata.json has them"
        warnings = brief.get("warnings")
        brief["warnings"] = [*(warnings if isinstance(warnings, list) else ()), warning]
    return brief


def _without_long_bytes(value: Any) -> Any:
    """*value*, with the base64 of long typed bytes left out; their type and length stay."""
    if isinstance(value, list):
        return [_without_long_bytes(item) for item in value]
    match value:
        case {"type": "bytes", "length": int() as length} if length > _LONG_BYTES:
            return {name: item for name, item in value.items() if name != "base64"}
        case dict():
            return {name: _without_long_bytes(item) for name, item in value.items()}
    return value
