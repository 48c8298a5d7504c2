/* Parameters and messages, compared with a JSON library. */
#include "support.hpp"

#include <filesystem>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

using nlohmann::json;

namespace {

/* Checks that a message, which needs no parser, agrees with a parser. */
void check_agrees(const pims::Message &message)
{
    const json read = message.json<json>();
    INFO(message.text());
    switch (message.status()) {
    case pims::Status::succeeded: CHECK(read.at("status") == "SUCCEEDED"); break;
    case pims::Status::failed: CHECK(read.at("status") == "FAILED"); break;
    case pims::Status::result: CHECK(read.at("status") == "RESULT"); break;
    case pims::Status::unknown: FAIL("the status is not known");
    }
    CHECK(message.code() == (message.status() == pims::Status::failed ? read.at("error").at("code").get<int>() : 0));
    CHECK(message.succeeded() == (read.at("status") == "SUCCEEDED"));
}

/* A JSON type with names of its own. */
struct Other {
    std::string text;
};

} // namespace

template <>
struct pims::json_adapter<Other> {
    static Other parse(const std::string &text) { return {"parsed " + text}; }
    static std::string dump(const Other &value) { return value.text; }
};

TEST_CASE("status and code of a message are those that a parser finds")
{
    const Folder folder;
    check_agrees(pims::execute("get", VERSION));
    const pims::Session session(folder.config());
    Mailbox events;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, events.callback());
    check_agrees(get(VERSION));
    check_agrees(get("\"status\":\"SUCCEEDED\""));
    check_agrees(get(OTP, {{"action", "withPIN"}}));
    check_agrees(get(OTP, {{"action", "withPIN"}, {"pinCode", PIN}}));
    check_agrees(get(OTP, "["));
    check_agrees(get(SMSCODE, {{"type", "phoneNumberCertification"}, {"phoneNumber", PHONE_NUMBER}}));
    check_agrees(set(SMSCODE, {{"action", "addPhoneNumber"}, {"smsCode", "000000x"}, {"phoneNumber", PHONE_NUMBER}}));
    check_agrees(get("pims.sdk.log"));
    check_agrees(get("pims.sdk.device"));
    check_agrees(set(ENROLLMENT, {{"action", "enroll"}, {"pinCode", PIN}, {"smsCode", ask_for_enrollment(folder)}}));
    check_agrees(get("pims.authentication.trustedphonenumber"));
    check_agrees(get(OTP, {{"action", "withPIN"}, {"pinCode", "9999"}}));
    check_agrees(events.at(0).message);
    check_agrees(events.at(1).message);
}

TEST_CASE("a text that is no message has no status")
{
    const std::string good = R"({"transactionId":"953cfefb-bc72","status":"SUCCEEDED","result":null})";
    CHECK(pims::Message(good).status() == pims::Status::succeeded);
    for (std::size_t length = 0; length < good.find("null"); length++) {
        CHECK(pims::Message(std::string_view(good).substr(0, length)).status() == pims::Status::unknown);
    }
    for (const char *text : {
             R"({"status":"SUCCEEDED","result":null})",
             R"({"transactionId":"","status":"SUCCEEDED","result":null})",
             R"({"transactionId":"953cfefb-bc72","status":"OTHER","result":"SUCCEEDED"})",
             R"({"transactionId":"953cfefb-bc72","status":"FAILED","error":{"code":}})",
             R"({"transactionId":"953cfefb-bc72","status":"FAILED","error":{"code":99999999999999999999}})",
             R"({"transactionId":"953cfefb-bc72","status":"FAILED","error":{"label":"x","code":2001}})",
         }) {
        const pims::Message message{std::string_view(text)};
        CHECK(message.status() == pims::Status::unknown);
        CHECK(message.code() == 0);
        CHECK_THROWS_AS(message.or_throw(), pims::Failed);
    }
}

TEST_CASE("a failure that is thrown has its code and its message; what() tells code, label and detail")
{
    const pims::Message failed = pims::execute("get", VERSION);
    const json read = failed.json<json>().at("error");
    try {
        failed.or_throw();
        FAIL("nothing was thrown");
    } catch (const pims::Failed &error) {
        CHECK(error.code() == 2001);
        CHECK(error.message().text() == failed.text());
        CHECK(error.label() == read.at("label").get<std::string>());
        CHECK(error.detail() == read.at("detail").get<std::string>());
        CHECK(std::string(error.what()) == "pims: 2001 " + error.label() + ": " + error.detail());
    }
    const char *const without_detail = R"({"transactionId":"953cfefb-bc72","status":"FAILED","error":{"code":2001,"label":"a \"b\""}})";
    CHECK(std::string(pims::Failed(pims::Message(std::string_view(without_detail))).what()) == "pims: 2001 a \"b\"");
}

