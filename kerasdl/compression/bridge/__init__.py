"""TFMOT for Keras 3 models: over to tf_keras, trained there by Keras 3, and back.

Importing a module of this package imports TFMOT and tf_keras; `kerasdl.compression` does so on use.
"""
