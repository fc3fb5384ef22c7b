"""A search for TensorBoard's HParams page: `tensorboard --logdir tunings/NAME/events`."""

import shutil

import tensorflow as tf
from tensorboard.plugins.hparams import api


def write(plan, board: dict):
    """Write every trial's values and score anew into `events/`."""
    folder = plan.folder / "events"
    shutil.rmtree(folder, ignore_errors=True)
    domains = {p.name: api.HParam(p.name, _domain(p)) for p in plan.hyperparameters.space}
    metric = plan.objective.metric
    with tf.summary.create_file_writer(str(folder)).as_default():
        shown = [api.Metric(metric, display_name=board["objective"])]
        api.hparams_config(hparams=list(domains.values()), metrics=shown)
    for row in board["trials"]:
        if row["status"] != "completed":
            continue
        name = f"{row['trial']:04d}"
        with tf.summary.create_file_writer(str(folder / name)).as_default():
            values = {domains[key]: value for key, value in row["values"].items()}
            api.hparams(values, trial_id=name)
            tf.summary.scalar(metric, row["score"], step=row["epochs"])


def _domain(parameter):
    if hasattr(parameter, "min_value"):
        return api.RealInterval(parameter.min_value, parameter.max_value)
    return api.Discrete([*parameter.values])
