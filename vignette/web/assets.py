"""
The files of the pages: style sheets, scripts, icons. They are read once, at the start, and are given from memory.

Their URLs hold the digest of them all, in front of their name: `/assets/<digest>/vignette.css`. So a browser keeps them
for ever and yet never shows a page of this release with files of another; and modules name each other by relative
paths, which hold the digest too.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter

from vignette.web.http.compression import COMPRESSIBLE, takes_gzip

ENDPOINT: Final = "static"
"""What Flask calls its own view of files; `url_for(ENDPOINT, filename="vignette.css")` is a URL with the digest."""

_EXTENSION: Final = "vignette.assets"

_FOREVER: Final = "public, max-age=31536000, immutable"  # RFC 8246
_DIGEST_CHARS: Final = 10

# The machine's table of types may lack these, or name them otherwise.
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
}


class _DigestConverter(BaseConverter):
    regex = rf"[0-9a-f]{{{_DIGEST_CHARS}}}"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file; `packed` is None where gzip saves nothing."""

    content: bytes
    packed: bytes | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files by their path, and the digest of them all."""

    files: Mapping[str, Asset]
    digest: str


def read_assets(folder: Path) -> Assets:
    """Return what lies in *folder* and its folders."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
    whole = hashlib.sha256()
    for name, asset in files.items():
        whole.update(f"{name}\0{len(asset.content)}\0".encode() + asset.content)
    return Assets(MappingProxyType(files), whole.hexdigest()[:_DIGEST_CHARS])


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, mtime=0) if media_type in COMPRESSIBLE else content
    return Asset(content, packed if len(packed) < len(content) else None, media_type)


def init_assets(app: Flask, assets: Assets) -> None:
    """Have *app* give *assets*, and put their digest into the URLs that it writes."""

    def give(filename: str, digest: str | None = None) -> Response:
        return asset_response(filename, forever=digest == assets.digest)

    def put_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == ENDPOINT:
            values.setdefault("digest", assets.digest)

    app.extensions[_EXTENSION] = assets
    app.url_map.converters["asset_digest"] = _DigestConverter
    app.add_url_rule("/assets/<asset_digest:digest>/<path:filename>", ENDPOINT, give)
    app.add_url_rule("/assets/<path:filename>", ENDPOINT, give)
    app.url_defaults(put_digest)


def asset_response(filename: str, *, forever: bool = False) -> Response:
    """
    Return the file; caches ask again each time unless it holds *forever*. So a page of an earlier release, which asks
    under another digest, gets the file of today, and nobody keeps it under that name.

    Raises:
        NotFound: There is no such file.
    """
    asset = cast(Assets, current_app.extensions[_EXTENSION]).files.get(filename)
    if asset is None:
        raise NotFound
    response = Response(asset.content, mimetype=asset.media_type)
    if asset.packed is not None:
        response.vary.add("Accept-Encoding")
        if takes_gzip(request.headers):
            response.data = asset.packed
            response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = _FOREVER if forever else "no-cache"
    return response
