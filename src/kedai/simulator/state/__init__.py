"""What the simulated marketplace knows: plain data and rules, without HTTP, sockets or an event loop."""
