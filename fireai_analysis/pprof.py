"""Reads pprof profiles (`profile.proto`, gzipped or not): which functions hold or take the most.

The message descriptors are built at run time from the field table below, so no generated code and no compiler is
needed. Field numbers are those of https://github.com/google/pprof/blob/main/proto/profile.proto.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from functools import cache
from io import BytesIO
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from fireai_analysis.errors import AnalysisError

LARGEST_BYTES = 64 << 20
"""Largest profile after decompression."""

_PACKAGE = "fireai.pprof"
_FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "ValueType": {"type": (1, "int64"), "unit": (2, "int64")},
    "Sample": {"location_id": (1, "uint64*"), "value": (2, "int64*")},
    "Mapping": {"id": (1, "uint64"), "filename": (5, "int64")},
    "Line": {"function_id": (1, "uint64"), "line": (2, "int64")},
    "Location": {"id": (1, "uint64"), "mapping_id": (2, "uint64"), "address": (3, "uint64"), "line": (4, "Line*")},
    "Function": {"id": (1, "uint64"), "name": (2, "int64")},
    "Profile": {
        "sample_type": (1, "ValueType*"),
        "sample": (2, "Sample*"),
        "mapping": (3, "Mapping*"),
        "location": (4, "Location*"),
        "function": (5, "Function*"),
        "string_table": (6, "string*"),
    },
}


def top(profile: bytes, sample_type: str, n: int = 5) -> list[tuple[str, int]]:
    """Return the functions with the largest own value, largest first.

    Parameters
    ----------
    profile : bytes
        A profile as the service sent it.
    sample_type : str
        Name of the value, such as `inuse_space` (bytes), `alloc_space`, `goroutine` (count), `cpu` (ns).
    n : int
        Most functions returned.

    Returns
    -------
    list of (str, int)
        Function and value, in the unit of the sample type. Empty where the profile holds no samples.

    Raises
    ------
    AnalysisError
        Where the bytes are no profile, or there is no value of that name in it.
    """
    return sites(profile, sample_type).most_common(n)


def sites(profile: bytes, sample_type: str) -> Counter[str]:
    """Return the own value of every function of a profile, as `top`."""
    content = parsed(profile)
    names = content.string_table
    try:
        kinds = [names[kind.type] for kind in content.sample_type]
        if sample_type not in kinds:
            raise AnalysisError(f"the profile holds no {sample_type}, but {', '.join(kinds) or 'nothing'}")
        index, found = kinds.index(sample_type), Counter[str]()
        functions = _leaf_names(content)
        for sample in content.sample:
            if sample.location_id:
                found[functions[sample.location_id[0]]] += sample.value[index]
    except (IndexError, KeyError):
        raise AnalysisError("the profile refers to entries that it does not hold") from None
    return found


def parsed(profile: bytes) -> Any:
    """Return a profile as a protobuf message.

    Raises
    ------
    AnalysisError
        Where the bytes are no profile, are cut short, or are too large.
    """
    message = _message_class()()
    try:
        message.ParseFromString(_unpacked(profile))
    except (DecodeError, OSError, EOFError, zlib.error):
        raise AnalysisError("these bytes are no pprof profile, or only a part of one") from None
    if not message.string_table or message.string_table[0] != "" or not message.sample_type:
        raise AnalysisError("these bytes are no pprof profile")
    return message


def _unpacked(profile: bytes) -> bytes:
    if profile[:2] != b"\x1f\x8b":
        return profile
    with gzip.GzipFile(fileobj=BytesIO(profile)) as stream:
        data = stream.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise AnalysisError(f"the profile is larger than {LARGEST_BYTES} bytes")
    return data


def _leaf_names(content: Any) -> dict[int, str]:
    """Return for each location the name of its innermost function, else its mapping and address."""
    names = content.string_table
    functions = {function.id: names[function.name] for function in content.function}
    files = {mapping.id: names[mapping.filename] for mapping in content.mapping}
    return {
        place.id: functions[place.line[0].function_id]
        if place.line
        else f"{files.get(place.mapping_id, '')}@{place.address:#x}"
        for place in content.location
    }


@cache
def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="fireai/pprof.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number=number, kind=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Profile"))


def _add_field(message: Any, name: str, *, number: int, kind: str) -> None:
    proto = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number)
    field.label = proto.LABEL_REPEATED if kind.endswith("*") else proto.LABEL_OPTIONAL
    scalar = {"int64": proto.TYPE_INT64, "uint64": proto.TYPE_UINT64, "string": proto.TYPE_STRING}
    base = kind.removesuffix("*")
    field.type = scalar.get(base, proto.TYPE_MESSAGE)
    if base not in scalar:
        field.type_name = f".{_PACKAGE}.{base}"
