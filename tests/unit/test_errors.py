"""Errors tell programs what they need to know."""

from __future__ import annotations

from vignette.access.actors import Scope
from vignette.errors import MissingScope


def test_a_missing_scope_tells_what_was_required_and_what_was_granted() -> None:
    error = MissingScope(Scope.EDIT, {Scope.UPLOAD, Scope.READ})

    assert (error.required, error.granted) == ("edit", ("read", "upload"))
    assert str(error) == "this needs the scope 'edit'; granted: read, upload"
    assert str(MissingScope("read", ())) == "this needs the scope 'read'; granted: none"
