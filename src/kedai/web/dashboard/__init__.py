"""The pages of an operator, complete without script."""
