"""What is asked of marketplaces: how fast it may be, and what was asked."""
