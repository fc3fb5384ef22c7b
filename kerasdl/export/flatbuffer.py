"""LiteRT files as objects: a tree of tables that can be changed and written again."""


def read(content: bytes):
    """The model as objects of LiteRT's schema."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def write(model) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def without_names(content: bytes) -> bytes:
    """The same file without the names of inner tensors, which a phone has no use for.

    Inputs and outputs keep theirs, and signatures name them as before.
    """
    model = read(content)
    for graph in model.subgraphs:
        border = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in border:
                tensor.name = b""
    return write(model)
