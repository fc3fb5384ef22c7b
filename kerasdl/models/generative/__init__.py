"""Networks that learners put together: encoders, decoders, generators, discriminators."""
