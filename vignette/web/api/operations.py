"""
What a view says of itself, beside its code: for the door (`web.admission`), and for the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from vignette.access.actors import Scope
from vignette.access.links import Representation
from vignette.errors import CatalogueUnavailable, StoreFull, StoreUnavailable, VignetteError
from vignette.web.api.headers import Parameter

UNWRITABLE: Final = (CatalogueUnavailable, StoreUnavailable, StoreFull)
"""What keeps from a change that the catalogue and the upload folder have to hold."""

_ATTRIBUTE: Final = "__operation__"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One answer: its status, what it means, its media type, what its JSON is (one of *models*) or its other *schema*, and
    its headers, by their names in `api.headers.ANSWERED`; the class of its *problem* where the status is none of it.
    """

    status: int
    meaning: str
    media_type: str | None = None
    models: type[BaseModel] | tuple[type[BaseModel], ...] = ()
    headers: Sequence[str] = ()
    schema: Mapping[str, Any] | None = None
    problem: type[VignetteError] | None = None

    @property
    def all_models(self) -> tuple[type[BaseModel], ...]:
        return self.models if isinstance(self.models, tuple) else (self.models,)


@dataclass(frozen=True, slots=True)
class Operation:
    """
    Who asks needs the `scope`; None: the view tells nothing of images, and is for everybody, in each `access` mode.
    A signed link leads to the view as the representation `link`; None: no link leads there.
    Whoever shows a delete token needs no scope if the view `takes_delete_tokens`: it has to look at the token then.
    `bodies` maps the media types that the view takes to the model that is read, or to what OpenAPI calls their Media
    Type Objects; `curl` is what follows `curl ` and the key.
    """

    summary: str
    answers: Sequence[Answer]
    scope: Scope | None
    problems: Sequence[type[VignetteError]] = ()
    parameters: Sequence[Parameter] = ()
    bodies: Mapping[str, type[BaseModel] | Mapping[str, Any]] = field(default_factory=dict)
    curl: str = ""
    link: Representation | None = None
    takes_delete_tokens: bool = False


def operation(summary: str, *answers: Answer, scope: Scope | None, **rest: Any) -> Callable[[View], View]:
    """Attach an `Operation` to a view; *rest* are its other fields."""

    def attach(view: View) -> View:
        setattr(view, _ATTRIBUTE, Operation(summary, answers, scope, **rest))
        return view

    return attach


def operation_of(view: Callable[..., Any]) -> Operation | None:
    return getattr(view, _ATTRIBUTE, None)
