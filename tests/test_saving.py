"""`.keras` files from others: code, unsafe paths and damaged content are refused in one line."""

import collections
import json
import pathlib
import re
import resource
import struct
import time
import zipfile

import keras
import numpy as np
import pytest

from kerasdl import create_model, list_models, registration, saving
from kerasdl.callbacks import rates
from kerasdl.errors import InvalidInput
from kerasdl.models.generative import autoencoder, dcgan
from kerasdl.utils import files


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a trained Keras model and the file that it is saved in."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, "relu", kernel_regularizer="l2")(inputs)
    hidden = keras.layers.LayerNormalization()(hidden) + keras.ops.exp(hidden)
    model = keras.Model(inputs, keras.layers.Dense(3, keras.activations.gelu)(hidden))
    schedule = rates.Scaled(keras.optimizers.schedules.CosineDecay(0.1, 10), 0.5)
    losses = keras.losses.MeanSquaredError(), [keras.metrics.RootMeanSquaredError()]
    model.compile(keras.optimizers.AdamW(schedule), losses[0], metrics=losses[1])
    model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    path = tmp_path_factory.mktemp("files") / "plain.keras"
    model.save(path)
    return model, path


def changed(plain, out, edit=None, entries=()):
    """Write a copy of the file with the first layer changed, or with further entries."""
    with zipfile.ZipFile(plain) as whole, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as other:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json" and edit:
                config = json.loads(content)
                edit(config["config"]["layers"][1])
                content = json.dumps(config)
            other.writestr(name, content)
        for entry, content in entries:
            other.writestr(entry, content)
    return out


def test_models_of_keras_and_kerasdl_are_loaded(plain, tmp_path):
    model, path = plain
    again = saving.load_model(path)
    x = np.ones((2, 4))
    np.testing.assert_array_equal(again(x), model(x))
    assert float(again.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    ours = create_model("dcgan_tiny")
    ours.compile()
    ours.save(tmp_path / "ours.keras")
    assert type(saving.load_model(tmp_path / "ours.keras")) is type(ours)


def test_all_packages_with_registered_classes_are_listed():
    assert {module.split(".")[1] for module in registration.modules().values()} == set(saving.OURS)


def test_registered_names_are_unique():
    names = collections.Counter(name for name, _ in registration.registered())
    assert len(names) > 40
    assert [name for name, count in names.items() if count > 1] == []
    assert all(name.startswith("kerasdl>") for name in names)


FORMER = {
    "Encoder": autoencoder.Encoder,
    "Decoder": autoencoder.Decoder,
    "Generator": dcgan.Generator,
    "Discriminator": dcgan.Discriminator,
}


@pytest.mark.parametrize("name", FORMER)
def test_former_names_are_still_registered_and_not_used_again(name):
    assert keras.saving.get_registered_object(f"kerasdl>{name}") is FORMER[name]
    assert f"kerasdl>{name}" not in registration.modules()


@pytest.mark.parametrize("load", [saving.load_model, keras.models.load_model])
@pytest.mark.parametrize(("folder", "former"), [("vae", "Decoder"), ("dcgan", "Generator")])
def test_files_with_former_names_are_loaded(load, folder, former, tmp_path):
    file = pathlib.Path(__file__).parents[1] / "saved_models" / folder / "model.keras"
    name = keras.saving.get_registered_name(FORMER[former])
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(tmp_path / "old.keras", "w") as old:
        for entry in archive.namelist():  # replaces the present name, if the file has it
            content = archive.read(entry)
            if entry == "config.json":
                content = content.replace(name.encode(), f"kerasdl>{former}".encode())
                assert f"kerasdl>{former}" in content.decode()
            old.writestr(entry, content)
    model = load(tmp_path / "old.keras")
    part = model.decoder if folder == "vae" else model
    assert type(part) is FORMER[former]
    image = np.array(part(np.ones((1, part.input_shape[-1]))))
    assert image.std() > 0.1  # trained weights, not new ones


def layer(module, name, **config):
    def edit(entry):
        entry.update(module=module, class_name=name, registered_name=None, config=config)

    return edit


def activation(**value):
    return lambda entry: entry["config"].update(activation=value)


def function(module, name):
    return activation(module=module, class_name="function", config=name, registered_name=name)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (layer("keras.layers", "Lambda", function="print"), "keras.layers.Lambda, which holds"),
        (layer(None, "Lambda", function="print"), "Lambda, which holds"),
        (layer("keras.src.layers.core.lambda_layer", "Lambda"), "lambda_layer.Lambda, which"),
        (layer("keras.layers", "TFSMLayer", filepath="/tmp"), "TFSMLayer, which holds or reads"),
        (layer("keras.layers", "TorchModuleWrapper", code="x"), "TorchModuleWrapper, which"),
        (layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"), "reads /etc/passwd"),
        (layer("somewhere", "Layer"), "somewhere.Layer, which is neither Keras's nor"),
        (layer("keras.src.saving.saving_lib", "Layer"), "saving_lib.Layer, which is neither"),
        (layer("kerasdl.__main__", "Layer"), "kerasdl.__main__.Layer, which is neither"),
        (layer("kerasdl.layers.nowhere", "Layer"), "module of this kerasdl. .*layers.nowhere"),
        (activation(class_name="__lambda__", config={"value": "x"}), "__lambda__, which holds"),
        (function("os", "system"), "os.system, which is neither"),
        (function("keras.utils", "get_file"), "keras.utils.get_file, which is neither"),
        (function("keras.utils", "set_random_seed"), "set_random_seed, which is neither"),
    ],
)
def test_files_that_may_run_code_are_refused_by_name(plain, edit, named, tmp_path):
    path = changed(plain[1], tmp_path / "other.keras", edit)
    with pytest.raises(InvalidInput, match=named) as raised:
        saving.load_model(path)
    assert "\n" not in str(raised.value)


