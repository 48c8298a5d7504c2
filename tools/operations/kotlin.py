"""The typed operations of Kotlin and Java."""

from __future__ import annotations

from operations.model import Argument, Enumeration, Member, Model, Operation, Record, RecordMember, camel
from operations.text import NOTE, prose, wrapped

SOURCES = "bindings/kotlin/src/main/kotlin/libpims"
TYPES = {"text": "String", "text or null": "String?", "flag": "Boolean"}
RECORD_TYPES = {**TYPES, "time": "Instant", "seconds": "Long"}
# The longest line of code.
COLUMNS = 140

STRONG_AUTHENTICATION = """\
/**
 * The operations of docs/api.md, on the default facade. A failure is a [PimsException]. PINs and
 * codes are texts of any type: a [StringBuilder] can be wiped, a [String] cannot. [Session.device]
 * has the same functions, which throw.
 *
 * [enroll], [enrollWithPhoneNumber], [changePin] and [resetPin] succeed on 2316, too. Then the
 * change is done, and only a synchronization is left, which the next operation makes. A cancelled
 * call counts; see [Pims.initialize].
 */
object StrongAuthentication {
    private val operations = Operations.DEFAULT

"""

DEVICE = """\
/**
 * The operations of a [Session]: those of [StrongAuthentication], but they throw a [PimsException]
 * for a failure. A cancelled call counts; see [Pims.initialize].
 */
class Device internal constructor(private val operations: Operations) {
"""

STRONG_AUTHENTICATION_ASYNC = """\
/**
 * The operations for Java, on the default facade ([Pims.strongAuthenticationAsync]) or on that of a
 * session ([Session.deviceAsync]). Each one returns a future, which fails with a [PimsException].
 * [Pims.initializeAsync] describes the thread on which futures complete, and the effect of a
 * cancellation. PINs and codes are texts of any type: a [StringBuilder] can be wiped.
 */
open class StrongAuthenticationAsync internal constructor(private val operations: Operations) {
"""

COMPANION = """
    /** The operations on the default facade. */
    companion object Default : StrongAuthenticationAsync(Operations.DEFAULT)
"""


def files(model: Model) -> dict[str, str]:
    return {
        f"{SOURCES}/Operations.kt": operations(model),
        f"{SOURCES}/StrongAuthentication.kt": strong_authentication(model),
    }


def operations(model: Model) -> str:
    parts = [operation_of(model, operation) for operation in model.of("kotlin")]
    return (
        f"// {NOTE}\n\npackage libpims\n\n"
        "/** The operations, once for all the forms of the interface. */\n"
        "internal class Operations(facade: Facade) : UntypedOperations(facade) {\n"
        + "\n".join(parts)
        + "\n    companion object {\n        val DEFAULT = Operations(Facade.DEFAULT)\n    }\n}\n"
    )


def operation_of(model: Model, operation: Operation) -> str:
    function = "change" if operation.is_change else operation.method
    signed = ", ".join(f"{camel(one.name)}: {kotlin_type(one)}" for one in operation.arguments)
    pairs = [f'"{name}" to {spelled(value)}' for name, value in operation.parameters.items()]
    parameters = f"mapOf({', '.join(pairs)})" if pairs else "emptyMap()"
    read = "" if operation.is_change else f" {{{reader(model, operation.result)}}}"
    head = f"    fun {camel(operation.name)}({signed}) ="
    line = f'{head} {function}("{operation.api}", {parameters}){read}'
    if len(line) <= COLUMNS:
        return line + "\n"
    line = f'        {function}("{operation.api}", {parameters}){read}'
    if len(line) <= COLUMNS:
        return f"{head}\n{line}\n"
    return f'{head} {function}(\n        "{operation.api}",\n        {parameters},\n    ){read}\n'


def reader(model: Model, result: Member | None) -> str:
    if result is None:
        return " "
    if record := model.record(result):
        return f' (it.member("{result.name}") as List<*>).map({record.name}::of) '
    if record := model.single(result):
        return f" {record.name}.of(it) "
    if model.enumeration(result.type):
        if any(capital(word.word) != word.word for word in model.enumeration(result.type).words):
            raise NotImplementedError(f"{result.type} as a member of a result")
        return f' {result.type}.valueOf(it.member("{result.name}") as String) '
    return f' it.member("{result.name}") as {TYPES[result.type]} '


