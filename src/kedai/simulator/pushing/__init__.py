"""How pushes leave the simulated marketplace: their bodies, their signature, their delivery and retries."""
