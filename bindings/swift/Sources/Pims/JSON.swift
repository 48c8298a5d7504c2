/// A JSON value: what goes into a call, and what a message holds. Literals are values: `["action": "enroll", "pinCode": "1234"]`.
///
/// `null` is `.null`, not `nil`: a member that is not there and one that is `null` are two things. Integers and fractions stay what
/// they are in both directions, which the library tells apart. A value that JSON cannot say, such as a `Double` that is not finite, is refused
/// by every call (`Refusal.notJSON`).
///
/// Its description and its mirror hide one-time passwords, PINs, codes, keys and tokens, by the names of their members. `text` shows all.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A whole number beyond `Int64`: its decimal digits, with `-` before them where it is negative.
    case wholeNumber(String)
    case fraction(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

extension JSON {
    /// The member of an object; `nil` where there is none, and where this is no object.
    public subscript(name: String) -> JSON? { objectValue?[name] }

    /// The element of an array; `nil` where there is none, and where this is no array.
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

    /// Of a whole number, too.
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

    /// Of a name that stands there twice, the last one counts.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

extension JSON: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// JSON, in which `"***"` stands for each secret.
    public var description: String { hidingSecrets.text }

    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// The names of members that hold secrets, in parameters, in the configuration and in results.
    private static let secretNames: Set<String> = [
        "otp", "pinCode", "oldPIN", "newPIN", "smsCode", "token", "accessToken", "key", "code",
    ]

    private var hidingSecrets: JSON {
        switch self {
        case .array(let elements): return .array(elements.map(\.hidingSecrets))
        case .object(let members):
            // The code of an error is a number and no secret; that of an SMS is a text.
            return .object(
                Dictionary(uniqueKeysWithValues: members.map { name, value in
                    let isError = name == "code" && members["label"] != nil
                    return (name, JSON.secretNames.contains(name) && !isError && !value.isNull ? "***" : value.hidingSecrets)
                }))
        default: return self
        }
    }
}
