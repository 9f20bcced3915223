"""One small picture of each kind that the renderer tells apart, made by our own code."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pillow_heif
from PIL import Image, ImageCms, ImageDraw

from tests.makers import encoded, png_chunk
from tests.profiles import DISPLAY_P3, cmyk_profile, grey_profile, rgb_profile
from tests.unit.pixels.engines.scenes import cut_out, scene, seen_through, stored
from vignette.pixels.formats import PNG_SIGNATURE

_SIZE = 240, 180
_SMALL = 80, 60
_INKS = [(60.0, 50.0, 0.0), (55.0, 0.0, 40.0), (60.0, -30.0, -20.0), (20.0, 0.0, 0.0)]


def _jpeg(image: Image.Image, **options: object) -> bytes:
    return encoded(image, "JPEG", **{"quality": 80, **options})


def _png(image: Image.Image, **options: object) -> bytes:
    return encoded(image, "PNG", optimize=True, **options)


def _heic(image: Image.Image, **options: object) -> bytes:
    content = io.BytesIO()
    file = pillow_heif.HeifFile()
    file.add_from_pillow(image)
    file.save(content, quality=70, **options)
    return content.getvalue()


def _turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def _sixteen_bits(image: Image.Image, profile: bytes) -> bytes:
    """A PNG of *image* (RGB) with 16 bits a sample, which Pillow cannot write."""
    rows = [image.crop((0, y, image.width, y + 1)).tobytes() for y in range(image.height)]
    data = b"".join(b"\0" + bytes(byte for sample in row for byte in (sample, sample)) for row in rows)
    header = struct.pack(">IIBBBBB", *image.size, 16, 2, 0, 0, 0)
    chunks = {
        b"IHDR": header,
        b"iCCP": b"a\0\0" + zlib.compress(profile),
        b"IDAT": zlib.compress(data, 9),
        b"IEND": b"",
    }
    return PNG_SIGNATURE + b"".join(png_chunk(kind, content) for kind, content in chunks.items())


def _lab(image: Image.Image) -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(srgb, lab, "RGB", "LAB").apply(image)


def _wall() -> Image.Image:
    """A grey wall with something to see near its right edge."""
    image = Image.new("RGB", (320, 80), (120, 120, 120))
    for step in range(0, 24, 3):
        ImageDraw.Draw(image).ellipse((256 + step, 24 + step // 2, 280, 56), outline="red", width=1)
    return image


def _frames(mode: str = "RGBA") -> list[Image.Image]:
    """The scene, seen through a window that moves."""
    frames = []
    for step in range(3):
        frame = Image.new("RGBA", _SMALL)
        box = (20 * step, 10 * step, 20 * step + 80, 10 * step + 70)
        frame.paste(scene(*_SMALL).crop(box), box)
        frames.append(frame if mode == "RGBA" else frame.convert("RGB"))
    return frames


def _moving(file_format: str, mode: str = "RGBA", **options: object) -> bytes:
    first, *others = _frames(mode)
    timing = {"duration": [100, 250, 40], "loop": 3}
    return encoded(first, file_format, save_all=True, append_images=others, **timing, **options)


SOURCES: dict[str, Callable[[], bytes]] = {
    "jpeg.jpg": lambda: _jpeg(scene(*_SIZE)),
    "jpeg-large.jpg": lambda: _jpeg(scene(800, 600), quality=30),
    "jpeg-progressive.jpg": lambda: _jpeg(scene(1400, 1050), quality=12, progressive=True),
    "jpeg-turned.jpg": lambda: _jpeg(stored(scene(*_SIZE), 6), exif=_turned(6)),
    "jpeg-p3.jpg": lambda: _jpeg(scene(*_SIZE), icc_profile=rgb_profile(DISPLAY_P3)),
    "jpeg-grey-curve.jpg": lambda: _jpeg(scene(*_SIZE).convert("L"), icc_profile=grey_profile(1.5)),
    "jpeg-cmyk.jpg": lambda: _jpeg(scene(*_SMALL).convert("CMYK")),
    "jpeg-cmyk-inks.jpg": lambda: _jpeg(scene(*_SMALL).convert("CMYK"), icc_profile=cmyk_profile(_INKS)),
    "png.png": lambda: _png(scene(*_SIZE)),
    "png-alpha.png": lambda: _png(seen_through(*_SIZE)),
    "png-palette.png": lambda: _png(cut_out(*_SIZE).quantize(64)),
    "png-16-bits-p3.png": lambda: _sixteen_bits(scene(*_SMALL), rgb_profile(DISPLAY_P3, gamma=1.0)),
    "png-16-bits-grey.png": lambda: _png(
        scene(*_SIZE).convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    ),
    "png-turned.png": lambda: _png(stored(scene(*_SIZE), 5), exif=_turned(5)),
    "png-attention.png": lambda: _png(_wall()),
    "png-tiny.png": lambda: _png(scene(7, 5)),
    "apng.png": lambda: _moving("PNG", disposal=1, blend=0),
    "gif.gif": lambda: encoded(scene(*_SIZE).quantize(64), "GIF"),
    "gif-moving.gif": lambda: _moving("GIF", disposal=2),
    "webp-lossy.webp": lambda: encoded(scene(480, 360), "WEBP", quality=75),
    "webp-lossless.webp": lambda: encoded(scene(*_SIZE), "WEBP", lossless=True),
    "webp-alpha.webp": lambda: encoded(cut_out(480, 360), "WEBP", quality=75),
    "webp-p3.webp": lambda: encoded(scene(*_SIZE), "WEBP", quality=80, icc_profile=rgb_profile(DISPLAY_P3)),
    "webp-moving.webp": lambda: _moving("WEBP", quality=80),
    "avif.avif": lambda: encoded(scene(*_SIZE), "AVIF", quality=70),
    "avif-alpha.avif": lambda: encoded(seen_through(*_SIZE), "AVIF", quality=70),
    "avif-turned-p3.avif": lambda: encoded(
        stored(scene(*_SIZE), 8), "AVIF", quality=70, exif=_turned(8), icc_profile=rgb_profile(DISPLAY_P3)
    ),
    "heic.heic": lambda: _heic(scene(*_SIZE)),
    "heic-turned.heic": lambda: _heic(stored(scene(*_SIZE), 6), exif=_turned(6)),
    "tiff.tif": lambda: encoded(scene(*_SMALL), "TIFF", compression="tiff_adobe_deflate"),
    "tiff-lab.tif": lambda: encoded(_lab(scene(*_SMALL)), "TIFF", compression="tiff_adobe_deflate"),
    "tiff-turned.tif": lambda: encoded(
        stored(scene(*_SMALL).convert("L"), 3), "TIFF", compression="tiff_adobe_deflate", tiffinfo={0x0112: 3}
    ),
    "bmp.bmp": lambda: encoded(scene(*_SMALL), "BMP"),
    "bmp-palette.bmp": lambda: encoded(scene(*_SMALL).quantize(64), "BMP"),
}
