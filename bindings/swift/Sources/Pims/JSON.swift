/// A JSON value, for parameters and messages. Literals are values:
/// `["action": "enroll", "pinCode": "1234"]`.
///
/// `null` is `.null`, not `nil`: a missing member and a member that is `null` are different.
/// Integers stay integers and fractions stay fractions in both directions, because the library
/// distinguishes them. Every call refuses a value without a form in JSON, such as a `Double` that
/// is not finite (`Refusal.notJSON`).
///
/// The description and the mirror hide one-time passwords, PINs, codes, keys and tokens, by the
/// names of their members. `text` shows everything.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A whole number beyond `Int64`: its decimal digits, with `-` before them if it is negative.
    case wholeNumber(String)
    case fraction(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

extension JSON {
    /// Returns the member of an object; `nil` if there is none, or if this is no object.
    public subscript(name: String) -> JSON? { objectValue?[name] }

    /// Returns the element of an array; `nil` if there is none, or if this is no array.
    public subscript(index: Int) -> JSON? {
        guard let elements = arrayValue, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    public var isNull: Bool { self == .null }

    public var boolValue: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    public var intValue: Int? {
        if case .integer(let value) = self { return Int(exactly: value) }
        return nil
    }

    /// The value of a number of any kind.
    public var doubleValue: Double? {
        switch self {
        case .fraction(let value): return value
        case .integer(let value): return Double(value)
        case .wholeNumber(let digits): return Double(digits)
        default: return nil
        }
    }

    public var stringValue: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    public var arrayValue: [JSON]? {
        if case .array(let value) = self { return value }
        return nil
    }

    public var objectValue: [String: JSON]? {
        if case .object(let value) = self { return value }
        return nil
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .fraction(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// If a name occurs twice, the last member counts.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

extension JSON: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The JSON text, with `"***"` for each secret.
    public var description: String { hidingSecrets.text }

    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// The names of members that hold secrets, in parameters, in the configuration and in results.
    private static let secretNames: Set<String> = [
        "otp", "state", "pinCode", "oldPIN", "newPIN", "smsCode", "token", "accessToken", "key", "code",
    ]

    private var hidingSecrets: JSON {
        switch self {
        case .array(let elements): return .array(elements.map(\.hidingSecrets))
        case .object(let members):
            // The code of an error is a number and no secret. An SMS code is a text.
            return .object(
                Dictionary(uniqueKeysWithValues: members.map { name, value in
                    let isError = name == "code" && members["label"] != nil
                    return (name, JSON.secretNames.contains(name) && !isError && !value.isNull ? "***" : value.hidingSecrets)
                }))
        default: return self
        }
    }
}
