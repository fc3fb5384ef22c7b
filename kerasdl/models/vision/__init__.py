"""Networks for images and tables."""
