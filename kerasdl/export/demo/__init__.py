"""A page that runs LiteRT image classifiers in the browser: `kerasdl demo`."""

from kerasdl.export.demo.describe import describe
from kerasdl.export.demo.server import Server

__all__ = ["Server", "describe"]
