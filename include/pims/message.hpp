/* The texts of libpims for C++17: parameters (Params), messages (Message), exceptions (Refused,
 * Failed), and the adapter to your JSON type (json_adapter). Included by pims.hpp.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_MESSAGE_HPP
#define PIMS_MESSAGE_HPP

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 201703L
#error "pims.hpp needs C++17 or newer (-std=c++17, /std:c++17); older programs use pims.h"
#endif
#if !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && !defined(_CPPUNWIND)
#error "pims.hpp needs exceptions (compile without -fno-exceptions); programs without exceptions use pims.h"
#endif

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "../pims.h"

namespace pims {

/* A reader and a writer for your JSON type. This one serves every type with a static parse(text)
 * and a dump(), such as nlohmann::json. Specialise it for other types. */
template <class Json>
struct json_adapter {
    static Json parse(const std::string &text) { return Json::parse(text); }
    template <class Value>
    static auto dump(const Value &value) -> decltype(std::string(value.dump()))
    {
        return value.dump();
    }
};

/* The codes of failures (docs/api.md). They compare with the result of code(), and can stand behind
 * `case`. */
struct Code {
    enum Number : int {
        unknown = PIMS_CODE_UNKNOWN,
        not_initialized = PIMS_CODE_NOT_INITIALIZED,
        not_supported = PIMS_CODE_NOT_SUPPORTED,
        not_loaded = PIMS_CODE_NOT_LOADED,
        configuration_invalid = PIMS_CODE_CONFIGURATION_INVALID,
        duplicate = PIMS_CODE_DUPLICATE,
        core_not_configured = PIMS_CODE_CORE_NOT_CONFIGURED,
        already_initialized = PIMS_CODE_ALREADY_INITIALIZED,
        missing_parameter = PIMS_CODE_MISSING_PARAMETER,
        invalid_parameter = PIMS_CODE_INVALID_PARAMETER,
        timeout = PIMS_CODE_TIMEOUT,
        no_internet = PIMS_CODE_NO_INTERNET,
        invalid_return = PIMS_CODE_INVALID_RETURN,
        server_error = PIMS_CODE_SERVER_ERROR,
        pinning_failed = PIMS_CODE_PINNING_FAILED,
        need_authentication = PIMS_CODE_NEED_AUTHENTICATION,
        need_strong_authentication = PIMS_CODE_NEED_STRONG_AUTHENTICATION,
        code_invalid = PIMS_CODE_CODE_INVALID,
        code_expired = PIMS_CODE_CODE_EXPIRED,
        no_phone_number = PIMS_CODE_NO_PHONE_NUMBER,
        access_refused = PIMS_CODE_ACCESS_REFUSED,
        version_error = PIMS_CODE_VERSION_ERROR,
        account_blocked = PIMS_CODE_ACCOUNT_BLOCKED,
        wrong_state = PIMS_CODE_WRONG_STATE,
        device_unknown = PIMS_CODE_DEVICE_UNKNOWN,
        needs_other_tool = PIMS_CODE_NEEDS_OTHER_TOOL,
        no_service = PIMS_CODE_NO_SERVICE,
        pin_reused = PIMS_CODE_PIN_REUSED,
        post_synchronization = PIMS_CODE_POST_SYNCHRONIZATION,
        forbidden = PIMS_CODE_FORBIDDEN,
        not_configured = PIMS_CODE_NOT_CONFIGURED,
        deprecated = PIMS_CODE_DEPRECATED,
        phone_number_registered = PIMS_CODE_PHONE_NUMBER_REGISTERED,
    };
};

/* The next step that the caller can take (docs/guide-errors.md). */
enum class NextAction {
    retry_pin,
    request_sms_code,
    remove_enrollments,
    remove_device,
    reset_pin,
    authenticate,
    update,
    enroll,
    /* A next action of a newer library. */
    other,
};

/* Wrong PINs for the account since this device last proved the right one. They came from this
 * device or another one. */
struct WrongPins {
    std::int64_t count;
    /* The time at which this device last proved the right PIN. */
    std::chrono::system_clock::time_point since;
};

