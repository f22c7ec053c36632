"""What is offered at a marketplace, and which of the merchant's own SKUs each offer stands for."""
