/* replay.c - runs a fuzz target over files and folders of its corpus, in builds without libFuzzer.
 *
 *     fuzz_x fuzz/corpus/x        each file once, in order of name; says how many
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_BYTES_MAX), *exact = NULL;
    size_t bytes = 0;

    if (file == NULL || data == NULL) {
        perror(path);
        exit(1);
    }
    bytes = fread(data, 1, INPUT_BYTES_MAX, file);
    fclose(file);
    exact = malloc(bytes ? bytes : 1); /* so that a sanitizer sees a read past the end */
    if (exact == NULL)
        exit(1);
    for (size_t i = 0; i < bytes; i++)
        exact[i] = data[i];
    free(data);
    LLVMFuzzerTestOneInput(exact, bytes);
    free(exact);
    return 1;
}

static int replay_folder(const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort), replayed = 0;
    char file[4096];

    for (int i = 0; i < count; i++) {
        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            replayed += replay_file(file);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return count < 0 ? replay_file(path) : replayed;
}

int main(int argc, char **argv)
{
    int replayed = 0;

    for (int i = 1; i < argc; i++)
        replayed += replay_folder(argv[i]);
    printf("%d inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
