"""All rows of the notes: which stand in some formula's `Spec:` line, and why the others do not."""

# Rows of each theme: ACT-01 to ACT-20, and so on.
SIZES = (
    "ACT 20, AEN 43, BAS 32, CMP 19, CNA 35, CNO 59, DAT 30, DBG 26, DET 24, DIF 21, GAN 44, "
    "HPO 15, INI 12, LOS 14, MET 18, OPT 17, OTH 26, REG 25, RNN 38, SCH 15, SSL 13, TRF 56, "
    "TRL 24, TRN 23"
)
LAST = {theme: int(number) for theme, number in map(str.split, SIZES.split(","))}
ALL = {f"{theme}-{n:02}" for theme, last in LAST.items() for n in range(1, last + 1)}

WITHOUT_A_FORMULA = {
    "it compares, lists or tells a history": (
        "ACT 18 20, AEN 25 26 38, BAS 02 03 26 27 28 29 30 31, CMP 13 14 19, CNA 29 30 31 32, "
        "CNO 59, DAT 18 19, DBG 02, DET 01 05 19, DIF 12 13 14 15 16, GAN 26 43 44, HPO 01, "
        "MET 09, OTH 20, RNN 26, SSL 11, TRF 29 35 43 46 50 53 56, TRN 20"
    ),
    "it shows what a trained network does": (
        "AEN 23 24 28 33 37 40 41 43, BAS 01 32, CMP 03, CNA 17 33, CNO 27 36 56 58, DET 20, "
        "DIF 18 19 21, GAN 14 33, HPO 05 12, OTH 01 03 05 06 07 09 10 12 14 16 17 18, REG 10 17, "
        "RNN 08 28 29 33 34 35, SCH 13, SSL 05, TRF 07 11 18 42, TRL 01 08 13 18 21 22 24"
    ),
    "it builds a network of parts that have rows": (
        "AEN 19 21 27 35, BAS 09, CNA 25, CNO 35 53, DIF 10, GAN 12 13 16 17 19 20, "
        "RNN 04 21 25 38, SSL 03, TRF 44 45 55, TRL 10 11"
    ),
    "it is a picture": (
        "AEN 39, CNO 57, DBG 06 09 10 11 12 13 14 15 16 17 18 19 23 24 25 26, LOS 14, REG 25, "
        "SCH 14, TRF 52"
    ),
    "it names, makes or reads data": ("BAS 19, DAT 02 14 16 17 20 21 22 27 28 29 30, DET 21 22"),
    "it is a way to train, search, find mistakes or keep a model": (
        "CMP 10 11 12 18, DBG 01 05 07 08 21 22, GAN 06 07, HPO 02 03 11 14 15, INI 12, MET 16, "
        "OPT 17, OTH 21 22 26, REG 19 23, SCH 15, SSL 01, TRN 07 08 09 13 14 15"
    ),
    "it points to other rows": (
        "AEN 32, CMP 15 17, GAN 38 42, HPO 13, INI 10, LOS 13, OTH 11 15 19 23 24 25, SSL 12, "
        "TRF 54, TRL 20 23, TRN 10 18 19 21 22 23"
    ),
}

NO_FORMULA = [
    f"{theme}-{number}"
    for rows in WITHOUT_A_FORMULA.values()
    for theme, *numbers in map(str.split, rows.split(","))
    for number in numbers
]

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
