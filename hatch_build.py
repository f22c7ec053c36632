"""The package build's hook: makes the browser libraries before anything is packed, by `frontend/build.py`."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GUIDES = ("quickstart.md", "how-to", "explanation", "reference")
"""What of `docs` the pages serve."""


class FrontendHook(BuildHookInterface[Any]):
    """Runs for the wheel, the editable install and the source package."""

    def dependencies(self) -> list[str]:
        """Node from PyPI, where the machine has none."""
        frontend = load(self.root)
        if frontend.is_built(frontend.digest()):
            return []
        try:
            frontend.find_node()
        except frontend.NotBuilt:
            return [frontend.NODE_PACKAGE]
        return []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make what is missing; what is made is ignored by git and has to be named.

        A wheel takes the guides along. An editable install serves those of the checkout.
        """
        load(self.root).build()
        build_data["artifacts"].append("src/kedai/web/dashboard/static/vendor/*")
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"].update({f"docs/{one}": f"kedai/web/dashboard/docs/{one}" for one in GUIDES})


def load(root: str) -> ModuleType:
    """The module `frontend/build.py`, which is no part of any package."""
    spec = spec_from_file_location("kedai_frontend_build", Path(root) / "frontend/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
