/*
 * A service on a loopback port, in a thread of the test: it answers every step of the exchange as a service that agrees with everything,
 * until a test has it say or do something else. What it hands out is the same each time, so it needs no key.
 */
#ifndef SERVICE_H
#define SERVICE_H

/* What a request is known by: the action and mode of the exchange, or the method and resource of CVS. */
#define STEP(action, mode) "?action=Action" action "&mode=" mode "&"
#define CVS(method, resource) method " /applications/cvs/v4/mobile/" resource

/* What may happen to a request besides an answer. */
typedef enum Fault {
    /* It is read and never answered. */
    SILENCE,
    /* The connection is closed without an answer. */
    CUT,
} Fault;

/* Starts the service. The end of the test stops it. */
void service_start(void);
/* Stops the service: nobody listens at its address. */
void service_stop(void);
/* "http://127.0.0.1:PORT" */
const char *service_url(void);

/* From now on, requests that hold this text get this answer: the children of the element, or, for CVS, a JSON object with ' for ".
 * The last rule that fits counts. */
void service_answers(const char *request, int status, const char *body);
/* And these a fault. */
void service_fails(const char *request, Fault fault);
/* How many requests with this text came. */
int service_asked(const char *request);

#endif
