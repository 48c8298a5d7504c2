/* The functions of plugin.cpp, a shared object, for shared.cpp. */
#ifndef PLUGIN_HPP
#define PLUGIN_HPP

#define FROM_PLUGIN extern "C" __attribute__((visibility("default")))

FROM_PLUGIN void plugin_subscribe(const char *api, const char *params, void (*acknowledged)(void *ctx), void *ctx);
FROM_PLUGIN bool plugin_is_subscribed();
FROM_PLUGIN void plugin_unsubscribe();
/* Makes a call whose callback throws. */
FROM_PLUGIN void plugin_throws(const char *api);

#endif
