"""Write `TFLITE_METADATA`, the metadata in a LiteRT file that other programs read.

MediaPipe, Android Studio and LiteRT's own tools find there how pixels are normalized, what the
tensors are called, and which file of the zip archive after the flatbuffer holds the labels. Only
these facts are written. The numbers of fields and types below are those of the public schema,
https://github.com/tensorflow/tflite-support, metadata_schema.fbs.
"""

from collections.abc import Sequence

from kerasdl.export import flatbuffer

NAME, IDENTIFIER, PARSER = "TFLITE_METADATA", b"M001", "1.1.0"
LABELS, VOCABULARY = "labels.txt", "vocabulary.txt"
AXIS_LABELS, WORDS = 2, 5  # types of associated files
IMAGE, NORMALIZATION = 2, 1  # members of the unions ContentProperties and ProcessUnitOptions
RGB, GRAYSCALE = 1, 2


def embed(
    content: bytes,
    description: str = "",
    labels: Sequence[str] = (),
    input_range: Sequence[float] | None = None,
    vocabulary: Sequence[str] = (),
) -> bytes:
    """Return a LiteRT file with the metadata; one without facts is returned unchanged.

    Args:
        content: The bytes of the file.
        description: str, what the model does.
        labels: Names of the classes; they belong to the output with as many columns.
        input_range: The smallest and largest value of a pixel, for a model of images.
        vocabulary: The text of each token, for a model of texts.
    """
    if not labels and input_range is None and not vocabulary:
        return content
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]

    def tensors(maps, indices):
        names = {entry.tensorIndex: entry.name.decode() for entry in maps}
        return [(names.get(i, ""), list(graph.tensors[i].shape)) for i in indices]

    written = _Writer().model(
        description,
        tensors(signature.inputs, graph.inputs),
        tensors(signature.outputs, graph.outputs),
        len(labels),
        input_range,
        bool(vocabulary),
    )
    buffer = schema.BufferT()
    buffer.data = list(written)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return flatbuffer.write(model)


class _Writer:
    """Build the flatbuffer from its leaves to its root; a method a table of the schema."""

    def __init__(self):
        import flatbuffers

        self.builder = flatbuffers.Builder(1024)

    def model(self, description, inputs, outputs, classes, input_range, has_words) -> bytes:
        described = [self.input(name, shape, input_range, has_words) for name, shape in inputs]
        named = [self.output(name, shape, classes) for name, shape in outputs]
        graph = self.table({2: self.offsets(described), 3: self.offsets(named)})
        root = self.table(
            {1: self.text(description), 3: self.offsets([graph]), 7: self.text(PARSER)}
        )
        self.builder.Finish(root, file_identifier=IDENTIFIER)
        return bytes(self.builder.Output())

    def input(self, name, shape, input_range, has_words):
        fields = {0: self.text(name)}
        if input_range is not None and len(shape) == 4 and shape[-1] in (1, 3):
            low, high = input_range
            scale = 255 / (high - low)  # (byte - mean) / scale is from low to high
            normalization = self.table({0: self.floats([-low * scale]), 1: self.floats([scale])})
            unit = self.table({0: NORMALIZATION, 1: normalization}, bytes_at=(0,))
            color = self.table({0: GRAYSCALE if shape[-1] == 1 else RGB}, bytes_at=(0,))
            fields[3] = self.table({0: IMAGE, 1: color}, bytes_at=(0,))
            fields[4] = self.offsets([unit])
            fields[5] = self.table({0: self.floats([high]), 1: self.floats([low])})
        if has_words:
            fields[6] = self.offsets([self.file(VOCABULARY, WORDS)])
        return self.table(fields)

    def output(self, name, shape, classes):
        fields = {0: self.text(name)}
        if classes and shape and shape[-1] == classes:
            fields[6] = self.offsets([self.file(LABELS, AXIS_LABELS)])
        return self.table(fields)

    def file(self, name, kind):
        return self.table({0: self.text(name), 2: kind}, bytes_at=(2,))

    def table(self, fields, bytes_at=()):
        """Write a table. Its fields are references to what was written before, or single bytes."""
        self.builder.StartObject(max(fields) + 1)
        for slot, value in fields.items():
            if slot in bytes_at:
                self.builder.PrependUint8Slot(slot, value, 0)
            else:
                self.builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        return self.builder.EndObject()

    def text(self, text):
        return self.builder.CreateString(text)

    def floats(self, values):
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return self.builder.EndVector()

    def offsets(self, offsets):
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()
