/* The typed operations. */
#include "support.hpp"

#include <string>

namespace {

template <class T>
int code_of(std::future<T> future)
{
    try {
        static_cast<void>(wait_for(std::move(future)));
    } catch (const pims::Failed &failed) {
        return failed.code();
    }
    return 0;
}

template <>
int code_of(std::future<void> future)
{
    try {
        wait_for(std::move(future));
    } catch (const pims::Failed &failed) {
        return failed.code();
    }
    return 0;
}

} // namespace

TEST_CASE("a device is enrolled step by step by typed operations, and lives")
{
    const Folder folder;
    const pims::Session session(folder.config());
    const pims::StrongAuthentication device;
    CHECK(code_of(device.set_access_token("token")) == 0);
    CHECK_FALSE(wait_for(device.is_activated()));
    CHECK(code_of(device.trusted_phone_number()) == pims::Code::no_phone_number);
    wait_for(device.request_phone_number_code("+33 6 87 65 43 21"));
    wait_for(device.add_phone_number(folder.sms_code(), "+33 6 87 65 43 21"));
    wait_for(device.request_phone_number_code(PHONE_NUMBER));
    wait_for(device.modify_phone_number(folder.sms_code(), PHONE_NUMBER));
    CHECK(wait_for(device.trusted_phone_number()) == PHONE_NUMBER);

    wait_for(device.request_enrollment_code());
    CHECK(wait_for(device.accept_enrollment_code(folder.sms_code())) == pims::EnrollmentStatus::not_enrolled);
    wait_for(device.enroll(PIN));
    CHECK(wait_for(device.is_activated()));
    wait_for(device.change_pin(PIN, "4321"));
    CHECK(code_of(device.change_pin("4321", "4321")) == pims::Code::pin_reused);
    const std::string otp = wait_for(device.otp("4321"));
    const pims::Message verified = set("pims.authority.otp", {{"action", "verify"}, {"otp", otp}});
    CHECK(verified.text().find("\"verified\":true") != std::string::npos);
    CHECK(code_of(device.otp_without_pin()) == pims::Code::access_refused);
    wait_for(device.remove_enrollments());
    CHECK(code_of(device.otp("4321")) == pims::Code::forbidden);
}

TEST_CASE("a blocked account gets a new PIN by SMS, with typed operations")
{
    const Folder folder;
    const pims::Session session(folder.config());
    std::vector<std::int64_t> told;
    const pims::StrongAuthentication device([&](const pims::WrongPins &wrong) { told.push_back(wrong.count); });
    wait_for(device.request_phone_number_code(PHONE_NUMBER));
    wait_for(device.enroll_with_phone_number(PIN, folder.sms_code(), PHONE_NUMBER));
    try {
        wait_for(device.otp("9999"));
        FAIL("it succeeds");
    } catch (const pims::Failed &failed) {
        CHECK(failed.code() == pims::Code::access_refused);
        CHECK(failed.attempts_left() == 4);
        CHECK(failed.next_action() == pims::NextAction::retry_pin);
        CHECK(std::string(failed.what()).find("9999") == std::string::npos);
    }
    CHECK(wait_for(device.otp(PIN)).size() <= 8);
    CHECK(told == std::vector<std::int64_t>{1});
    for (int i = 0; i < 4; i++) {
        CHECK(code_of(device.otp("9999")) == pims::Code::access_refused);
    }
    CHECK(code_of(device.otp("9999")) == pims::Code::account_blocked);
    CHECK(wait_for(device.account_state()) == pims::AccountState::pin_blocked);
    wait_for(device.request_reset_code());
    wait_for(device.reset_pin("4321", folder.sms_code()));
    CHECK(wait_for(device.account_state()) == pims::AccountState::not_blocked);
    CHECK(wait_for(device.otp("4321")).size() <= 8);
}

TEST_CASE("the devices of the account are values, and one of them is renamed and removed")
{
    const Folder folder;
    pims::Params config(R"({"storage":{"keystore":"hardware","path":")" + folder.path().string() + R"("}})");
    const pims::Session session(config);
    const pims::StrongAuthentication device;
    CHECK(wait_for(device.devices()).empty());
    wait_for(device.request_phone_number_code(PHONE_NUMBER));
    wait_for(device.enroll_with_phone_number(PIN, folder.sms_code(), PHONE_NUMBER));
    const auto devices = wait_for(device.devices());
    REQUIRE(devices.size() == 1);
    const pims::AccountDevice &own = devices.front();
    CHECK(own.device_id.size() >= 8);
    CHECK(own.this_device);
    CHECK(own.keystore == pims::Keystore::hardware);
    CHECK(own.since <= std::chrono::system_clock::now());
    CHECK(own.last_used >= own.since);
    CHECK(code_of(device.rename_device(own.device_id, "Car")) == pims::Code::missing_parameter);
    wait_for(device.rename_device(own.device_id, "Zo\xc3\xab \"the car\"", PIN));
    CHECK(wait_for(device.devices()).front().name == "Zo\xc3\xab \"the car\"");
    wait_for(device.remove_device(own.device_id, PIN));
    CHECK_FALSE(wait_for(device.is_activated()));
    CHECK(code_of(device.remove_device(own.device_id)) == pims::Code::invalid_parameter);
}

TEST_CASE("a typed operation inside a callback is ready")
{
    const Folder folder;
    const pims::Session session(folder.config());
    const pims::StrongAuthentication device;
    std::promise<bool> told;
    pims::get(VERSION, {}, [&](const pims::Message &) { told.set_value(device.is_activated().get()); });
    CHECK_FALSE(wait_for(told.get_future()));
}

TEST_CASE("without a session a typed operation fails with 2001")
{
    CHECK(code_of(pims::StrongAuthentication().otp(PIN)) == pims::Code::not_initialized);
    CHECK(code_of(pims::StrongAuthentication().remove_enrollments()) == pims::Code::not_initialized);
}

TEST_CASE("changes of the account are told with types, and a watch is replaced by assignment")
{
    const Folder folder;
    const pims::Session session(folder.config());
    const pims::StrongAuthentication device;
    std::promise<pims::AccountChange> activated, removed;
    std::promise<int> failure;
    pims::Subscription watch;
    watch = device.watch([&](const pims::AccountChange &change) { activated.set_value(change); });
    {
        const auto second =
            device.watch([](const pims::AccountChange &) {}, [&](const pims::Failed &failed) { failure.set_value(failed.code()); });
        CHECK(wait_for(failure.get_future()) == pims::Code::duplicate);
    }
    enroll(folder);
    const pims::AccountChange first = wait_for(activated.get_future());
    CHECK(first.is_activated == true);
    watch = device.watch([&](const pims::AccountChange &change) {
        if (change.is_activated) {
            removed.set_value(change);
        }
    });
    wait_for(device.remove_enrollments());
    CHECK(wait_for(removed.get_future()).is_activated == false);
}

TEST_CASE("a result that the header does not know is an UnexpectedMessage")
{
    const pims::Message message{std::string_view(R"({"transactionId":"953cfefb-bc72","status":"SUCCEEDED","result":{"status":"Other"}})")};
    CHECK_THROWS_AS(static_cast<void>(pims::detail::flag_of(message, "status")), pims::UnexpectedMessage);
    CHECK_THROWS_AS(static_cast<void>(pims::detail::text_of(message, "otp")), pims::UnexpectedMessage);
    CHECK_THROWS_AS(static_cast<void>(pims::detail::enrollment_status_of("Other")), pims::UnexpectedMessage);
    CHECK_THROWS_AS(static_cast<void>(pims::detail::account_state_of("Other")), pims::UnexpectedMessage);
}
