"""What `saved_models/` holds: which recipes, how good a small file must be, and the cards."""
