/* What fixture.c and peer.c need of one another; tests use fixture.h. */
#ifndef PEER_H
#define PEER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* The argument that makes a test program serve as another one's peer. */
#define PEER_ARGUMENT "--peer"

/* Serves: makes a facade from the configuration, answers requests from standard input on standard output, ends with the input. */
int peer_main(const char *config);

/* Stops those that still run. */
void peers_stop(void);

/* Makes parameters of a format of printf in which ' stands for ". */
void format_params(const char *format, va_list values, char *params, size_t size);

/* One request, waited for. The message as it came, which the caller frees; NULL where there is none. */
char *raw_request(const char *method, const char *api, const char *params, int32_t *returned);

#endif
