"""How many numbers transformers have, from their sizes."""


def attention_parameters(width):
    """Four square maps, for Q, K, V and the mix, whatever the number of heads.

        N = 4 (d^2 + d)

    Spec: TRF-14, TRF-19

    >>> attention_parameters(768)
    2362368
    """
    return 4 * (width**2 + width)


def block_parameters(width):
    """Attention, a network four times as wide inside, and two norms.

        N = (4 d^2 + 4 d) + (8 d^2 + 5 d) + 4 d = 12 d^2 + 13 d

    Spec: TRF-24, TRF-27

    >>> block_parameters(768)
    7087872
    """
    return 12 * width**2 + 13 * width


def gpt_parameters(vocabulary, context, width, depth):
    """A GPT whose matrix that reads tokens also writes them.

        N = V d + T d + L (12 d^2 + 13 d) + 2 d

    Spec: TRF-10, TRF-27, TRF-31

    >>> gpt_parameters(50257, 1024, 768, 12)
    124439808
    """
    return (vocabulary + context) * width + depth * block_parameters(width) + 2 * width


def gpt_matrices(width, vocabulary, key, heads, depth, hidden):
    """The weight matrices of a GPT by purpose, as the notes' table of GPT-3 has them.

        key = query = value = output = d_key d heads layers        up = down = hidden d layers
        embedding = unembedding = V d

    An embedding is one vector of 12,288 numbers; one of the notes speaks of 12 thousand vectors. It
    says that a third is attention and the rest MLP: it is 33.1 %, 66.2 %, and 0.7 % embeddings, and
    biases, norms and positions are not counted.

    Spec: TRF-09, TRF-32, TRF-33, TRF-34, E-74, E-75

    >>> found = gpt_matrices(12288, 50257, 128, 96, 96, 49152)
    >>> found["embedding"], found["query"], found["up"], sum(found.values())
    (617558016, 14495514624, 57982058496, 175181291520)
    """
    attending = dict.fromkeys(("key", "query", "value", "output"), key * width * heads * depth)
    thinking = dict.fromkeys(("up", "down"), hidden * width * depth)
    return {
        "embedding": vocabulary * width,
        **attending,
        **thinking,
        "unembedding": vocabulary * width,
    }


def bert_parameters(vocabulary=30522, context=512, width=768, depth=12, segments=2):
    """BERT's encoder, with a table for the two segments, and the pooler over [CLS].

        N = (V + T + S) d + 2 d + L (12 d^2 + 13 d) + d^2 + d

    Spec: TRF-40

    >>> bert_parameters(), bert_parameters(width=1024, depth=24)
    (109482240, 335141888)
    """
    tables = (vocabulary + context + segments) * width
    return tables + 2 * width + depth * block_parameters(width) + width**2 + width


def vit_parameters(size=224, patch=16, channels=3, width=768, depth=12, classes=1000):
    """A vision transformer: patches and [CLS] with positions, blocks, a norm and the head.

        N = (p^2 c d + d) + d + ((s / p)^2 + 1) d + L (12 d^2 + 13 d) + 2 d + (d K + K)

    Spec: TRF-47

    >>> vit_parameters()
    86567656
    """
    tokens = (size // patch) ** 2 + 1
    embedding = patch**2 * channels * width + width + width + tokens * width
    return embedding + depth * block_parameters(width) + 2 * width + (width + 1) * classes
