/* One client connection: WebSocket (RFC 6455), HTTP with keep-alive, or Server-Sent Events.
 *
 * It counts messages and bytes and does not look into them. The mode is told of what happens by
 * the three functions declared here. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

typedef enum { WS, HTTP, SSE } Kind;
typedef enum { HEAD, OPEN, LOST } State;

#define PENDING 512

typedef struct {
    int fd;
    Kind kind;
    State state;
    char head[2048]; /* of the HTTP response so far */
    size_t head_length;
    size_t body_left;
    unsigned char frame[14]; /* the header of a frame so far */
    size_t frame_length;
    uint64_t payload_left;
    unsigned char control[125];
    size_t control_length;
    int matched; /* how much of `data:` */
    long messages;
    int close_sent;
    int close_code;
    uint64_t due[PENDING]; /* when each message without an answer was due */
    unsigned sent, answered;
} Connection;

static void on_open(Connection *c);
static void on_message(Connection *c);
static void on_lost(Connection *c);

static int epoll_;
static uint64_t messages_, bytes_;
static uint64_t last_close_; /* when the last close frame came */

static void transmit(Connection *c, const char *bytes, size_t length) {
    ssize_t n = send(c->fd, bytes, length, MSG_NOSIGNAL);
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return; /* reading tells */
    if (n != (ssize_t)length) die("the server does not read");
}

static void transmit_control(Connection *c, int opcode, const unsigned char *payload, size_t n) {
    char frame[6 + 125] = {(char)(0x80 | opcode), (char)(0x80 | n), 0, 0, 0, 0};
    memcpy(frame + 6, payload, n); /* masked with zeros */
    transmit(c, frame, 6 + n);
}

static void transmit_close(Connection *c) {
    if (!c->close_sent) transmit_control(c, 8, (const unsigned char *)"\x03\xe8", 2);
    c->close_sent = 1;
}

static void dial(Connection *c, int port, Kind kind, Bytes request) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) die("no socket: %s", strerror(errno));
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("cannot connect: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll: %s", strerror(errno));
    if (kind == HTTP) {
        c->state = OPEN;
        on_open(c);
    } else {
        transmit(c, request.bytes, request.length);
    }
}

static void lose(Connection *c) {
    close(c->fd);
    c->state = LOST;
    on_lost(c);
}

static void count(Connection *c) {
    c->messages++;
    messages_++;
    on_message(c);
}

/* Take bytes of a response's head; return how many. */
static size_t take_head(Connection *c, const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (c->head_length + 1 >= sizeof c->head) die("a response's head is too long");
        c->head[c->head_length++] = bytes[i];
        if (c->head_length < 4 || memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4) != 0) continue;
        c->head[c->head_length] = 0;
        const char *wanted = c->kind == WS ? "HTTP/1.1 101" : "HTTP/1.1 20";
        if (strncmp(c->head, wanted, strlen(wanted)) != 0) die("refused: %s", c->head);
        const char *size = strcasestr(c->head, "\r\ncontent-length:");
        c->body_left = size ? strtoul(size + 17, NULL, 10) : 0;
        if (c->kind == HTTP && strcasestr(c->head, "\r\ntransfer-encoding:"))
            die("a chunked response");
        c->head_length = 0;
        if (c->kind != HTTP) {
            c->state = OPEN;
            on_open(c);
        } else if (c->body_left == 0) {
            count(c);
        }
        return i + 1;
    }
    return length;
}

static size_t take_body(Connection *c, size_t length) {
    size_t taken = length < c->body_left ? length : c->body_left;
    c->body_left -= taken;
    if (c->body_left == 0) count(c);
    return taken;
}

static size_t take_events(Connection *c, const char *bytes, size_t length) {
    static const char start[] = "data:";
    for (size_t i = 0; i < length; i++) {
        c->matched = bytes[i] == start[c->matched] ? c->matched + 1 : bytes[i] == start[0];
        if (c->matched == 5) {
            c->matched = 0;
            count(c);
        }
    }
    return length;
}

static void end_frame(Connection *c) {
    int opcode = c->frame[0] & 15;
    c->frame_length = 0;
    if (opcode < 8) {
        if (c->frame[0] & 0x80) count(c);
    } else if (opcode == 8) {
        c->close_code = c->control_length < 2 ? 1005 : c->control[0] << 8 | c->control[1];
        last_close_ = now();
        if (!c->close_sent) transmit_control(c, 8, c->control, c->control_length < 2 ? 0 : 2);
        c->close_sent = 1;
    } else if (opcode == 9) {
        transmit_control(c, 10, c->control, c->control_length);
    }
}

/* Take bytes of one frame; return how many. */
static size_t take_frame(Connection *c, const char *bytes, size_t length) {
    size_t taken = 0;
    while (c->frame_length < 2 || c->payload_left == UINT64_MAX) {
        if (taken == length) return taken;
        c->frame[c->frame_length++] = (unsigned char)bytes[taken++];
        if (c->frame_length < 2) continue;
        size_t size = c->frame[1] & 127, extra = size == 126 ? 2 : size == 127 ? 8 : 0;
        c->payload_left = UINT64_MAX;
        if (c->frame_length < 2 + extra) continue;
        c->payload_left = extra ? 0 : size;
        for (size_t i = 0; i < extra; i++)
            c->payload_left = c->payload_left << 8 | c->frame[2 + i];
        c->control_length = 0;
    }
    size_t part = length - taken;
    if (part > c->payload_left) part = c->payload_left;
    if ((c->frame[0] & 15) >= 8) {
        memcpy(c->control + c->control_length, bytes + taken, part);
        c->control_length += part;
    }
    c->payload_left -= part;
    if (c->payload_left == 0) end_frame(c);
    return taken + part;
}

static void take(Connection *c, const char *bytes, size_t length) {
    while (length > 0 && c->state != LOST) {
        size_t taken;
        if (c->state == HEAD) taken = take_head(c, bytes, length);
        else if (c->kind == WS) taken = take_frame(c, bytes, length);
        else if (c->kind == SSE) taken = take_events(c, bytes, length);
        else if (c->body_left > 0) taken = take_body(c, length);
        else taken = take_head(c, bytes, length);
        bytes += taken;
        length -= taken;
    }
}

/* Handle what has arrived, or wait for it, at most that many milliseconds. */
static void step(int milliseconds) {
    static struct epoll_event events[512];
    static char buffer[1 << 18];
    int n = epoll_wait(epoll_, events, 512, milliseconds);
    for (int i = 0; i < n; i++) {
        Connection *c = events[i].data.ptr;
        if (c == NULL) continue; /* standard input; the mode looks for itself */
        ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
        if (got > 0) {
            bytes_ += (uint64_t)got;
            take(c, buffer, (size_t)got);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            lose(c);
        }
    }
}

#endif