TEST_CASE("what() of a text that is no failure says so")
{
    pims::Message message = pims::execute("get", VERSION);
    const pims::Message moved = std::move(message);
    const auto words = [](const pims::Message &of) -> std::string {
        try {
            of.or_throw();
        } catch (const pims::Failed &failed) {
            return failed.what();
        }
        return "nothing was thrown";
    };
    CHECK(words(message) == "pims: the message was moved from");
    CHECK(words(pims::Message(std::string_view("{}"))) == "pims: the answer is no message of this version of the library");
    CHECK(words(moved).find("pims: 2001 ") == 0);
}

TEST_CASE("what a failure tells as data is what a parser finds")
{
    const Folder folder;
    const pims::Session session(folder.config());
    enroll(folder);
    const pims::Message wrong = get(OTP, {{"action", "withPIN"}, {"pinCode", "9999"}});
    const json info = wrong.json<json>().at("error").at("info");
    CHECK(wrong.code() == pims::Code::access_refused);
    CHECK(wrong.attempts_left() == info.at("attemptsLeft").get<int>());
    CHECK(wrong.next_action() == pims::NextAction::retry_pin);
    CHECK_FALSE(wrong.retry_after_seconds());
    CHECK(wrong.detail() == wrong.json<json>().at("error").at("detail").get<std::string>());
    const pims::Message right = get(OTP, {{"action", "withPIN"}, {"pinCode", PIN}});
    const json noted = right.json<json>().at("info").at("wrongPinsSince");
    REQUIRE(right.wrong_pins_since());
    CHECK(right.wrong_pins_since()->count == noted.at("count").get<std::int64_t>());
    CHECK(right.wrong_pins_since()->since.time_since_epoch() == std::chrono::milliseconds(noted.at("since").get<std::int64_t>()));
    const pims::Message again = get(OTP, {{"action", "withPIN"}, {"pinCode", PIN}});
    CHECK_FALSE(again.wrong_pins_since());
    CHECK_FALSE(again.next_action());
    CHECK(again.detail().empty());
    CHECK(again.label().empty());
}

TEST_CASE("members of a message are read whatever stands around them, and nothing of a text that is cut")
{
    const json error{{"code", 2204},
                     {"label", "Server \"Error\"\\ \u00e9\u20ac\U0001f600\n\x01"},
                     {"detail", "a \"detail\":\"not this\" {[}]"},
                     {"info",
                      {{"a", {1, {{"attemptsLeft", 9}}}},
                       {"attemptsLeft", 3},
                       {"retryAfterSeconds", 86400},
                       {"blockedUntil", 1700000000123},
                       {"gateway", "invalid_grant"},
                       {"nextAction", "danceNow"}}}};
    for (const bool ascii : {false, true}) {
        // The members have this order in the library's messages.
        std::string body = "{\"code\":2204";
        for (const char *name : {"label", "detail", "info"}) {
            body += ",\"" + std::string(name) + "\":" + error.at(name).dump(-1, ' ', ascii);
        }
        const std::string text = R"({"transactionId":"953cfefb-bc72","status":"FAILED","error":)" + body + "}}";
        const pims::Message message{std::string_view(text)};
        CHECK(message.label() == error.at("label").get<std::string>());
        CHECK(message.detail() == error.at("detail").get<std::string>());
        CHECK(message.attempts_left() == 3);
        CHECK(message.retry_after_seconds() == std::chrono::seconds(86400));
        CHECK(message.blocked_until() == std::chrono::system_clock::time_point(std::chrono::milliseconds(1700000000123)));
        CHECK(message.next_action() == pims::NextAction::other);
        CHECK(message.gateway() == "invalid_grant");
        // If only the last brace is missing, the error is complete.
        for (std::size_t length = 0; length < text.size() - 1; length++) {
            const std::string cut = text.substr(0, length);
            const pims::Message part{std::string_view(cut)};
            static_cast<void>(part.label() + part.detail());
            CHECK_FALSE(part.attempts_left());
            CHECK_FALSE(part.next_action());
        }
    }
}

