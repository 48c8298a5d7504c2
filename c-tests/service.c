#include "service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "service_keys.h"

enum { MAX_RULES = 32, MAX_REQUESTS = 64, MAX_BODY = 4096, MAX_REQUEST = 16384 };

/* The status of a rule without an answer: the rule is a fault. */
enum { NO_ANSWER = 0 };

typedef struct Rule {
    char request[128];
    int status;
    Fault fault;
    char body[MAX_BODY];
} Rule;

static struct {
    pthread_mutex_t mutex;
    pthread_t thread;
    bool running;
    int listener;
    /* A pipe whose end tells the thread to end. */
    int stop[2];
    char url[64];
    Rule rules[MAX_RULES];
    int rule_count;
    char requests[MAX_REQUESTS][1024];
    int request_count;
} service = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- Rules ----------------------------------------------------------------------------------- */

static void add_rule(const char *request, int status, Fault fault, const char *body)
{
    pthread_mutex_lock(&service.mutex);
    if (service.rule_count == MAX_RULES) {
        abort();
    }
    Rule *rule = &service.rules[service.rule_count++];
    snprintf(rule->request, sizeof rule->request, "%s", request);
    rule->status = status;
    rule->fault = fault;
    quoted(body, rule->body, sizeof rule->body);
    pthread_mutex_unlock(&service.mutex);
}

void service_answers(const char *request, int status, const char *body)
{
    add_rule(request, status, CUT, body);
}

void service_fails(const char *request, Fault fault)
{
    add_rule(request, NO_ANSWER, fault, "");
}

int service_asked(const char *request)
{
    int count = 0;

    pthread_mutex_lock(&service.mutex);
    for (int i = 0; i < service.request_count; i++) {
        count += strstr(service.requests[i], request) != NULL;
    }
    pthread_mutex_unlock(&service.mutex);
    return count;
}

/* Sets the answers for all requests that no test changes. */
static void agree_with_everything(void)
{
    char keys[MAX_BODY];
    char granted[MAX_BODY];

    snprintf(keys, sizeof keys, "<err>OK</err><challenge>f973a7490a61db7a</challenge><Kiw>%s</Kiw><Kfact>%s</Kfact><pinmode>2</pinmode>",
             DEVICE_KEY, FACTORY_KEY);
    snprintf(granted, sizeof granted,
             "<err>OK</err><id>973d95c599fffbe9</id><K0>%s</K0><K1>%s</K1><Tsync>1</Tsync><s_n>1</s_n><s_id>7001</s_id>"
             "<s_name>PIMS</s_name><ms_n>1</ms_n><ms_id>9001</ms_id><ms_key>%s</ms_key><challenge>8d6b292303d36bfe</challenge>",
             HIDDEN_K0, HIDDEN_K1, SECRET_KEY);
    service_answers(STEP("Setup", "activate"), 200, keys);
    service_answers(STEP("Finalize", "activate"), 200, granted);
    service_answers(STEP("Finalize", "ms"), 200, "<err>OK</err>");
    service_answers(STEP("Setup", "otp"), 200, "<err>OK</err><challenge>138d91ce379869786bcc353bbf9b2521</challenge>");
    service_answers(STEP("Finalize", "otp"), 200, "<err>OK</err><defi>4001</defi>");
    service_answers(STEP("Setup", "synchro"), 200, "<err>OK</err><challenge>1a38723cbff9791b</challenge><pinmode>1</pinmode>");
    service_answers(STEP("Finalize", "synchro"), 200, granted);
    service_answers(STEP("Setup", "password"), 200, keys);
    service_answers(STEP("Finalize", "password"), 200, "<err>OK</err>");
    service_answers(STEP("Setup", "reset"), 200, keys);
    service_answers(STEP("Finalize", "reset"), 200, "<err>OK</err>");
    service_answers(STEP("Setup", "status"), 200, "<err>OK</err>");
    service_answers("/applications/cvs/", 200, "{}");
    service_answers(CVS("GET", "trustedPhoneNumber"), 200, "{'phoneNumber':'" PHONE_NUMBER "'}");
}

/* ---- The server ------------------------------------------------------------------------------ */