/* The reason why a call was not accepted. Its callback is not called. */
enum class Refusal : std::int32_t {
    null_callback = PIMS_ERROR_NULL_CALLBACK,
    null_api = PIMS_ERROR_NULL_API,
    not_utf8 = PIMS_ERROR_NOT_UTF8,
    too_long = PIMS_ERROR_TOO_LONG,
    queue_full = PIMS_ERROR_QUEUE_FULL,
    /* The Session was closed or moved from, or the process was forked after the Session was made.
     */
    no_facade = PIMS_ERROR_NO_FACADE,
    /* A NUL inside a text. C would cut the text there. */
    embedded_nul = 1,
    /* The loaded library has another PIMS_ABI_VERSION than the header. */
    wrong_abi = 2,
};

/* The exception of a call that was not accepted. */
class Refused : public std::runtime_error {
public:
    explicit Refused(Refusal reason) : std::runtime_error(words(reason)), reason_(reason) {}
    Refusal reason() const noexcept { return reason_; }

private:
    static const char *words(Refusal reason) noexcept
    {
        switch (reason) {
        case Refusal::null_callback: return "pims: the callback is empty";
        case Refusal::null_api: return "pims: a name is NULL";
        case Refusal::not_utf8: return "pims: a text is not UTF-8";
        case Refusal::too_long: return "pims: a text is too long";
        case Refusal::queue_full: return "pims: too many calls wait";
        case Refusal::no_facade: return "pims: the session was closed or moved from, or belongs to the process before a fork";
        case Refusal::embedded_nul: return "pims: there is a NUL in a text";
        case Refusal::wrong_abi: return "pims: compiled for another version of the library";
        }
        return "pims: the call was not accepted";
    }

    Refusal reason_;
};

namespace detail {

inline void wipe(std::string &text) noexcept
{
    volatile char *const bytes = text.data();
    for (std::size_t i = 0; i < text.size(); i++) {
        bytes[i] = '\0';
    }
}

/* A text that may hold a secret. It is never copied, and it is wiped in the destructor. */
class Text {
public:
    Text() = default;
    explicit Text(std::string_view text) : text_(text) {}
    explicit Text(const char *text) : text_(text) {}
    /* Wipes the given text at once. */
    explicit Text(std::string &&text) : text_(static_cast<const std::string &>(text)) { wipe(text); }
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;
    ~Text() { wipe(text_); }

    /* Reserves memory. Later appends must fit: a string that grows leaves a copy of its text
     * behind. */
    void reserve(std::size_t size) { text_.reserve(size); }
    void append(std::string_view text) { text_.append(text); }
    void append_quoted(std::string_view text)
    {
        text_ += '"';
        for (const char c : text) {
            if (static_cast<unsigned char>(c) < 0x20) {
                const char *const digits = "0123456789abcdef";
                text_.append("\\u00").append(1, digits[c >> 4]).append(1, digits[c & 15]);
            } else {
                text_.append(c == '"' || c == '\\' ? 1 : 0, '\\').append(1, c);
            }
        }
        text_ += '"';
    }

    const std::string &string() const noexcept { return text_; }
    const char *for_c() const
    {
        if (text_.find('\0') != std::string::npos) {
            throw Refused(Refusal::embedded_nul);
        }
        return text_.c_str();
    }

private:
    std::string text_;
};

/* The name of an api, a method or a member. A null pointer throws Refused when the name is read. */
class Name {
public:
    Name() = default;
    Name(const char *text) : text_(text != nullptr ? std::string_view(text) : std::string_view()), is_null_(text == nullptr) {}
    template <class Other,
              std::enable_if_t<
                  std::is_convertible_v<const Other &, std::string_view> && !std::is_convertible_v<const Other &, const char *>, int> = 0>
    Name(const Other &text) : text_(text)
    {
    }

