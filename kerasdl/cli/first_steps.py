"""The text of `kerasdl guide`, which is shown without the parser and its imports."""

import pathlib

TEXT = """\
kerasdl: deep learning from the formula to a file on a phone, with Keras 3.

First steps, in about a minute and without a network
  kerasdl train simple_cnn          train a network on handwritten digits
  kerasdl predict RUN IMAGE         classify one: RUN is the folder that `train`
                                    names, and RUN/examples/7.png an image
  kerasdl doctor RUN                what is wrong, and what to try
  kerasdl compress RUN              the smallest file for a phone
  kerasdl demo RUN                  draw a digit in the browser

Your own data
  kerasdl fit --data photos/        choose a network and train it in 3 minutes
  kerasdl train se_resnet_tiny --data photos/ --image-size 32
  kerasdl train mlp --data table.csv --target COLUMN
  kerasdl predict RUN photos/ --out answers.csv

Where things are
  kerasdl --help, kerasdl COMMAND --help     commands and their options
  kerasdl list, kerasdl list "resnet*"       recipes, models, layers, datasets
  kerasdl info NAME                          one of them: layers, results
  kerasdl formulas NAME                      equations as tested code
  kerasdl runs                               what you have trained
  eval "$(kerasdl completion bash)"          completes all that (zsh, fish, too)

In Python
  import kerasdl
  splits = kerasdl.data.load("digits")
  model = kerasdl.create_model("simple_cnn_tiny")
  model.compile()
  model.fit(splits.train, validation_data=splits.validation, epochs=5)

Tutorials, one idea each, in order
  {tutorials}
"""
SOURCE = pathlib.Path(__file__).parents[2] / "tutorials" / "README.md"


def text() -> str:
    """Return the guide.

    >>> print(text().splitlines()[0])
    kerasdl: deep learning from the formula to a file on a phone, with Keras 3.
    """
    found = SOURCE if SOURCE.is_file() else "tutorials/README.md of the source code"
    return TEXT.format(tutorials=found)
