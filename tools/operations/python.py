"""The typed operations of Python."""

from __future__ import annotations

from operations.model import Argument, Enumeration, Member, Model, Operation, Record, RecordMember, Result, snake
from operations.text import NOTE, prose, wrapped

SOURCES = "bindings/python/src/libpims"
# ruff.toml has it, too.
LONGEST = 140
RECORD_TYPES = {"text": "str", "flag": "bool", "time": "datetime", "seconds": "int"}
TYPES = {"text": "str", "text or null": "Optional[str]", "texts": "List[str]", "flag": "bool"}


def files(model: Model) -> dict[str, str]:
    return {
        f"{SOURCES}/operations.py": requests(model),
        f"{SOURCES}/_typed.py": typed(model),
        f"{SOURCES}/_aio_typed.py": aio_typed(model),
        f"{SOURCES}/_result_types.py": result_types(model),
    }


def requests(model: Model) -> str:
    parts = [
        '"""The operations as data: for each one a function that returns its request. Other modules run the\n'
        f'requests, once for threads and once for asyncio.\n\n{NOTE}\n"""',
        "from __future__ import annotations\n\n"
        "from dataclasses import dataclass\nfrom datetime import datetime\nfrom enum import Enum\n"
        "from typing import Any, List, Mapping, Optional",
        "from ._errors import Code\nfrom ._parameters import AsyncSecret as Secret\n"
        "from ._request import Request, read_flag, read_nothing, read_optional, read_seconds, read_text, read_text_or_none, read_time",
    ]
    text = "\n\n".join(parts) + "\n"
    for enumeration in model.enumerations:
        text += "\n\n" + enum(enumeration)
    for record in model.records:
        text += "\n\n" + dataclass(model, record)
    text += "\n\n# Each of these functions gets secrets. They raise nothing, so no traceback has their frames.\n"
    for operation in model.of("python"):
        text += "\n\n" + request(model, operation)
    return text


def enum(enumeration: Enumeration) -> str:
    lines = [f"class {enumeration.name}(str, Enum):", *docstring(enumeration.doc, "    "), ""]
    for word in enumeration.words:
        if word.doc:
            lines += wrapped(word.doc, "    #: ", "    #: ")
        lines.append(f'    {snake(word.word).upper()} = "{word.word}"')
    return "\n".join(lines) + "\n"


def dataclass(model: Model, record: Record) -> str:
    lines = ["@dataclass(frozen=True)", f"class {record.name}:", *docstring(record.doc, "    "), ""]
    for member in record.members:
        kind = RECORD_TYPES.get(member.type, member.type)
        lines += wrapped(member.doc, "    #: ", "    #: ")
        lines.append(f"    {snake(member.name)}: " + (f"Optional[{kind}]" if member.is_optional else kind))
    lines += [
        "",
        "    @classmethod",
        f"    def read(cls, members: Mapping[str, Any]) -> {record.name}:",
        '        """Reads it from a result."""',
        "        return cls(",
        *(f"            {snake(member.name)}={member_reader(member)}," for member in record.members),
        "        )",
    ]
    return "\n".join(lines) + "\n"


def member_reader(member: RecordMember) -> str:
    read = f"read_{member.type}" if member.type in RECORD_TYPES else member.type
    value = f'members["{member.name}"]'
    return f"read_optional({read}, {value})" if member.is_optional else f"{read}({value})"


def request(model: Model, operation: Operation) -> str:
    returned = python_type(model, operation.result)
    constants = ", ".join(f'"{name}": {spelled(value)}' for name, value in operation.parameters.items())
    lines = [
        f"def {operation.name}({', '.join(map(signed, operation.arguments))}) -> Request[{returned}]:",
        "    return Request(",
        f'        "{operation.method}",',
        f'        "{operation.api}",',
        f"        {{{constants}}}," if constants else "        None,",
        f"        {reader(model, operation.result)},",
    ]
    if operation.is_change:
        lines.append("        done=Code.POST_SYNCHRONIZATION,")
    if operation.proves_pin:
        lines.append("        proves_pin=True,")
    return "\n".join([*lines, "    )"]) + "\n"


