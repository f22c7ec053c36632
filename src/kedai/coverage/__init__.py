"""Which source covered which time of a shop, and how the marketplace rates our answers to its pushes."""
