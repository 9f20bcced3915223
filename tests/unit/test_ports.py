"""Ports stay small: a use case asks for what it needs, and a new adapter has little to promise."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Protocol

import pytest

from vignette import ports

MOST_METHODS = 8


def all_ports() -> list[type]:
    modules = [
        importlib.import_module(module.name) for module in pkgutil.iter_modules(ports.__path__, "vignette.ports.")
    ]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and Protocol in kind.__bases__ and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("port", all_ports(), ids=lambda port: port.__name__)
def test_a_port_has_few_methods_and_each_has_its_promise(port: type) -> None:
    methods = {name: method for name, method in inspect.getmembers(port, inspect.isfunction) if name[0] != "_"}

    assert 1 <= len(methods) <= MOST_METHODS
    assert [name for name, method in methods.items() if not inspect.getdoc(method)] == []
