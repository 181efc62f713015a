/* replay_main.c - runs a fuzz target over files and folders, without libFuzzer.
 *
 *     fuzz_NAME FILE-OR-FOLDER...
 *
 * Each input is copied into a heap block of exactly its size, so that ASan sees a read past its
 * end. The last line is "N passed, 0 failed, 0 skipped": a target that finds something aborts. No
 * input at all is an error.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

#define PATH_BYTES_MAX 4096

static size_t input_count;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "%s: ", path);
    perror(what);
    exit(2);
}

static void replay_file(const char *path, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        die("open", path);
    }
    uint8_t *data = malloc(bytes > 0 ? bytes : 1);
    if (!data || fread(data, 1, bytes, file) != bytes) {
        die("read", path);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    /* A block cannot be empty: point to its end. */
    (void)LLVMFuzzerTestOneInput(bytes > 0 ? data : data + 1, bytes);
    free(data);
    input_count++;
}

static void replay(const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0) {
        die("stat", path);
    }
    if (!S_ISDIR(info.st_mode)) {
        replay_file(path, (size_t)info.st_size);
        return;
    }
    DIR *folder = opendir(path);
    if (!folder) {
        die("open", path);
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char inner[PATH_BYTES_MAX];
        int bytes = snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && bytes > 0 && (size_t)bytes < sizeof(inner)) {
            replay(inner);
        }
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        replay(argv[i]);
    }
    if (input_count == 0) {
        fprintf(stderr, "no input\n");
        return 2;
    }
    printf("%zu passed, 0 failed, 0 skipped\n", input_count);
    return 0;
}
