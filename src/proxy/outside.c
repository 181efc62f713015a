/* outside.c - see outside.h. Test: tests/system/test_pam.py, test_ldap.py. */
#include "proxy/outside.h"

#include <stdlib.h>

#include "base/arena.h"
#include "config/hba.h"
#include "proxy/client_internal.h"
#include "proxy/helper.h"
#include "proxy/log.h"

#define PAM_SERVICE "pgbouncer" /* what an installation that is replaced has in /etc/pam.d */

struct outside_job {
    struct proxy_job job;
    struct proxy_client *client; /* the loop's; NULL: gone */
    struct base_arena arena;     /* the question's texts; cleared when it ends */
    struct outside_question question;
    int status;
    char why[300];
};

static void run(struct proxy_job *base)
{
    struct outside_job *job = base_list_entry(base, struct outside_job, job);
    job->status = job->question.service
                      ? outside_ask_pam(&job->question, job->why, sizeof(job->why))
                      : outside_ask_ldap(&job->question, job->why, sizeof(job->why));
}

static void job_free(struct outside_job *job)
{
    base_arena_done(&job->arena);
    free(job);
}

static void done(struct proxy_job *base)
{
    struct outside_job *job = base_list_entry(base, struct outside_job, job);
    if (job->client) {
        job->client->login->outside = NULL;
        client_outside_done(job->client, job->status, job->why, job->question.password);
    }
    job_free(job);
}

static const char *copy(struct outside_job *job, struct base_slice text)
{
    const char *made = base_arena_text(&job->arena, text);
    job->status = made ? job->status : BASE_ENOMEM;
    return made;
}

static struct outside_job *job_new(struct proxy_client *client, struct base_slice password)
{
    const struct proxy_client_login *login = client->login;
    const struct config *config = client->proxy->config;
    struct outside_job *job = calloc(1, sizeof(*job));
    char host[NET_ADDRESS_TEXT] = "";
    if (!job) {
        return NULL;
    }
    if (!client->is_unix) {
        struct net_address peer = net_peer_address(&client->peer);
        net_address_host_text(&peer, host, sizeof(host));
    }
    job->job.run = run;
    job->job.done = done;
    job->client = client;
    job->question.user = copy(job, base_slice_text(login->user));
    job->question.password = copy(job, password);
    job->question.host = copy(job, base_slice_text(host));
    if (login->method == CONFIG_AUTH_TYPE_PAM) {
        const char *service =
            login->rule && *login->rule->pam_service ? login->rule->pam_service : PAM_SERVICE;
        job->question.service = copy(job, base_slice_text(service));
    } else if (config_ldap_copy(&job->arena, login->rule ? &login->rule->ldap : &config->ldap,
                                &job->question.ldap) < 0) {
        job->status = BASE_ENOMEM;
    }
    if (job->status < 0) {
        job_free(job);
        return NULL;
    }
    job->status = BASE_EAUTH; /* should it never run */
    return job;
}

int outside_begin(struct proxy_client *client, struct base_slice password)
{
    struct proxy *proxy = client->proxy;
    int r = proxy->helpers ? BASE_OK : proxy_helpers_new(proxy->loop, &proxy->helpers);
    struct outside_job *job = r == BASE_OK ? job_new(client, password) : NULL;
    if (!job) {
        return r < 0 ? r : BASE_ENOMEM;
    }
    r = proxy_helpers_submit(proxy->helpers, &job->job);
    if (r < 0) {
        job_free(job);
        return r;
    }
    client->login->outside = job;
    return BASE_OK;
}

void outside_leave(struct proxy_client *client)
{
    if (client->login && client->login->outside) {
        client->login->outside->client = NULL;
        client->login->outside = NULL;
    }
}