def link():
    entry = zipfile.ZipInfo("assets/link")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    ("entry", "content", "named"),
    [
        ("../outside", "x", "names of files inside it. Received: '../outside'"),
        ("/tmp/outside", "x", "names of files inside it. Received: '/tmp/outside'"),
        ("assets/../../outside", "x", "names of files inside it"),
        ("assets\\..\\..\\outside", "x", "names of files inside it"),
        ("C:/outside", "x", "names of files inside it"),
        (link(), "/etc", r"Received: 'assets/link' \(a link\)"),
        ("assets/bomb", b"\0" * 2**28, "at most 100 times its size"),
    ],
)
def test_unsafe_paths_and_zip_bombs_are_refused_even_if_trusted(
    plain, entry, content, named, tmp_path
):
    path = changed(plain[1], tmp_path / "other.keras", entries=[(entry, content)])
    for trust in (False, True):
        with pytest.raises(InvalidInput, match=named):
            saving.load_model(path, trust=trust)


class Doubling(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_lambda_needs_trust_and_a_registered_class_does_not(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: 2 * x)])
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(InvalidInput, match="--trust"):
        saving.load_model(tmp_path / "lambda.keras")
    assert (
        float(saving.load_model(tmp_path / "lambda.keras", trust=True)(np.ones((1, 1)))[0, 0]) == 2
    )

    keras.Sequential([keras.Input((1,)), Doubling()]).save(tmp_path / "own.keras")
    for trust in (False, True):
        with pytest.raises(
            InvalidInput, match=r"custom_objects=\{'Doubling': .*Doubling, which is"
        ):
            saving.load_model(tmp_path / "own.keras", trust=trust)
    with keras.saving.custom_object_scope({"Doubling": Doubling}):
        saving.load_model(tmp_path / "own.keras")
    own = saving.load_model(tmp_path / "own.keras", custom_objects={"Doubling": Doubling})
    assert float(own(np.ones((1, 1)))[0, 0]) == 2


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_truncated_file_gives_one_line(plain, share, tmp_path):
    content = plain[1].read_bytes()
    path = tmp_path / "torn.keras"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InvalidInput, match="Invalid model file"):
        saving.load_model(path)


def test_damaged_weights_give_one_line(plain, tmp_path):
    content = bytearray(plain[1].read_bytes())
    content[len(content) // 2] ^= 255
    path = tmp_path / "spoilt.keras"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="Invalid model file") as raised:
        saving.load_model(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "..", "", "a/b\\c", "x" * 300, "\0", "."]
)
def test_safe_names_stay_in_their_folder(name, tmp_path):
    file = tmp_path / f"{files.safe_name(name)}.png"
    assert file.resolve().parent == tmp_path.resolve()
    file.write_text("")
    assert files.safe_name("a/b") != files.safe_name("a_b") == "a_b"


def widened(entry):
    entry["config"]["units"] = 10**9