    std::string_view text() const
    {
        if (is_null_) {
            throw Refused(Refusal::null_api);
        }
        return text_;
    }

private:
    std::string_view text_;
    bool is_null_ = false;
};

template <class Type>
inline constexpr bool is_character = std::is_same_v<Type, char> || std::is_same_v<Type, wchar_t> || std::is_same_v<Type, char16_t> ||
#ifdef __cpp_char8_t
                                     std::is_same_v<Type, char8_t> ||
#endif
                                     std::is_same_v<Type, char32_t>;

inline void append_utf8(std::string &text, std::uint32_t code)
{
    const auto add = [&](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (code < 0x80) {
        add(code);
    } else if (code < 0x800) {
        add(0xc0 | code >> 6);
        add(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        add(0xe0 | code >> 12);
        add(0x80 | (code >> 6 & 0x3f));
        add(0x80 | (code & 0x3f));
    } else {
        add(0xf0 | code >> 18);
        add(0x80 | (code >> 12 & 0x3f));
        add(0x80 | (code >> 6 & 0x3f));
        add(0x80 | (code & 0x3f));
    }
}

/* A reader of the library's own messages, which are compact JSON. It reads a text only as far as it
 * must. It is no parser for other texts: it finds nothing in a text of another form. */
struct Reader {
    /* Takes one value from the front of a text. Returns an empty text if there is none. */
    static std::string_view take(std::string_view &rest)
    {
        const std::string_view before = rest;
        std::size_t depth = 0;
        std::size_t end = 0;
        while (end < rest.size()) {
            const char c = rest[end];
            if (c == '"') {
                for (end++; end < rest.size() && rest[end] != '"'; end++) {
                    end += rest[end] == '\\' ? 1 : 0;
                }
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                if (depth == 0) {
                    break;
                }
                depth--;
            } else if (depth == 0 && (c == ',' || c == ':')) {
                break;
            }
            end++;
        }
        if (end > rest.size() || depth > 0) {
            rest = std::string_view();
            return rest;
        }
        rest.remove_prefix(end);
        return before.substr(0, end);
    }

    static bool skip(std::string_view &rest, char c)
    {
        const bool begins = !rest.empty() && rest.front() == c;
        rest.remove_prefix(begins ? 1 : 0);
        return begins;
    }

    /* Returns the text of a member of an object; empty if there is none. */
    static std::string_view member(std::string_view object, std::string_view name)
    {
        if (!skip(object, '{')) {
            return {};
        }
        do {
            const std::string_view found = take(object);
            if (found.size() < 2 || found.front() != '"' || !skip(object, ':')) {
                return {};
            }
            const std::string_view value = take(object);
            if (found.substr(1, found.size() - 2) == name) {
                return value;
            }
        } while (skip(object, ','));
        return {};
    }

    static std::optional<std::int64_t> number(std::string_view value)
    {
        std::int64_t number = 0;
        const auto end = std::from_chars(value.data(), value.data() + value.size(), number);
        const bool is_whole = end.ec == std::errc() && end.ptr == value.data() + value.size();
        return is_whole ? std::optional<std::int64_t>(number) : std::nullopt;
    }

    static std::optional<std::string> text(std::string_view value)
    {
        if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
            return std::nullopt;
        }
        value = value.substr(1, value.size() - 2);
        std::string text;
        text.reserve(value.size());
        while (!value.empty()) {
            if (value.front() != '\\') {
                text += value.front();
                value.remove_prefix(1);
            } else if (!unescape(value, text)) {
                return std::nullopt;
            }
        }
        return text;
    }

private:
    static bool unescape(std::string_view &value, std::string &text)
    {
        if (value.size() < 2) {
            return false;
        }
        const char kind = value[1];
        value.remove_prefix(2);
        constexpr std::string_view from = "\"\\/bfnrt";
        constexpr std::string_view to = "\"\\/\b\f\n\r\t";
        if (const auto at = from.find(kind); at != std::string_view::npos) {
            text += to[at];
            return true;
        }
        std::uint32_t code = 0;
        if (kind != 'u' || !take_hex(value, code)) {
            return false;
        }
        if (code >= 0xd800 && code < 0xdc00) {
            std::uint32_t second = 0;
            if (!skip(value, '\\') || !skip(value, 'u') || !take_hex(value, second) || second < 0xdc00 || second > 0xdfff) {
                return false;
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
        }
        append_utf8(text, code);
        return true;
    }

    static bool take_hex(std::string_view &value, std::uint32_t &code)
    {
        if (value.size() < 4) {
            return false;
        }
        const auto end = std::from_chars(value.data(), value.data() + 4, code, 16);
        value.remove_prefix(4);
        return end.ec == std::errc() && end.ptr == value.data();
    }
};

} // namespace detail

/* The value null of JSON for a member. The library treats it as a missing parameter. */
inline constexpr std::nullptr_t null = nullptr;

/* A JSON text for the library: a text of yours, a value of your JSON type, or members such as
 * {{"action", "withPIN"}, {"pinCode", pin}} or {{"storage", {{"path", "state"}}}}. */
class Params {
public:
    struct Member;

    /* The empty object, {}. */
    Params() = default;
    Params(const char *text) : text_(text != nullptr ? std::string_view(text) : std::string_view()) {}
    Params(const std::string &text) : text_(std::string_view(text)) {}
    Params(std::string_view text) : text_(text) {}
    template <class Json, std::enable_if_t<std::is_class_v<Json>, int> = 0,
              class = decltype(json_adapter<Json>::dump(std::declval<const Json &>()))>
    Params(const Json &value) : text_(json_adapter<Json>::dump(value))
    {
    }
    inline Params(std::initializer_list<Member> members);

    const std::string &text() const noexcept { return text_.string(); }
    /* Throws Refused if there is a NUL in the text. */
    const char *c_str() const { return text_.for_c(); }

private:
    detail::Text text_;
};

class list;

/* The value of a member: text, which is quoted; true or false; an integer; a path, as text; `null`
 * or a null pointer; a list; members, which become an object; or Params, which are inserted
 * unchanged. A character is no value: write "1" or 1. */
class Value {
public:
    Value(std::nullptr_t) { json_.append("null"); }
    Value(const char *text)
    {
        if (text == nullptr) {
            json_.append("null");
        } else {
            quote(text);
        }
    }
    Value(const std::string &text) { quote(text); }
    Value(std::string_view text) { quote(text); }
    template <class Integer, std::enable_if_t<std::is_integral_v<Integer> && !detail::is_character<Integer>, int> = 0>
    Value(Integer number)
    {
        if constexpr (std::is_same_v<Integer, bool>) {
            json_.append(number ? "true" : "false");
        } else {
            std::string digits = std::to_string(number);
            json_.reserve(digits.size());
            json_.append(digits);
            detail::wipe(digits);
        }
    }
    template <class Character, std::enable_if_t<detail::is_character<Character>, int> = 0, class = void>
    Value(Character) = delete;
    /* std::filesystem::path */
    template <class Path, class = decltype(std::declval<const Path &>().u8string().data()),
              class = decltype(std::declval<const Path &>().lexically_normal())>
    Value(const Path &path)
    {
        const auto text = path.u8string();
        quote(std::string_view(reinterpret_cast<const char *>(text.data()), text.size()));
    }
    inline Value(const list &values);
    /* Without this overload, {{"a", "b"}} would be a std::string between two pointers. */
    inline Value(std::initializer_list<Params::Member> members);
    Value(const Params &params) : json_(params.text().empty() ? std::string_view("{}") : std::string_view(params.text())) {}

    const std::string &json() const noexcept { return json_.string(); }

private:
    void quote(std::string_view text)
    {
        json_.reserve(2 + 6 * text.size());
        json_.append_quoted(text);
    }

    detail::Text json_;
};

/* A list of values: {"type", pims::list{"isDeviceActivated", "isAccountBlocked"}}. A container's
 * values make a list too: pims::list(names). */
class list {
public:
    list() : list(std::initializer_list<Value>()) {}
    list(std::initializer_list<Value> values) { join(values); }
    template <class Container, class = decltype(std::declval<const Container &>().begin()),
              std::enable_if_t<!std::is_convertible_v<const Container &, std::string_view> && !std::is_same_v<Container, list>, int> = 0>
    explicit list(const Container &values)
    {
        join(values);
    }

    const std::string &json() const noexcept { return json_.string(); }

private:
    static const Value &as_value(const Value &value) { return value; }
    template <class Other>
    static Value as_value(const Other &value)
    {
        return Value(value);
    }

    template <class Container>
    void join(const Container &values)
    {
        std::size_t size = 2;
        for (const auto &value : values) {
            size += 1 + as_value(value).json().size();
        }
        json_.reserve(size);
        json_.append("[");
        bool is_first = true;
        for (const auto &value : values) {
            json_.append(std::exchange(is_first, false) ? "" : ",");
            json_.append(as_value(value).json());
        }
        json_.append("]");
    }

    detail::Text json_;
};

inline Value::Value(const list &values) : json_(std::string_view(values.json())) {}

struct Params::Member {
    detail::Name name;
    Value value;
};

inline Params::Params(std::initializer_list<Member> members)
{
    std::size_t size = 2;
    for (const Member &member : members) {
        size += 4 + 6 * member.name.text().size() + member.value.json().size();
    }
    text_.reserve(size);
    text_.append("{");
    for (const Member &member : members) {
        text_.append(&member == members.begin() ? "" : ",");
        text_.append_quoted(member.name.text());
        text_.append(":");
        text_.append(member.value.json());
    }
    text_.append("}");
}

inline Value::Value(std::initializer_list<Params::Member> members) : Value(Params(members)) {}

enum class Status {
    succeeded,
    failed,
    /* An event of a subscription. */
    result,
    /* A text that is no message of this version of the library. */
    unknown,
};

/* A message of the library: one JSON object. Copies share it; the last copy wipes it. */
class Message {
public:
    explicit Message(std::string_view text) : body_(std::make_shared<const Body>(text)) {}

    /* Returns the JSON text. It lives as long as a copy of the message. */
    const std::string &text() const noexcept
    {
        // Never destroyed: a callback may read it at the very end of the process.
        static const std::string *const none = new std::string;
        return body_ ? body_->text.string() : *none;
    }
    Status status() const noexcept { return body_ ? body_->status : Status::unknown; }
    bool succeeded() const noexcept { return status() == Status::succeeded; }
    /* Returns the code of a failure (docs/api.md); else 0. */
    int code() const noexcept { return body_ ? body_->code : 0; }
    /* Returns the catalogue's text for the code of a failure; else "". */
    std::string label() const { return detail::Reader::text(error("label")).value_or(std::string()); }
    /* Returns the cause and the remedy of a failure, for developers; "" if there is none. It holds
     * no secret. */
    std::string detail() const { return detail::Reader::text(error("detail")).value_or(std::string()); }
    /* Returns the number of attempts that are left for the PIN or the code. */
    std::optional<int> attempts_left() const
    {
        const auto number = detail::Reader::number(info("attemptsLeft"));
        return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
    }
    /* Returns the wait before the same request is possible again. */
    std::optional<std::chrono::seconds> retry_after_seconds() const
    {
        const auto number = detail::Reader::number(info("retryAfterSeconds"));
        return number ? std::optional<std::chrono::seconds>(*number) : std::nullopt;
    }
    /* Returns the end of the account's block by the service's clock, if the block ends by itself.
     * To wait, use retry_after_seconds. */
    std::optional<std::chrono::system_clock::time_point> blocked_until() const
    {
        const auto number = detail::Reader::number(info("blockedUntil"));
        return number ? std::optional<std::chrono::system_clock::time_point>(std::chrono::milliseconds(*number)) : std::nullopt;
    }
    /* Returns the next step after a failure. */
    inline std::optional<NextAction> next_action() const;

    /* The code of a gateway in front of the service that refused the request. */
    std::optional<std::string> gateway() const { return detail::Reader::text(info("gateway")); }
    /* Returns wrong PINs that the program should report to the user, once (docs/api.md). A failure
     * has them, and a success with a PIN. */
    std::optional<WrongPins> wrong_pins_since() const
    {
        const std::string_view wrong = info("wrongPinsSince");
        const auto count = detail::Reader::number(detail::Reader::member(wrong, "count"));
        const auto since = detail::Reader::number(detail::Reader::member(wrong, "since"));
        if (!count || !since) {
            return std::nullopt;
        }
        return WrongPins{*count, std::chrono::system_clock::time_point(std::chrono::milliseconds(*since))};
    }
    /* Returns this message. Throws Failed if it is neither a success nor an event. */
    inline const Message &or_throw() const &;
    inline Message or_throw() &&;
    /* Returns the message as a value of your JSON type. */
    template <class Json>
    Json json() const
    {
        return json_adapter<Json>::parse(text());
    }

    /* Returns true if the message was moved from: then it has no text. */
    bool moved_from() const noexcept { return !body_; }

private:
    std::string_view error(std::string_view name) const
    {
        return status() == Status::failed ? detail::Reader::member(detail::Reader::member(text(), "error"), name) : std::string_view();
    }
    std::string_view info(std::string_view name) const
    {
        const std::string_view info = status() == Status::failed ? error("info") : detail::Reader::member(text(), "info");
        return detail::Reader::member(info, name);
    }

    /* The text with its status and code. The library promises the beginning of a message
     * (docs/c-abi.md), so these two need no parser. The whole beginning is compared. */
    struct Body {
        explicit Body(std::string_view rest) : text(rest)
        {
            if (!skip(rest, "{\"transactionId\":\"") || rest.size() < id_length) {
                return;
            }
            rest.remove_prefix(id_length);
            if (skip(rest, "\",\"status\":\"SUCCEEDED\",\"result\":")) {
                status = Status::succeeded;
            } else if (skip(rest, "\",\"status\":\"RESULT\",\"result\":")) {
                status = Status::result;
            } else if (skip(rest, "\",\"status\":\"FAILED\",\"error\":{\"code\":")) {
                const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), code);
                status = end.ec == std::errc() ? Status::failed : Status::unknown;
            }
        }

        static bool skip(std::string_view &text, std::string_view beginning)
        {
            const bool begins = text.substr(0, beginning.size()) == beginning;
            text.remove_prefix(begins ? beginning.size() : 0);
            return begins;
        }

        static constexpr std::size_t id_length = 13;
        detail::Text text;
        Status status = Status::unknown;
        int code = 0;
    };

