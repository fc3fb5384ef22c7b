"""All that is declared."""

from tests.conformance import layers, learners, models

SUBJECTS = [*layers.SUBJECTS, *models.SUBJECTS, *learners.SUBJECTS]
