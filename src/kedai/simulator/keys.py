"""The typed key under which every handler finds its environment."""

from __future__ import annotations

from aiohttp import web

from kedai.simulator.simulation import Simulation

SIMULATION = web.AppKey("SIMULATION", Simulation)
