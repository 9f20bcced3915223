"""What the containers say of the colours of the samples."""

from __future__ import annotations

import struct

import pytest

from tests.makers import (
    HeifItem,
    av1_unit,
    bits,
    box,
    colr,
    exp_golomb,
    grid,
    heif,
    hvcc,
    icc_profile,
    ispe,
    sps,
)
from tests.profiles import SRGB, rgb_profile
from tests.unit.pixels.reading import anatomy
from vignette.pixels.colour_space import BT_2020_PRIMARIES, SRGB_CURVE, ColourSpace, Hdr, Parametric, by_cicp

SIZE = 64, 48
P3 = by_cicp(12, 13, SRGB_CURVE)
PQ = ColourSpace(BT_2020_PRIMARIES, Hdr.PQ)
PROFILE = rgb_profile(SRGB)
OTHER = rgb_profile(SRGB, gamma=1.8)
UNSOUND = icc_profile(100)


def nclx(primaries: int, transfer: int, matrix: int = 1, full: int = 1) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full << 7))


def hevc_picture(*properties: bytes, parameters: bytes | None = None) -> bytes:
    configuration = hvcc(sps(*SIZE) if parameters is None else parameters)
    return heif(HeifItem(properties=(ispe(*SIZE), configuration, *properties)))


def avif_picture(header: bytes, *properties: bytes) -> bytes:
    item = HeifItem(b"av01", header, (ispe(*SIZE), box(b"av1C", bytes(4)), *properties))
    return heif(item, brands=(b"avif", b"mif1"))


class TestHeif:
    @pytest.mark.parametrize(
        ("properties", "colour"),
        [
            pytest.param([], None, id="nothing"),
            pytest.param([nclx(1, 13)], None, id="sRGB"),
            pytest.param([nclx(2, 2)], None, id="unspecified"),
            pytest.param([nclx(12, 13)], P3, id="P3"),
            pytest.param([nclx(9, 16)], PQ, id="HDR"),
            pytest.param([nclx(12, 13), nclx(9, 16)], P3, id="the first of two"),
            pytest.param([nclx(9, 16), colr(PROFILE)], PROFILE, id="a profile counts more"),
            pytest.param([colr(PROFILE), nclx(9, 16)], PROFILE, id="a profile counts more, before it"),
            pytest.param([colr(PROFILE), colr(OTHER)], PROFILE, id="the first of two profiles"),
            pytest.param([colr(UNSOUND), nclx(12, 13)], P3, id="a profile that is none"),
            pytest.param([box(b"colr"), nclx(12, 13)], P3, id="an empty one"),
            pytest.param([box(b"colr", b"nclx\0\x0c"), nclx(9, 16)], PQ, id="one cut short"),
            pytest.param([box(b"colr", b"abcd1234"), nclx(12, 13)], P3, id="one of an unknown kind"),
        ],
    )
    def test_what_colr_says(self, properties: list[bytes], colour: object) -> None:
        assert anatomy(hevc_picture(*properties)).colour == colour

    def test_tiles_say_it_for_the_grid(self) -> None:
        tile = HeifItem(properties=(ispe(*SIZE), hvcc(sps(*SIZE)), nclx(12, 13)))
        whole = HeifItem(b"grid", grid(1, 2, 128, 48), (ispe(128, 48),), {b"dimg": (2, 3)})

        assert anatomy(heif(whole, tile, tile)).colour == P3

    def test_a_profile_that_is_not_applied_is_told(self) -> None:
        assert anatomy(hevc_picture(colr(UNSOUND))).blocks.warnings == (
            "the ICC profile is not applied, as in browsers: it has only 100 bytes",
        )


class TestHevc:
    """The colours at the end of a sequence parameter set count if there is no `colr`."""

    @pytest.mark.parametrize("layers", [0, 2])
    @pytest.mark.parametrize("has_lists", [False, True])
    def test_they_are_found(self, layers: int, has_lists: bool) -> None:
        content = hevc_picture(parameters=_talkative_sps((9, 16), layers, has_lists=has_lists))

        assert anatomy(content).colour == PQ

    def test_colr_counts_more(self) -> None:
        assert anatomy(hevc_picture(nclx(12, 13), parameters=_talkative_sps((9, 16)))).colour == P3

    @pytest.mark.parametrize("kept", range(28, 60, 3))
    def test_a_set_that_is_cut_short_says_nothing(self, kept: int) -> None:
        whole = _talkative_sps((9, 16), has_lists=True)

        assert len(whole) > kept
        assert anatomy(hevc_picture(parameters=whole[:kept])).colour is None

    def test_sets_of_a_film_say_nothing(self) -> None:
        assert anatomy(hevc_picture(parameters=_talkative_sps((9, 16), reference_sets=2))).colour is None

    def test_a_million_sets_cost_nothing(self) -> None:
        assert anatomy(hevc_picture(parameters=_talkative_sps((9, 16), reference_sets=1_000_000))).colour is None


