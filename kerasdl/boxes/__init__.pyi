# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.boxes.alignment import align as align
from kerasdl.boxes.alignment import paste as paste
from kerasdl.boxes.anchors import pyramid_anchors as pyramid_anchors
from kerasdl.boxes.components import connected_components as connected_components
from kerasdl.boxes.matching import match as match
from kerasdl.boxes.suppression import soft_suppress as soft_suppress
from kerasdl.boxes.suppression import suppress as suppress
