"""Networks that look at images and tables."""
