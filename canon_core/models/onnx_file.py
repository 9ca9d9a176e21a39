"""ONNX files opened as what they are: files from strangers.

A model is read by its path and without its large weights: shapes say all that is needed about them, and the network
itself is loaded by ONNX Runtime. Weights kept in other files must lie in the model's own folder, and every operator
must be one that ONNX Runtime brings along.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from canon_core.errors import ModelError
from canon_core.jobs import system_error
from canon_core.limits import MAX_ONNX_BYTES

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto

#: Elements of a constant whose values are kept: enough for per-channel constants and for shapes.
KEPT_ELEMENTS: Final = 4096
#: Domains whose operators are part of ONNX Runtime; others need a library, which is code.
_BUILT_IN_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
#: Built-in operators that load something compiled from another file.
_LOADING_OPERATORS: Final = frozenset({"EPContext"})
_NOT_ONNX = "download or export the model again"


@dataclass(frozen=True)
class FileStamp:
    """What changes when a file is written or replaced: while it is equal, so is the content.

    Attributes
    ----------
    path : Path
        The file.
    size, mtime_ns : int
        Bytes, and when it was written.
    ctime_ns, inode : int
        What a copy that keeps size and time does not keep (on Windows: time of creation and file index).
    """

    path: Path
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """A file's stamp now; raises OSError where there is no file."""
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """An ONNX file that passed the checks above.

    Attributes
    ----------
    path : Path
        The file.
    model : onnx.ModelProto
        Its graph, functions inlined, without the values of weights of more than ``KEPT_ELEMENTS`` elements.
    data_files : tuple of Path
        Files in the model's folder that hold weights, sorted by name.
    stamps : tuple of FileStamp
        Of the file before it was read, and of its data files.
    """

    path: Path
    model: ModelProto
    data_files: tuple[Path, ...]
    stamps: tuple[FileStamp, ...]

    @property
    def graph(self) -> GraphProto:
        """The main graph."""
        return self.model.graph


def open_onnx(path: str | Path) -> OnnxFile:
    """Read and check an ONNX file.

    Raises
    ------
    ModelError
        For a file that is missing, too large, cut short or not ONNX; for weights outside the model's folder; for
        operators that need a library.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    path = Path(path)
    model = ModelProto()
    try:
        data, stamp = _read(path)
        model.ParseFromString(data)
        del data
        _check_whole(model, path)
        _check_names(model, path)
        _check_operators(model, path)
        data_files = _check_weights(model, path)
        slim = ModelProto.FromString(_without_large_weights(model))
        del model
        return OnnxFile(path, _inlined(slim, path), data_files, (stamp, *map(FileStamp.of, data_files)))
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelError("not an ONNX file, or one cut short", path=path, remedy=_NOT_ONNX) from error
    except OSError as error:  # a data file that vanishes just now
        fault = system_error(error)
        raise ModelError(fault.problem, path=path, remedy=fault.remedy) from error


def content_hash(path: Path, data_files: Sequence[Path]) -> str:
    """sha256 (hex) of the model: of the file alone, or of it and of the names and contents of its data files."""
    whole = _file_hash(path)
    if not data_files:
        return whole
    folder = path.parent.resolve()
    parts = [whole, *(f"{data.relative_to(folder).as_posix()}:{_file_hash(data)}" for data in data_files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every constant of a graph and its sub-graphs: initialisers, and the values of nodes' attributes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _tensors_of_node(node)


def nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Every node of a graph and its sub-graphs, in order."""
    for node in graph.node:
        yield from _nodes_of(node)


# -- private ---------------------------------------------------------------------------------------------------------
def _read(path: Path) -> tuple[bytes, FileStamp]:
    try:
        if not path.is_file():
            problem = "is not a file" if path.exists() else "no such file"
            raise ModelError(problem, path=path, remedy="give the path of an ONNX file")
        stamp = FileStamp.of(path)
        if stamp.size > MAX_ONNX_BYTES:
            raise ModelError(
                "larger than the 2 GB an ONNX graph may have", path=path, remedy="export it with external data"
            )
        data = path.read_bytes()
    except OSError as error:
        fault = system_error(error)
        raise ModelError(fault.problem, path=path, remedy=fault.remedy) from error
    if not data:
        raise ModelError("is empty", path=path, remedy=_NOT_ONNX)
    return data, stamp


def _check_whole(model: ModelProto, path: Path) -> None:
    """Protobuf accepts many things that are no model, among them a file cut at the end of a field."""
    if not model.graph.node or not model.graph.output:
        raise ModelError("not an ONNX file: it holds no network", path=path, remedy=_NOT_ONNX)
    if not any(opset.domain in ("", "ai.onnx") for opset in model.opset_import):
        raise ModelError("an ONNX file cut short: it names no opset", path=path, remedy=_NOT_ONNX)


def _check_names(model: ModelProto, path: Path) -> None:
    """Refuse names that are no text (protobuf hands them out as bytes), and shown ones that would garble a screen."""
    shown: list[object] = []
    hidden: list[object] = []
    for body in (model.graph, *model.functions):
        shown += [name if isinstance(name, str) else name.name for name in (*body.input, *body.output)]
        for node in body.node:
            for each in _nodes_of(node):
                shown += [each.op_type, each.domain]
                hidden += [*each.input, *each.output, *(attribute.name for attribute in each.attribute)]
    for function in model.functions:
        shown += [function.domain, function.name]
    for tensor in _all_tensors(model):
        shown += [tensor.name, *(text for entry in tensor.external_data for text in (entry.key, entry.value))]
    readable = all(isinstance(name, str) and name.isprintable() for name in shown)
    if not readable or not all(isinstance(name, str) for name in hidden):
        raise ModelError("a damaged ONNX file: a name in it is not text", path=path, remedy=_NOT_ONNX)


