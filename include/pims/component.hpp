/* The base of the typed operations: a request, and the reader of its result. Included by
 * operations.hpp.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_COMPONENT_HPP
#define PIMS_COMPONENT_HPP

#ifndef PIMS_STRONG_AUTHENTICATION_HPP
#error "include pims.hpp: this header is a part of it"
#endif

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../pims.hpp"

namespace pims {

namespace detail {

/* Does the same as ask, for one type of result. An exception of the reader is in the future. */
template <class Result, class Read>
std::future<Result> ask_for(pims_facade facade, const Method &method, Name api, const Params &params, Read read)
{
    const auto promise = std::make_shared<std::promise<Result>>();
    auto future = promise->get_future();
    const auto settle = [promise, read = std::move(read)](const Message &message) {
        try {
            if constexpr (std::is_void_v<Result>) {
                read(message);
                promise->set_value();
            } else {
                promise->set_value(read(message));
            }
        } catch (...) {
            promise->set_exception(std::current_exception());
        }
    };
    if (is_library_thread || callbacks_running > 0) {
        settle(execute_on(facade, method.name, api, params));
    } else {
        call(facade, method, api, params, settle);
    }
    return future;
}

/* Returns a member of a message's result, as text. Throws UnexpectedMessage if it is no text. */
inline std::string text_of(const Message &message, std::string_view name)
{
    auto text = Reader::text(Reader::member(Reader::member(message.text(), "result"), name));
    return text ? *std::move(text) : throw UnexpectedMessage();
}

inline std::optional<std::string> text_or_null_of(const Message &message, std::string_view name)
{
    const std::string_view value = Reader::member(Reader::member(message.text(), "result"), name);
    return value == "null" ? std::nullopt : std::optional<std::string>(text_of(message, name));
}

inline bool flag_of(const Message &message, std::string_view name)
{
    const std::string_view value = Reader::member(Reader::member(message.text(), "result"), name);
    return value == "true" || (value == "false" ? false : throw UnexpectedMessage());
}

/* The readers of the members of a record. They throw UnexpectedMessage for a value of another type.
 */
inline std::string as_text(std::string_view value)
{
    auto text = Reader::text(value);
    return text ? *std::move(text) : throw UnexpectedMessage();
}

inline bool as_flag(std::string_view value)
{
    return value == "true" || (value == "false" ? false : throw UnexpectedMessage());
}

inline std::chrono::system_clock::time_point as_time(std::string_view value)
{
    const auto number = Reader::number(value);
    return number ? std::chrono::system_clock::time_point(std::chrono::milliseconds(*number)) : throw UnexpectedMessage();
}

inline std::chrono::seconds as_seconds(std::string_view value)
{
    const auto number = Reader::number(value);
    return number ? std::chrono::seconds(*number) : throw UnexpectedMessage();
}

template <auto parse>
auto as_word(std::string_view value)
{
    return parse(as_text(value));
}

/* Returns the values of a list. Throws UnexpectedMessage if it is none. */
template <class Parse>
auto as_list(std::string_view list, Parse parse)
{
    std::vector<decltype(parse(list))> values;
    if (!Reader::skip(list, '[')) {
        throw UnexpectedMessage();
    }
    if (Reader::skip(list, ']')) {
        return values;
    }
    do {
        values.push_back(parse(Reader::take(list)));
    } while (Reader::skip(list, ','));
    return Reader::skip(list, ']') ? values : throw UnexpectedMessage();
}

template <class Read>
auto unless_null(std::string_view value, Read read) -> std::optional<decltype(read(value))>
{
    if (value == "null") {
        return std::nullopt;
    }
    return read(value);
}

/* The component on a facade: its requests, and the readers of their results. */
class Component {
private:
    /* Returns the reader with a check of wrong PINs and failures before it. The failure `done`
     * counts as a success. */
    template <class Read>
    auto checked(Read read, int done = 0) const
    {
        return [read = std::move(read), done, on_wrong_pins = on_wrong_pins_](const Message &message) {
            if (const auto wrong = message.wrong_pins_since(); wrong && on_wrong_pins) {
                guarded([&] { on_wrong_pins(*wrong); });
            }
            if (done == 0 || message.code() != done) {
                message.or_throw();
            }
            return read(message);
        };
    }

public:
    /* The receiver of wrong PINs (docs/api.md). It runs on the library's thread, before the future
     * of the operation is ready. */
    using OnWrongPins = std::function<void(const WrongPins &)>;

protected:
    Component(pims_facade facade, OnWrongPins on_wrong_pins) : facade_(facade), on_wrong_pins_(std::move(on_wrong_pins)) {}

    pims_facade facade() const noexcept { return facade_; }

    template <class Result, class Read>
    std::future<Result> get(const char *api, const Params &params, Read read) const
    {
        return ask_for<Result>(facade_, get_method, api, params, checked(std::move(read)));
    }

    template <class Result, class Read>
    std::future<Result> set(const char *api, const Params &params, Read read) const
    {
        return ask_for<Result>(facade_, set_method, api, params, checked(std::move(read)));
    }

    /* Makes a change of the account. The failure 2316 means that the change is done. Only a
     * synchronization is left, which the next operation makes. */
    std::future<void> change(const char *api, const Params &params) const
    {
        return ask_for<void>(facade_, set_method, api, params, checked(nothing, Code::post_synchronization));
    }

    static void nothing(const Message &) {}

    /* Returns the reader of a member that is text. */
    static auto text(const char *name)
    {
        return [name](const Message &message) { return text_of(message, name); };
    }

    /* Returns the reader of a member that is text or null. */
    static auto text_or_null(const char *name)
    {
        return [name](const Message &message) { return text_or_null_of(message, name); };
    }

    /* Returns the reader of a member that is true or false. */
    static auto flag(const char *name)
    {
        return [name](const Message &message) { return flag_of(message, name); };
    }

    /* Returns the reader of a member that is one of some words. */
    template <class Parse>
    static auto word(const char *name, Parse parse)
    {
        return [name, parse](const Message &message) { return parse(text_of(message, name)); };
    }

    /* Returns the reader of a member that is a list of records. */
    template <class Parse>
    static auto records(const char *name, Parse parse)
    {
        return [name, parse](const Message &message) {
            return as_list(Reader::member(Reader::member(message.text(), "result"), name), parse);
        };
    }

    /* Returns the reader of a result that is one record. */
    template <class Parse>
    static auto whole(Parse parse)
    {
        return [parse](const Message &message) { return parse(Reader::member(message.text(), "result")); };
    }

private:
    pims_facade facade_;
    OnWrongPins on_wrong_pins_;
};

} // namespace detail

} // namespace pims

#endif /* PIMS_COMPONENT_HPP */
