"""TensorFlow without its greetings."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def startup():
    """Keep what C++ code writes to standard error while TensorFlow starts; show it if that fails.

    Its log level cannot: the lines come before logging is set up.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def import_tensorflow(start=True):
    """Import it and let it look for devices; who makes a strategy does that later, in `startup`."""
    with startup():
        import tensorflow as tf

        if start:
            tf.config.list_logical_devices()
