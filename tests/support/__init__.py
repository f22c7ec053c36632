"""What the tests stand on: servers, processes and polls of their own."""
