"""
The planes of a HEIF picture as libheif decodes them, through the C interface of pi-heif's own libheif (libheif/heif.h).

pi-heif only gives RGB. To make that, libheif holds the picture up to three times, which is too much for the 24
megapixels of a camera in 10 bits. The planes of brightness and colour are half of what RGB takes, and can be shrunk
before they are put together.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_MAPPINGS: Final = Path("/proc/self/maps")

# enum heif_colorspace, heif_chroma, heif_channel.
YCBCR, RGB, MONOCHROME = 0, 1, 2
_CHROMA_422: Final = 2
_UNDEFINED: Final = 99
_CHANNELS: Final = {YCBCR: (0, 1, 2), RGB: (3, 4, 5), MONOCHROME: (0,)}

_Pointer: Final = ctypes.c_void_p


class _Error(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("subcode", ctypes.c_int), ("message", ctypes.c_char_p))


class _Nclx(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint8),
        ("primaries", ctypes.c_int),
        ("transfer", ctypes.c_int),
        ("matrix", ctypes.c_int),
        ("full_range", ctypes.c_uint8),
    )


class _Tiling(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("columns", ctypes.c_uint32),
        ("rows", ctypes.c_uint32),
        ("tile_width", ctypes.c_uint32),
        ("tile_height", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("top", ctypes.c_uint32),
        ("left", ctypes.c_uint32),
        ("further_dimensions", ctypes.c_uint8),
        ("further_sizes", ctypes.c_uint32 * 8),
    )


class _Options(ctypes.Structure):
    """The first two members. libheif appends new ones, and allocates the structure itself."""

    _fields_ = (("version", ctypes.c_uint8), ("ignore_transformations", ctypes.c_uint8))


_Reference: Final = ctypes.POINTER(ctypes.c_void_p)
_OptionsPointer: Final = ctypes.POINTER(_Options)
_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "heif_context_alloc": (_Pointer, ()),
    "heif_context_free": (None, (_Pointer,)),
    "heif_context_set_max_decoding_threads": (None, (_Pointer, ctypes.c_int)),
    "heif_context_read_from_memory_without_copy": (_Error, (_Pointer, ctypes.c_char_p, ctypes.c_size_t, _Pointer)),
    "heif_context_get_primary_image_handle": (_Error, (_Pointer, _Reference)),
    "heif_image_handle_get_width": (ctypes.c_int, (_Pointer,)),
    "heif_image_handle_get_height": (ctypes.c_int, (_Pointer,)),
    "heif_image_handle_has_alpha_channel": (ctypes.c_int, (_Pointer,)),
    "heif_image_handle_get_preferred_decoding_colorspace": (
        _Error,
        (_Pointer, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)),
    ),
    "heif_image_handle_release": (None, (_Pointer,)),
    "heif_decode_image": (_Error, (_Pointer, _Reference, ctypes.c_int, ctypes.c_int, _OptionsPointer)),
    "heif_image_handle_get_image_tiling": (_Error, (_Pointer, ctypes.c_int, ctypes.POINTER(_Tiling))),
    "heif_image_handle_decode_image_tile": (
        _Error,
        (_Pointer, _Reference, ctypes.c_int, ctypes.c_int, _OptionsPointer, ctypes.c_uint32, ctypes.c_uint32),
    ),
    "heif_decoding_options_alloc": (_OptionsPointer, ()),
    "heif_decoding_options_free": (None, (_OptionsPointer,)),
    "heif_image_get_colorspace": (ctypes.c_int, (_Pointer,)),
    "heif_image_get_bits_per_pixel_range": (ctypes.c_int, (_Pointer, ctypes.c_int)),
    "heif_image_get_width": (ctypes.c_int, (_Pointer, ctypes.c_int)),
    "heif_image_get_height": (ctypes.c_int, (_Pointer, ctypes.c_int)),
    "heif_image_get_plane_readonly2": (_Pointer, (_Pointer, ctypes.c_int, ctypes.POINTER(ctypes.c_size_t))),
    "heif_image_get_nclx_color_profile": (_Error, (_Pointer, ctypes.POINTER(ctypes.POINTER(_Nclx)))),
    "heif_nclx_color_profile_free": (None, (ctypes.POINTER(_Nclx),)),
    "heif_image_release": (None, (_Pointer,)),
}


@dataclass(frozen=True, slots=True)
class Plane:
    """Samples of `bits`, in one byte each or in two of this machine's order; a row takes `row_bytes` of `content`."""

    content: Any
    width: int
    height: int
    row_bytes: int
    bits: int

    @property
    def sample_bytes(self) -> int:
        return 1 if self.bits <= 8 else 2


@dataclass(frozen=True, slots=True)
class Planes:
    """`matrix` and `is_full_range` say how YCbCr is made from RGB (ITU-T H.273, 8.3); None if the file does not."""

    colourspace: int
    planes: Sequence[Plane]
    matrix: int | None
    is_full_range: bool


@dataclass(frozen=True, slots=True)
class Tiling:
    """A stored picture of *width* × *height* pixels in `columns` × `rows` tiles. The last ones may reach beyond it."""

    columns: int
    rows: int
    tile_width: int
    tile_height: int
    width: int
    height: int


