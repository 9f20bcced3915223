"""What a view says of itself for the OpenAPI document: beside its code, so that the two are changed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from vignette.errors import VignetteError

_ATTRIBUTE: Final = "__operation__"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, what it means, its media type, and the type of its JSON where it has one."""

    status: int
    meaning: str
    media_type: str | None = None
    model: type[BaseModel] | None = None
    headers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a header, with its JSON schema."""

    name: str
    meaning: str
    schema: dict[str, Any]
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """`bodies` maps the media types that the view takes to their JSON schemas; `curl` is what follows `curl `."""

    summary: str
    answers: Sequence[Answer]
    problems: Sequence[type[VignetteError]] = ()
    parameters: Sequence[Parameter] = ()
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    curl: str = ""


def operation(summary: str, *answers: Answer, **rest: Any) -> Callable[[View], View]:
    """Attach an `Operation` to a view; *rest* are its other fields."""

    def attach(view: View) -> View:
        setattr(view, _ATTRIBUTE, Operation(summary, answers, **rest))
        return view

    return attach


def operation_of(view: Callable[..., Any]) -> Operation | None:
    return getattr(view, _ATTRIBUTE, None)
