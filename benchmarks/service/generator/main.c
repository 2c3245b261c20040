/* The load generator: many clients in one thread, cheap enough that the server is the bottleneck.
 *
 * It opens its connections and says {"ready": ...}. For each line on standard input, "WARMUP
 * SECONDS", it works for that long and says what it has counted between the end of the warm-up and
 * the end, with the CPU of the server (`pid`) and its own between the same two moments; then it
 * waits until nothing is on its way. What it sends is prepared by the caller and comes from files.
 * Modes:
 *
 * echo     each connection sends as soon as it has its answer (also HTTP)
 * publish  a client of each room publishes as soon as everybody in it has heard the last ones
 * paced    messages at a fixed rate, and how long after they were due the answers came
 * visit    connect, one echo, closing handshake, again and again
 * hold     does nothing but answer, until everybody has been closed or a line comes */

#define _GNU_SOURCE
#include "connection.h"

typedef enum { ECHO, PUBLISH, PACED, VISIT, HOLD } Mode;

typedef struct {
    uint64_t time, server, waited, own, messages, bytes;
} Moment;

static Mode mode;
static int port, greet, running;
static Kind kind;
static Bytes requests, first, message;
static Connection *connections;
static long size, opened, lost;
static clockid_t server_clock;
static Moment begin, end;
static uint64_t sent_; /* messages that are to be answered */

/* publish */
static long rooms, window, published;
static uint64_t delivered;
static Connection poster;
/* paced */
static double *latencies;
static long answers, active;
static double rate;
/* visit */
static long finished, begun;

/* How long the server was ready and had to wait for its core (Linux: sched-stats.rst). */
static uint64_t waited(void) {
    char path[64];
    unsigned long long ran, waiting = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)number("pid", 0));
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%llu %llu", &ran, &waiting) != 2) waiting = 0;
    fclose(file);
    return waiting;
}

static Moment moment(void) {
    return (Moment){now(), read_clock(server_clock), waited(), read_clock(CLOCK_PROCESS_CPUTIME_ID),
                    mode == VISIT ? (uint64_t)finished : mode == PUBLISH ? delivered : messages_,
                    bytes_};
}

/* The requests stand one after the other with a zero byte behind each; reuse them in turns, but not tickets. */
static Bytes request(long index) {
    static Bytes *each;
    static long known;
    if (each == NULL) {
        for (size_t i = 0; i < requests.length; i++) known += requests.bytes[i] == 0;
        each = calloc((size_t)known + 1, sizeof *each);
        char *start = requests.bytes;
        for (long i = 0; i < known; i++, start += strlen(start) + 1)
            each[i] = (Bytes){start, strlen(start)};
    }
    if (mode == VISIT && known > 1 && index >= known)
        die("each of the %ld tickets has been used: take fewer --seconds", known);
    return known ? each[index % known] : (Bytes){NULL, 0};
}

static void say(Connection *c) {
    sent_++;
    transmit(c, message.bytes, message.length);
}

static void publish_more(void) {
    uint64_t listeners = (uint64_t)(size / rooms);
    while ((uint64_t)published < delivered / listeners + (uint64_t)window) {
        if (kind == SSE && poster.messages < published) return;
        Connection *c = kind == SSE ? &poster : &connections[published % rooms];
        published++;
        say(c);
    }
}

static void on_open(Connection *c) {
    if (first.length) transmit(c, first.bytes, first.length);
    if (mode == VISIT) transmit(c, message.bytes, message.length);
    else if (greet == 0 && c != &poster) opened++;
}

static void on_message(Connection *c) {
    if (mode == VISIT) {
        transmit_close(c);
    } else if (opened < size) {
        opened += c->messages == greet;
    } else if (mode == ECHO) {
        if (running) say(c);
    } else if (mode == PUBLISH) {
        delivered += c != &poster;
        if (running) publish_more();
    } else if (mode == PACED) {
        uint64_t due = c->due[c->answered++ % PENDING];
        if (begin.time && due >= begin.time) latencies[answers++] = (double)(now() - due) / 1e3;
    }
}

static void on_lost(Connection *c) {
    lost++;
    if (mode == VISIT) {
        if (c->messages != 1 || c->close_code != 1000)
            die("a visit ended with %d after %ld messages", c->close_code, c->messages);
        finished++;
        if (running) dial(c, port, kind, request(begun++));
    } else if (mode != HOLD) {
        die("a connection was closed with %d", c->close_code);
    }
}

/* Whether something that was asked for has not been answered. */
static int is_pending(void) {
    if (mode == VISIT) return finished < begun;
    if (mode == PUBLISH)
        return delivered < (uint64_t)published * (uint64_t)(size / rooms) ||
               (kind == SSE && poster.messages < published);
    return messages_ < sent_ + (uint64_t)(greet * size);
}

