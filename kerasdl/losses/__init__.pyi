# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.losses.borders import boundary_weights as boundary_weights
from kerasdl.losses.boxes import CIoU as CIoU
from kerasdl.losses.boxes import DIoU as DIoU
from kerasdl.losses.boxes import GIoU as GIoU
from kerasdl.losses.tagging import TaggingLoss as TaggingLoss
from kerasdl.losses.tversky import Tversky as Tversky
