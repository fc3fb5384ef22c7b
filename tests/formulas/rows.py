"""The rows of the notes that state an equation, by theme: each stands in a `Spec:` line.

What is a comparison, a demonstration or a picture is no formula; tutorials have those.
"""

BY_THEME = {
    "ACT": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 19",
    "AEN": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 20 22 29 30 31 34 36 42",
    "BAS": "04 05 06 07 08 10 11 12 13 14 15 16 17 18 20 21 22 23 24 25",
    "CMP": "01 02 04 05 06 07 08 09 16",
    "CNA": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 18 19 21 22 24 27 28 34 35",
    "CNO": (
        "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 28 29 30 31 "
        "32 33 34 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 54 55"
    ),
    "DAT": "01 03 04 05 06 07 08 09 10 11 12 13 15 23 24 25 26",
    "DBG": "03 04 20",
    "DET": "02 03 04 06 07 08 09 10 11 12 13 14 15 16 17 18 23 24",
    "DIF": "01 02 03 04 05 06 07 08 09 11 17 20",
    "GAN": (
        "01 02 03 04 05 08 09 10 11 15 18 21 22 23 24 25 27 28 29 30 31 32 34 35 36 37 39 40 41"
    ),
    "HPO": "04 06 07 08 09 10",
    "INI": "01 02 03 04 05 06 07 08 09 11",
    "LOS": "01 02 03 04 05 06 07 08 09 10 11 12",
    "MET": "01 02 03 04 05 06 07 08 10 11 12 13 14 15 17 18",
    "OPT": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16",
    "OTH": "02 04 08 13",
    "REG": "01 02 03 04 05 06 07 08 09 11 12 13 14 15 16 18 20 21 22 24",
    "RNN": "01 02 03 05 06 07 09 10 11 12 13 14 15 16 17 18 19 20 22 23 24 27 30 31 32 36 37",
    "SCH": "01 02 03 04 05 06 07 08 09 10 11 12",
    "SSL": "02 04 06 07 08 09 10 13",
    "TRF": (
        "01 02 03 04 05 06 08 09 10 12 13 14 15 16 17 19 20 21 23 24 25 26 27 28 30 31 32 33 34 "
        "36 37 38 39 40 41 47 48 49 51"
    ),
    "TRL": "02 04 05 06 07 09 14 15 16 17 19",
    "TRN": "01 02 03 04 05 11 12 16 17",
}

ROWS = tuple(
    f"{theme}-{number}" for theme, numbers in BY_THEME.items() for number in numbers.split()
)

# Mistakes of the notes about these themes; each is corrected where a reader would meet it.
ERRATA = {
    "convolution and filters": "01 05 06 07 19 20 21 22 25 57 59 60 61 62",
    "pooling and upsampling": "23 24 55 56 63",
    "data, training and diagnosis": "28 79 80 82 84 87",
    "detection and segmentation": "03 04",
    "image networks": "02 08 09 26 27 58 64 65",
    "neurons and activations": "18 38 39 40 41 42 43 86",
    "losses and gradients": "13 14 15 36 44",
    "optimizers and schedules": "10 45 46 47 48",
    "weights, regularization, normalization": "32 37 49 50 85",
    "recurrent networks": "51 52 53 54 77 78 88",
    "attention and transformers": "16 17 73 74 75 76",
    "autoencoders and VAEs": "11 12 29 66 67 70 71",
    "GANs": "30 31 33 34 35 69",
    "diffusion, self-supervision, transfer": "68 72 81 89",
}

# What the notes say of papers and their data cannot be computed: words that the correction has.
FACTS = {
    "02": "U-Net",
    "26": "1.28 million",
    "27": "popular",
    "64": "69.8",
    "66": "discrete VAE with 8192 codes",
    "67": "Nothing says where its codes lie",
    "68": "writes tokens like a GPT",
    "80": "withdrawn",
    "89": "queue",
}
