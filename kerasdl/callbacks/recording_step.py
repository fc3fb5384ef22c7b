"""A model's training step beside the same one that records, of which `fit` sees a single one."""

from kerasdl.utils.patches import replaced


class RecordingStep:
    """Steps that record when it is due; all others are the model's own and cost nothing.

    Steps that XLA compiles, or that run several at once, are all of the recording kind, whose
    condition costs them less than to be compiled twice.
    """

    def __init__(self, model, records):
        self.model, self.records = model, records
        self.done = 0  # calls
        self.step = None
        *_, model.train_function = chain(model.train_function)  # of a `fit` that was stopped

    def begin(self):
        """Take the place of the training step, whoever has renewed it."""
        if self.step not in chain(self.model.train_function):
            self.step = self._beside(self.model.train_function)
            self.model.train_function = self.step

    def end(self):
        if self.model.train_function is self.step:
            self.model.train_function = self.step.plain

    def _beside(self, plain):
        records, at_once = self.records, self.model.steps_per_execution
        recording = self._traced_again()
        both = at_once == 1 and not self.model.jit_compile

        def step(iterator):
            if both and self.done % records.every:
                outputs = plain(iterator)
            else:
                records.expect(-(-at_once // records.every))
                if both:
                    records.count.assign(self.done)
                outputs = recording(iterator)
            self.done += 1
            return outputs

        step.plain = plain
        return step

    def _traced_again(self):
        plain = self.model.train_step

        def train_step(data):
            with self.records.step():
                return plain(data)

        with replaced(self.model, "train_step", train_step):
            self.model.make_train_function(force=True)
        return self.model.train_function


def chain(function):
    """A training step and those that it was made from."""
    while function is not None:
        yield function
        function = getattr(function, "plain", None)
