"""The typed operations of C++."""

from __future__ import annotations

from operations.model import Argument, Enumeration, Member, Model, Operation, Record, RecordMember, snake
from operations.text import NOTE, prose, wrapped

HEADER = "include/pims/operations.hpp"
TYPES = {"text": "std::string", "text or null": "std::optional<std::string>", "flag": "bool"}
RECORD_TYPES = {**TYPES, "time": "std::chrono::system_clock::time_point", "seconds": "std::chrono::seconds"}
# The longest line of code, as in .clang-format.
COLUMNS = 140

TOP = f"""\
/* The requests of the typed operations, and the enumerations of their results. Included by
 * strong_authentication.hpp: include pims.hpp.
 * {NOTE}
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_OPERATIONS_HPP
#define PIMS_OPERATIONS_HPP

#ifndef PIMS_STRONG_AUTHENTICATION_HPP
#error "include pims.hpp: this header is a part of it"
#endif

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "component.hpp"

namespace pims {{

"""

CLASS = """\
/* The operations of StrongAuthentication. */
class Operations : public Component {
public:
"""

BOTTOM = """\

protected:
    using Component::Component;
};

} // namespace detail

} // namespace pims

#endif /* PIMS_OPERATIONS_HPP */
"""


def files(model: Model) -> dict[str, str]:
    types = [*map(enum, model.enumerations), *map(struct, model.records)]
    text = TOP + "\n".join(types) + "\nnamespace detail {\n\n"
    text += "\n".join([*map(parser, model.enumerations), *map(record_parser, model.records)])
    text += "\n" + CLASS + "\n".join(operation_of(model, operation) for operation in model.of("cpp")) + BOTTOM
    return {HEADER: text}


def enum(enumeration: Enumeration) -> str:
    doc = f"/* {enumeration.doc} */\n"
    if not any(word.doc for word in enumeration.words):
        return doc + f"enum class {enumeration.name} {{ {', '.join(snake(word.word) for word in enumeration.words)} }};\n"
    words = [f"    /* {word.doc} */\n    {snake(word.word)},\n" for word in enumeration.words]
    return doc + f"enum class {enumeration.name} {{\n" + "".join(words) + "};\n"


def parser(enumeration: Enumeration) -> str:
    lines = [
        f"/* Returns the value of a word. Throws UnexpectedMessage if it is none. */\n"
        f"inline {enumeration.name} {snake(enumeration.name)}_of(std::string_view word)\n{{"
    ]
    for word in enumeration.words:
        lines.append(f'    if (word == "{word.word}") {{\n        return {enumeration.name}::{snake(word.word)};\n    }}')
    return "\n".join([*lines, "    throw UnexpectedMessage();\n}"]) + "\n"


def struct(record: Record) -> str:
    lines = [*wrapped(f"/* {record.doc} */", "", " * "), f"struct {record.name} {{"]
    for member in record.members:
        kind = RECORD_TYPES.get(member.type, member.type)
        lines += wrapped(f"/* {member.doc} */", "    ", "     * ")
        lines.append(f"    {f'std::optional<{kind}>' if member.is_optional else kind} {snake(member.name)};")
    return "\n".join([*lines, "};"]) + "\n"


def record_parser(record: Record) -> str:
    lines = [
        "/* Returns the record of an object. Throws UnexpectedMessage if a member is missing. */",
        f"inline {record.name} {snake(record.name)}_of(std::string_view object)",
        "{",
        f"    {record.name} record{{}};",
        *(f"    record.{snake(member.name)} = {member_of(member)};" for member in record.members),
        "    return record;",
        "}",
    ]
    return "\n".join(lines) + "\n"


def member_of(member: RecordMember) -> str:
    value = f'Reader::member(object, "{member.name}")'
    read = f"as_{member.type}" if member.type in RECORD_TYPES else f"as_word<{snake(member.type)}_of>"
    return f"unless_null({value}, {read})" if member.is_optional else f"{read}({value})"


def operation_of(model: Model, operation: Operation) -> str:
    returned = returned_type(model, operation.result)
    head = f"    [[nodiscard]] std::future<{returned}> {operation.name}("
    signed = [signed_argument(argument) for argument in operation.arguments]
    pairs = [f'{{"{name}", {spelled(value)}}}' for name, value in operation.parameters.items()]
    parameters = f"{{{', '.join(pairs)}}}"
    call = "change(" if operation.is_change else f"{operation.method}<{returned}>("
    values = [f'"{operation.api}"', parameters]
    if not operation.is_change:
        values.append(reader(model, operation.result))
    lines = comment(model, operation)
    one_line = f"{head}{', '.join(signed)}) const {{ return {call}{', '.join(values)}); }}"
    if len(one_line) <= COLUMNS:
        return "\n".join([*lines, one_line]) + "\n"
    lines += filled(head, signed, ") const")
    return "\n".join([*lines, "    {", *filled(f"        return {call}", values, ");"), "    }"]) + "\n"


def filled(head: str, items: list[str], tail: str) -> list[str]:
    """Returns a call in as many lines as it needs, aligned behind the parenthesis.

    >>> filled("f(", ["a" * 100, "b" * 50], ");")[1] == "  " + "b" * 50 + ");"
    True
    """
    lines, line = [], head
    for number, item in enumerate(items):
        end = tail if number == len(items) - 1 else ","
        separator = "" if line.endswith("(") or not line.strip() else " "
        if line.strip() and not line.endswith("(") and len(line + separator + item + end) > COLUMNS:
            lines.append(line)
            line, separator = " " * len(head), ""
        line += separator + item + end
    return [*lines, line if items else line + tail]


def comment(model: Model, operation: Operation) -> list[str]:
    def code(name: str) -> str:
        return f"{name}()" if name == "attempts_left" else name

    text = prose(operation.cpp_doc, "The failure is {}", code)
    return wrapped(f"/* {text} */", "    ", "     * ")


def reader(model: Model, result: Member | None) -> str:
    if result is None:
        return "nothing"
    if record := model.record(result):
        return f'records("{result.name}", {snake(record.name)}_of)'
    if record := model.single(result):
        return f"whole({snake(record.name)}_of)"
    if model.enumeration(result.type):
        return f'word("{result.name}", {snake(result.type)}_of)'
    return f'{result.type.replace(" ", "_")}("{result.name}")'


def returned_type(model: Model, result: Member | None) -> str:
    if record := model.record(result):
        return f"std::vector<{record.name}>"
    return "void" if result is None else TYPES.get(result.type, result.type)


def signed_argument(argument: Argument) -> str:
    default = "" if argument.default is None else f' = "{argument.default}"'
    return f"std::string_view {argument.name}{default}"


def spelled(value: Argument | str) -> str:
    return value.name if isinstance(value, Argument) else f'"{value}"'
