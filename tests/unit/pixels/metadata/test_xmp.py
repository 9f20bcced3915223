"""What is read of XMP packets."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import RDF, xmp
from vignette.pixels.metadata import xmp as reader
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.xmp import MAX_ATTRIBUTES, MAX_DEPTH, MAX_LINES, MAX_NODES, MAX_PACKETS


def alternatives(*texts: tuple[str, str]) -> str:
    """A title of texts by language; "" is none."""
    items = [f'<rdf:li xml:lang="{language}">{text}</rdf:li>' for language, text in texts]
    return f"<dc:title><rdf:Alt>{''.join(items)}</rdf:Alt></dc:title>".replace(' xml:lang=""', "")


def read(*packets: str | bytes) -> dict[str, Any]:
    """The properties of packets that have no faults."""
    properties, remarks = read_with_remarks(*packets)
    assert remarks == []
    return properties


def read_with_remarks(*packets: str | bytes) -> tuple[dict[str, Any], list[str]]:
    remarks = Remarks()
    raw = [packet.encode() if isinstance(packet, str) else packet for packet in packets]
    return reader.read(raw, remarks).properties, remarks.as_list()


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param("<xmp:Label>Red</xmp:Label>", {"xmp:Label": "Red"}, id="text"),
        pytest.param("<xmp:Label>  R&amp;B\n</xmp:Label>", {"xmp:Label": "  R&B\n"}, id="text with its space"),
        pytest.param("<xmp:Label/>", {"xmp:Label": ""}, id="empty"),
        pytest.param('<xmp:BaseURL rdf:resource="http://a.example/"/>', {"xmp:BaseURL": "http://a.example/"}, id="URI"),
        pytest.param(
            "<dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag></dc:subject>",
            {"dc:subject": ["one", "two"]},
            id="bag",
        ),
        pytest.param(
            "<dc:creator><rdf:Seq><rdf:li>A. Nother</rdf:li></rdf:Seq></dc:creator>",
            {"dc:creator": ["A. Nother"]},
            id="sequence of one",
        ),
        pytest.param("<dc:subject><rdf:Bag/></dc:subject>", {"dc:subject": []}, id="empty bag"),
        pytest.param(
            alternatives(("x-default", "Sea"), ("fr", "Mer")),
            {"dc:title": {"x-default": "Sea", "fr": "Mer"}},
            id="language alternative",
        ),
        pytest.param(
            alternatives(("", "Sea"), ("fr", "Mer")),
            {"dc:title": {"x-default": "Sea", "fr": "Mer"}},
            id="language alternative without a default",
        ),
        pytest.param(
            alternatives(("fr", "Mer"), ("fr", "Eau")),
            {"dc:title": [{"fr": "Mer"}, {"fr": "Eau"}]},
            id="two texts in one language",
        ),
        pytest.param(
            "<xmp:Thumbnails><rdf:Alt><rdf:li>1</rdf:li></rdf:Alt></xmp:Thumbnails>",
            {"xmp:Thumbnails": ["1"]},
            id="alternative without languages",
        ),
        pytest.param('<dc:title xml:lang="de">See</dc:title>', {"dc:title": {"de": "See"}}, id="text with a language"),
        pytest.param(
            '<xmp:S rdf:parseType="Resource"><xmp:a>1</xmp:a><xmp:b>2</xmp:b></xmp:S>',
            {"xmp:S": {"xmp:a": "1", "xmp:b": "2"}},
            id="structure as a resource",
        ),
        pytest.param(
            '<xmp:S><rdf:Description xmp:a="1"><xmp:b>2</xmp:b></rdf:Description></xmp:S>',
            {"xmp:S": {"xmp:a": "1", "xmp:b": "2"}},
            id="structure as a description",
        ),
        pytest.param('<xmp:S xmp:a="1" xmp:b="2"/>', {"xmp:S": {"xmp:a": "1", "xmp:b": "2"}}, id="structure, short"),
        pytest.param(
            '<xmp:S><rdf:Seq><rdf:li xmp:a="1"/>'
            '<rdf:li rdf:parseType="Resource"><xmp:a>2</xmp:a></rdf:li></rdf:Seq></xmp:S>',
            {"xmp:S": [{"xmp:a": "1"}, {"xmp:a": "2"}]},
            id="list of structures",
        ),
        pytest.param(
            '<xmp:Q rdf:parseType="Resource"><rdf:value>1</rdf:value><xmp:unit>cm</xmp:unit></xmp:Q>',
            {"xmp:Q": {"rdf:value": "1", "xmp:unit": "cm"}},
            id="value with a qualifier",
        ),
        pytest.param(
            '<xmp:Q rdf:parseType="Resource"><rdf:value>1</rdf:value></xmp:Q>', {"xmp:Q": "1"}, id="value without"
        ),
        pytest.param('<xmp:Q xmp:unit="cm">1</xmp:Q>', {"xmp:Q": {"xmp:unit": "cm", "rdf:value": "1"}}, id="short"),
        pytest.param("<xmp:A>1</xmp:A>" * 2, {"xmp:A": "1"}, id="the same twice"),
    ],
)
def test_every_form_of_a_property_is_read(properties, expected):
    assert read(xmp(properties)) == expected


def test_properties_may_be_attributes():
    assert read(xmp("", 'xmp:Rating="4" dc:format="image/jpeg"')) == {"xmp:Rating": "4", "dc:format": "image/jpeg"}


def test_what_the_packet_is_about_and_who_wrote_it_is_kept():
    packet = xmp("").replace('rdf:about=""', 'rdf:about="uuid:1"').replace("<x:xmpmeta", '<x:xmpmeta x:xmptk="Tool 1"')

    assert read(packet) == {"x:xmptk": "Tool 1", "rdf:about": "uuid:1"}


def test_a_well_known_namespace_has_its_prefix_whatever_the_file_calls_it():
    packet = f'<R:RDF xmlns:R="{RDF}"><R:Description xmlns:dc="http://ns.adobe.com/xap/1.0/" dc:Rating="3"/></R:RDF>'

    assert read(packet) == {"xmp:Rating": "3"}


def test_an_unknown_namespace_keeps_the_prefix_of_the_file_and_its_uri_is_told():
    found = reader.read([xmp('<my:a xmlns:my="urn:mine">1</my:a>').encode()], Remarks())

    assert (found.properties, found.namespaces) == ({"my:a": "1"}, {"my": "urn:mine"})


def test_namespaces_that_share_a_prefix_are_told_apart():
    packet = xmp('<dc:a xmlns:dc="urn:1">1</dc:a><my:a xmlns:my="urn:2">2</my:a><my:a xmlns:my="urn:3">3</my:a>')

    found = reader.read([packet.encode()], Remarks())

    assert found.properties == {"dc-2:a": "1", "my:a": "2", "my-4:a": "3"}
    assert found.namespaces == {"dc-2": "urn:1", "my": "urn:2", "my-4": "urn:3"}


def test_a_numbered_prefix_is_told_apart_from_one_of_the_file():
    packet = xmp('<dc-3:a xmlns:dc-3="urn:1">1</dc-3:a><dc:a xmlns:dc="urn:2">2</dc:a>')

    assert read(packet) == {"dc-3:a": "1", "dc-3_:a": "2"}


def test_a_long_prefix_is_not_repeated():
    prefix = "p" * 1000

    assert read(xmp(f'<{prefix}:a xmlns:{prefix}="urn:1">1</{prefix}:a>')) == {"ns:a": "1"}


def test_an_undeclared_prefix_is_taken_by_its_word():
    assert read(xmp("<exif:FNumber>4/1</exif:FNumber>")) == {"exif:FNumber": "4/1"}


def test_a_default_namespace_holds_for_elements():
    packet = xmp('<Rating xmlns="http://ns.adobe.com/xap/1.0/" about="me">5</Rating>')

    assert read(packet) == {"xmp:Rating": "5"}


def test_packets_are_merged():
    extended = xmp("<xmp:Note>long</xmp:Note>")

    assert read(xmp("<xmp:Rating>1</xmp:Rating>"), extended) == {"xmp:Rating": "1", "xmp:Note": "long"}


def test_a_property_that_packets_disagree_on_keeps_all_values():
    properties, remarks = read_with_remarks(xmp("<xmp:Rating>1</xmp:Rating>"), xmp("<xmp:Rating>2</xmp:Rating>"))

    assert properties == {"xmp:Rating": "1", "xmp:Rating#2": "2"}
    assert remarks == ["XMP: xmp:Rating is there more than once"]


@pytest.mark.parametrize("mark", [True, False], ids=["with a byte order mark", "without"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_every_encoding_of_xmp_is_read(encoding, mark):
    packet = ("\ufeff" if mark else "") + '<?xml version="1.0" encoding="UTF-16"?>' + xmp("<xmp:Label>été</xmp:Label>")

    assert read(packet.encode(encoding)) == {"xmp:Label": "été"}


def test_a_packet_that_is_no_utf_8_is_read_as_latin_1():
    assert read(xmp("<xmp:Label>été</xmp:Label>").replace("\ufeff", "").encode("latin-1")) == {"xmp:Label": "été"}


@pytest.mark.parametrize(
    "surrounded",
    [b"\0\0" + xmp("<xmp:A>1</xmp:A>").encode(), xmp("<xmp:A>1</xmp:A>").encode() + b"\0 \n\0\0"],
    ids=["before", "behind"],
)
def test_padding_around_a_packet_is_no_fault(surrounded):
    assert read(surrounded) == {"xmp:A": "1"}


def test_control_characters_in_text_are_replaced():
    assert read(xmp("<xmp:A>a\0b\x1bc</xmp:A>")) == {"xmp:A": "a\ufffdb\ufffdc"}


@pytest.mark.parametrize(
    "packet", ["", "no markup", "<a/>", xmp("")], ids=["empty", "text", "other XML", "no property"]
)
def test_a_packet_without_properties_has_none(packet):
    properties, _ = read_with_remarks(packet)

    assert properties == {}


def test_a_packet_that_breaks_off_is_read_up_to_there():
    whole = xmp("<xmp:A>1</xmp:A><xmp:B>2</xmp:B>")

    properties, remarks = read_with_remarks(whole[: whole.index("</xmp:B>")])

    assert properties == {"xmp:A": "1", "xmp:B": "2"}
    assert re.fullmatch(r"XMP: the packet is no XML from line \d+, column \d+ on, and is read up to there", remarks[0])


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        "<!DOCTYPE x>",
    ],
    ids=["entities", "a file", "a network", "only a type"],
)
def test_a_document_type_is_not_read(document_type):
    packet = document_type + xmp("<xmp:A>&a;</xmp:A>")

    assert read_with_remarks(packet) == ({}, ["XMP: the packet has a document type or entities, which XMP has not"])


def test_elements_are_read_to_a_number():
    properties, remarks = read_with_remarks(xmp("".join(f"<xmp:A{n}/>" for n in range(MAX_NODES + 10))))

    assert MAX_NODES - 10 < len(properties) <= MAX_NODES
    assert remarks == [f"XMP: the packet is read up to a limit: more than {MAX_NODES} elements and attributes"]


def test_the_number_holds_for_all_packets_together():
    packet = xmp("<xmp:A>1</xmp:A>" * (MAX_NODES // 2))

    _, remarks = read_with_remarks(packet, packet, packet)

    assert remarks == [f"XMP: the packet is read up to a limit: more than {MAX_NODES} elements and attributes"]


def test_elements_are_read_to_a_depth():
    nested = "<xmp:A><rdf:Bag><rdf:li>" * MAX_DEPTH

    properties, remarks = read_with_remarks(xmp("<xmp:B>1</xmp:B>" + nested))

    assert properties["xmp:B"] == "1"
    assert remarks == [f"XMP: the packet is read up to a limit: elements more than {MAX_DEPTH} deep"]


@pytest.mark.parametrize(
    "packet",
    [
        xmp("", " ".join(f'xmp:a{n}=""' for n in range(MAX_ATTRIBUTES + 1))),
        xmp(("\n" * 200_000 + "<xmp:B/>") * (MAX_LINES // 200_000 + 1)),
    ],
    ids=["attributes", "lines"],
)
def test_what_costs_the_parser_too_much_is_not_read(packet):
    properties, remarks = read_with_remarks(xmp("<xmp:A>1</xmp:A>"), packet)

    assert properties == {"xmp:A": "1"}
    assert remarks == ["XMP: 1 of 2 packets are not read: too many, or too large"]


def test_packets_are_read_to_a_number():
    _, remarks = read_with_remarks(*[xmp("")] * (MAX_PACKETS + 3))

    assert remarks == [f"XMP: 3 of {MAX_PACKETS + 3} packets are not read: too many, or too large"]


def test_a_long_namespace_is_not_copied_for_each_name():
    # expat's own handling of namespaces would copy 250 MB here.
    uri = "urn:" + "u" * 250_000

    properties = read(xmp('<u:a xmlns:u="' + uri + '"/>' + "<xmp:A/>" * 1000, f'xmlns:v="{uri}" v:b="1"'))

    assert properties == {"v:b": "1", "v:a": "", "xmp:A": ""}
