"""Networks that consist of several networks."""
