"""Whatever the door lets in has a public copy that is clean: none of its ways to be damaged is a way around that."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.pixels.publishing.reading import published
from tests.unit.pixels.publishing.test_public_copies import TALKATIVE
from tests.unit.pixels.reading import anatomy
from vignette.errors import NotPublishable, Refused
from vignette.pixels.metadata import describe
from vignette.pixels.publishing import publish

WHOLE = {name: make() for name, make in TALKATIVE.items()}


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """*content* with some bytes changed, most of them near its start, and perhaps a piece of it there twice."""
    changed = bytearray(content)
    place = st.integers(0, min(300, len(content) - 1)) | st.integers(0, len(content) - 1)
    for at in draw(st.lists(place, min_size=1, max_size=6)):
        changed[at] = draw(st.sampled_from([0, 1, 2, 8, 0x21, 0x2C, 0x3B, 0xDA, 0xFE, 0xFF]) | st.integers(0, 255))
    if draw(st.booleans()):
        at, length = draw(place), draw(st.integers(0, 60))
        changed[at:at] = changed[max(0, at - length) : at]
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_it_is_refused_at_the_door_or_its_copy_is_clean(name: str, data: st.DataObject) -> None:
    content = data.draw(damaged(WHOLE[name]))
    try:
        with publish(io.BytesIO(content), len(content)) as copy:
            whole = copy.read()
    except (Refused, NotPublishable):
        return

    assert "privacy" not in describe(anatomy(whole).blocks)
    assert published(whole) == whole
