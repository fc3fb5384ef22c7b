"""What must stand where a reader of the notes meets one of their graver mistakes.

A line is the number of a correction and words that carry it: they go, or change, when their
sentence does. They are looked for in the docstrings of the package that name the number.
"""

TABLE = """
01 One of the notes leaves out the padding and the floor.
01 O = floor( (N + 2P - K) / S ) + 1
02 for the network to know: a U-Net. [sin(t
02 One of the notes has UMAP here, which draws maps of data.
02 U-Net, which one of the notes on diffusion calls UMAP,
03 The notes have it swapped with average recall.
03 The notes have it swapped with average precision.
04 The harmonic mean of precision and recall, also called Dice; the notes say geometric.
04 The same as the harmonic mean of precision and recall, F1; the notes say geometric.
05 0 where the image is flat, much at an edge.
05 The notes read it the other way round, 0 as a sure boundary: it is a sure absence of one.
06 drop one of the nine terms: what they add up is 0, and -1 + 1 + 1 - 1 - 1 - 1 - 1 + 1 + 1 = -1
07 divides by the kernel's area too; that is its demonstration, no convolution.
07 The division by 9 belongs to this strength, not to convolution.
08 at about 1.3 M weights; 1,147,914 are trained and 448 more averaged.
09 Two 3x3 convolutions beside x: ResNet-18 and 34.
09 The notes call it a bottleneck, which it is not.
10 The notes' class asks with a Python `if` whether t < w, which fails inside `fit`;
10 it cannot be saved; and past T its rate rises again.
10 `kerasdl.schedules.WarmUp` does none of that.
11 a VAE raises it, and its loss is therefore the negative.
11 calls this the loss; minimising it would make reconstructions worse and the KL larger.
11 loss = -ELBO = -E_q[log p(x | z)] + beta KL(
12 The notes' second logarithm has lost the minus of 1 - rho.
13 The slope is that at step k; the notes put it at k - 1.
14 If U's largest singular value is below 1 gradients vanish;
14 above 1 they may explode but need not,
15 T divides the logits of a last layer:
15 The notes bring it into attention, which has a divisor of its own.
16 In self-attention three linear maps of one and the same x give Q, K and V;
16 the notes take the query from a layer and the others from the embeddings.
16 Only in cross-attention do they differ: Q from what is written, K and V from what was read.
17 Y is added to x: an update of it, which the notes also call a gradient; it is none.
18 The inputs, not their powers, are the logits.
19 "circular" wraps around, as on a torus.
19 (The notes' table for "circular" is right, their caption, a flip, is not.)
19 (One of the notes calls it a flipped image; its own table says the other side.)
20 The notes list it among those that blur; it does the opposite.
21 The notes name the two but have lost their numbers: what stands there are pixels.
22 it is equivariant. The notes say invariant, which it is not.
22 equivariance, is not what the notes call it, invariance: that comes from pooling,
22 Moving the image moves nothing here: this is the invariance that convolution has not.
23 Pooling keeps the number of channels; the notes let it gain depth, which more filters do.
23 It is no average, no network has to have it,
25 The notes let these neurons share their weights; shared, it is a convolution.
25 (One of the notes says that these layers share their weights; that is what makes a convolution
26 The 1,000 classes have 1.28 million training images;
26 "over 10 million" is the whole of ImageNet, which has some 21,800 classes.
27 AlexNet did not introduce ReLU and dropout, as one of the notes has it: it made them popular.
27 The notes let it introduce ReLU and dropout: it made both popular.
28 but no bounds; the notes give it the bounds -1 and 1 of the other.
30 The order is convolution, norm, activation: ReLU here
30 ReLU here and leaky ReLU in the discriminator, where the notes differ.
31 another has it in both networks. DCGAN has it in both;
31 a critic with a gradient penalty or spectral normalization has none.
31 Normalise every hidden map but the first, as DCGAN does.
31 Critics with a gradient penalty want none.
32 between a layer and its activation, also in GANs, where one of the notes has it last.
34 Another says that batch normalization prevents it. It does not: it steadies training,
34 no more is certain, and it may even bind the samples of a batch together.
36 A network before it must not end in a sigmoid: that would be two.
37 the default of Keras's Dense and Conv.
37 The notes say that PyTorch does so by default. It takes a = sqrt(5), whatever follows,
37 0.0357 for 784 inputs, not 0.0875. Keras's default is `xavier_limit`.
38 One of the notes calls it deprecated. In hidden layers it is;
38 gates, answers of yes or no and pixels still need it.
38 concludes that gradients are sure to vanish. They are not: weights count as well,
43 Their code sums over the whole array, which is wrong as soon as there are two rows.
44 The notes clip p by 1e-15, which float32 rounds away: 1 - 1e-15 is 1, and the loss is NaN.
45 v lags more, so the first step is 0.1 / sqrt(0.001) = 3.16 times as long as eta.
45 which one of the notes leaves out, the first step is 3.16 times too long.
46 The same with the sign turned, as papers write it.
46 The same while eta stays as it is: torch keeps eta out of the velocity.
46 When eta falls, all of this velocity slows down at once; that of the other two forms still holds
47 says that a part of the last gradient is added. It is a part of the last step.
49 The notes leave out the division.
49 Without it a network would hear 1 / (1 - p) times as much in use
51 One of the notes gives this as the LSTM, with the old c for o too and without b.
51 The usual one, Keras's, has no peepholes; where they are, o looks at the new c.
52 reset after; the notes reset before:
52 In Keras z is how much stays, in the notes, and here, how much is new:
52 Keras's weights of z are these with the sign turned. Keras resets after by default.
55 Each number into the first corner of its window, zeros around it.
55 The notes put it into the middle; a window of 2x2 has none.
55 Each number back to where max pooling of `source` found its maximum;
55 (The notes put the number into "the middle" of a window of 2x2, which has none.)
56 It is the adjoint of the convolution with W and goes back to its shape,
56 the notes call it its opposite, but it does not give back the image.
58 puts what it saw on the way down beside what comes up: channels double.
58 The notes call these residual connections, which would add.
60 AlexNet's 55 follow from 227 pixels, or from 224 and P = 2;
60 224 alone, as the notes have it, gives 54.
64 LeNet's 1 % is an error, and on MNIST,
64 74.8 % is a later GoogLeNet's, the first had about 69.8.
66 One of the notes has DALL-E use VQ-VAE-2; it took a discrete VAE with 8192 codes.
67 One of the notes calls it generative. It hardly is. Nothing says where its codes lie:
67 A drawn code means something to a VAE only.
68 The notes put diffusion behind DALL-E, and in 2022. DALL-E, 2021, writes tokens like a GPT;
68 DALL-E 2 diffuses, and this process for images is of 2020.
72 For much data unlike the old one of the notes starts from scratch, another trains everything.
72 Both are worth a try; validation tells.
73 closer to each other than to man and woman. With its vectors that is so of the distance,
73 With its vectors that is so of the distance, 0.14 to 0.41, and not of the cosine, 0.991 to 0.996.
79 The notes say that to look at it needs a `tf.function`. It does not: Keras is eager
79 and `compile(run_eagerly=True)` makes that eager too.
79 inside `fit` with `run_eagerly=True`. No `tf.function` needed
80 ImageDataGenerator, is gone from `keras`; `tf.keras` keeps it for old code only.
80 The notes give Keras's layer an `input_length`: it is ignored, with a warning.
80 loads to show it, runwayml's, have been withdrawn.
80 as `TFAutoModel`, which speaks Keras 2: it is no Keras 3 model.
80 LiteRT by its old name: `tf.lite` still converts, but its interpreter is deprecated.
81 Images of 0 to 255 as the network saw them when it was trained; the notes leave it out.
81 shall keep its averages while it is fine-tuned; the notes' second phase lets them move.
81 In Keras 3.15 `trainable = False` of these layers holds them;
81 `base(x, training=False)` in a functional model does not, since `fit` overrules it.
81 One of the notes builds such a head without importing `Dense`.
89 made waits in a line: `enqueue`. The notes name both and give neither.
"""

LINES = [line.split(maxsplit=1) for line in TABLE.strip().splitlines()]