    std::shared_ptr<const Body> body_;
};

/* Returns the next action for the word of a message. */
inline NextAction next_action_of(std::string_view word)
{
    constexpr std::string_view words[] = {"retryPin", "requestSmsCode", "removeEnrollments", "removeDevice", "resetPin", "authenticate",
                                          "update",   "enroll"};
    int number = 0;
    for (const std::string_view known : words) {
        if (word == known) {
            break;
        }
        number++;
    }
    return static_cast<NextAction>(number);
}

inline std::optional<NextAction> Message::next_action() const
{
    const auto word = detail::Reader::text(info("nextAction"));
    return word ? std::optional<NextAction>(next_action_of(*word)) : std::nullopt;
}

/* The exception of or_throw. what() gives code, label and detail, such as "pims: 2308 inwebo:
 * access refused: the PIN is wrong, …". It contains no PIN, code, key or token. */
class Failed : public std::runtime_error {
public:
    explicit Failed(Message message) : std::runtime_error(words(message)), message_(std::move(message)) {}
    int code() const noexcept { return message_.code(); }
    std::string label() const { return message_.label(); }
    std::string detail() const { return message_.detail(); }
    std::optional<int> attempts_left() const { return message_.attempts_left(); }
    std::optional<std::chrono::seconds> retry_after_seconds() const { return message_.retry_after_seconds(); }
    std::optional<std::chrono::system_clock::time_point> blocked_until() const { return message_.blocked_until(); }
    std::optional<NextAction> next_action() const { return message_.next_action(); }
    std::optional<std::string> gateway() const { return message_.gateway(); }
    std::optional<WrongPins> wrong_pins_since() const { return message_.wrong_pins_since(); }
    const Message &message() const noexcept { return message_; }

private:
    static std::string words(const Message &message)
    {
        if (message.moved_from()) {
            return "pims: the message was moved from";
        }
        if (message.status() != Status::failed) {
            return "pims: the answer is no message of this version of the library";
        }
        const std::string detail = message.detail();
        return "pims: " + std::to_string(message.code()) + " " + message.label() + (detail.empty() ? "" : ": " + detail);
    }

    Message message_;
};

/* The exception for a result that this version of the header does not know: the library is newer.
 */
class UnexpectedMessage : public std::runtime_error {
public:
    UnexpectedMessage() : std::runtime_error("pims: a result that this version of pims.hpp does not know") {}
};

inline const Message &Message::or_throw() const &
{
    if (status() != Status::succeeded && status() != Status::result) {
        throw Failed(*this);
    }
    return *this;
}

/* Serves a temporary message, such as that of a future: a reference to it would dangle. */
inline Message Message::or_throw() &&
{
    static_cast<const Message &>(*this).or_throw();
    return std::move(*this);
}

} // namespace pims

#endif /* PIMS_MESSAGE_HPP */
