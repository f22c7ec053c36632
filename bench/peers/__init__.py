"""What Kedai is compared with: ordinary, well-written programs that do the same work."""
