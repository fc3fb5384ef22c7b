"""The parts of generative learners: encoders, decoders, generators, discriminators."""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
