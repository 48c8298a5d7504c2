"""The typed operations, read from tests/spec/api.json (the reference) and operations.json beside it
(what the reference does not give):

    ours            rows in the form of api.json, for operations that the reference does not have
    enumerations    words that a result may be, with their meaning
    records         objects in a list of a result, or whole results, with the types of their
                    members: "text", "flag", "time" (milliseconds since 1970), "seconds" (a whole
                    number), or the name of an enumeration; each of them also with " or null"
    argument_types  of each parameter: its name as an argument, and "text", "secret" or "pin"
    member_types    of each member of a result: "text", "text or null", "texts", "flag", the name of
                    an enumeration, or "list of" and the name of a record. A member of events alone
                    may have the name of a record
    results         results that have a type by themselves. "of" names requests. "events" names
                    members that only events have. With "record" the type is this record
    operations      typed operations, in the order in which they are printed

An operation has these keys:

    name       its name in snake case. Each language makes its own name of it
    of         its request: method, api and operation, as they stand in api.json
    doc        Markdown. `name` is an operation or other code. `!2307` becomes the sentence "Raises
               error 2307", in the words of the language
    cpp_doc    the same for C++, if it differs
    arguments  names of arguments that differ from argument_types
    defaults   the default of an argument
    done       the code of a failure that counts as a success
    swift      the arguments in Swift's order, with their labels, if they differ from the names
    languages  the languages that have the operation. All have it if the key is missing
    record     the record that is the whole result. Without it an operation returns one member
"""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass, field
from typing import Any

POST_SYNCHRONIZATION = 2316


class TableError(Exception):
    """A fault of the tables."""


@dataclass(frozen=True)
class Argument:
    parameter: str
    name: str
    kind: str
    default: str | None = None

    @property
    def is_secret(self) -> bool:
        return self.kind in ("secret", "pin")


@dataclass(frozen=True)
class Member:
    #: Empty if this is the whole result.
    name: str
    type: str


@dataclass(frozen=True)
class Word:
    word: str
    doc: str | None = None


@dataclass(frozen=True)
class Enumeration:
    name: str
    doc: str
    words: list[Word]


@dataclass(frozen=True)
class RecordMember:
    name: str
    #: "text", "flag", "time", "seconds", or the name of an enumeration.
    type: str
    is_optional: bool
    doc: str


@dataclass(frozen=True)
class Record:
    name: str
    doc: str
    members: list[RecordMember]


@dataclass(frozen=True)
class Result:
    """A result with a type of its own. If it is partial, a message has one of its members. With a
    record, that is its type."""

    name: str
    request: str
    operation: str
    members: list[Member]
    doc: str | None
    is_partial: bool
    record: str | None = None


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    api: str
    #: The parameters, in the order of the reference: an argument, or a text for a constant.
    parameters: dict[str, Argument | str]
    #: The member or the whole result that the operation returns, if there is one.
    result: Member | None
    is_change: bool
    doc: str
    cpp_doc: str
    swift: list[tuple[str, Argument]]
    languages: list[str] | None = field(default=None)

    @property
    def arguments(self) -> list[Argument]:
        return [value for value in self.parameters.values() if isinstance(value, Argument)]

    @property
    def proves_pin(self) -> bool:
        """True if the service checks a PIN. Then its answer reports wrong PINs."""
        return any(argument.kind == "pin" for argument in self.arguments)

    def is_in(self, language: str) -> bool:
        return self.languages is None or language in self.languages


@dataclass(frozen=True)
class Model:
    enumerations: list[Enumeration]
    records: list[Record]
    results: list[Result]
    operations: list[Operation]

    def of(self, language: str) -> list[Operation]:
        return [operation for operation in self.operations if operation.is_in(language)]

    def is_operation(self, name: str) -> bool:
        return any(operation.name == name for operation in self.operations)

    def enumeration(self, name: str) -> Enumeration | None:
        return next((one for one in self.enumerations if one.name == name), None)

    def record(self, member: Member | None) -> Record | None:
        """Returns the record of a member that is a list of records."""
        return None if member is None else next((one for one in self.records if member.type == f"list of {one.name}"), None)

    def single(self, member: Member | None) -> Record | None:
        """Returns the record of a member, or of a whole result, that is one record."""
        return None if member is None else next((one for one in self.records if member.type == one.name), None)


