"""The HTTP edges: webhooks before the framework, then the API and the dashboard."""
