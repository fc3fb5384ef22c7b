"""All declared layers, networks and learners."""

from tests.conformance import layers, learners, models

SUBJECTS = [*layers.SUBJECTS, *models.SUBJECTS, *learners.SUBJECTS]