TEST_CASE("each next action has its name, and one of a newer library is another")
{
    using pims::NextAction;
    CHECK(pims::next_action_of("retryPin") == NextAction::retry_pin);
    CHECK(pims::next_action_of("requestSmsCode") == NextAction::request_sms_code);
    CHECK(pims::next_action_of("removeEnrollments") == NextAction::remove_enrollments);
    CHECK(pims::next_action_of("removeDevice") == NextAction::remove_device);
    CHECK(pims::next_action_of("resetPin") == NextAction::reset_pin);
    CHECK(pims::next_action_of("authenticate") == NextAction::authenticate);
    CHECK(pims::next_action_of("update") == NextAction::update);
    CHECK(pims::next_action_of("enroll") == NextAction::enroll);
    CHECK(pims::next_action_of("") == NextAction::other);
}

TEST_CASE("what or_throw gives back of a message that nobody holds can be kept")
{
    const Folder folder;
    const pims::Session session(folder.config());
    const pims::Message &kept = pims::get(VERSION).get().or_throw();
    CHECK(kept.succeeded());
    CHECK(kept.json<json>().at("result").contains("versionCore"));
}

TEST_CASE("a message shares its text with its copies, and has none once it was moved from")
{
    pims::Message message = pims::execute("get", VERSION);
    const pims::Message copy = message;
    CHECK(&copy.text() == &message.text());
    const pims::Message moved = std::move(message);
    CHECK(&copy.text() == &moved.text());
    CHECK(message.text().empty());
    CHECK(message.status() == pims::Status::unknown);
    CHECK(message.code() == 0);
}

TEST_CASE("a text is wiped at its end, and so is one that was handed over")
{
    const std::string secret = "otp 47nckoxb";
    alignas(pims::detail::Text) unsigned char place[sizeof(pims::detail::Text)] = {};
    const auto is_there = [&] {
        const auto *begin = reinterpret_cast<const char *>(place);
        return std::string_view(begin, sizeof place).find(secret) != std::string_view::npos;
    };
    auto *text = new (place) pims::detail::Text(std::string_view(secret));
    REQUIRE(is_there()); // A short string is stored inside the object.
    text->~Text();
    CHECK_FALSE(is_there());

    std::string given = secret;
    const pims::detail::Text taken(std::move(given));
    CHECK(taken.string() == secret);
    CHECK(given == std::string(secret.size(), '\0'));
}

TEST_CASE("members become one JSON object, whatever their texts are")
{
    std::string every;
    for (int c = 0; c < 128; c++) {
        every += static_cast<char>(c);
    }
    every += "\u00e9\u20ac\U0001f600";
    const std::string_view view = every;
    const pims::Params params{{"text", every},
                              {view, "name"},
                              {"yes", true},
                              {"no", false},
                              {"number", -42},
                              {"big", std::uint64_t{18446744073709551615u}},
                              {"object", pims::Params{{"inner", view}}},
                              {"none", pims::Params{}},
                              {"paths", std::filesystem::path("a") / "b"},
                              {"nothing", nullptr},
                              {"no text", static_cast<const char *>(nullptr)},
                              {"null", pims::null},
                              {"small", std::int8_t{-5}},
                              {"list", pims::Params("[1,2]")}};
    const json expected{{"text", every},
                        {every, "name"},
                        {"yes", true},
                        {"no", false},
                        {"number", -42},
                        {"big", 18446744073709551615u},
                        {"object", {{"inner", every}}},
                        {"none", json::object()},
                        {"paths", "a/b"},
                        {"nothing", nullptr},
                        {"no text", nullptr},
                        {"null", nullptr},
                        {"small", -5},
                        {"list", {1, 2}}};
    CHECK(json::parse(params.text()) == expected);
    CHECK(pims::Params{{"a", "b"}}.text() == R"({"a":"b"})");
    CHECK(pims::Params{{"a", {{"b", "c"}}}}.text() == R"({"a":{"b":"c"}})");
    CHECK(pims::Params{{"a", {{"b", 1}}}, {"c", {}}}.text() == R"({"a":{"b":1},"c":{}})");
    CHECK(pims::Params{{"a", {{"b", {{"c", true}}}, {"d", "e"}}}}.text() == R"({"a":{"b":{"c":true},"d":"e"}})");
    CHECK(pims::Params(std::initializer_list<pims::Params::Member>{}).text() == "{}");
}

TEST_CASE("a list is a value, of values or of a container")
{
    CHECK(pims::Params{{"type", pims::list{"a", "b\""}}}.text() == R"({"type":["a","b\""]})");
    CHECK(pims::list{"a"}.json() == R"(["a"])");
    CHECK(pims::list().json() == "[]");
    CHECK(pims::list{1, true, nullptr, pims::Params{{"a", 1}}, {{"b", "c"}}}.json() == R"([1,true,null,{"a":1},{"b":"c"}])");
    CHECK(pims::Params{{"a", pims::list{pims::list{1, 2}, pims::list{}}}}.text() == R"({"a":[[1,2],[]]})");
    CHECK(pims::list(std::vector<std::string>{"x", "y"}).json() == R"(["x","y"])");
    CHECK(pims::list(std::vector<int>{}).json() == "[]");
}