def reader(model: Model, result: Member | None) -> str:
    if result is None:
        return "read_nothing"
    if result.type == "text or null":
        return f'lambda result: read_text_or_none(result["{result.name}"])'
    if record := model.record(result):
        return f'lambda result: [{record.name}.read(one) for one in result["{result.name}"]]'
    if record := model.single(result):
        return f"{record.name}.read"
    return f'lambda result: {python_type(model, result)}(result["{result.name}"])'


TYPED = f'''\
"""The functions and methods for threads: ``get`` and ``set`` with a type for each result, and a
method for each operation.

{NOTE}
"""

from __future__ import annotations

from typing import Any, List, Literal, Optional, TypeVar, overload

from . import operations, results
from ._bridge import bridge
from ._parameters import Parameters, Secret, encode
from ._request import Request
from .operations import AccountDevice, AccountNotice, AccountState, Approval, EnrollmentStatus

T = TypeVar("T")
'''

AIO_TYPED = f'''\
"""The same functions and methods for asyncio.

{NOTE}
"""

from __future__ import annotations

from typing import Any, List, Literal, Optional, TypeVar, overload

from . import operations, results
from ._aio_call import call
from ._parameters import AsyncSecret as Secret
from ._parameters import Parameters, encode_awaiting
from ._request import Request
from .operations import AccountDevice, AccountNotice, AccountState, Approval, EnrollmentStatus

T = TypeVar("T")
'''

# No frame of a traceback keeps the parameters.
BODY = """\
    try:
        return bridge.execute("{method}", api, encode(parameters){facade}).result
    finally:
        del parameters
"""

AIO_BODY = """\
    try:
        encoded = await encode_awaiting(parameters)
    finally:
        del parameters
    return (await call("{method}", api, encoded{facade})).result
"""

DOCS = {
    "get": "Requests data, see docs/api.md. Returns the result, or raises :class:`{}PimsError`.",
    "set": "Changes data or performs an action. Returns and raises like ``get``.",
}


def typed(model: Model) -> str:
    functions = [function(model, method, "def", BODY, "") for method in DOCS]
    generic = calls(model, "Calls", "def", BODY, "")
    return "\n\n".join([TYPED, *functions, generic, methods(model, "Operations", "threads", "def", "")])


def aio_typed(model: Model) -> str:
    functions = [function(model, method, "async def", AIO_BODY, "libpims.") for method in DOCS]
    generic = calls(model, "AsyncCalls", "async def", AIO_BODY, "libpims.")
    return "\n\n".join([AIO_TYPED, *functions, generic, methods(model, "AsyncOperations", "asyncio", "async def", "await ")])


def calls(model: Model, name: str, define: str, body: str, package: str) -> str:
    """Returns a class with ``get`` and ``set``. A derived class has the facade."""
    functions = [function(model, method, define, body, package, "self, ") for method in DOCS]
    text = f'class {name}:\n    """The functions of a session."""\n\n    _facade: int\n\n' + "\n".join(functions)
    # The methods are the functions, one step to the right.
    head, *lines = text.split("\n")
    start = lines.index("    _facade: int") + 1
    return "\n".join([head, *lines[:start], *["    " + line if line else "" for line in lines[start:]]])


def function(model: Model, method: str, define: str, body: str, package: str, owner: str = "") -> str:
    """Returns ``get`` or ``set``, with an overload for each api whose results have one type."""
    signature = f"{define} {method}({owner}api: {{}}, parameters: Optional[Parameters] = None) -> {{}}:"
    text = ""
    for result in model.results:
        its_method, api = result.request.split()
        if its_method == method and not result.operation:
            overload = signature.format(f'Literal["{api}"]', f"results.{f'{result.record}Members' if result.record else result.name}")
            line = overload + " ..."
            if len(line) + (4 if owner else 0) > LONGEST:
                before, rest = line.split("(", 1)
                given, after = rest.rsplit(") -> ", 1)
                line = f"{before}(\n    {given}\n) -> {after}"
            text += f"@overload\n{line}\n"
    generic = signature.format("str", "Any")
    text += f"@overload\n{generic} ...\n{generic}\n"
    # A method is one step further to the right.
    width = "    " * (2 if owner else 1)
    doc = [line[len(width) - 4 :] for line in wrapped(f'"""{DOCS[method].format(package)}"""', width, width)]
    return text + "\n".join(doc) + "\n" + body.format(method=method, facade=", self._facade" if owner else "")


