"""Suppress the messages of C++ libraries on standard error."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def native_stderr():
    """Suppress the messages of C++ code on standard error; print them if the block raises.

    Log levels do not help: TensorFlow and LiteRT print some lines before they read them.
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


def import_tensorflow(find_devices: bool = True):
    """Import TensorFlow without its start-up messages.

    Args:
        find_devices: bool, whether to initialize the devices too. A multi-worker strategy must do
            that itself: pass False and make the strategy inside `native_stderr`.
    """
    with native_stderr():
        import tensorflow as tf

        if find_devices:
            tf.config.list_logical_devices()
