"""Start a training from the weights of another run or file, and freeze layers."""

import pathlib

import keras

from kerasdl import errors, saving
from kerasdl.runs import folder
from kerasdl.tasks.task import Task

FROZEN = ("none", "backbone")  # values of a recipe's `freeze` besides names of layers


def head_of(model: keras.Model, task: Task) -> keras.Layer:
    """Return the last layer of a network that has weights, which gives the task's outputs.

    Raises:
        InvalidInput: if the task's networks have no head.
    """
    if not task.has_head:
        expected = "a classification or a regression, whose network has a head"
        raise errors.InvalidInput("task with a head to train", expected, task.title)
    return [layer for layer in model.layers if layer.weights][-1]


def freeze(model: keras.Model, task: Task, upto: str):
    """Freeze the first layers of a network.

    Args:
        model: keras.Model, not compiled yet.
        task: The task of the run.
        upto: str, "none", "backbone" for all layers before the head, or the name of the last layer
            to freeze, in the order of `model.summary()`.
    """
    if upto == "none":
        return
    names = [layer.name for layer in model.layers]
    if upto == "backbone":
        end = names.index(head_of(model, task).name)
    else:
        errors.one_of("layer to freeze", upto, [*FROZEN, *names])
        end = names.index(upto) + 1
    for layer in model.layers[:end]:
        layer.trainable = False
    if not model.trainable_variables:
        expected = "a layer after which some weights are left to train"
        raise errors.InvalidInput("layer to freeze", expected, upto)


def load_weights(model: keras.Model, task: Task, start: str):
    """Give a network the weights of a run or of a `.keras` file.

    All weights must have the shapes of the network's, in order. The last layer, the head of a
    classification or a regression, may differ: then it stays new. It also stays new if a run has
    learned other classes. Tables of positions of images of another size are interpolated.

    Args:
        model: keras.Model.
        task: The task of the run.
        start: str, path of a run folder or of a `.keras` file.
    """
    path, same = pathlib.Path(start), True
    if path.is_dir():
        if not (path / folder.MODEL).is_file():
            expected = "the folder of a finished run, or a .keras file"
            raise errors.InvalidInput("start of the training", expected, start)
        classes = folder.read_config(path / folder.CONFIG)["info"]["classes"]
        same = classes is None or tuple(classes) == (task.info.classes or tuple(classes))
        path = path / folder.MODEL
    source = saving.load_model(path, compile=False)
    count = len(head_of(model, task).weights) if task.has_head else 0

    def pairs(given):
        own = model.weights
        if task.has_head and not (same and _shapes(own) == _shapes(given)):
            return own[:-count], given[:-count]
        return own, given

    own, given = pairs(source.weights)
    if _shapes(own) != _shapes(given) and _differ_in_size(model, source):
        own, given = pairs(source.resized(model.input_shape[1:]).weights)
    if _shapes(own) != _shapes(given):
        expected = f"those of {model.name}{', apart from the last layer' if count else ''}"
        raise errors.InvalidInput(f"weights in {start}", expected, _difference(own, given, source))
    for variable, value in zip(own, given, strict=True):
        variable.assign(value)


def _differ_in_size(model, source):
    """Return whether two networks differ only in the height and width of their images."""
    if type(model) is not type(source) or not hasattr(source, "resized"):
        return False
    own, given = model.input_shape, source.input_shape
    return len(own) == len(given) == 4 and own != given and own[-1] == given[-1]


def _shapes(variables):
    return [tuple(variable.shape) for variable in variables]


def _difference(own, given, source):
    for needed, found in zip(own, given, strict=False):
        if needed.shape != found.shape:
            return f"{found.path} of shape {tuple(found.shape)} for {tuple(needed.shape)}"
    return f"{source.name}, {len(given)} weights in place of {len(own)}"


class HeadFirst(keras.callbacks.Callback):
    """Train only the head of a network for some epochs, and then what the recipe trains.

    The optimizer knows all variables that are ever trained, so its state is one for both phases,
    and a checkpoint of either restores it. The training step is traced again between the phases.

    Args:
        task: The task of the run.
        epochs: int, epochs in which only the head is trained.
    """

    def __init__(self, task: Task, epochs: int):
        super().__init__()
        self.task = task
        self.epochs = epochs
        self.frozen: list[keras.Layer] = []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch < self.epochs and not self.frozen:
            head = head_of(self.model, self.task)
            before = self.model.layers[: self.model.layers.index(head)]
            self._set([layer for layer in before if layer.trainable], False)
        elif epoch >= self.epochs:
            self._set(self.frozen, True)

    def on_train_end(self, logs=None):
        self._set(self.frozen, True)

    def _set(self, layers, trainable):
        if not layers:
            return
        for layer in layers:
            layer.trainable = trainable
        self.frozen = [] if trainable else layers
        self.model.train_function = None
        self.model.make_train_function()
