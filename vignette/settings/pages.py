"""What the pages speak."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from vignette.settings.values import Group

Language = Literal["en", "fr"]


class Pages(Group):
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en", "fr")

    @field_validator("languages")
    @classmethod
    def _languages_differ(cls, languages: tuple[Language, ...]) -> tuple[Language, ...]:
        if len(set(languages)) < len(languages):
            raise ValueError("should name each language once")
        return languages
