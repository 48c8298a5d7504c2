"""The typed operations of Swift."""

from __future__ import annotations

from operations.model import Argument, Enumeration, Member, Model, Operation, Record, RecordMember, swift_name
from operations.text import NOTE, prose, wrapped

SOURCES = "bindings/swift/Sources/Pims"
TYPES = {"text": "String", "text or null": "String?", "flag": "Bool"}
READERS = {"text": "readText", "text or null": "readTextOrNull", "flag": "readFlag"}
RECORD_TYPES = {**TYPES, "time": "Date", "seconds": "Int"}
RECORD_READERS = {**READERS, "time": "readTime", "seconds": "readSeconds"}
# The longest line of code.
COLUMNS = 120


def files(model: Model) -> dict[str, str]:
    return {f"{SOURCES}/Operations.swift": operations(model)}


def operations(model: Model) -> str:
    parts = [enum(enumeration) for enumeration in model.enumerations]
    parts += [struct(record) for record in model.records]
    parts += [operation_of(model, operation) for operation in model.of("swift")]
    return f"// {NOTE}\n\nimport Foundation\n\nextension StrongAuthentication {{\n" + "\n".join(parts) + "}\n"


def enum(enumeration: Enumeration) -> str:
    lines = [f"    /// {enumeration.doc}", f"    public enum {enumeration.name}: String, Sendable {{"]
    for word in enumeration.words:
        if word.doc:
            lines.append(f"        /// {word.doc}")
        lines.append(f'        case {word.word[0].lower()}{word.word[1:]} = "{word.word}"')
    return "\n".join([*lines, "    }"]) + "\n"


def struct(record: Record) -> str:
    lines = [f"    /// {record.doc}", f"    public struct {record.name}: Hashable, Sendable {{"]
    for member in record.members:
        kind = RECORD_TYPES.get(member.type, member.type) + ("?" if member.is_optional else "")
        lines += [*wrapped(member.doc, "        /// ", "        /// "), f"        public let {member.name}: {kind}"]
    lines += ["", "        init(_ value: JSON) throws {"]
    lines += [f"            {member.name} = {read_member(member)}" for member in record.members]
    return "\n".join([*lines, "        }", "    }"]) + "\n"


def read_member(member: RecordMember) -> str:
    read = RECORD_READERS.get(member.type, "readWord")
    value = f'value["{member.name}"]'
    if member.is_optional:
        return f"try unlessNull({value}) {{ try {read}($0) }}"
    return f"try {read}({value})"


def operation_of(model: Model, operation: Operation) -> str:
    def code(name: str) -> str:
        return f"`{swift_name(name)}`" if "_" in name or model.is_operation(name) else f"`{name}`"

    lines = wrapped(prose(operation.doc, "Throws {}", code), "    /// ", "    /// ")
    signed = ", ".join(signed_argument(label, argument) for label, argument in operation.swift)
    result = operation.result
    returned = "" if result is None else f" -> {returned_type(model, result)}"
    lines.append(f"    public func {swift_name(operation.name)}({signed}) async throws{returned} {{")
    pairs = [f'"{name}": {spelled(value)}' for name, value in operation.parameters.items()]
    function = "change" if operation.is_change else operation.method
    call, values = f"try await {function}(", [f'"{operation.api}"', *([f"[{', '.join(pairs)}]"] if pairs else [])]
    if result is None:
        lines += called(call, values)
    elif record := model.single(result):
        lines.append(f"        try {record.name}({call}{', '.join(values)}))")
    else:
        read, rest = READERS.get(result.type, "readWord"), ""
        if record := model.record(result):
            read, rest = "readList", f".map {{ try {record.name}($0) }}"
        one_line = f'        try {read}({call}{", ".join(values)})["{result.name}"]){rest}'
        if len(one_line) <= COLUMNS:
            lines.append(one_line)
        else:
            lines += [*called(f"let result = {call}", values), f'        return try {read}(result["{result.name}"]){rest}']
    return "\n".join([*lines, "    }"]) + "\n"


def returned_type(model: Model, result: Member) -> str:
    if record := model.record(result):
        return f"[{record.name}]"
    return TYPES.get(result.type, result.type)


def called(head: str, values: list[str]) -> list[str]:
    """Returns a call in as many lines as it needs."""
    indent = " " * 8
    line = f"{indent}{head}{', '.join(values)})"
    if len(line) <= COLUMNS:
        return [line]
    lines = [f"{indent}{head}"]
    for value in values:
        lines += broken(f"{indent}    {value},")
    lines[-1] = lines[-1].removesuffix(",") + ")"
    return lines


def broken(line: str) -> list[str]:
    """Returns a line, or a dictionary in several lines if it is too long."""
    if len(line) <= COLUMNS:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    entries = line.strip().removeprefix("[").removesuffix("],").split(", ")
    return [f"{indent}[", *(f"{indent}    {entry}," for entry in entries), f"{indent}],"]


def signed_argument(label: str, argument: Argument) -> str:
    name = swift_name(argument.name)
    default = "" if argument.default is None else f' = "{argument.default}"'
    return (name if label == name else f"{label} {name}") + f": String{default}"


def spelled(value: Argument | str) -> str:
    return f".string({swift_name(value.name)})" if isinstance(value, Argument) else f'"{value}"'
