/* What every part of the load generator uses: failing loudly, clocks, arguments, files. */

#ifndef COMMON_H
#define COMMON_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fprintf(stderr, "load generator: ");
    vfprintf(stderr, format, values);
    fprintf(stderr, "\n");
    exit(1);
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) die("the server has gone");
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

/* Arguments are KEY=VALUE. */
static int argc_;
static char **argv_;

static const char *text(const char *key, const char *otherwise) {
    size_t length = strlen(key);
    for (int i = 1; i < argc_; i++)
        if (strncmp(argv_[i], key, length) == 0 && argv_[i][length] == '=')
            return argv_[i] + length + 1;
    return otherwise;
}

static double number(const char *key, double otherwise) {
    const char *value = text(key, NULL);
    return value ? strtod(value, NULL) : otherwise;
}

/* Bytes that were prepared by the caller: a request, a masked frame. */
typedef struct {
    char *bytes;
    size_t length;
} Bytes;

static Bytes read_file(const char *path) {
    Bytes content = {NULL, 0};
    if (path == NULL) return content;
    FILE *file = fopen(path, "rb");
    if (file == NULL) die("cannot read %s", path);
    fseek(file, 0, SEEK_END);
    content.length = (size_t)ftell(file);
    rewind(file);
    content.bytes = malloc(content.length + 1);
    if (fread(content.bytes, 1, content.length, file) != content.length) die("cannot read %s", path);
    content.bytes[content.length] = 0;
    fclose(file);
    return content;
}

#endif