static bool send_all(int connection, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(connection, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Sends the body of the answer to this request: XML for a step of the exchange, JSON for CVS. */
static void send_answer(int connection, const char *request, const Rule *rule)
{
    char body[MAX_BODY + 128];
    char head[256];
    const char *element = strstr(request, "ActionFinalize") != NULL ? "ActionFinalize" : "ActionSetup";

    if (strstr(request, "/iwws/MAC") != NULL && rule->status == 200) {
        snprintf(body, sizeof body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><%s>%s</%s>", element, rule->body, element);
    } else {
        snprintf(body, sizeof body, "%s", rule->body);
    }
    int length =
        snprintf(head, sizeof head, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", rule->status, strlen(body));
    if (send_all(connection, head, (size_t)length)) {
        send_all(connection, body, strlen(body));
    }
}

/* Reads a head and the body that it announces. */
static bool read_request(int connection, char *request, size_t room)
{
    size_t size = 0;

    for (;;) {
        ssize_t count = recv(connection, request + size, room - 1 - size, 0);
        if (count <= 0) {
            return false;
        }
        size += (size_t)count;
        request[size] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end == NULL) {
            continue;
        }
        const char *length = strstr(request, "ontent-length: ");
        if (length == NULL) {
            length = strstr(request, "ontent-Length: ");
        }
        if (length == NULL || size >= (size_t)(end + 4 - request) + strtoul(length + 15, NULL, 10)) {
            return true;
        }
    }
}

/* Returns the rule for a request, and remembers the request. */
static Rule rule_for(const char *request)
{
    Rule found = {.status = 404};

    pthread_mutex_lock(&service.mutex);
    if (service.request_count < MAX_REQUESTS) {
        /* The beginning of the request is kept: the first line and the headers. */
        strncpy(service.requests[service.request_count++], request, sizeof service.requests[0] - 1);
    }
    for (int i = 0; i < service.rule_count; i++) {
        if (strstr(request, service.rules[i].request) != NULL) {
            found = service.rules[i];
        }
    }
    pthread_mutex_unlock(&service.mutex);
    return found;
}

/* Returns whether the service is to end before the client sends more, or leaves. */
static bool wait_for(int connection)
{
    struct pollfd waiting[2] = {{.fd = service.stop[0], .events = POLLIN}, {.fd = connection, .events = POLLIN}};

    return poll(waiting, 2, -1) > 0 && waiting[0].revents != 0;
}

static void serve(int connection)
{
    static char request[MAX_REQUEST];

    if (!read_request(connection, request, sizeof request)) {
        return;
    }
    Rule rule = rule_for(request);
    if (rule.status != NO_ANSWER) {
        send_answer(connection, request, &rule);
    } else if (rule.fault == SILENCE) {
        wait_for(connection);
    }
}

static void *run(void *nothing)
{
    (void)nothing;
    while (!wait_for(service.listener)) {
        int connection = accept(service.listener, NULL, NULL);
        if (connection >= 0) {
            serve(connection);
            close(connection);
        }
    }
    return NULL;
}

void service_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    service.rule_count = service.request_count = 0;
    agree_with_everything();
    service.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(service.listener >= 0);
    assert_int_equal(bind(service.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(service.listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(service.listener, 16), 0);
    assert_int_equal(pipe(service.stop), 0);
    /* No other process may inherit it and keep it open. */
    assert_int_not_equal(fcntl(service.listener, F_SETFD, FD_CLOEXEC), -1);
    assert_int_not_equal(fcntl(service.stop[0], F_SETFD, FD_CLOEXEC), -1);
    assert_int_not_equal(fcntl(service.stop[1], F_SETFD, FD_CLOEXEC), -1);
    snprintf(service.url, sizeof service.url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    service.running = pthread_create(&service.thread, NULL, run, NULL) == 0;
    cleanup_register(AFTER_FREE, service_stop);
    assert_true(service.running);
}

void service_stop(void)
{
    if (!service.running) {
        return;
    }
    close(service.stop[1]);
    pthread_join(service.thread, NULL);
    close(service.stop[0]);
    close(service.listener);
    service.running = false;
}

const char *service_url(void)
{
    return service.url;
}
