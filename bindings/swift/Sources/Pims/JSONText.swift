/// The text form of JSON. `JSONDecoder` and `JSONEncoder` do not fit: they do not distinguish
/// `1000.0` from `1000`, and their treatment of numbers differs between Apple's systems and Linux.
/// This is no general parser: it reads the library's messages, which are RFC 8259.
extension JSON {
    /// The JSON text, with names in the order of their characters. A value without a form in JSON
    /// is `null` here; a call refuses it.
    public var text: String {
        let out = SecretText()
        _ = write(to: out)
        return out.string
    }

    /// Reads a text, which is one value. Returns `nil` if it is no JSON, is nested more than 128
    /// deep, or has a number that no `Double` holds.
    public init?(text: String) {
        var text = text
        guard let value = text.withUTF8({ JSON(bytes: $0) }) else { return nil }
        self = value
    }

    /// Reads bytes without copying them.
    init?(bytes: UnsafeBufferPointer<UInt8>) {
        var reader = Reader(text: bytes)
        guard let value = reader.document() else { return nil }
        self = value
    }

    /// Writes the text. Returns true if JSON has a form for all values in it.
    func write(to out: SecretText) -> Bool {
        switch self {
        case .null: out.append("null")
        case .bool(let value): out.append(value ? "true" : "false")
        case .integer(let value): out.append(String(value))
        case .wholeNumber(let digits):
            let isWhole = JSON.isWholeNumber(digits)
            out.append(isWhole ? digits : "null")
            return isWhole
        // Swift writes the shortest text that it reads back as the same value: 1000.0, 1e-07.
        case .fraction(let value):
            out.append(value.isFinite ? value.description : "null")
            return value.isFinite
        case .string(let value): JSON.write(value, to: out)
        case .array(let elements): return JSON.write(elements, between: "[", and: "]", to: out) { $0.write(to: out) }
        case .object(let members):
            return JSON.write(members.sorted { $0.key < $1.key }, between: "{", and: "}", to: out) { member in
                JSON.write(member.key, to: out)
                out.append(":")
                return member.value.write(to: out)
            }
        }
        return true
    }

    private static func write<Elements: Sequence>(
        _ elements: Elements, between open: String, and close: String, to out: SecretText, each: (Elements.Element) -> Bool
    ) -> Bool {
        var isJSON = true
        var isFirst = true
        out.append(open)
        for element in elements {
            if !isFirst { out.append(",") }
            isFirst = false
            isJSON = each(element) && isJSON
        }
        out.append(close)
        return isJSON
    }

    private static func write(_ string: String, to out: SecretText) {
        out.append("\"")
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 0..<0x20:
                out.append("\\u00")
                out.append(hexDigit(byte >> 4))
                out.append(hexDigit(byte & 15))
            default: out.append(byte)
            }
        }
        out.append("\"")
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }

    private static func isWholeNumber(_ digits: String) -> Bool {
        let digits = digits.utf8.first == UInt8(ascii: "-") ? digits.utf8.dropFirst() : digits.utf8[...]
        guard let first = digits.first, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return false }
        return first != UInt8(ascii: "0") || digits.count == 1
    }
}

/// A reader of one value from the front of a text. Each function returns `nil` if the text does not
/// have its form.
private struct Reader {
    private let text: UnsafeBufferPointer<UInt8>
    private var place = 0
    private var depth = 0
    private static let deepest = 128

    init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

    mutating func document() -> JSON? {
        guard let value = value() else { return nil }
        skipSpace()
        return place == text.count ? value : nil
    }

    private mutating func value() -> JSON? {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return nested { $0.object() }
        case UInt8(ascii: "["): return nested { $0.array() }
        case UInt8(ascii: "\""): return string().map(JSON.string)
        case UInt8(ascii: "t"): return word("true", .bool(true))
        case UInt8(ascii: "f"): return word("false", .bool(false))
        case UInt8(ascii: "n"): return word("null", .null)
        default: return number()
        }
    }

    private mutating func nested(_ read: (inout Reader) -> JSON?) -> JSON? {
        guard depth < Reader.deepest else { return nil }
        depth += 1
        defer { depth -= 1 }
        place += 1
        return read(&self)
    }

    private mutating func object() -> JSON? {
        var members: [String: JSON] = [:]
        let isWhole = list(until: UInt8(ascii: "}")) { reader in
            reader.skipSpace()
            guard let name = reader.string() else { return false }
            reader.skipSpace()
            guard reader.take(UInt8(ascii: ":")), let value = reader.value() else { return false }
            members[name] = value
            return true
        }
        return isWhole ? .object(members) : nil
    }

    private mutating func array() -> JSON? {
        var elements: [JSON] = []
        let isWhole = list(until: UInt8(ascii: "]")) { reader in
            guard let value = reader.value() else { return false }
            elements.append(value)
            return true
        }
        return isWhole ? .array(elements) : nil
    }

    /// Reads the values between commas, including the end.
    private mutating func list(until end: UInt8, each: (inout Reader) -> Bool) -> Bool {
        skipSpace()
        if take(end) { return true }
        repeat {
            guard each(&self) else { return false }
            skipSpace()
        } while take(UInt8(ascii: ","))
        return take(end)
    }

    private mutating func word(_ word: StaticString, _ value: JSON) -> JSON? {
        let length = word.utf8CodeUnitCount
        let expected = UnsafeBufferPointer(start: word.utf8Start, count: length)
        guard text[place...].prefix(length).elementsEqual(expected) else { return nil }
        place += length
        return value
    }

    private mutating func number() -> JSON? {
        let start = place
        _ = take(UInt8(ascii: "-"))
        guard peek == UInt8(ascii: "0") ? take(UInt8(ascii: "0")) : digits() else { return nil }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            guard digits() else { return nil }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            guard digits() else { return nil }
        }
        let written = String(decoding: text[start..<place], as: UTF8.self)
        if isInteger { return Int64(written).map(JSON.integer) ?? .wholeNumber(written) }
        guard let value = Double(written), value.isFinite else { return nil }
        return .fraction(value)
    }

    private mutating func digits() -> Bool {
        let start = place
        while let digit = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) { place += 1 }
        return place > start
    }

    private mutating func string() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = place
        while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
        // Most strings have no escape. They need no second buffer.
        if take(UInt8(ascii: "\"")) { return String(decoding: text[start..<place - 1], as: UTF8.self) }
        let bytes = SecretText()
        bytes.append(text[start..<place])
        while let byte = peek {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return bytes.string
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                bytes.append(String(Character(scalar)))
            case 0..<0x20: return nil
            default: bytes.append(byte)
            }
        }
        return nil
    }

    /// Reads the characters after a backslash.
    private mutating func escape() -> Unicode.Scalar? {
        guard let letter = peek else { return nil }
        place += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return codePoint()
        default: return nil
        }
    }

    private mutating func codePoint() -> Unicode.Scalar? {
        guard let first = hex() else { return nil }
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let second = hex(), (0xDC00..<0xE000).contains(second) else { return nil }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }

    private mutating func hex() -> UInt32? {
        guard place + 4 <= text.count else { return nil }
        var value: UInt32 = 0
        for byte in text[place..<place + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        place += 4
        return value
    }

    private var peek: UInt8? { place < text.count ? text[place] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { place += 1 }
    }
}