def methods(model: Model, name: str, kind: str, define: str, waits: str) -> str:
    parts = [
        f'class {name}:\n    """The operations for {kind}. A derived class runs their requests."""\n',
        f"    {define} _run(self, request: Request[T]) -> T:\n        raise NotImplementedError\n",
    ]
    for operation in model.of("python"):
        arguments = ["self", *map(signed, operation.arguments)]
        values = ", ".join(argument.name for argument in operation.arguments)
        secrets = ", ".join(argument.name for argument in operation.arguments if argument.is_secret)
        lines = [
            f"    {define} {operation.name}({', '.join(arguments)}) -> {python_type(model, operation.result)}:",
            *docstring(operation.doc, "        "),
        ]
        if secrets:
            # No frame of a traceback keeps a secret.
            lines += [
                f"        request = operations.{operation.name}({values})",
                f"        del {secrets}",
                f"        return {waits}self._run(request)",
            ]
        else:
            lines.append(f"        return {waits}self._run(operations.{operation.name}({values}))")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def result_types(model: Model) -> str:
    text = (
        '"""The types of results, for type checkers and readers, see docs/api.md.\n\n'
        f'{NOTE}\n"""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import List, Literal, Optional, TypedDict\n\n"
    )
    for enumeration in model.enumerations:
        words = ", ".join(f'"{word.word}"' for word in enumeration.words)
        text += f"#: The values of :class:`libpims.{enumeration.name}`.\n{enumeration.name}Text = Literal[{words}]\n"
    for record in model.records:
        text += "\n\n" + record_dict(model, record)
    for result in model.results:
        if result.record is None:
            text += "\n\n" + typed_dict(model, result)
    return text


def record_dict(model: Model, record: Record) -> str:
    """Returns the type of a record in the library's form."""
    lines = [f"class {record.name}Members(TypedDict):", *docstring(record.doc, "    "), ""]
    for member in record.members:
        kind = member.type + "Text" if model.enumeration(member.type) else {"time": "int"}.get(member.type) or RECORD_TYPES[member.type]
        lines += wrapped(member.doc, "    #: ", "    #: ")
        lines.append(f"    {member.name}: " + (f"Optional[{kind}]" if member.is_optional else kind))
    return "\n".join(lines) + "\n"


def typed_dict(model: Model, result: Result) -> str:
    doc = f"The result of `{result.request}`"
    if result.operation:
        doc += f' with `"action": "{result.operation}"`'
    if result.doc:
        doc += (", " if result.doc.startswith("and ") else ": ") + result.doc
    lines = [
        f"class {result.name}(TypedDict{', total=False' if result.is_partial else ''}):",
        *docstring(doc + ".", "    "),
        "",
    ]
    for member in result.members:
        if record := model.record(member):
            kind = f"List[{record.name}Members]"
        elif record := model.single(member):
            kind = f"{record.name}Members"
        else:
            kind = member.type + "Text" if model.enumeration(member.type) else TYPES[member.type]
        lines.append(f"    {member.name}: {kind}")
    return "\n".join(lines) + "\n"


def docstring(doc: str, indent: str) -> list[str]:
    text = prose(doc, "Raises error {}", lambda name: f"``{name}``")
    return wrapped(f'"""{text}"""', indent, indent)


def signed(argument: Argument) -> str:
    default = "" if argument.default is None else f' = "{argument.default}"'
    return f"{argument.name}: {'Secret' if argument.is_secret else 'str'}" + default


def spelled(value: Argument | str) -> str:
    return value.name if isinstance(value, Argument) else f'"{value}"'


def python_type(model: Model, result: Member | None) -> str:
    if record := model.record(result):
        return f"List[{record.name}]"
    return "None" if result is None else TYPES.get(result.type, result.type)
