/* A shared object for shared.cpp. It uses pims.hpp and exports none of the header's symbols. */
#include "plugin.hpp"

#include "pims.hpp"

namespace {

pims::Subscription subscription;

} // namespace

void plugin_subscribe(const char *api, const char *params, void (*acknowledged)(void *ctx), void *ctx)
{
    subscription = pims::subscribe(api, params, [acknowledged, ctx](const pims::Message &) { acknowledged(ctx); });
}

bool plugin_is_subscribed()
{
    return subscription.active();
}

void plugin_unsubscribe()
{
    subscription.end();
}

void plugin_throws(const char *api)
{
    pims::get(api, {}, [](const pims::Message &) { throw 7; });
}