def test_layers_larger_than_the_stored_weights_are_not_built(plain, tmp_path):
    path = changed(plain[1], tmp_path / "wide.keras", widened)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for trust in (False, True):
        with pytest.raises(InvalidInput, match=r"by those that are stored.*/kernel`") as raised:
            saving.load_model(path, trust=trust)
        assert "\n" not in str(raised.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize(
    ("name", "depth"), [("mlp_tiny", {"widths": [1] * 100_000}), ("gpt_tiny", {"depth": 10**9})]
)
def test_too_deep_models_are_not_built(name, depth, tmp_path):
    create_model(name).save(tmp_path / "shallow.keras")
    path = edited(
        tmp_path / "shallow.keras", tmp_path / "x.keras", lambda c: c["config"].update(depth)
    )
    start = time.process_time()
    with pytest.raises(InvalidInput, match=r"by those that are stored"):
        saving.load_model(path)
    assert time.process_time() - start < 10


def edited(file, out, edit):
    """Write a copy of the file with another configuration."""
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(out, "w") as other:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json":
                config = json.loads(content)
                edit(config)
                content = json.dumps(config)
            other.writestr(name, content)
    return out


# the weights of an optimizer that was not built
@pytest.mark.filterwarnings("ignore:Skipping variable loading")
@pytest.mark.parametrize("compiled", ["built", "not built", "not compiled"])
def test_memory_limit_allows_for_the_optimizer(compiled, tmp_path):
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(3000)])  # 12 MB
    if compiled != "not compiled":
        model.compile(keras.optimizers.AdamW(use_ema=True, amsgrad=True), "mse")
    if compiled == "built":
        model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "large.keras")
    assert saving.load_model(tmp_path / "large.keras").count_params() == model.count_params()


# arguments of full-size models for narrower layers, but as many of them
NARROW = {
    r"alexnet": {"units": 8},
    r"bert|bert_large": {"width": 16, "context": 8, "vocabulary_size": 200},
    r"densenet\d+": {"growth_rate": 4},
    r"gpt2.*": {"width": 8, "heads": 2, "context": 8, "vocabulary_size": 50},
    r"(se_)?resnet\d+": {"width": 16},
    r"vgg\d+": {"widths": (4, 8, 8, 16, 16), "units": 8},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_all_registered_models_are_within_the_limits(name, tmp_path):
    options = [each for names, each in NARROW.items() if re.fullmatch(names, name)]
    model = create_model(name, **(options or [{}])[0])
    model.save(tmp_path / "model.keras")
    again = saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model) and again.count_params() == model.count_params()


def test_error_of_a_kerasdl_check_is_shown(tmp_path):
    create_model("mlp_tiny").save(tmp_path / "mlp.keras")

    def wrong(config):
        config["config"]["dropout"] = 2

    path = edited(tmp_path / "mlp.keras", tmp_path / "wrong.keras", wrong)
    with pytest.raises(InvalidInput, match=r"wrong\.keras: Invalid value for .*`dropout`"):
        saving.load_model(path)


def with_entry(file, out, compression, lie=0):
    """Add an entry of 300 MB of zeros to a copy of the file, or one that states a false size."""
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(out, "w", compression) as other:
        for name in whole.namelist():
            other.writestr(name, whole.read(name), zipfile.ZIP_STORED)
        with other.open("assets/zeros", "w") as entry:
            for _ in range(120 if lie else 300):
                entry.write(bytes(1_000_000))
        if lie:
            size = other.infolist()[-1].file_size
            other.infolist()[-1].file_size = lie
    if lie:  # the header before the content states a size too
        content = out.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", lie))
        out.write_bytes(content)
    return out


@pytest.mark.parametrize(
    ("compression", "lie", "named"),
    [
        (zipfile.ZIP_DEFLATED, 0, "at most 100 times its size"),
        (zipfile.ZIP_DEFLATED, 1000, "Expected 1,000 bytes in 'assets/zeros'. Received: more"),
        (zipfile.ZIP_BZIP2, 1000, "entries that are stored or deflated"),
        (zipfile.ZIP_LZMA, 1000, "entries that are stored or deflated"),
    ],
)
def test_unpacked_size_of_an_archive_is_measured(plain, compression, lie, named, tmp_path):
    path = with_entry(plain[1], tmp_path / "bomb.keras", compression, lie)
    assert path.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput, match=named):
        saving.load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_encrypted_entries_are_refused_by_name(plain, tmp_path):
    content = bytearray(changed(plain[1], tmp_path / "x.keras").read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    (tmp_path / "x.keras").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"stored or deflated. Received: .* encrypted"):
        saving.load_model(tmp_path / "x.keras")


@pytest.mark.parametrize(
    "config", ["[]", "3", "null", "{}", '{"class_name": []}', "[" * 100_000, '{"module": 3}']
)
def test_configuration_without_a_model_gives_one_line(plain, config, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", config)
    with pytest.raises(InvalidInput, match="odel file") as raised:
        saving.load_model(tmp_path / "x.keras")
    assert "\n" not in str(raised.value)


def test_too_large_configuration_is_not_parsed(plain, tmp_path):
    config = json.dumps({"class_name": "x" * 17_000_000})
    with zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
    with pytest.raises(InvalidInput, match=r"at most 16,777,216 bytes in config.json"):
        saving.load_model(tmp_path / "x.keras")
