"""`TFLITE_METADATA` in a file has the fields of the public schema, read by their numbers."""

import zipfile

import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from kerasdl import export
from kerasdl.export.standard_metadata import embed


class Table:
    """A table of a flatbuffer whose fields are read by number."""

    def __init__(self, content, place):
        self.table = flatbuffers.table.Table(content, place)

    def _place(self, number):
        return self.table.Offset(4 + 2 * number)

    def text(self, number):
        place = self._place(number)
        return place and self.table.String(place + self.table.Pos).decode()

    def byte(self, number):
        place = self._place(number)
        return place and self.table.Bytes[self.table.Pos + place]

    def one(self, number):
        place = self._place(number) + self.table.Pos
        return Table(self.table.Bytes, self.table.Indirect(place))

    def many(self, number):
        place = self._place(number)
        if not place:
            return []
        start, count = self.table.Vector(place), self.table.VectorLen(place)
        places = [self.table.Indirect(start + 4 * i) for i in range(count)]
        return [Table(self.table.Bytes, place) for place in places]

    def floats(self, number):
        place = self._place(number)
        start, count = self.table.Vector(place), self.table.VectorLen(place)
        return np.frombuffer(bytes(self.table.Bytes[start : start + 4 * count]), "float32").tolist()


def read(path):
    """Return the root table of a file's metadata; `None` without."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    for i in range(model.MetadataLength()):
        if model.Metadata(i).Name() == b"TFLITE_METADATA":
            data = bytearray(model.Buffers(model.Metadata(i).Buffer()).DataAsNumpy().tobytes())
            assert flatbuffers.util.BufferHasIdentifier(data, 0, b"M001")
            return Table(data, flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0))
    return None


def classifier(channels):
    inputs = keras.Input((8, 8, channels), name="photo")
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)))


@pytest.mark.parametrize(
    ("channels", "limits", "mean", "deviation", "color"),
    [(3, (0.0, 1.0), 0, 255, 1), (3, (-1.0, 1.0), 127.5, 127.5, 1), (1, (0, 255), 0, 1, 2)],
)
@pytest.mark.parametrize("quantize", [None, "int4"])
def test_normalization_and_labels_of_an_image_classifier(
    channels, limits, mean, deviation, color, quantize, tmp_path
):
    facts = {"labels": ("cat", "dog", "ü"), "description": "Pets", "input_range": limits}
    options = {"activation": "softmax", "quantize": quantize, **facts}
    file = export.to_litert(classifier(channels), tmp_path / "m.tflite", **options)
    root = read(file.path)
    assert (root.text(1), root.text(7)) == ("Pets", "1.1.0")
    (graph,) = root.many(3)
    (photo,), (output,) = graph.many(2), graph.many(3)
    assert (photo.text(0), output.text(0)) == ("photo", "output")
    content = photo.one(3)
    assert content.byte(0) == 2 and content.one(1).byte(0) == color  # ImageProperties
    (unit,) = photo.many(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert (unit.one(1).floats(0), unit.one(1).floats(1)) == ([mean], [deviation])
    assert (photo.one(5).floats(0), photo.one(5).floats(1)) == ([limits[1]], [limits[0]])
    (associated,) = output.many(6)
    assert (associated.text(0), associated.byte(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS
    with zipfile.ZipFile(file.path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == ["cat", "dog", "ü"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert file.labels == facts["labels"]
    x = np.random.default_rng(0).random((4, 8, 8, channels), dtype="float32")
    np.testing.assert_allclose(file.predict(x).sum(-1), 1, rtol=1e-3)


def test_tensors_have_the_order_of_the_file_and_labels_belong_to_their_output(tmp_path):
    query, document = keras.Input((4,), name="query"), keras.Input((4,), name="document")
    wide = layers.Dense(5, name="wide")(query - document)
    model = keras.Model([query, document], [wide, layers.Dense(3, name="kind")(query)])
    file = export.to_litert(model, tmp_path / "m.tflite", labels=("a", "b", "c"))
    (graph,) = read(file.path).many(3)
    assert [tensor.text(0) for tensor in graph.many(2)] == list(file.inputs)
    assert [tensor.text(0) for tensor in graph.many(3)] == ["wide", "kind"]
    assert [len(tensor.many(6)) for tensor in graph.many(3)] == [0, 1]
    assert not any(tensor.many(4) for tensor in graph.many(2))


def test_the_input_of_a_model_of_texts_names_its_vocabulary(tmp_path):
    inputs = keras.Input((6,), dtype="int32")
    model = keras.Model(inputs, layers.Dense(3)(layers.Embedding(3, 4)(inputs)))
    file = export.to_litert(model, tmp_path / "m.tflite", vocabulary=("a", "b", "\n"))
    (graph,) = read(file.path).many(3)
    (associated,) = graph.many(2)[0].many(6)
    assert (associated.text(0), associated.byte(2)) == ("vocabulary.txt", 5)  # VOCABULARY
    assert file.metadata.vocabulary == ("a", "b", "\n")


def test_a_file_without_facts_is_unchanged(tmp_path):
    assert embed(b"anything", "a description") == b"anything"
    assert read(export.to_litert(classifier(1), tmp_path / "m.tflite").path) is None
