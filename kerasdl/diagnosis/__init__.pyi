# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.diagnosis.case import Case as Case
from kerasdl.diagnosis.case import Finding as Finding
from kerasdl.diagnosis.flowchart import Report as Report
from kerasdl.diagnosis.flowchart import doctor as doctor
from kerasdl.diagnosis.gradients import gradient_check as gradient_check
from kerasdl.diagnosis.overfitting import overfit_one_batch as overfit_one_batch
from kerasdl.diagnosis.range_test import lr_find as lr_find
