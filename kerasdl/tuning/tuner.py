"""KerasTuner's loop over trials, whose trials are processes."""

import contextlib
import io
import pathlib
import time
from collections.abc import Callable

import keras_tuner
from keras_tuner.engine import base_tuner

OWN = "tuner/"  # what Hyperband adds to a trial's values


class Tuner(base_tuner.BaseTuner):
    """Ask the oracle, run the trial, tell the oracle; alone, or as a worker of a chief.

    Args:
        oracle: One of `kerasdl.tuning.oracles`.
        folder: Where KerasTuner's files are, and from where a stopped search goes on.
        run: Makes the result of a trial of its number, its values and its epochs.
    """

    def __init__(self, oracle, folder: pathlib.Path, run: Callable[[int, dict, int | None], dict]):
        self.run = run
        with contextlib.redirect_stdout(io.StringIO()):  # it says that it reloads
            super().__init__(oracle, directory=folder, project_name="oracle")
        self.save()

    def run_trial(self, trial):
        values = trial.hyperparameters.values
        own = {name: value for name, value in values.items() if not name.startswith(OWN)}
        result = self.run(int(trial.trial_id), own, values.get(OWN + "epochs"))
        if result["status"] == "failed":
            raise keras_tuner.errors.FailedTrialError(result["reason"])
        return {self.oracle.objective.name: result["score"]}

    def pre_create_trial(self):
        if self._is_worker():
            time.sleep(0.2)  # a chief that has nothing to do yet is asked again and again

    def save(self):
        if not self._is_worker():
            self.oracle.save()

    def _get_tuner_fname(self):
        # KerasTuner reloads if this exists: the oracle's state, which is never half written
        return str(pathlib.Path(self.project_dir) / "oracle.json")
