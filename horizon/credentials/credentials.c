/* credentials.c - see credentials.h. Test: tests/unit/horizon/test_credentials.c. */
#include "credentials/credentials.h"

#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_KIB 19456
#define PASSES     2
#define LANES      1
#define SALT_BYTES 16
#define HASH_BYTES 32
#define LINE_BYTES (CREDENTIALS_LOGIN_MAX + CREDENTIALS_ID_BYTES + CREDENTIALS_HASH_BYTES + 8)
#define PATH_BYTES 4096

/* Of no password: what an unknown login is checked against, so that it takes as long. */
#define NOBODY                                              \
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keS1ubw" \
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static int explain(char *why, int status, const char *path, const char *what)
{
    snprintf(why, CREDENTIALS_WHY_BYTES, "%.400s: %s", path, what);
    return status;
}

bool credentials_login_is_valid(const char *login)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-";
    size_t length = strlen(login);
    return length > 0 && length <= CREDENTIALS_LOGIN_MAX && strspn(login, allowed) == length;
}

static bool id_is_valid(const char *id)
{
    if (strlen(id) != CREDENTIALS_ID_BYTES - 1)
        return false;
    for (size_t i = 0; i < CREDENTIALS_ID_BYTES - 1; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? id[i] != '-' : !strchr("0123456789abcdef", id[i]))
            return false;
    }
    return true;
}

const struct credential *credentials_find(const struct credentials *credentials, const char *login)
{
    for (size_t i = 0; i < credentials->count; i++)
        if (strcmp(credentials->entries[i].login, login) == 0)
            return &credentials->entries[i];
    return NULL;
}

static struct credential *append(struct credentials *credentials)
{
    if (credentials->count == credentials->capacity) {
        size_t capacity = credentials->capacity ? 2 * credentials->capacity : 8;
        struct credential *larger = reallocarray(credentials->entries, capacity, sizeof(*larger));
        if (!larger)
            return NULL;
        credentials->entries = larger;
        credentials->capacity = capacity;
    }
    return &credentials->entries[credentials->count++];
}

/* ---- reading --------------------------------------------------------------------------------- */

/* `line` is cut in place. */
static int add_line(struct credentials *credentials, char *line)
{
    char *login = strsep(&line, ":"), *id = strsep(&line, ":"), *hash = line;
    if (!id || !hash || !credentials_login_is_valid(login) || !id_is_valid(id) ||
        strncmp(hash, "$argon2id$", 10) != 0 || strlen(hash) >= CREDENTIALS_HASH_BYTES ||
        credentials_find(credentials, login))
        return CREDENTIALS_EFILE;
    struct credential *entry = append(credentials);
    if (!entry)
        return CREDENTIALS_ENOMEM;
    snprintf(entry->login, sizeof(entry->login), "%s", login);
    snprintf(entry->user_id, sizeof(entry->user_id), "%s", id);
    snprintf(entry->hash, sizeof(entry->hash), "%s", hash);
    return CREDENTIALS_OK;
}

static int read_lines(struct credentials *credentials, FILE *file, const char *path, char *why)
{
    char line[LINE_BYTES];
    for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
        size_t length = strcspn(line, "\r\n");
        bool is_whole = line[length] != '\0' || feof(file);
        line[length] = '\0';
        if (is_whole && (length == 0 || line[0] == '#'))
            continue;
        int status = is_whole ? add_line(credentials, line) : CREDENTIALS_EFILE;
        explicit_bzero(line, sizeof(line));
        if (status == CREDENTIALS_OK)
            continue;
        snprintf(why, CREDENTIALS_WHY_BYTES,
                 "%.400s line %u: not login:user_id:$argon2id$..., or a login twice", path, number);
        return status;
    }
    return ferror(file) ? explain(why, CREDENTIALS_EFILE, path, strerror(errno)) : CREDENTIALS_OK;
}

static int load_file(struct credentials *credentials, const char *path, char *why)
{
    struct stat about;
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? CREDENTIALS_OK
                               : explain(why, CREDENTIALS_EFILE, path, strerror(errno));
    int status = CREDENTIALS_OK;
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode))
        status = explain(why, CREDENTIALS_EFILE, path, "not a file");
    else if (about.st_size > CREDENTIALS_FILE_MAX)
        status = explain(why, CREDENTIALS_EFILE, path, "too large for a file of credentials");
    else if (about.st_mode & (S_IRWXG | S_IRWXO))
        status = explain(why, CREDENTIALS_EFILE, path,
                         "others may read or write it: chmod 600 it first");
    else
        status = read_lines(credentials, file, path, why);
    fclose(file);
    return status;
}

int credentials_load(const char *path, struct credentials **ret_credentials, char *why)
{
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    if (!credentials)
        return explain(why, CREDENTIALS_ENOMEM, path, "out of memory");
    int status = load_file(credentials, path, why);
    if (status == CREDENTIALS_OK)
        *ret_credentials = credentials;
    else
        credentials_free(credentials);
    return status;
}

