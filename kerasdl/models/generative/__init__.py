"""The parts of generative learners: encoders, decoders, generators, discriminators."""