def _check_operators(model: ModelProto, path: Path) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    bodies: list[GraphProto | FunctionProto] = [model.graph, *model.functions]
    for body in bodies:
        for node in body.node:
            for each in _nodes_of(node):
                if (each.domain, each.op_type) in own:
                    continue
                if each.domain not in _BUILT_IN_DOMAINS:
                    raise ModelError(
                        f"needs an operator library ({each.domain}.{each.op_type}), which is not loaded",
                        path=path,
                        remedy="export the model with standard ONNX operators",
                    )
                if each.op_type in _LOADING_OPERATORS:
                    raise ModelError(
                        f"holds a {each.op_type} node, which loads compiled code from another file",
                        path=path,
                        remedy="use the model as it was before it was compiled",
                    )


def _check_weights(model: ModelProto, path: Path) -> tuple[Path, ...]:
    """Refuse weights that are cut short or lie elsewhere; the data files that hold the others."""
    from onnx import TensorProto

    folder = path.parent.resolve()
    files: set[Path] = set()
    for tensor in _all_tensors(model):
        if any(side < 0 for side in tensor.dims):
            raise ModelError(f"the weight '{tensor.name}' has a negative side", path=path, remedy=_NOT_ONNX)
        if tensor.data_type not in TensorProto.DataType.values():
            raise ModelError(f"the weight '{tensor.name}' is of an unknown type", path=path, remedy=_NOT_ONNX)
        if tensor.data_location == TensorProto.EXTERNAL:
            files.add(_data_file(tensor, path, folder))
        elif tensor.HasField("raw_data") and len(tensor.raw_data) != _bytes_of(tensor):
            raise ModelError(f"the weight '{tensor.name}' is cut short", path=path, remedy=_NOT_ONNX)
    return tuple(sorted(files))


def _data_file(tensor: TensorProto, path: Path, folder: Path) -> Path:
    entries: dict[str, str] = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    outside = not location or posix.is_absolute() or bool(windows.anchor) or ".." in (*posix.parts, *windows.parts)
    try:
        data = (folder / location).resolve() if not outside and "\0" not in location else None
        if data is None or not data.is_relative_to(folder):
            raise ModelError(
                f"keeps weights outside its folder ('{location}')",
                path=path,
                remedy="put the model and its data file, as plain files, into one folder",
            )
        if not data.is_file():
            raise ModelError(f"its data file '{location}' is missing", path=path, remedy="put it beside the model")
        offset, size = int(entries.get("offset", 0)), data.stat().st_size
        length = int(entries.get("length", _bytes_of(tensor)))
    except OSError as error:
        fault = system_error(error)
        raise ModelError(fault.problem, path=path, remedy=fault.remedy) from error
    except ValueError as error:
        raise ModelError(f"the place of the weight '{tensor.name}' is not a number", path=path) from error
    if min(offset, length) < 0 or offset + length > size or length < _bytes_of(tensor):
        raise ModelError(f"its data file '{location}' is cut short", path=path, remedy="download or copy it again")
    return folder / location


def _bytes_of(tensor: TensorProto) -> int:
    """Bytes of a tensor's raw data; 4-bit and 2-bit types are packed."""
    from onnx import TensorProto

    bits_of: dict[int, int] = {
        TensorProto.FLOAT: 32, TensorProto.UINT8: 8, TensorProto.INT8: 8, TensorProto.UINT16: 16,
        TensorProto.INT16: 16, TensorProto.INT32: 32, TensorProto.INT64: 64, TensorProto.BOOL: 8,
        TensorProto.FLOAT16: 16, TensorProto.DOUBLE: 64, TensorProto.UINT32: 32, TensorProto.UINT64: 64,
        TensorProto.COMPLEX64: 64, TensorProto.COMPLEX128: 128, TensorProto.BFLOAT16: 16,
        TensorProto.FLOAT8E4M3FN: 8, TensorProto.FLOAT8E4M3FNUZ: 8, TensorProto.FLOAT8E5M2: 8,
        TensorProto.FLOAT8E5M2FNUZ: 8, TensorProto.UINT4: 4, TensorProto.INT4: 4,
    }  # fmt: skip
    bits = bits_of.get(tensor.data_type)
    elements: int = math.prod(tensor.dims)
    return len(tensor.raw_data) if bits is None else (elements * bits + 7) // 8


def _without_large_weights(model: ModelProto) -> bytes:
    """The model serialised without the values of large constants and without what only training needs."""
    model.ClearField("training_info")
    for tensor in _all_tensors(model):
        if math.prod(tensor.dims) > KEPT_ELEMENTS:
            for field in ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data"):
                tensor.ClearField(field)
    data: bytes = model.SerializeToString()
    return data


def _inlined(model: ModelProto, path: Path) -> ModelProto:
    """The model with its own functions written out, so that their operators are seen."""
    if not model.functions:
        return model
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"its functions cannot be resolved ({error})", path=path, remedy="export the model again without functions"
        ) from error


def _all_tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from tensors(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _tensors_of_node(node)


def _tensors_of_node(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        for sparse in (*((attribute.sparse_tensor,) if attribute.HasField("sparse_tensor") else ()),
                       *attribute.sparse_tensors):  # fmt: skip
            yield from (sparse.values, sparse.indices)
        for graph in _graphs_of(attribute):
            yield from tensors(graph)


def _nodes_of(node: NodeProto) -> Iterator[NodeProto]:
    yield node
    for attribute in node.attribute:
        for graph in _graphs_of(attribute):
            yield from nodes(graph)


def _graphs_of(attribute: AttributeProto) -> Iterator[GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _file_hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        fault = system_error(error)
        raise ModelError(fault.problem, path=path, remedy=fault.remedy) from error