void credentials_free(struct credentials *credentials)
{
    if (!credentials)
        return;
    if (credentials->entries)
        explicit_bzero(credentials->entries, credentials->capacity * sizeof(*credentials->entries));
    free(credentials->entries);
    free(credentials);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int hash_password(const char *password, char *hash, char *why)
{
    unsigned char salt[SALT_BYTES];
    if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
        return explain(why, CREDENTIALS_EFILE, "getrandom", strerror(errno));
    int result = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, strlen(password), salt,
                                       sizeof(salt), HASH_BYTES, hash, CREDENTIALS_HASH_BYTES);
    if (result != ARGON2_OK)
        return explain(why, CREDENTIALS_ENOMEM, "argon2id", argon2_error_message(result));
    return CREDENTIALS_OK;
}

int credentials_set(struct credentials *credentials, const char *login, const char *user_id,
                    const char *password, char *why)
{
    char hash[CREDENTIALS_HASH_BYTES];
    size_t length = strlen(password);
    if (!credentials_login_is_valid(login) || !id_is_valid(user_id))
        return explain(why, CREDENTIALS_EINVALID, login,
                       "a login has 1 to 64 letters, digits and ._@+-");
    if (length < CREDENTIALS_PASSWORD_MIN || length > CREDENTIALS_PASSWORD_MAX)
        return explain(why, CREDENTIALS_EINVALID, login, "a password has 8 to 1024 bytes");
    int status = hash_password(password, hash, why);
    if (status != CREDENTIALS_OK)
        return status;
    struct credential *entry = (struct credential *)credentials_find(credentials, login);
    if (!entry)
        entry = append(credentials);
    if (!entry)
        return explain(why, CREDENTIALS_ENOMEM, login, "out of memory");
    snprintf(entry->login, sizeof(entry->login), "%s", login);
    snprintf(entry->user_id, sizeof(entry->user_id), "%s", user_id);
    memcpy(entry->hash, hash, sizeof(hash));
    explicit_bzero(hash, sizeof(hash));
    return CREDENTIALS_OK;
}

static bool write_all(const struct credentials *credentials, int fd)
{
    FILE *file = fdopen(fd, "w");
    if (!file) {
        close(fd);
        return false;
    }
    fputs("# Who may log in to horizon: login:user_id:hash. Written by `horizon user`.\n", file);
    for (size_t i = 0; i < credentials->count; i++)
        fprintf(file, "%s:%s:%s\n", credentials->entries[i].login, credentials->entries[i].user_id,
                credentials->entries[i].hash);
    bool is_good = fflush(file) == 0 && fsync(fd) == 0;
    return fclose(file) == 0 && is_good;
}

int credentials_save(const struct credentials *credentials, const char *path, char *why)
{
    char beside[PATH_BYTES];
    if ((size_t)snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= sizeof(beside))
        return explain(why, CREDENTIALS_EFILE, path, "the path is too long");
    int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return explain(why, CREDENTIALS_EFILE, path, strerror(errno));
    if (write_all(credentials, fd) && rename(beside, path) == 0)
        return CREDENTIALS_OK;
    int status = explain(why, CREDENTIALS_EFILE, path, strerror(errno));
    unlink(beside);
    return status;
}

int credentials_lock(const char *path, int *ret_fd, char *why)
{
    char lock[PATH_BYTES];
    if ((size_t)snprintf(lock, sizeof(lock), "%s.lock", path) >= sizeof(lock))
        return explain(why, CREDENTIALS_EFILE, path, "the path is too long");
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return explain(why, CREDENTIALS_EFILE, lock, strerror(errno));
    if (flock(fd, LOCK_EX) != 0) {
        int status = explain(why, CREDENTIALS_EFILE, lock, strerror(errno));
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return CREDENTIALS_OK;
}

/* ---- checking -------------------------------------------------------------------------------- */

int credentials_check(const struct credentials *credentials, const char *login,
                      const char *password, char ret_user_id[CREDENTIALS_ID_BYTES])
{
    const struct credential *entry = credentials_find(credentials, login);
    size_t length = strnlen(password, CREDENTIALS_PASSWORD_MAX + 1);
    if (length > CREDENTIALS_PASSWORD_MAX)
        return CREDENTIALS_EREFUSED;
    int result = argon2id_verify(entry ? entry->hash : NOBODY, password, length);
    if (result == ARGON2_MEMORY_ALLOCATION_ERROR)
        return CREDENTIALS_ENOMEM;
    if (!entry || result != ARGON2_OK)
        return CREDENTIALS_EREFUSED;
    memcpy(ret_user_id, entry->user_id, CREDENTIALS_ID_BYTES);
    return CREDENTIALS_OK;
}
