"""Writes one page for each proto file: services, messages and enums, in the words of its comments.

.venv/bin/python docs/api/generate.py IMAGE FOLDER    # IMAGE: a descriptor set with its source information

`checks/wire.py --write` calls it for the pages that are committed.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

PACKAGE = "trading_ecosystem.wire."
SYNTAX, MESSAGE, ENUM, SERVICE, MEMBER = 12, 4, 5, 6, 2  # Field numbers in FileDescriptorProto and in its parts.
SCALARS = {number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()}

Comments = dict[tuple[int, ...], str]  # By the path of what is commented: see SourceCodeInfo in descriptor.proto.


def comments_of(file: FileDescriptorProto) -> Comments:
    return {
        tuple(location.path): " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
        if location.leading_comments
    }


def page(file: FileDescriptorProto) -> str:
    comments = comments_of(file)
    parts = [f"# {file.name.rsplit('/', 1)[1].removesuffix('.proto')}", comments[(SYNTAX,)]]
    parts.append(f"Package `{file.package}`, in [{file.name}](../../proto/{file.name}).")
    for place, service in enumerate(file.service):
        parts += service_part(service, (SERVICE, place), comments, file.package)
    if file.message_type:
        parts.append("## Messages")
    for place, message in enumerate(file.message_type):
        parts += message_part(message, (MESSAGE, place), comments, file.package)
    if file.enum_type:
        parts.append("## Enums")
    for place, enum in enumerate(file.enum_type):
        parts += enum_part(enum, (ENUM, place), comments)
    return "\n\n".join(parts) + "\n"


def service_part(
    service: ServiceDescriptorProto, path: tuple[int, ...], comments: Comments, package: str
) -> Iterator[str]:
    yield f"## {service.name}"
    yield comments[path]
    rows = (
        (f"`{method.name}`", *ends(method, package), comments[(*path, MEMBER, place)])
        for place, method in enumerate(service.method)
    )
    yield table(("call", "request", "response", ""), rows)


def ends(method: MethodDescriptorProto, package: str) -> tuple[str, str]:
    """What goes in and what comes out."""
    request, response = link(method.input_type, package), link(method.output_type, package)
    return (
        f"stream of {request}" if method.client_streaming else request,
        f"stream of {response}" if method.server_streaming else response,
    )


def message_part(message: DescriptorProto, path: tuple[int, ...], comments: Comments, package: str) -> Iterator[str]:
    yield f"### {message.name}"
    yield comments[path]
    rows = [
        (str(field.number), f"`{field.name}`", kind(field, message, package), comments[(*path, MEMBER, place)])
        for place, field in enumerate(message.field)
    ]
    if rows:
        yield table(("", "field", "type", ""), rows)


def kind(field: FieldDescriptorProto, message: DescriptorProto, package: str) -> str:
    name = link(field.type_name, package) if field.type_name else SCALARS[field.type]
    if field.HasField("oneof_index"):
        return f"{name}, one of `{message.oneof_decl[field.oneof_index].name}`"
    return f"list of {name}" if field.label == FieldDescriptorProto.LABEL_REPEATED else name


def enum_part(enum: EnumDescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"### {enum.name}"
    yield comments[path]
    values = enumerate(enum.value)
    rows = ((str(value.number), f"`{value.name}`", comments[(*path, MEMBER, place)]) for place, value in values)
    yield table(("", "value", ""), rows)


def link(type_name: str, package: str) -> str:
    """A link to the heading of a type, on this page or on that of another package."""
    owner, name = type_name.lstrip(".").rsplit(".", 1)
    target = "" if owner == package else f"{owner.removeprefix(PACKAGE).split('.')[0]}.md"
    return f"[{name}]({target}#{name.lower()})"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def main() -> int:
    image, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for file in FileDescriptorSet.FromString(image.read_bytes()).file:
        if file.package.startswith(PACKAGE):
            name = file.name.rsplit("/", 1)[1].replace(".proto", ".md")
            (folder / name).write_text(page(file), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
