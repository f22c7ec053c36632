"""The simulated marketplace's own API under ``/api/v2/``: gateway checks first, then one function per endpoint."""
