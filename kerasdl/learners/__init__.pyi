# `make stubs` writes this file, from the names that the package imports lazily.
from kerasdl.learners.autoencoder import Autoencoder as Autoencoder
from kerasdl.learners.dcgan import DCGAN as DCGAN
from kerasdl.learners.scheduled_sampling import ScheduledSampling as ScheduledSampling
from kerasdl.learners.vae import VAE as VAE
