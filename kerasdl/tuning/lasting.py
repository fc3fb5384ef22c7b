"""What a long search needs of KerasTuner's oracles besides: to be stopped and to go on.

Every state is written beside and renamed, so that a kill at any moment leaves a readable one; the
first trial is the recipe itself; time ends a search; the same seed goes on after a stop as it would
have without. KerasTuner's seed 0 means chance, so seeds are made of ours.
"""

import pathlib
import time

import keras_tuner
import numpy as np

from kerasdl.utils.files import write_json

RUNNING, STOPPED = {"status": "RUNNING"}, {"status": "STOPPED", "values": None}


class Lasting:
    """What all of them have.

    Args:
        first: Values of the first trial, or `None`.
        deadline: When `time.monotonic` says so, no trial begins any more.
        on_end: Called with each trial that ended.
    """

    first = None
    deadline = None
    stopped = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.on_end = lambda trial: None
        self.verbose = 0
        self.max_consecutive_failed_trials = np.inf  # KerasTuner would end the search, and hang

    @property
    def over(self) -> bool:
        """Whether there is no time left."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def populate_space(self, trial_id):
        if self.over:
            return STOPPED
        if self.first and not self.trials:
            return {**RUNNING, "values": dict(self.first)}
        return super().populate_space(trial_id)

    def create_trial(self, tuner_id):
        trial = super().create_trial(tuner_id)
        self.stopped |= trial.status == "STOPPED"
        return trial

    def end_trial(self, trial):
        super().end_trial(trial)
        self.on_end(trial)

    def save(self):
        write_json(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        folder = pathlib.Path(self._get_trial_dir(trial.trial_id))
        write_json(folder / "trial.json", trial.get_state())

    def reload(self):
        """Go on: a trial that began and did not end is run again."""
        super().reload()
        for trial in self.trials.values():
            ended = trial.status in ("COMPLETED", "FAILED")
            if not ended and trial.trial_id not in self._retry_queue:
                self._retry_queue.append(trial.trial_id)
                self._record_values(trial)  # of one that the state did not know yet

    @keras_tuner.synchronized
    def forget(self, tuner_id):
        """A worker is gone: another will run what it ran."""
        self.tuner_ids.discard(tuner_id)
        if trial := self.ongoing_trials.pop(tuner_id, None):
            self._retry_queue.append(trial.trial_id)
            self.save()
