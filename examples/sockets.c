/* sockets.c: the calls of a socket's life, beside read and write.
 *
 *     make examples && build/examples/sockets
 *
 * bide_dial() and bide_listen() do the usual in one call (echo_server.c); these
 * are the parts, for those who need an option or another kind of socket.
 */
#include "expect.h"
#include <arpa/inet.h>
#include <bide.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* Answer one client: read to the end of its question, then reply. */
static intptr_t answer(void *arg)
{
    struct sockaddr_in peer;
    socklen_t peer_len = sizeof peer;
    int sock = bide_accept(*(int *)arg, (struct sockaddr *)&peer, &peer_len);
    if (sock < 0)
        return sock;
    char question[16] = "";
    ssize_t n = bide_read_all(sock, question, sizeof question - 1);
    if (n >= 0)
        n = bide_send(sock, question, (size_t)n, 0);
    bide_close(sock);
    return n;
}

static intptr_t ask(void *arg)
{
    struct sockaddr_in to;
    socklen_t len = sizeof to;
    getsockname(*(int *)arg, (struct sockaddr *)&to, &len);
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(bide_connect(sock, (struct sockaddr *)&to, len) == 0, "connected");
    char reply[16] = "";
    expect(bide_recv(sock, reply, 15, MSG_DONTWAIT) == -EAGAIN,
           "MSG_DONTWAIT: there is no answer yet");
    expect(bide_send(sock, "who?", 4, 0) == 4 &&
               bide_shutdown(sock, SHUT_WR) == 0,
           "the question is sent, and its end is told");
    expect(bide_recv(sock, reply, 15, MSG_WAITALL) == 4 &&
               strcmp(reply, "who?") == 0, "the answer has come");
    bide_close(sock);
    return 0;
}

static void stream(void)
{
    int listener = bide_listen("127.0.0.1", "0", 0);
    expect(listener >= 0, "a listener on a free port");
    struct bide_call calls[] = {{answer, &listener, 0}, {ask, &listener, 0}};
    expect(bide_gather(calls, 2, BIDE_FAIL_FAST) == 0, "both sides went well");
    bide_close(listener);
}

static void datagrams(void)
{
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET}, from;
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(bind(b, (struct sockaddr *)&at, len) == 0 &&
               getsockname(b, (struct sockaddr *)&at, &len) == 0, "bound");
    expect(bide_sendto(a, "ping", 4, 0, (struct sockaddr *)&at, len) == 4,
           "a datagram was sent");
    char text[8] = "", more[8] = "";
    len = sizeof from;
    expect(bide_recvfrom(b, text, 8, 0, (struct sockaddr *)&from, &len) == 4 &&
               strcmp(text, "ping") == 0, "it came, and its sender is known");

    struct iovec parts[] = {{text, 4}, {more, 4}};
    struct msghdr msg = {.msg_name = &from, .msg_namelen = len,
                         .msg_iov = parts, .msg_iovlen = 2};
    memcpy(more, "pong", 4);
    expect(bide_sendmsg(b, &msg, 0) == 8, "two parts went back as one");
    memset(text, 0, 8);
    memset(more, 0, 8);
    expect(bide_recvmsg(a, &msg, 0) == 8 && strcmp(text, "ping") == 0 &&
               strcmp(more, "pong") == 0, "and came as two");
    bide_close(a);
    bide_close(b);
}

static intptr_t run(void *arg)
{
    (void)arg;
    stream();
    datagrams();
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
