# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.data.catalog import card as card
from kerasdl.data.catalog import names as names
from kerasdl.data.catalog import options as options
from kerasdl.data.curriculum import Curriculum as Curriculum
from kerasdl.data.loading import load as load
from kerasdl.data.profiling import throughput as throughput
from kerasdl.data.readers.tfrecords import write_records as write_records
from kerasdl.data.splits import Info as Info
from kerasdl.data.splits import Splits as Splits
