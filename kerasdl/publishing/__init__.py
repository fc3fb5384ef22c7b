"""Publishing: train, compress and describe the models of `saved_models/`."""
