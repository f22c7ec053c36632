"""The addresses a marketplace calls us at: derived from the public URL, connector and environment, never typed."""

from __future__ import annotations

from kedai.settings import Settings
from kedai.values.environment import ConnectorName, Environment


def webhook_paths(connector: ConnectorName, environment: Environment) -> tuple[str, ...]:
    """The push paths of an environment; the sandbox keeps an older alias."""
    base = f"/connectors/{connector}/webhook"
    own = f"{base}/{environment.value}"
    return (own, base) if environment is Environment.SANDBOX else (own,)


def webhook_urls(settings: Settings, connector: ConnectorName, environment: Environment) -> tuple[str, ...]:
    """The push URLs to register, the environment's own first."""
    return tuple(settings.public_url + path for path in webhook_paths(connector, environment))


def candidate_urls(settings: Settings, connector: ConnectorName, environment: Environment) -> tuple[str, ...]:
    """Every URL a push may have been signed for: today's, then those of earlier public URLs."""
    bases = (settings.public_url, *settings.previous_public_urls)
    return tuple(base + path for base in bases for path in webhook_paths(connector, environment))


def oauth_url(settings: Settings, connector: ConnectorName, environment: Environment) -> str:
    """Where a marketplace sends the browser back after consent."""
    return f"{settings.public_url}/connectors/{connector}/oauth/callback/{environment.value}"
