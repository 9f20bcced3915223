"""`script/sbom`: keep what a requirements file locks of the bill of materials of a whole environment."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any


def canonical(name: str) -> str:
    """A package's name as all spellings of it compare (packaging.python.org, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(requirements: str) -> dict[str, set[str]]:
    """The versions that *requirements* locks, by name: there may be several, for several versions of Python."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", requirements, re.MULTILINE):
        versions.setdefault(canonical(name), set()).add(version)
    return versions


def of_runtime(bill: dict[str, Any], versions: dict[str, set[str]]) -> dict[str, Any]:
    """
    *bill* with no other components than those in *versions*.

    Raises:
        ValueError: The environment has another version than is locked.
    """
    kept = [component for component in bill["components"] if canonical(component["name"]) in versions]
    for component in kept:
        if component["version"] not in versions[canonical(component["name"])]:
            raise ValueError(f"{component['name']} {component['version']} is installed: run script/bootstrap")
        # Where this machine found the package is nobody's affair.
        references = component.get("externalReferences", ())
        component["externalReferences"] = [each for each in references if each["type"] != "distribution"]
    refs = {component["bom-ref"] for component in kept} | {bill["metadata"]["component"]["bom-ref"]}
    dependencies = [
        {**each, "dependsOn": [ref for ref in each.get("dependsOn", ()) if ref in refs]}
        for each in bill["dependencies"]
        if each["ref"] in refs
    ]
    return {**bill, "components": kept, "dependencies": dependencies}


def main() -> None:
    requirements, bill = map(Path, sys.argv[1:])
    written = json.dumps(of_runtime(json.loads(bill.read_text()), locked(requirements.read_text())), indent=1)
    if "file:" in written or str(Path.cwd()) in written or str(Path.home()) + "/" in written:
        sys.exit("script/sbom: the bill of materials names a path of this machine")
    sys.stdout.write(written + "\n")


if __name__ == "__main__":
    main()
