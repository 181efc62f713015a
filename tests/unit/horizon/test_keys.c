/* Tests of auth/keys.h: when a key set is fetched from its issuer, and what a fetch that fails
 * changes. The issuer is a server on loopback that counts; how long anything takes is not looked
 * at. */
#include "auth/keys.h"

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/keyring.h"
#include "test.h"

#define USER       "01234567-89ab-4cde-8f01-23456789abcd"
#define NEVER_S    3600
#define DEADLINE_S 20
#define MANY       1000
#define OTHERS     20

static const struct token_rules rules = {NULL, NULL, false};
static const struct keys_pace on_demand = {.every_s = NEVER_S, .soonest_s = 0};

/* ---- keys and tokens ------------------------------------------------------------------------- */

static json_t *new_key(const char *kid)
{
    json_t *jwk = json_pack("{s:s}", "alg", "ES256");
    assert_true(jose_jwk_gen(NULL, jwk));
    json_object_set_new(jwk, "kid", json_string(kid));
    return jwk;
}

/* A token signed with a key, good for ten minutes. */
static char *token_of(json_t *jwk)
{
    json_t *claims = json_pack("{s:s, s:I}", "sub", USER, "exp", (json_int_t)time(NULL) + 600);
    char *text = json_dumps(claims, JSON_COMPACT), *token = malloc(TOKEN_BYTES_MAX);
    json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc(text, strlen(text)));
    json_t *sig = json_pack("{s:{s:s, s:O}}", "protected", "alg", "ES256", "kid",
                            json_object_get(jwk, "kid"));
    const char *protected, *payload, *signature;
    assert_true(jose_jws_sig(NULL, jws, sig, jwk));
    assert_int_equal(json_unpack(jws, "{s:s, s:s, s:s}", "protected", &protected, "payload",
                                 &payload, "signature", &signature),
                     0);
    snprintf(token, TOKEN_BYTES_MAX, "%s.%s.%s", protected, payload, signature);
    json_decref(sig);
    json_decref(jws);
    free(text);
    json_decref(claims);
    return token;
}

static int check(struct keys *keys, const char *token)
{
    struct token_claims claims;
    return keys_check(keys, &rules, TOKEN_ACCESS, token, strlen(token), &claims);
}

/* ---- the issuer ------------------------------------------------------------------------------ */

static struct issuer {
    struct MHD_Daemon *daemon;
    char url[64];
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t change;
    char *body;
    unsigned status;
    bool is_held; /* answers nothing for now */
    unsigned fetches;
    unsigned good, bad; /* lines told by keys.c */
    char line[2 * KEYS_WHY_BYTES];
} issuer = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state)
{
    (void)context, (void)url, (void)method, (void)version, (void)upload, (void)upload_bytes;
    if (!*state) {
        *state = &issuer;
        return MHD_YES;
    }
    pthread_mutex_lock(&issuer.lock);
    issuer.fetches++;
    pthread_cond_broadcast(&issuer.change);
    while (issuer.is_held) {
        pthread_cond_wait(&issuer.change, &issuer.lock);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(issuer.body), issuer.body, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, issuer.status, response);
    pthread_mutex_unlock(&issuer.lock);
    MHD_destroy_response(response);
    return result;
}

static void tell(bool is_good, const char *text)
{
    pthread_mutex_lock(&issuer.lock);
    *(is_good ? &issuer.good : &issuer.bad) += 1;
    snprintf(issuer.line, sizeof(issuer.line), "%s", text);
    pthread_cond_broadcast(&issuer.change);
    pthread_mutex_unlock(&issuer.lock);
}

static void answer_with(unsigned status, char *body)
{
    pthread_mutex_lock(&issuer.lock);
    free(issuer.body);
    issuer.body = body;
    issuer.status = status;
    pthread_mutex_unlock(&issuer.lock);
}

/* The set of one key, or of two. */
static void publish(json_t *one, json_t *two)
{
    json_t *set = json_pack("{s:[O, O*]}", "keys", one, two);
    answer_with(MHD_HTTP_OK, json_dumps(set, JSON_COMPACT));
    json_decref(set);
}

static void hold(bool is_held)
{
    pthread_mutex_lock(&issuer.lock);
    issuer.is_held = is_held;
    pthread_cond_broadcast(&issuer.change);
    pthread_mutex_unlock(&issuer.lock);
}

static void await(const unsigned *count, unsigned least)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&issuer.lock);
    int r = 0;
    while (r == 0 && *count < least) {
        r = pthread_cond_timedwait(&issuer.change, &issuer.lock, &end);
    }
    bool has_come = *count >= least;
    pthread_mutex_unlock(&issuer.lock);
    assert_true(has_come);
}

