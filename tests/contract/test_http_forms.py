"""What each form of ours takes: its own fields, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.house import house as new_house
from tests.house import picture
from tests.walk import walk_in
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.web.small_bodies import FORM

AS_CURL_SENDS_IT: Final = '{"uses": 5, "visibility": "private"}'


def test_json_that_is_sent_as_a_form_makes_nothing(tmp_path: Path) -> None:
    """Without its media type, curl calls JSON a form: then nothing that it asks for would count."""
    with new_house(tmp_path, access=Access.GALLERY) as house:
        house.upload(picture(), actor=OPERATOR)
        headers = {"Authorization": f"Bearer {house.keyholding.add(OPERATOR, 'admin', set(Scope))[1]}"}
        paths = house.client.get("/openapi.json", headers=headers).json["paths"]
        forms = [
            (method.upper(), re.sub("{.*?}", "0", path))
            for path, operations in paths.items()
            for method, described in operations.items()
            if FORM in described.get("requestBody", {}).get("content", {})
        ]

        answers = {
            form: house.client.open(form[1], method=form[0], data=AS_CURL_SENDS_IT, content_type=FORM, headers=headers)
            for form in forms
        }

    assert len(forms) > 6
    assert {form: answer.status_code for form, answer in answers.items()} == dict.fromkeys(forms, 400)
    assert all("is no field of this form" in answer.json["detail"] for answer in answers.values() if answer.is_json)


def test_a_form_has_no_field_that_would_be_refused(tmp_path: Path) -> None:
    walk = walk_in(tmp_path / "walk")
    with new_house(tmp_path / "house") as house:
        document = house.client.get("/openapi.json").json
    schemas = {
        path: content[FORM]["schema"]
        for path, operations in document["paths"].items()
        if FORM in (content := operations.get("post", {}).get("requestBody", {}).get("content", {}))
    }
    taken = {
        re.sub("{.*?}", "[^/]+", path): set(
            document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
            if "$ref" in schema
            else schema["properties"]
        )
        for path, schema in schemas.items()
    }

    met = set()
    for where, html in walk.pages.items():
        for tag, content in re.findall(r'(<form[^>]*method="post"[^>]*>)(.*?)</form>', html, re.DOTALL):
            action = urlsplit(re.findall(r'action="([^"]*)"', tag)[0]).path
            [fields] = [fields for path, fields in taken.items() if re.fullmatch(path, action)] or [None]
            if fields is not None:
                met.add(action)
                assert set(re.findall(r'<(?:input|select|textarea|button)[^>]* name="([^"]*)"', content)) <= fields, (
                    where
                )

    assert len(met) > 6