def _talkative_sps(
    colours: tuple[int, int], layers: int = 0, *, has_lists: bool = False, reference_sets: int = 0
) -> bytes:
    """An HEVC sequence parameter set up to its colours (ITU-T H.265, 7.3.2.2)."""
    flags = [(3, 2)] * layers + [(0, 2 * (8 - layers) if layers else 0)]
    fields = [(0, 4), (layers, 3), (1, 1), (0, 96), *flags, *[(0, 96)] * layers, exp_golomb(0), exp_golomb(1)]
    fields += [exp_golomb(SIZE[0]), exp_golomb(SIZE[1]), (1, 1), *[exp_golomb(0)] * 4]  # cropped by nothing
    fields += [exp_golomb(2), exp_golomb(2), exp_golomb(4), (1, 1), *[exp_golomb(1)] * 3 * (layers + 1)]
    fields += [exp_golomb(0)] * 6
    fields += [(0, 1)] if not has_lists else [(1, 1), (1, 1), *_scaling_lists()]
    fields += [(0, 2), (1, 1), (0, 8), exp_golomb(0), exp_golomb(0), (0, 1)]  # samples without coding
    fields += [exp_golomb(reference_sets)]
    if reference_sets:
        fields += [exp_golomb(1), exp_golomb(0), exp_golomb(0), (1, 1), (1, 1)]
    fields += [(0, 1), (0, 2), (1, 1)]  # no long-term references; what follows is for the screen
    fields += [(1, 1), (255, 8), (1, 16), (1, 16), (1, 1), (0, 1), (1, 1), (5, 3), (1, 1), (1, 1)]
    return b"\x42\1" + bits(*fields, (colours[0], 8), (colours[1], 8), (9, 8)).replace(b"\0\0", b"\0\0\3")


def _scaling_lists() -> list[tuple[int, int]]:
    fields: list[tuple[int, int]] = []
    for size in range(4):
        for matrix in range(2 if size == 3 else 6):
            if matrix % 2:
                fields += [(1, 1), *[exp_golomb(3)] * (min(64, 16 << 2 * size) + (size > 1))]
            else:
                fields += [(0, 1), exp_golomb(0)]
    return fields


class TestAv1:
    """The colours in a sequence header count if there is no `colr`."""

    @pytest.mark.parametrize("is_reduced", [True, False])
    def test_they_are_found(self, is_reduced: bool) -> None:
        assert anatomy(avif_picture(_talkative_header((9, 16), is_reduced=is_reduced))).colour == PQ

    def test_colr_counts_more(self) -> None:
        assert anatomy(avif_picture(_talkative_header((9, 16)), nclx(12, 13))).colour == P3

    def test_a_header_need_not_say_them(self) -> None:
        assert anatomy(avif_picture(_talkative_header(None))).colour is None

    def test_only_grey_may_have_a_grey_profile(self) -> None:
        profile = PROFILE[:16] + b"GRAY" + PROFILE[20:].replace(b"rTRC", b"kTRC")

        assert anatomy(avif_picture(_talkative_header((1, 13), is_grey=True), colr(profile))).colour == profile
        assert anatomy(avif_picture(_talkative_header((1, 13)), colr(profile))).colour is None


def _talkative_header(colours: tuple[int, int] | None, *, is_reduced: bool = True, is_grey: bool = False) -> bytes:
    """The AV1 sequence header of a still picture up to its colours (5.5.1 and 5.5.2)."""
    size = [(15, 4), (15, 4), (SIZE[0] - 1, 16), (SIZE[1] - 1, 16)]
    fields = [(0, 3), (1, 1), (1, 1), (0, 5), *size, (0, 3)]
    if not is_reduced:
        start = [(0, 3), (1, 1), (0, 1), (0, 1), (0, 1), (0, 5), (0, 12), (0, 5)]
        fields = [*start, *size, (0, 1), (0, 3), (0, 4), (1, 1), (0, 2), (1, 1), (1, 1), (6, 3)]
    fields += [(0, 3), (0, 1), (int(is_grey), 1), (int(colours is not None), 1)]
    if colours is not None:
        fields += [(colours[0], 8), (colours[1], 8), (9, 8)]
    return av1_unit(1, bits(*fields, (0, 16)))


def test_the_curve_of_television_is_that_of_its_container() -> None:
    linear = by_cicp(1, 8, SRGB_CURVE)
    assert linear is not None

    assert by_cicp(1, 1, SRGB_CURVE) is None
    assert by_cicp(1, 1, Parametric(2.4)) == ColourSpace(linear.primaries, Parametric(2.4))
