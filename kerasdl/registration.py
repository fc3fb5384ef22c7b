"""Let Keras find the classes of this package when it loads files, after only `import kerasdl`.

Keras finds a class by its registered name, and only if the module of the class was imported. Its
table of names is replaced by one that imports the module when a file asks for the name.
"""

import functools
import importlib
import sys
from collections.abc import Iterator

TABLE = "keras.src.saving.object_registration"  # the module of Keras that has the table
# names in files from before 2026-12 -> names that carry the family
FORMER = {
    "kerasdl>Encoder": "kerasdl>AutoencoderEncoder",
    "kerasdl>Decoder": "kerasdl>AutoencoderDecoder",
    "kerasdl>Generator": "kerasdl>DCGANGenerator",
    "kerasdl>Discriminator": "kerasdl>DCGANDiscriminator",
}


def registered() -> Iterator[tuple[str, str]]:
    """Yield the registered name and the module of each class of the package, without importing it.

    >>> dict(registered())["kerasdl>VAE"]
    'kerasdl.learners.vae'
    """
    import ast  # these two only when a file names a class: `import kerasdl` stays fast
    import pathlib

    package = pathlib.Path(__file__).parent
    for file in sorted(package.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "register_keras_serializable(" not in text:
            continue
        module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(text)):
            for call in getattr(node, "decorator_list", ()):
                if "register_keras_serializable(" in ast.unparse(call):
                    given = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
                    name = given.get("name", getattr(node, "name", ""))
                    yield f"{given['package']}>{name}", module


modules = functools.cache(lambda: dict(registered()))


class Names(dict):
    """Keras's table from registered names to classes, which imports those of this package."""

    def __contains__(self, name) -> bool:
        if not super().__contains__(name) and str(name).startswith("kerasdl>"):
            now = FORMER.get(name, name)
            if now in modules():
                importlib.import_module(modules()[now])  # registers the class
                self[name] = self[now]
        return super().__contains__(name)


class Finder:
    """Replaces Keras's table as soon as Keras is imported."""

    def find_spec(self, name, path, target=None):
        if name != TABLE:
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_replace(module):
            execute(module)
            module.GLOBAL_CUSTOM_OBJECTS = Names(module.GLOBAL_CUSTOM_OBJECTS)

        spec.loader.exec_module = execute_and_replace
        return spec


def install():
    """Replace the table now, or when Keras is imported."""
    if module := sys.modules.get(TABLE):
        if not isinstance(module.GLOBAL_CUSTOM_OBJECTS, Names):
            module.GLOBAL_CUSTOM_OBJECTS = Names(module.GLOBAL_CUSTOM_OBJECTS)
    else:
        sys.meta_path.insert(0, Finder())
