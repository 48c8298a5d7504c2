"""The typed operations of Swift."""

from __future__ import annotations

from operations.model import Argument, Enumeration, Model, Operation, swift_name
from operations.text import NOTE, prose, wrapped

SOURCES = "bindings/swift/Sources/Pims"
TYPES = {"text": "String", "text or null": "String?", "flag": "Bool"}
READERS = {"text": "text", "text or null": "textOrNull", "flag": "flag"}
# The longest line of code.
COLUMNS = 120


def files(model: Model) -> dict[str, str]:
    return {f"{SOURCES}/Operations.swift": operations(model)}


def operations(model: Model) -> str:
    parts = [enum(enumeration) for enumeration in model.enumerations]
    parts += [operation_of(model, operation) for operation in model.of("swift")]
    return f"// {NOTE}\n\nextension StrongAuthentication {{\n" + "\n".join(parts) + "}\n"


def enum(enumeration: Enumeration) -> str:
    lines = [f"    /// {enumeration.doc}", f"    public enum {enumeration.name}: String, Sendable {{"]
    for word in enumeration.words:
        if word.doc:
            lines.append(f"        /// {word.doc}")
        lines.append(f'        case {word.word[0].lower()}{word.word[1:]} = "{word.word}"')
    return "\n".join([*lines, "    }"]) + "\n"


def operation_of(model: Model, operation: Operation) -> str:
    def code(name: str) -> str:
        return f"`{swift_name(name)}`" if "_" in name or model.is_operation(name) else f"`{name}`"

    lines = wrapped(prose(operation.doc, "Throws {}", code), "    /// ", "    /// ")
    signed = ", ".join(signed_argument(label, argument) for label, argument in operation.swift)
    result = operation.result
    returned = "" if result is None else f" -> {TYPES.get(result.type, result.type)}"
    lines.append(f"    public func {swift_name(operation.name)}({signed}) async throws{returned} {{")
    pairs = [f'"{name}": {spelled(value)}' for name, value in operation.parameters.items()]
    function = "change" if operation.is_change else operation.method
    call, values = f"try await {function}(", [f'"{operation.api}"', *([f"[{', '.join(pairs)}]"] if pairs else [])]
    if result is None:
        lines += called(call, values)
    else:
        read = READERS.get(result.type, "known")
        one_line = f'        try {read}({call}{", ".join(values)})["{result.name}"])'
        if len(one_line) <= COLUMNS:
            lines.append(one_line)
        else:
            lines += [*called(f"let result = {call}", values), f'        return try {read}(result["{result.name}"])']
    return "\n".join([*lines, "    }"]) + "\n"


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
