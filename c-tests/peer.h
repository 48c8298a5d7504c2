/* Other processes: a peer runs this program again, with a facade of its own. */
#ifndef PEER_H
#define PEER_H

#include "message.h"

typedef struct Peer Peer;

/*
 * Starts a peer with a configuration and stores the answer to its pims_init. The end of the test
 * stops the peer.
 */
Peer *peer_start(Answer *answer, const char *format, ...) PRINTF(2, 3);
Answer peer_get(Peer *peer, const char *api, const char *format, ...) PRINTF(3, 4);
Answer peer_set(Peer *peer, const char *api, const char *format, ...) PRINTF(3, 4);
/* Sends a request and does not wait for its message. peer_receive or peer_kill follows. */
void peer_send(Peer *peer, const char *method, const char *api, const char *format, ...) PRINTF(4, 5);
/* Waits for the message of the oldest request without one. */
Answer peer_receive(Peer *peer);
/*
 * Ends the peer by pims_free. The test fails if its exit status is not 0: a memory checker may set
 * it.
 */
void peer_stop(Peer *peer);
/* Kills the peer, whatever it does. */
void peer_kill(Peer *peer);

/* The argument that makes a test program a peer. */
#define PEER_ARGUMENT "--peer"

/*
 * Serves as the main function of a peer: creates a facade from the configuration, answers the
 * requests of standard input on standard output, and ends with the input.
 */
int peer_main(const char *config);

#endif
