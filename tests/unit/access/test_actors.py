"""Who asks: which scopes each actor has."""

from __future__ import annotations

import pytest

from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope


@pytest.mark.parametrize("scope", Scope)
def test_nobody_has_no_scope_and_the_operator_has_all(scope: Scope) -> None:
    assert not NOBODY.has(scope)
    assert OPERATOR.has(scope)


@pytest.mark.parametrize("granted", Scope)
def test_a_key_has_the_scopes_that_it_was_given_and_admin_has_every_one(granted: Scope) -> None:
    actor = Actor("0123456789abcdef", frozenset({granted}))

    assert {scope for scope in Scope if actor.has(scope)} == (set(Scope) if granted is Scope.ADMIN else {granted})


def test_scopes_are_written_in_lower_case() -> None:
    assert [str(scope) for scope in Scope] == ["upload", "read", "edit", "delete", "share", "admin"]
