/*
 * A service on a loopback port, in a thread of the test. It grants every step of the exchange,
 * until a test sets another answer or a fault. Its answers are the same each time, so it needs no
 * key.
 */
#ifndef SERVICE_H
#define SERVICE_H

/* The text of a request: the action and mode of the exchange, or the method and resource of CVS. */
#define STEP(action, mode) "?action=Action" action "&mode=" mode "&"
#define CVS(method, resource) method " /applications/cvs/v4/mobile/" resource

/* A fault in place of an answer. */
typedef enum Fault {
    /* The request is read and never answered. */
    SILENCE,
    /* The connection is closed without an answer. */
    CUT,
} Fault;

/* Starts the service. The end of the test stops it. */
void service_start(void);
/* Stops the service: nobody listens at its address. */
void service_stop(void);
/* Returns "http://127.0.0.1:PORT". */
const char *service_url(void);

/*
 * Sets the answer to requests that hold this text: the children of the element, or, for CVS, a JSON
 * object with ' for ". The last rule that fits counts.
 */
void service_answers(const char *request, int status, const char *body);
/* Sets a fault for them. */
void service_fails(const char *request, Fault fault);
/* Returns how many requests with this text came. */
int service_asked(const char *request);

#endif
