/*
 * Other processes. A peer is this program, executed again: it makes a facade, then reads requests
 * as lines "method TAB api TAB parameters" and answers each of them with its message as one line.
 * It has nothing of its parent: no thread, no lock, no open file.
 */
#include "peer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "cleanup.h"

struct Peer {
    pid_t process;
    FILE *requests;
    FILE *messages;
    Peer *next;
};

static Peer *peers;

/* ---- In the other process -------------------------------------------------------------------- */

static bool serve(const char *method, const char *api, const char *params)
{
    int32_t returned;
    char *message = raw_request(method, api, params, &returned);
    bool served = message != NULL && printf("%s\n", message) > 0 && fflush(stdout) == 0;

    free(message);
    return served;
}

int peer_main(const char *config)
{
    char line[2 * MAX_MESSAGE];
    bool served = serve("init", "", config);

    while (served && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *api = strchr(line, '\t');
        char *params = api != NULL ? strchr(api + 1, '\t') : NULL;
        if (params == NULL) {
            return EXIT_FAILURE;
        }
        *api++ = '\0';
        *params++ = '\0';
        served = serve(line, api, params);
    }
    return pims_free() == PIMS_OK && served ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- In this process ------------------------------------------------------------------------- */

/* Creates a pipe that no other peer inherits: its reader must see its end. */
static void make_pipe(int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    assert_int_not_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), -1);
    assert_int_not_equal(fcntl(ends[1], F_SETFD, FD_CLOEXEC), -1);
}

static pid_t execute_anew(const char *config, const int requests[2], const int messages[2])
{
    static char program[4096];

    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(length > 0);
    program[length] = '\0';
    pid_t process = fork();
    if (process == 0) {
        if (dup2(requests[0], STDIN_FILENO) >= 0 && dup2(messages[1], STDOUT_FILENO) >= 0) {
            execl(program, program, PEER_ARGUMENT, config, (char *)NULL);
        }
        _exit(127);
    }
    return process;
}

/* Waits for the end of a peer and frees it. Returns its status in the form of waitpid. */
static int reap(Peer *peer)
{
    int status = -1;
    Peer **link = &peers;

    fclose(peer->requests);
    waitpid(peer->process, &status, 0);
    fclose(peer->messages);
    while (*link != peer) {
        link = &(*link)->next;
    }
    *link = peer->next;
    free(peer);
    return status;
}

void peer_stop(Peer *peer)
{
    int status = reap(peer);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
}

static void stop_peers(void)
{
    while (peers != NULL) {
        peer_stop(peers);
    }
}

Answer peer_receive(Peer *peer)
{
    char line[MAX_MESSAGE];

    if (fgets(line, sizeof line, peer->messages) == NULL) {
        fail_msg("the other process died");
    }
    line[strcspn(line, "\n")] = '\0';
    return read_answer(line);
}

Peer *peer_start(Answer *answer, const char *format, ...)
{
    char config[MAX_MESSAGE];
    int requests[2];
    int messages[2];
    va_list values;

    va_start(values, format);
    format_params(format, values, config, sizeof config);
    va_end(values);
    Peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        abort();
    }
    make_pipe(requests);
    make_pipe(messages);
    peer->process = execute_anew(config, requests, messages);
    close(requests[0]);
    close(messages[1]);
    peer->requests = fdopen(requests[1], "w");
    peer->messages = fdopen(messages[0], "r");
    peer->next = peers;
    peers = peer;
    cleanup_register(AFTER_FREE, stop_peers);
    assert_true(peer->process > 0 && peer->requests != NULL && peer->messages != NULL);
    *answer = peer_receive(peer);
    return peer;
}

static void send(Peer *peer, const char *method, const char *api, const char *format, va_list values)
{
    char params[MAX_MESSAGE];

    format_params(format, values, params, sizeof params);
    assert_true(fprintf(peer->requests, "%s\t%s\t%s\n", method, api, params) > 0);
    assert_int_equal(fflush(peer->requests), 0);
}

Answer peer_get(Peer *peer, const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    send(peer, "get", api, format, values);
    va_end(values);
    return peer_receive(peer);
}

Answer peer_set(Peer *peer, const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    send(peer, "set", api, format, values);
    va_end(values);
    return peer_receive(peer);
}

void peer_send(Peer *peer, const char *method, const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    send(peer, method, api, format, values);
    va_end(values);
}

void peer_kill(Peer *peer)
{
    kill(peer->process, SIGKILL);
    int status = reap(peer);
    assert_true(WIFSIGNALED(status));
}
