/* The file of logins: what is written can log in, what is broken is refused by line. */
#include "test.h"

#include "credentials/credentials.h"

#include <argon2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANA "20311eda-5409-4727-b75c-cd09c6358f03"
#define BOB "5d9b8e36-0f0e-4f43-9d8e-1c1f4f2f8a10"

static char path[64], why[CREDENTIALS_WHY_BYTES];

static void fresh_path(void)
{
    snprintf(path, sizeof(path), "/tmp/credentials-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void write_file(const char *text)
{
    fresh_path();
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void refuses(const char *text, const char *fragment)
{
    struct credentials *credentials;
    write_file(text);
    assert_int_equal(credentials_load(path, &credentials, why), CREDENTIALS_EFILE);
    if (!strstr(why, fragment))
        fail_msg("\"%s\" does not say \"%s\"", why, fragment);
    unlink(path);
}

TEST(who_was_added_can_log_in_and_nobody_else)
{
    struct credentials empty = {0}, *loaded;
    struct stat about;
    char user_id[CREDENTIALS_ID_BYTES] = "";
    fresh_path();
    assert_int_equal(credentials_set(&empty, "ana", ANA, "correct horse", why), 0);
    assert_int_equal(credentials_set(&empty, "bob@home", BOB, "battery staple", why), 0);
    assert_int_equal(credentials_save(&empty, path, why), 0);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(credentials_load(path, &loaded, why), 0);
    assert_int_equal(loaded->count, 2);
    assert_int_equal(credentials_check(loaded, "bob@home", "battery staple", user_id), 0);
    assert_string_equal(user_id, BOB);
    assert_int_equal(credentials_check(loaded, "ana", "battery staple", user_id),
                     CREDENTIALS_EREFUSED);
    assert_int_equal(credentials_check(loaded, "ana", "", user_id), CREDENTIALS_EREFUSED);
    assert_int_equal(credentials_check(loaded, "eve", "correct horse", user_id),
                     CREDENTIALS_EREFUSED);
    assert_null(strstr(loaded->entries[0].hash, "horse"));
    credentials_free(loaded);
    free(empty.entries);
    unlink(path);
}

/* ---- the work of a check --------------------------------------------------------------------- */

/* What libargon2 was asked to do; the linker puts this function before the library's. */
static struct {
    unsigned count;
    char cost[CREDENTIALS_HASH_BYTES]; /* "$argon2id$v=19$m=...,t=...,p=..." */
    size_t salt_digits, hash_digits, password_bytes;
} work;

int __real_argon2id_verify(const char *encoded, const void *password, size_t bytes);
int __wrap_argon2id_verify(const char *encoded, const void *password, size_t bytes);

int __wrap_argon2id_verify(const char *encoded, const void *password, size_t bytes)
{
    const char *hash = strrchr(encoded, '$'), *salt = memrchr(encoded, '$', hash - encoded);
    work.count++;
    snprintf(work.cost, sizeof(work.cost), "%.*s", (int)(salt - encoded), encoded);
    work.salt_digits = (size_t)(hash - salt) - 1;
    work.hash_digits = strlen(hash + 1);
    work.password_bytes = bytes;
    return __real_argon2id_verify(encoded, password, bytes);
}

TEST(a_login_that_does_not_exist_takes_the_work_of_a_wrong_password)
{
    struct credentials credentials = {0}, nobody = {0};
    char user_id[CREDENTIALS_ID_BYTES], cost[sizeof(work.cost)];
    assert_int_equal(credentials_set(&credentials, "ana", ANA, "correct horse", why), 0);
    work.count = 0;
    assert_int_equal(credentials_check(&credentials, "ana", "wrong horse", user_id),
                     CREDENTIALS_EREFUSED);
    assert_int_equal(work.count, 1);
    assert_int_equal(work.password_bytes, strlen("wrong horse"));
    memcpy(cost, work.cost, sizeof(cost));
    size_t salt_digits = work.salt_digits, hash_digits = work.hash_digits;
    const struct credentials *files[] = {&credentials, &nobody};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(credentials_check(files[i], "eve", "wrong horse", user_id),
                         CREDENTIALS_EREFUSED);
        assert_int_equal(work.count, 2 + i);
        assert_int_equal(work.password_bytes, strlen("wrong horse"));
        assert_string_equal(work.cost, cost);
        assert_int_equal(work.salt_digits, salt_digits);
        assert_int_equal(work.hash_digits, hash_digits);
    }
    free(credentials.entries);
}

/* ---- passwords ------------------------------------------------------------------------------- */

TEST(a_new_password_replaces_the_old_one_and_salts_differ)
{
    struct credentials credentials = {0};
    char user_id[CREDENTIALS_ID_BYTES], before[CREDENTIALS_HASH_BYTES];
    assert_int_equal(credentials_set(&credentials, "ana", ANA, "correct horse", why), 0);
    memcpy(before, credentials.entries[0].hash, sizeof(before));
    assert_int_equal(credentials_set(&credentials, "ana", ANA, "correct horse", why), 0);
    assert_int_equal(credentials.count, 1);
    assert_string_not_equal(before, credentials.entries[0].hash);
    assert_int_equal(credentials_set(&credentials, "ana", ANA, "another one", why), 0);
    assert_int_equal(credentials_check(&credentials, "ana", "correct horse", user_id),
                     CREDENTIALS_EREFUSED);
    assert_int_equal(credentials_check(&credentials, "ana", "another one", user_id), 0);
    free(credentials.entries);
}

TEST(passwords_have_8_to_1024_bytes)
{
    struct credentials credentials = {0};
    char text[CREDENTIALS_PASSWORD_MAX + 2], user_id[CREDENTIALS_ID_BYTES];
    memset(text, 'x', sizeof(text));
    text[CREDENTIALS_PASSWORD_MAX + 1] = '\0';
    assert_int_equal(credentials_set(&credentials, "ana", ANA, "1234567", why),
                     CREDENTIALS_EINVALID);
    assert_int_equal(credentials_set(&credentials, "ana", ANA, text, why), CREDENTIALS_EINVALID);
    assert_int_equal(credentials_set(&credentials, "ana", ANA, "12345678", why), 0);
    text[CREDENTIALS_PASSWORD_MAX] = '\0';
    assert_int_equal(credentials_set(&credentials, "ana", ANA, text, why), 0);
    assert_int_equal(credentials_check(&credentials, "ana", text, user_id), 0);
    free(credentials.entries);
}

TEST(broken_files_of_credentials_are_refused_by_line)
{
    refuses("# fine\n\nana:" ANA "\n", "line 3");
    refuses("ana:not-a-uuid:$argon2id$v=19$x\n", "line 1");
    refuses("a/b:" ANA ":$argon2id$v=19$x\n", "line 1");
    refuses("ana:" ANA ":plaintext\n", "line 1");
    refuses("ana:" ANA ":$argon2id$x\nana:" BOB ":$argon2id$x\n", "line 2");
}

TEST(a_file_that_others_may_read_is_refused)
{
    struct credentials *credentials;
    write_file("");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(credentials_load(path, &credentials, why), CREDENTIALS_EFILE);
    assert_non_null(strstr(why, "chmod 600"));
    unlink(path);
    assert_int_equal(credentials_load(path, &credentials, why), 0); /* none yet: nobody */
    assert_int_equal(credentials->count, 0);
    credentials_free(credentials);
}