static void open_all(void) {
    long begun_ = 0;
    uint64_t deadline = now() + 60000000000u;
    while (opened < size) {
        while (begun_ < size && begun_ - opened < 64)
            dial(&connections[begun_], port, kind, request(begun_)), begun_++;
        step(100);
        if (lost) die("a connection was closed with %d", connections[0].close_code);
        if (now() > deadline) die("only %ld of %ld connections were opened", opened, size);
    }
    if (mode == PUBLISH && kind == SSE) dial(&poster, port, HTTP, request(0));
}

static int line_came(char *line, size_t length) {
    ssize_t n = read(0, line, length - 1);
    line[n > 0 ? n : 0] = 0;
    return n >= 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_for(uint64_t warmup, uint64_t duration) {
    uint64_t start = now(), t = start, due = start, interval = rate ? (uint64_t)(1e9 / rate) : 0;
    long next = 0;
    running = 1;
    begin.time = 0;
    answers = 0;
    if (mode == PUBLISH) publish_more();
    for (long i = 0; mode == ECHO && i < active; i++) say(&connections[i]);
    for (long i = 0; mode == VISIT && i < size; i++)
        dial(&connections[i], port, kind, request(begun++));
    while ((t = now()) < start + warmup + duration) {
        if (!begin.time && t >= start + warmup) begin = moment();
        for (; mode == PACED && due <= t; due += interval, next = (next + 1) % active) {
            Connection *c = &connections[next];
            if (c->sent - c->answered == PENDING) die("the server does not keep up with the rate");
            c->due[c->sent++ % PENDING] = due;
            say(c);
        }
        step(mode == PACED ? 0 : 10);
    }
    end = moment();
    running = 0;
    while (is_pending()) {
        step(1000);
        if (now() > t + 30000000000u) die("the server has stopped to answer");
    }
}

static void run_hold(void) {
    char line[2];
    while (lost < size && !line_came(line, sizeof line)) step(1000);
}

static void report(void) {
    printf("{\"seconds\": %.9f, \"server\": %.9f, \"waited\": %.9f, \"generator\": %.9f, "
           "\"messages\": %llu, \"bytes\": %llu",
           (double)(end.time - begin.time) / 1e9, (double)(end.server - begin.server) / 1e9,
           (double)(end.waited - begin.waited) / 1e9, (double)(end.own - begin.own) / 1e9,
           (unsigned long long)(end.messages - begin.messages), (unsigned long long)(end.bytes - begin.bytes));
    if (answers > 0) {
        qsort(latencies, (size_t)answers, sizeof *latencies, ascending);
        printf(", \"p50\": %.1f, \"p99\": %.1f", latencies[answers / 2], latencies[answers * 99 / 100]);
    }
    if (mode == VISIT) printf(", \"visits\": %ld", finished);
    if (mode == HOLD) {
        printf(", \"last_close\": %.9f, \"codes\": {", (double)last_close_ / 1e9);
        const char *comma = "";
        for (int code = 0; code < 5000; code++) {
            long found = 0;
            for (long i = 0; i < size; i++)
                found += connections[i].state == LOST && connections[i].close_code == code;
            if (found) printf("%s\"%d\": %ld", comma, code, found), comma = ", ";
        }
        printf("}");
    }
    printf("}\n");
}

int main(int argc, char **argv) {
    static const char *modes[] = {"echo", "publish", "paced", "visit", "hold"};
    static const char *kinds[] = {"ws", "http", "sse"};
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    argc_ = argc;
    argv_ = argv;
    while (strcmp(modes[mode], text("mode", "echo")) != 0)
        if (++mode > HOLD) die("an unknown mode");
    while (strcmp(kinds[kind], text("kind", "ws")) != 0)
        if (++kind > SSE) die("an unknown kind");
    port = (int)number("port", 0);
    greet = (int)number("greet", 0);
    rooms = (long)number("rooms", 1);
    window = (long)number("window", 1);
    requests = read_file(text("requests", NULL));
    first = read_file(text("first", NULL));
    message = read_file(text("message", NULL));
    size = (long)number("connections", 1);
    connections = calloc((size_t)size, sizeof *connections);
    active = (long)number("active", (double)size);
    rate = number("rate", 0);
    latencies = calloc((size_t)(rate * 60) + 2, sizeof *latencies);
    if (clock_getcpuclockid((pid_t)number("pid", 0), &server_clock) != 0) die("no such server");
    epoll_ = epoll_create1(0);
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, 0, &input);

    if (mode != VISIT) open_all();
    printf("{\"ready\": %ld}\n", opened);
    fflush(stdout);
    if (mode == HOLD) {
        run_hold();
        report();
    }
    char line[64];
    while (mode != HOLD) {
        double warmup, seconds;
        while (!line_came(line, sizeof line)) step(1000);
        if (sscanf(line, "%lf %lf", &warmup, &seconds) != 2) break;
        if (seconds > 60) die("more than 60 seconds");
        run_for((uint64_t)(warmup * 1e9), (uint64_t)(seconds * 1e9));
        report();
        fflush(stdout);
    }
    return 0;
}