static void issuer_start(void)
{
    issuer.daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL,
                                     MHD_OPTION_END);
    assert_non_null(issuer.daemon);
    snprintf(issuer.url, sizeof(issuer.url), "http://127.0.0.1:%u/keys",
             MHD_get_daemon_info(issuer.daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    issuer.fetches = issuer.good = issuer.bad = 0;
    issuer.is_held = false;
}

static void issuer_stop(void)
{
    if (issuer.daemon) {
        MHD_stop_daemon(issuer.daemon);
        issuer.daemon = NULL;
    }
    free(issuer.body);
    issuer.body = NULL;
}

static struct keys *open_keys(struct keys_pace pace)
{
    char why[KEYS_WHY_BYTES];
    struct keys *keys = keys_of_source(issuer.url, pace, tell, why, sizeof(why));
    assert_non_null(keys);
    return keys;
}

/* Keys called "one" and "two", a token of each, and an issuer that publishes the first. */
struct world {
    json_t *one, *two;
    char *token_one, *token_two;
};

static struct world world_start(void)
{
    struct world world = {.one = new_key("one"), .two = new_key("two")};
    world.token_one = token_of(world.one);
    world.token_two = token_of(world.two);
    issuer_start();
    publish(world.one, NULL);
    return world;
}

static void world_stop(struct world *world)
{
    issuer_stop();
    free(world->token_one);
    free(world->token_two);
    json_decref(world->one);
    json_decref(world->two);
}

/* ---- tests ----------------------------------------------------------------------------------- */

TEST(key_that_is_new_at_the_issuer_is_fetched_once_when_a_token_names_it)
{
    struct world world = world_start();
    struct keys *keys = open_keys(on_demand);
    await(&issuer.good, 1);
    assert_int_equal(check(keys, world.token_one), TOKEN_OK);
    publish(world.one, world.two);
    assert_int_equal(check(keys, world.token_two), TOKEN_EUNKNOWNKEY);
    await(&issuer.good, 2);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(check(keys, world.token_two), TOKEN_OK);
        assert_int_equal(check(keys, world.token_one), TOKEN_OK);
    }
    for (int i = 0; i < OTHERS; i++) { /* time for a fetch too many: others fetch once each */
        keys_free(open_keys(on_demand));
    }
    keys_free(keys);
    assert_int_equal(issuer.fetches, 2 + OTHERS);
    world_stop(&world);
}

TEST(tokens_of_unknown_keys_that_come_during_a_fetch_are_worth_one_more)
{
    struct world world = world_start();
    hold(true);
    struct keys *keys = open_keys(on_demand);
    await(&issuer.fetches, 1);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(check(keys, world.token_two), TOKEN_EUNKNOWNKEY);
    }
    assert_int_equal(issuer.fetches, 1);
    hold(false);
    await(&issuer.good, 2);
    keys_free(keys);
    assert_int_equal(issuer.fetches, 2);
    world_stop(&world);
}

TEST(tokens_of_unknown_keys_cause_no_fetch_soon_after_the_last)
{
    struct world world = world_start();
    struct keys *keys = open_keys((struct keys_pace){NEVER_S, NEVER_S});
    await(&issuer.good, 1);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(check(keys, world.token_two), TOKEN_EUNKNOWNKEY);
    }
    keys_free(keys);
    assert_int_equal(issuer.fetches, 1);
    world_stop(&world);
}

TEST(fetch_that_fails_is_told_and_leaves_the_keys_that_were)
{
    struct world world = world_start();
    struct keys *keys = open_keys(on_demand);
    await(&issuer.good, 1);
    char *large = malloc(KEYRING_SET_BYTES_MAX + 2);
    memset(large, ' ', KEYRING_SET_BYTES_MAX + 1);
    large[KEYRING_SET_BYTES_MAX + 1] = '\0';
    const struct {
        unsigned status;
        char *body; /* NULL: nobody listens */
        const char *said;
    } cases[] = {{MHD_HTTP_INTERNAL_SERVER_ERROR, strdup("{}"), "500"},
                 {MHD_HTTP_OK, strdup("<html>"), "no JSON Web Key Set"},
                 {MHD_HTTP_OK, strdup("{\"keys\":[]}"), "has no key"},
                 {MHD_HTTP_OK, large, "more than"},
                 {0, NULL, "connect"}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].body) {
            answer_with(cases[i].status, cases[i].body);
        } else {
            issuer_stop();
        }
        assert_int_equal(check(keys, world.token_two), TOKEN_EUNKNOWNKEY);
        await(&issuer.bad, i + 1);
        assert_non_null(strstr(issuer.line, issuer.url));
        assert_non_null(strstr(issuer.line, "the last good one stays in force"));
        if (!strcasestr(issuer.line, cases[i].said)) {
            fail_msg("\"%s\" does not say \"%s\"", issuer.line, cases[i].said);
        }
        assert_int_equal(check(keys, world.token_one), TOKEN_OK);
    }
    assert_int_equal(issuer.good, 1);
    keys_free(keys);
    world_stop(&world);
}

TEST(key_that_is_gone_from_the_issuer_is_not_believed_after_the_next_turn)
{
    struct world world = world_start();
    struct keys *keys = open_keys((struct keys_pace){.every_s = 1, .soonest_s = 1});
    await(&issuer.good, 1);
    assert_int_equal(check(keys, world.token_one), TOKEN_OK);
    publish(world.two, NULL);
    pthread_mutex_lock(&issuer.lock);
    unsigned good = issuer.good;
    pthread_mutex_unlock(&issuer.lock);
    await(&issuer.good, good + 2); /* the next one may have been under way */
    assert_int_equal(check(keys, world.token_one), TOKEN_EUNKNOWNKEY);
    assert_int_equal(check(keys, world.token_two), TOKEN_OK);
    keys_free(keys);
    world_stop(&world);
}
