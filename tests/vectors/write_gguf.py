"""write_gguf.py -- a GGUF file from metadata and tensors, by hand.  Knows no op."""
import struct


def gguf_string(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def gguf_value(value):
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(gguf_string, value))
    return struct.pack("<IIQ", 9, 4, len(value)) + struct.pack("<%dI" % len(value), *value)


def write_gguf(path, metadata, tensors):
    """tensors: (name, type id, dims slowest first, bytes)"""
    head = b"".join(gguf_string(key) + gguf_value(value) for key, value in metadata)
    infos, data = b"", b""
    for name, type_id, dims, blob in tensors:
        data += bytes(-len(data) % 32)
        infos += gguf_string(name) + struct.pack("<I", len(dims))
        infos += struct.pack("<%dQ" % len(dims), *reversed(dims)) + struct.pack("<IQ", type_id, len(data))
        data += blob
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + head + infos
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 32) + data + bytes(-len(data) % 32))
