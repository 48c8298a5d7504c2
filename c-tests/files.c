#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing.h"

bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t room = 0;

    if (file == NULL) {
        fail_msg("%s cannot be read: %s", path, strerror(errno));
    }
    *size = 0;
    do {
        room += 1 << 16;
        bytes = realloc(bytes, room + 1);
        if (bytes == NULL) {
            abort();
        }
        *size += fread(bytes + *size, 1, room - *size, file);
    } while (*size == room);
    fclose(file);
    bytes[*size] = '\0';
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || write(file, bytes, size) != (ssize_t)size || close(file) != 0) {
        fail_msg("%s cannot be written: %s", path, strerror(errno));
    }
}

void copy_file(const char *from, const char *to)
{
    size_t size;
    char *bytes = read_file(from, &size);

    write_file(to, bytes, size);
    free(bytes);
}

void make_folder(const char *path)
{
    if (mkdir(path, 0700) != 0) {
        fail_msg("%s cannot be made: %s", path, strerror(errno));
    }
}

static int delete_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void delete_tree(const char *path)
{
    nftw(path, delete_entry, 16, FTW_DEPTH | FTW_PHYS);
}

char *repeat(char character, size_t times)
{
    char *text = malloc(times + 1);

    if (text == NULL) {
        abort();
    }
    memset(text, character, times);
    text[times] = '\0';
    return text;
}
