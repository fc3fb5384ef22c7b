"""The web page of `kerasdl demo`, which runs LiteRT image classifiers in the browser."""

from kerasdl.export.demo.describe import describe
from kerasdl.export.demo.server import Server
from kerasdl.export.demo.static import write

__all__ = ["Server", "describe", "write"]


def __dir__() -> list[str]:
    return __all__
