"""Small files of exactly the official forms of CIFAR, byte by byte as Python 2 and its NumPy wrote them."""

import hashlib
import io
import struct
import tarfile
from dataclasses import replace

import numpy as np

from largebatch.datasets.cifar_files import SOURCES


def drawn(name):
    """Return planes uint8[n, 3072] and labels of each official file, in their order."""
    draw = np.random.default_rng(7)
    sizes = [3, 2, 2, 2, 2, 4] if name == "cifar10" else [6, 3]
    classes = SOURCES[name].classes
    return [(draw.integers(256, size=(n, 3072), dtype=np.uint8), draw.integers(classes, size=n)) for n in sizes]


def string(text):
    """A Python 2 string: the opcode BINSTRING, which is not the one of today's bytes."""
    return b"T" + struct.pack("<i", len(text)) + text


def array(planes):
    """An array as NumPy 1 reduced it in protocol 2."""
    shape = b"".join(b"J" + struct.pack("<i", n) for n in planes.shape)
    state = b"".join([b"(", b"K\x01", shape, b"\x86", DTYPE, b"\x89", string(planes.tobytes()), b"t"])
    return b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + string(b"b") + b"\x87R" + state + b"b"


DTYPE = b"".join([
    b"cnumpy\ndtype\n", string(b"u1"), b"K\x00K\x01\x87R",
    b"(K\x03", string(b"|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t", b"b",
])  # fmt: skip


def numbers(values):
    return b"](" + b"".join(b"K" + bytes([int(v)]) for v in values) + b"e"


def pickled(name, planes, labels):
    """The pickle of one file: CIFAR-100's has coarse labels beside the fine ones."""
    entries = [(b"batch_label", string(b"a batch")), (b"data", array(planes))]
    if name == "cifar10":
        entries.append((b"labels", numbers(labels)))
    else:
        entries += [(b"coarse_labels", numbers(labels // 5)), (b"fine_labels", numbers(labels))]
    entries.append((b"filenames", b"](" + string(b"a.png") * len(labels) + b"e"))
    return b"\x80\x02}(" + b"".join(string(key) + value for key, value in entries) + b"u."


def records(name, planes, labels):
    """The binary version's records: the label (CIFAR-100: coarse, then fine), then the three planes."""
    before = [labels] if name == "cifar10" else [labels // 5, labels]
    return np.concatenate([np.stack(before, 1).astype(np.uint8), planes], axis=1).tobytes()


def packed(contents):
    """A gzipped tar of these files by name."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, content in contents.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def small(name):
    """Return a small set's source, with its own checksums, and the bytes of each of its forms."""
    source = SOURCES[name]
    files = {file: pickled(name, *pair) for file, pair in zip(source.files, drawn(name), strict=True)}
    archive = packed({f"{source.folder}/{file}": content for file, content in files.items()})
    binary = packed({m: records(name, *pair) for m, pair in zip(source.members, drawn(name), strict=True)})
    md5 = lambda content: hashlib.md5(content).hexdigest()  # noqa: E731
    changed = replace(
        source, files={file: md5(content) for file, content in files.items()}, archive_md5=md5(archive),
        binary_md5=md5(binary),
    )  # fmt: skip
    return changed, {"folder": files, "archive": archive, "binary": binary}


def put(folder, source, forms, form):
    """Write one form of a set under a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if form != "folder":
        (folder / getattr(source, form)).write_bytes(forms[form])
        return
    (folder / source.folder).mkdir()
    for file, content in forms["folder"].items():
        (folder / source.folder / file).write_bytes(content)