def read(folder: pathlib.Path) -> Model:
    """Returns the operations of the two tables in a folder."""
    reference = json.loads((folder / "api.json").read_text(encoding="utf-8"))
    ours = json.loads((folder / "operations.json").read_text(encoding="utf-8"))
    return model(reference, ours)


def model(reference: dict[str, Any], ours: dict[str, Any]) -> Model:
    """Returns the operations. Raises ``TableError`` if the tables do not fit together.

    >>> row = {"method": "get", "api": "a.b", "operation": None, "parameters": [], "errors": [],
    ...        "result": ["c"], "component": "StrongAuthentication"}
    >>> table = {"ours": [], "enumerations": [], "records": [], "argument_types": {}, "results": [],
    ...          "member_types": {"c": "text"}, "operations": [{"name": "b", "of": "get a.b", "doc": "B."}]}
    >>> model({"operations": [row]}, table).operations[0].result
    Member(name='c', type='text')
    >>> model({"operations": [row]}, table | {"operations": []})
    Traceback (most recent call last):
    operations.model.TableError: get a.b has no typed operation
    >>> model({"operations": [row]}, table | {"member_types": {}})
    Traceback (most recent call last):
    operations.model.TableError: the result member c has no type
    >>> model({"operations": [row]}, table | {"ours": [row]})
    Traceback (most recent call last):
    operations.model.TableError: get a.b stands twice
    """
    rows: dict[str, Any] = {}
    for row in reference["operations"] + ours["ours"]:
        name = request_name(row)
        if name in rows:
            raise TableError(f"{name} stands twice")
        rows[name] = row
    enumerations = [
        Enumeration(one["name"], one["doc"], [Word(word["word"], word.get("doc")) for word in one["words"]]) for one in ours["enumerations"]
    ]
    operations = [operation(entry, rows, ours) for entry in ours["operations"]]
    requested = [entry["of"] for entry in ours["operations"]]
    for name, row in rows.items():
        if requested.count(name) != 1 and row.get("component") != "SDK":
            raise TableError(f"{name} has {'no' if name not in requested else 'more than one'} typed operation")
    return Model(
        enumerations,
        [record(entry, ours) for entry in ours["records"]],
        [result(entry, rows, ours) for entry in ours["results"]],
        operations,
    )


def record(entry: dict[str, Any], ours: dict[str, Any]) -> Record:
    """Returns a record.

    >>> entry = {"name": "A", "doc": "B.", "members": [{"name": "c", "type": "time or null", "doc": "D."}]}
    >>> record(entry, {"enumerations": []}).members
    [RecordMember(name='c', type='time', is_optional=True, doc='D.')]
    """
    kinds = {"text", "flag", "time", "seconds", *(one["name"] for one in ours["enumerations"])}
    members = []
    for member in entry["members"]:
        kind = member["type"].removesuffix(" or null")
        if kind not in kinds:
            raise TableError(f"{entry['name']}: the member {member['name']} has no type")
        members.append(RecordMember(member["name"], kind, kind != member["type"], member["doc"]))
    return Record(entry["name"], entry["doc"], members)


def request_name(row: dict[str, Any]) -> str:
    """Returns the name by which ``of`` refers to a row."""
    return " ".join(filter(None, (row["method"], row["api"], row["operation"])))


def operation(entry: dict[str, Any], rows: dict[str, Any], ours: dict[str, Any]) -> Operation:
    row = find(rows, entry["of"])
    unknown = entry.keys() - {"name", "of", "doc", "cpp_doc", "arguments", "defaults", "done", "swift", "languages", "record"}
    if unknown:
        raise TableError(f"{entry['name']}: the key {min(unknown)} is unknown")
    names, defaults = entry.get("arguments", {}), entry.get("defaults", {})
    parameters: dict[str, Argument | str] = {}
    for parameter in row["parameters"]:
        name = parameter["name"]
        if "values" in parameter:
            (parameters[name],) = parameter["values"]
            continue
        if name not in ours["argument_types"]:
            raise TableError(f"the parameter {name} has no type")
        argument = ours["argument_types"][name]
        parameters[name] = Argument(name, names.get(name, argument["name"]), argument["kind"], defaults.get(name))
    done = entry.get("done")
    if done not in (None, POST_SYNCHRONIZATION) or (done and done not in row["errors"]):
        raise TableError(f"{entry['name']}: {done} is no error of {entry['of']} that may count as a success")
    if len(row["result"]) > 1 and "record" not in entry:
        raise TableError(f"{entry['of']}: a typed operation returns one member")
    arguments = [value for value in parameters.values() if isinstance(value, Argument)]
    return Operation(
        entry["name"],
        row["method"],
        row["api"],
        parameters,
        returned(entry, row, ours),
        done is not None,
        entry["doc"],
        entry.get("cpp_doc", entry["doc"]),
        labelled(entry, arguments),
        entry.get("languages"),
    )