TEST_CASE("a character is no value")
{
    static_assert(!std::is_constructible_v<pims::Value, char>);
    static_assert(!std::is_constructible_v<pims::Value, wchar_t>);
    static_assert(!std::is_constructible_v<pims::Value, char16_t>);
    static_assert(!std::is_constructible_v<pims::Value, char32_t>);
    static_assert(!std::is_constructible_v<pims::Value, const wchar_t *>);
    static_assert(!std::is_constructible_v<pims::Value, const void *>);
    static_assert(!std::is_constructible_v<pims::Value, double>);
    static_assert(std::is_constructible_v<pims::Value, std::nullptr_t>);
    static_assert(std::is_constructible_v<pims::Value, unsigned char>);
}

TEST_CASE("a null pointer is no name")
{
    const char *none = nullptr;
    const auto refusal = [](const auto &call) {
        try {
            call();
        } catch (const pims::Refused &refused) {
            return refused.reason();
        }
        return pims::Refusal::wrong_abi;
    };
    CHECK(refusal([&] { static_cast<void>(pims::get(none)); }) == pims::Refusal::null_api);
    CHECK(refusal([&] { pims::set(none, {}, [](const pims::Message &) {}); }) == pims::Refusal::null_api);
    CHECK(refusal([&] { static_cast<void>(pims::subscribe(none, {}, [](const pims::Message &) {})); }) == pims::Refusal::null_api);
    CHECK(refusal([&] { pims::execute(none); }) == pims::Refusal::null_api);
    CHECK(refusal([&] { pims::execute("get", none); }) == pims::Refusal::null_api);
    CHECK(refusal([&] { pims::Params{{none, 1}}; }) == pims::Refusal::null_api);
}

TEST_CASE("a null pointer is a missing parameter")
{
    const Folder folder;
    const pims::Session session(folder.config());
    const char *none = nullptr;
    CHECK(get(OTP, {{"action", "withPIN"}, {"pinCode", none}}).code() == pims::Code::missing_parameter);
    CHECK(set(ENROLLMENT, {{"action", "enroll"}, {"pinCode", PIN}, {"smsCode", nullptr}}).code() == pims::Code::missing_parameter);
}

TEST_CASE("texts are taken as they are; none is {}")
{
    const char *none = nullptr;
    const std::string string = R"({"a":1})";
    CHECK(pims::Params().text().empty());
    CHECK(pims::Params(none).text().empty());
    CHECK(pims::Params(string).text() == string);
    CHECK(pims::Params(string.c_str()).text() == string);
    CHECK(pims::Params(std::string_view(string)).text() == string);
    CHECK(std::string(pims::Params(string).c_str()) == string);
}

TEST_CASE("a JSON library's values go in and come out")
{
    const Folder folder;
    const pims::Session session(json{{"storage", {{"path", folder.path().string()}}}});
    const json params{{"type", "phoneNumberCertification"}, {"phoneNumber", PHONE_NUMBER}};
    CHECK(wait_for(pims::get(SMSCODE, params)).json<json>().at("result") == json::object());
    const json failed = wait_for(pims::get(SMSCODE, json::object())).json<json>();
    CHECK(failed.at("error").at("label") == "Missing type parameter");
}

TEST_CASE("a JSON type with other names needs an adapter, and no more")
{
    CHECK(pims::Params(Other{"{}"}).text() == "{}");
    CHECK(pims::Message(std::string_view("x")).json<Other>().text == "parsed x");
}

TEST_CASE("an enrollment, a one-time password and its verification")
{
    const Folder folder;
    const pims::Session session(folder.config());
    enroll(folder);
    const json made = get(OTP, {{"action", "withPIN"}, {"pinCode", PIN}}).or_throw().json<json>();
    const std::string otp = made.at("result").at("otp");
    for (const bool expected : {true, false}) {
        const json verified = set("pims.authority.otp", {{"action", "verify"}, {"otp", otp}}).or_throw().json<json>();
        CHECK(verified.at("result").at("verified") == expected);
    }
    CHECK(get(OTP, {{"action", "withPIN"}, {"pinCode", "9999"}}).code() == 2308);
    remove_enrollment();
}
