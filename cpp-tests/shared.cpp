/* Tests of pims.hpp in two parts of a process, both compiled with hidden symbols: this program, and
 * the shared object of plugin.cpp. */
#include "support.hpp"

#include "plugin.hpp"

TEST_CASE("a subscription of a shared object ends with the program's session, and dropping it later does not end that of the next")
{
    const Folder folder;
    {
        const pims::Session session(folder.config());
        std::promise<void> acknowledged;
        plugin_subscribe(ACCOUNT, ACTIVATED, [](void *ctx) { static_cast<std::promise<void> *>(ctx)->set_value(); }, &acknowledged);
        wait_for(acknowledged.get_future());
        get(VERSION);
        CHECK(plugin_is_subscribed());
    }
    CHECK_FALSE(plugin_is_subscribed());
    const pims::Session session(folder.config());
    Mailbox mailbox;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    CHECK(mailbox.at(0).message.succeeded());
    plugin_unsubscribe();
    get(VERSION);
    enroll(folder);
    CHECK(mailbox.at(1).message.status() == pims::Status::result);
}

TEST_CASE("what a callback of a shared object throws goes to the program's handler")
{
    int told = 0;
    const Handler handler([&](const std::exception_ptr &) { told++; });
    plugin_throws(VERSION);
    CHECK(told == 1);
}
