"""Networks made of networks."""
