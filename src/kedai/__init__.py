"""Kedai: the self-hosted marketplace connector that keeps sandbox and live side by side and never mixes them."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """`kedai.__version__`, looked up only when asked for: it would cost every command's start."""
    if name == "__version__":
        from importlib.metadata import version

        return version("kedai")
    raise AttributeError(name)