@cache
def library() -> Any | None:
    """Return the libheif that pi-heif has loaded; None if it cannot be found, or lacks a function."""
    try:
        mapped = {
            line.split(maxsplit=5)[-1].strip() for line in _MAPPINGS.read_text().splitlines() if "pi_heif" in line
        }
        (path,) = (path for path in mapped if Path(path).name.startswith("libheif"))
        found = ctypes.CDLL(path)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, ValueError, AttributeError):
        return None
    return found


class Picture:
    """The primary picture of an opened file: its upright size in pixels, and whether it has transparency."""

    def __init__(self, heif: Any, handle: Any) -> None:
        self._heif = heif
        self._handle = handle
        self.size = heif.heif_image_handle_get_width(handle), heif.heif_image_handle_get_height(handle)
        self.has_alpha = bool(heif.heif_image_handle_has_alpha_channel(handle))

    @property
    def is_422(self) -> bool:
        """Whether its colours are half as wide as its brightness, and as high."""
        colourspace, chroma = ctypes.c_int(), ctypes.c_int()
        _check(
            self._heif.heif_image_handle_get_preferred_decoding_colorspace(
                self._handle, ctypes.byref(colourspace), ctypes.byref(chroma)
            )
        )
        return chroma.value == _CHROMA_422

    @contextmanager
    def decoded(self, *, as_stored: bool = False) -> Iterator[Planes]:
        """
        Decode it; the planes are in libheif's own memory, and gone after the block.

        It is upright, or else *as_stored*: neither turned nor cropped.

        Raises:
            OSError: The picture is damaged, or takes too much memory, as libheif's words say.
        """
        image = _Pointer()
        with self._options(as_stored=as_stored) as options:
            _check(self._heif.heif_decode_image(self._handle, ctypes.byref(image), _UNDEFINED, _UNDEFINED, options))
        with self._planes(image) as planes:
            yield planes

    def tiling(self) -> Tiling:
        """Return how the picture is put together, before it is turned."""
        told = _Tiling()
        _check(self._heif.heif_image_handle_get_image_tiling(self._handle, 0, ctypes.byref(told)))
        return Tiling(told.columns, told.rows, told.tile_width, told.tile_height, told.width, told.height)

    @contextmanager
    def decoded_tile(self, column: int, row: int) -> Iterator[Planes]:
        """As `decoded`, for one tile, which is not turned."""
        image = _Pointer()
        with self._options(as_stored=True) as options:
            _check(
                self._heif.heif_image_handle_decode_image_tile(
                    self._handle, ctypes.byref(image), _UNDEFINED, _UNDEFINED, options, column, row
                )
            )
        with self._planes(image) as planes:
            yield planes

    @contextmanager
    def _options(self, *, as_stored: bool) -> Iterator[Any]:
        options = self._heif.heif_decoding_options_alloc()
        options.contents.ignore_transformations = as_stored
        try:
            yield options
        finally:
            self._heif.heif_decoding_options_free(options)

    @contextmanager
    def _planes(self, image: Any) -> Iterator[Planes]:
        """The planes of *image*, which is freed after the block."""
        try:
            colourspace = self._heif.heif_image_get_colorspace(image)
            planes = [self._plane(image, channel) for channel in _CHANNELS.get(colourspace, ())]
            yield Planes(colourspace, planes, *self._coding(image))
        finally:
            self._heif.heif_image_release(image)

    def _plane(self, image: Any, channel: int) -> Plane:
        stride = ctypes.c_size_t()
        address = self._heif.heif_image_get_plane_readonly2(image, channel, ctypes.byref(stride))
        height = self._heif.heif_image_get_height(image, channel)
        if not address:
            raise OSError("a plane of the picture is missing")
        content = (ctypes.c_ubyte * (stride.value * height)).from_address(address)
        width = self._heif.heif_image_get_width(image, channel)
        bits = self._heif.heif_image_get_bits_per_pixel_range(image, channel)
        return Plane(memoryview(content), width, height, stride.value, bits)

    def _coding(self, image: Any) -> tuple[int | None, bool]:
        told = ctypes.POINTER(_Nclx)()
        if self._heif.heif_image_get_nclx_color_profile(image, ctypes.byref(told)).code or not told:
            return None, True
        try:
            return told.contents.matrix, bool(told.contents.full_range)
        finally:
            self._heif.heif_nclx_color_profile_free(told)


@contextmanager
def opened(heif: Any, content: bytes) -> Iterator[Picture]:
    """
    Open a file, of which *content* is all, with *heif*, a `library`.

    Raises:
        OSError: It is damaged, as libheif's words say.
    """
    context = heif.heif_context_alloc()
    handle = _Pointer()
    try:
        # No threads: the worker has as many processes as the machine has processors.
        heif.heif_context_set_max_decoding_threads(context, 0)
        _check(heif.heif_context_read_from_memory_without_copy(context, content, len(content), None))
        _check(heif.heif_context_get_primary_image_handle(context, ctypes.byref(handle)))
        yield Picture(heif, handle)
    finally:
        if handle:
            heif.heif_image_handle_release(handle)
        heif.heif_context_free(context)


def _check(error: Any) -> None:
    if error.code:
        raise OSError((error.message or b"").decode(errors="replace"))
