"""Models that learn in their own way."""