def strong_authentication(model: Model) -> str:
    text = f"// {NOTE}\n\npackage libpims\n\nimport java.time.Instant\nimport java.util.concurrent.CompletableFuture\n"
    for enumeration in model.enumerations:
        text += "\n" + enum(enumeration)
    for record in model.records:
        text += "\n" + data_class(model, record)
    forms = [
        (STRONG_AUTHENTICATION, "suspend fun", "Result<{}>", "Unit", "result", "result"),
        (DEVICE, "suspend fun", "{}", "Unit", "await", "await"),
        (STRONG_AUTHENTICATION_ASYNC, "fun", "CompletableFuture<{}>", "Void?", "future", "nothing"),
    ]
    for head, fun, wrapper, nothing, get, get_nothing in forms:
        parts = []
        for operation in model.of("kotlin"):
            signed = ", ".join(map(signed_argument, operation.arguments))
            values = ", ".join(camel(argument.name) for argument in operation.arguments)
            returned = wrapper.format(returned_type(model, operation.result) or nothing)
            lines = kdoc(model, operation.doc, "    ")
            if fun == "fun" and any(argument.default is not None for argument in operation.arguments):
                lines.append("    @JvmOverloads")
            name, end = camel(operation.name), get if operation.result else get_nothing
            before, body = f"    {fun} {name}({signed}): {returned} =", f"operations.{name}({values}).{end}()"
            one_line = f"{before} {body}"
            lines += [one_line] if len(one_line) <= COLUMNS else [before, f"        {body}"]
            parts.append("\n".join(lines) + "\n")
        text += "\n" + head + "\n".join(parts) + (COMPANION if head is STRONG_AUTHENTICATION_ASYNC else "") + "}\n"
    return text


def enum(enumeration: Enumeration) -> str:
    doc = f"/** {enumeration.doc} */\n"
    if not any(word.doc for word in enumeration.words):
        return doc + f"enum class {enumeration.name} {{ {', '.join(capital(word.word) for word in enumeration.words)} }}\n"
    words = [f"    /** {word.doc} */\n    {capital(word.word)},\n" for word in enumeration.words]
    return doc + f"enum class {enumeration.name} {{\n" + "\n".join(words) + "}\n"


def data_class(model: Model, record: Record) -> str:
    lines = [f"/** {record.doc} */", f"data class {record.name}("]
    for member in record.members:
        kind = RECORD_TYPES.get(member.type, member.type) + ("?" if member.is_optional else "")
        lines += [*wrapped(f"/** {member.doc} */", "    ", "     * "), f"    val {member.name}: {kind},"]
    lines += [
        ") {",
        "    internal companion object {",
        f"        fun of(members: Any?): {record.name} {{",
        "            val map = members as Map<*, *>",
        f"            return {record.name}(",
        *(f"                {member_of(member)}," for member in record.members),
        "            )",
        "        }",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def member_of(member: RecordMember) -> str:
    value = f'map["{member.name}"]'
    if member.type in TYPES:
        return f"{value} as {TYPES[member.type]}" + ("?" if member.is_optional else "")
    if member.type == "seconds":
        return f"({value} as Number?)?.toLong()" if member.is_optional else f"({value} as Number).toLong()"
    form = "({} as Number{}){}.toLong(){}" if member.type == "time" else "({} as String{}){}{}"
    make = "let(Instant::ofEpochMilli)"
    if member.type != "time":
        make = f"let {{ {member.type}.valueOf(it.replaceFirstChar(Char::uppercaseChar)) }}"
    if member.is_optional:
        return form.format(value, "?", "?" if member.type == "time" else "", f"?.{make}")
    return form.format(value, "", "", f".{make}")


def capital(word: str) -> str:
    """Returns a word as the name of a constant.

    >>> [capital(word) for word in ("hardware", "NotBlocked")]
    ['Hardware', 'NotBlocked']
    """
    return word[0].upper() + word[1:]


def kdoc(model: Model, doc: str, indent: str) -> list[str]:
    def code(name: str) -> str:
        if name == "attempts_left":
            return "[PimsException.attemptsLeft]"
        return f"[{camel(name)}]" if model.is_operation(name) else f"`{name}`"

    text = prose(doc, "The failure is {}", code)
    lines = wrapped(f"/** {text} */", indent, indent)
    if len(lines) == 1:
        return lines
    return [f"{indent}/**", *wrapped(text, f"{indent} * ", f"{indent} * "), f"{indent} */"]


def signed_argument(argument: Argument) -> str:
    default = "" if argument.default is None else f' = "{argument.default}"'
    return f"{camel(argument.name)}: {kotlin_type(argument)}{default}"


def kotlin_type(argument: Argument) -> str:
    return "CharSequence" if argument.is_secret else "String"


def returned_type(model: Model, result: Member | None) -> str | None:
    if record := model.record(result):
        return f"List<{record.name}>"
    return None if result is None else TYPES.get(result.type, result.type)


def spelled(value: Argument | str) -> str:
    return camel(value.name) if isinstance(value, Argument) else f'"{value}"'
