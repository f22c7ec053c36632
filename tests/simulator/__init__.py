"""Tests of the simulator: real processes, real HTTP, nothing of the rest of Kedai."""
