/* The texts of libpims for C++17: what goes in (Params), what comes out (Message), what is thrown (Refused, Failed), and how both meet a
 * JSON type of yours (json_adapter). Included by pims.hpp. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_MESSAGE_HPP
#define PIMS_MESSAGE_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "../pims.h"

namespace pims {

/* How your JSON type is read and written. This serves every type with a static parse(text) and a dump(), such as nlohmann::json. Specialise
 * it for others. */
template <class Json>
struct json_adapter {
    static Json parse(const std::string &text) { return Json::parse(text); }
    template <class Value>
    static auto dump(const Value &value) -> decltype(std::string(value.dump()))
    {
        return value.dump();
    }
};

/* Why a call was not accepted. Its callback is not called. */
enum class Refusal : std::int32_t {
    null_callback = PIMS_ERROR_NULL_CALLBACK,
    null_api = PIMS_ERROR_NULL_API,
    not_utf8 = PIMS_ERROR_NOT_UTF8,
    too_long = PIMS_ERROR_TOO_LONG,
    queue_full = PIMS_ERROR_QUEUE_FULL,
    /* A NUL inside a text, which C would cut there. */
    embedded_nul = 1,
    /* The loaded library has another PIMS_ABI_VERSION than the header. */
    wrong_abi = 2,
};

/* Thrown by a call that was not accepted. */
class Refused : public std::runtime_error {
public:
    explicit Refused(Refusal reason) : std::runtime_error(words(reason)), reason_(reason) {}
    Refusal reason() const noexcept { return reason_; }

private:
    static const char *words(Refusal reason) noexcept
    {
        switch (reason) {
        case Refusal::null_callback: return "pims: the callback is empty";
        case Refusal::null_api: return "pims: the api is NULL";
        case Refusal::not_utf8: return "pims: a text is not UTF-8";
        case Refusal::too_long: return "pims: a text is too long";
        case Refusal::queue_full: return "pims: too many calls wait";
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

/* Text that may hold a secret: it is never copied, and wiped at its end. */
class Text {
public:
    Text() = default;
    explicit Text(std::string_view text) : text_(text) {}
    explicit Text(const char *text) : text_(text) {}
    /* What is handed over is wiped at once. */
    explicit Text(std::string &&text) : text_(static_cast<const std::string &>(text)) { wipe(text); }
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;
    ~Text() { wipe(text_); }

    /* What is appended later must fit: a string that grows leaves its text behind. */
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

} // namespace detail

/* A JSON text for the library: a text of yours, a value of your JSON type, or members: {{"action", "withPIN"}, {"pinCode", pin}}, or
 * {{"storage", {{"path", "state"}}}}. */
class Params {
public:
    struct Member;

    /* {} */
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
    /* Throws Refused where there is a NUL in the text. */
    const char *c_str() const { return text_.for_c(); }

private:
    detail::Text text_;
};

/* The value of a member: text, which is quoted; true or false; an integer; members, which become an object; or Params, which are taken as
 * they are. */
class Value {
public:
    Value(const char *text) : Value(text != nullptr ? std::string_view(text) : std::string_view()) {}
    Value(const std::string &text) : Value(std::string_view(text)) {}
    Value(std::string_view text)
    {
        json_.reserve(2 + 6 * text.size());
        json_.append_quoted(text);
    }
    template <class Integer, std::enable_if_t<std::is_integral_v<Integer>, int> = 0>
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
    /* Without it, {{"a", "b"}} were a std::string between two pointers. */
    inline Value(std::initializer_list<Params::Member> members);
    Value(const Params &params) : json_(params.text().empty() ? std::string_view("{}") : std::string_view(params.text())) {}

    const std::string &json() const noexcept { return json_.string(); }

private:
    detail::Text json_;
};

struct Params::Member {
    std::string_view name;
    Value value;
};

inline Params::Params(std::initializer_list<Member> members)
{
    std::size_t size = 2;
    for (const Member &member : members) {
        size += 4 + 6 * member.name.size() + member.value.json().size();
    }
    text_.reserve(size);
    text_.append("{");
    for (const Member &member : members) {
        text_.append(&member == members.begin() ? "" : ",");
        text_.append_quoted(member.name);
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
    /* A text that is no message of this version's library. */
    unknown,
};

/* What the library answers: one JSON object. Copies share it; the last one wipes it. */
class Message {
public:
    explicit Message(std::string_view text) : body_(std::make_shared<const Body>(text)) {}

    /* The JSON text, as long as a copy of the message lives. */
    const std::string &text() const noexcept
    {
        static const std::string none;
        return body_ ? body_->text.string() : none;
    }
    Status status() const noexcept { return body_ ? body_->status : Status::unknown; }
    bool succeeded() const noexcept { return status() == Status::succeeded; }
    /* Of a failure, its code (docs/api.md); else 0. */
    int code() const noexcept { return body_ ? body_->code : 0; }
    /* This message; throws Failed, where it is neither a success nor an event. */
    inline const Message &or_throw() const &;
    inline Message or_throw() &&;
    /* The message as a value of your JSON type. */
    template <class Json>
    Json json() const
    {
        return json_adapter<Json>::parse(text());
    }

private:
    /* The library promises how a message begins (docs/c-abi.md), so status and code need no parser. All of the beginning is compared. */
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

/* Thrown by or_throw. what() tells the code alone; the message has the rest. */
class Failed : public std::runtime_error {
public:
    explicit Failed(Message message)
        : std::runtime_error("pims: the call failed with " + std::to_string(message.code())), message_(std::move(message))
    {
    }
    int code() const noexcept { return message_.code(); }
    const Message &message() const noexcept { return message_; }

private:
    Message message_;
};

inline const Message &Message::or_throw() const &
{
    if (status() != Status::succeeded && status() != Status::result) {
        throw Failed(*this);
    }
    return *this;
}

/* Of a message that nobody else holds, such as that of a future: a reference to it would dangle. */
inline Message Message::or_throw() &&
{
    static_cast<const Message &>(*this).or_throw();
    return std::move(*this);
}

} // namespace pims

#endif /* PIMS_MESSAGE_HPP */