def returned(entry: dict[str, Any], row: dict[str, Any], ours: dict[str, Any]) -> Member | None:
    """Returns the member that an operation returns, or its whole result.

    >>> ours = {"enumerations": [], "records": [{"name": "A", "members": [{"name": "c"}]}]}
    >>> returned({"of": "get a.b", "record": "A"}, {"result": ["c"]}, ours)
    Member(name='', type='A')
    >>> returned({"of": "get a.b", "record": "A"}, {"result": ["d"]}, ours)
    Traceback (most recent call last):
    operations.model.TableError: get a.b: its result has not the members of A
    """
    if "record" in entry:
        found = next((one for one in ours["records"] if one["name"] == entry["record"]), None)
        if found is None or [one["name"] for one in found["members"]] != row["result"]:
            raise TableError(f"{entry['of']}: its result has not the members of {entry['record']}")
        return Member("", entry["record"])
    if not row["result"]:
        return None
    its_member = member(row["result"][0], ours)
    if its_member.type in [one["name"] for one in ours["records"]]:
        raise TableError(f"{entry['of']}: only events have a member that is a record")
    return its_member


def labelled(entry: dict[str, Any], arguments: list[Argument]) -> list[tuple[str, Argument]]:
    """Returns the arguments in Swift's order, each with its label."""
    if "swift" not in entry:
        return [(swift_name(argument.name), argument) for argument in arguments]
    by_name = {swift_name(argument.name): argument for argument in arguments}
    words = [text.split() for text in entry["swift"].split(", ")]
    if sorted(word[-1] for word in words) != sorted(by_name):
        raise TableError(f"{entry['name']}: swift does not name each argument once")
    return [(word[0], by_name[word[-1]]) for word in words]


def result(entry: dict[str, Any], rows: dict[str, Any], ours: dict[str, Any]) -> Result:
    found = [find(rows, name) for name in entry["of"]]
    members = list(dict.fromkeys([*(name for row in found for name in row["result"]), *entry.get("events", [])]))
    is_partial = any(row["result"] != members for row in found)
    # A result of one operation among several of its api is described with that operation.
    siblings = [row for row in rows.values() if (row["method"], row["api"]) == (found[0]["method"], found[0]["api"])]
    operation = "" if len(siblings) in (len(found), 1) else found[0]["operation"]
    request = f"{found[0]['method']} {found[0]['api']}"
    if "record" in entry:
        return Result(entry["name"], request, operation, [], entry.get("doc"), False, entry["record"])
    return Result(entry["name"], request, operation, [member(name, ours) for name in members], entry.get("doc"), is_partial)


def member(name: str, ours: dict[str, Any]) -> Member:
    kinds = {"text", "text or null", "texts", "flag", *(one["name"] for one in ours["enumerations"])}
    kinds |= {form for one in ours["records"] for form in (one["name"], f"list of {one['name']}")}
    if ours["member_types"].get(name) not in kinds:
        raise TableError(f"the result member {name} has no type")
    return Member(name, ours["member_types"][name])


def find(rows: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in rows:
        raise TableError(f"there is no {name}, neither in api.json nor among ours")
    return rows[name]


def camel(name: str) -> str:
    """Returns a name in camel case.

    >>> camel("old_pin")
    'oldPin'
    """
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def swift_name(name: str) -> str:
    """Returns a name as Swift writes it, with "PIN" in capital letters.

    >>> [swift_name(name) for name in ("old_pin", "pin", "otp_without_pin", "sms_code")]
    ['oldPIN', 'pin', 'otpWithoutPIN', 'smsCode']
    """
    first, *rest = name.split("_")
    return first + "".join("PIN" if word == "pin" else word.capitalize() for word in rest)


def snake(name: str) -> str:
    """Returns a name in snake case.

    >>> snake("AlreadyEnrolled")
    'already_enrolled'
    """
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
