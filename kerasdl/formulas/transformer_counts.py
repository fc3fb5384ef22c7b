"""Parameter counts of transformers, from their sizes."""


def attention_parameters(width: int) -> int:
    """Number of parameters of multi-head attention, whatever the number of heads.

        N = 4 (d^2 + d)

    Args:
        width: int, d.

    >>> attention_parameters(768)
    2362368
    """
    return 4 * (width**2 + width)


def block_parameters(width: int) -> int:
    """Number of parameters of a transformer block: attention, feed-forward part and two norms.

        N = (4 d^2 + 4 d) + (8 d^2 + 5 d) + 4 d = 12 d^2 + 13 d

    Args:
        width: int, d.

    >>> block_parameters(768)
    7087872
    """
    return 12 * width**2 + 13 * width


def gpt_parameters(vocabulary: int, context: int, width: int, depth: int) -> int:
    """Number of parameters of a GPT whose input and output embeddings are tied.

        N = V d + T d + L (12 d^2 + 13 d) + 2 d

    Args:
        vocabulary: int, V.
        context: int, number T of positions.
        width: int, d.
        depth: int, number L of blocks.

    >>> gpt_parameters(50257, 1024, 768, 12)
    124439808

    Reference: Radford et al., 2019.
    """
    return (vocabulary + context) * width + depth * block_parameters(width) + 2 * width


def gpt_matrices(
    width: int, vocabulary: int, key: int, heads: int, depth: int, hidden: int
) -> dict[str, int]:
    """Weights of a GPT by kind of matrix: with GPT-3's sizes they sum to 175 billion.

        key = query = value = output = d_key d heads layers        up = down = hidden d layers
        embedding = unembedding = V d

    An embedding is one vector of 12,288 numbers. Attention has 33.1 % of the weights, the
    feed-forward parts 66.2 %, the embeddings 0.7 %; biases, norms and positions are not counted.

    Args:
        width: int, d.
        vocabulary: int, V.
        key: int, size of a head's keys.
        heads: int, heads of a block.
        depth: int, number of blocks.
        hidden: int, width of the feed-forward part.

    >>> found = gpt_matrices(12288, 50257, 128, 96, 96, 49152)
    >>> found["embedding"], found["query"], found["up"], sum(found.values())
    (617558016, 14495514624, 57982058496, 175181291520)

    Reference: Brown et al., 2020.
    """
    attending = dict.fromkeys(("key", "query", "value", "output"), key * width * heads * depth)
    thinking = dict.fromkeys(("up", "down"), hidden * width * depth)
    return {
        "embedding": vocabulary * width,
        **attending,
        **thinking,
        "unembedding": vocabulary * width,
    }


def bert_parameters(
    vocabulary: int = 30522,
    context: int = 512,
    width: int = 768,
    depth: int = 12,
    segments: int = 2,
) -> int:
    """Number of parameters of BERT's encoder with segment embeddings and the pooler of [CLS].

        N = (V + T + S) d + 2 d + L (12 d^2 + 13 d) + d^2 + d

    Args:
        vocabulary: int, V.
        context: int, number T of positions.
        width: int, d.
        depth: int, number L of blocks.
        segments: int, S.

    >>> bert_parameters(), bert_parameters(width=1024, depth=24)
    (109482240, 335141888)

    Reference: Devlin et al., 2019.
    """
    tables = (vocabulary + context + segments) * width
    return tables + 2 * width + depth * block_parameters(width) + width**2 + width


def vit_parameters(
    size: int = 224,
    patch: int = 16,
    channels: int = 3,
    width: int = 768,
    depth: int = 12,
    classes: int = 1000,
) -> int:
    """Number of parameters of a vision transformer with a [CLS] token.

        N = (p^2 c d + d) + d + ((s / p)^2 + 1) d + L (12 d^2 + 13 d) + 2 d + (d K + K)

    Args:
        size: int, side s of the image.
        patch: int, side p of a patch.
        channels: int, channels c of the image.
        width: int, d.
        depth: int, number L of blocks.
        classes: int, K.

    >>> vit_parameters()
    86567656

    Reference: Dosovitskiy et al., 2021.
    """
    tokens = (size // patch) ** 2 + 1
    embedding = patch**2 * channels * width + width + width + tokens * width
    return embedding + depth * block_parameters(width) + 2 * width + (width + 1) * classes
