/* scene.c - see scene.h. */
#include "scene.h"

#include <string.h>

#include "test.h"

void scene_init(struct scene *scene)
{
    *scene = (struct scene){0};
    world_init(&scene->world, 0, 0);
    authority_init(&scene->authority, "Test CA");
    authority_issue(&scene->authority, "db.example", "DNS:db.example,IP:127.0.0.1", "SHA256");
    scene->server_options = (struct net_tls_options){.is_server = true,
                                                     .cert_file = scene->authority.cert_file,
                                                     .key_file = scene->authority.key_file};
    scene->client_options = (struct net_tls_options){.verify = NET_TLS_VERIFY_FULL,
                                                     .ca_file = scene->authority.ca_file};
    strcpy(scene->host, "db.example");
}

struct net_tls_context *context_of(const struct net_tls_options *options)
{
    struct net_tls_context *context = NULL;
    char why[256] = "";
    if (net_tls_context_new(options, why, sizeof(why), &context) != BASE_OK) {
        fail_msg("%s", why);
    }
    return context;
}

void scene_start(struct scene *scene)
{
    scene->server_context = context_of(&scene->server_options);
    scene->client_context = context_of(&scene->client_options);
    peers_pair(&scene->server, &scene->client, &scene->world, IN_MAX);
    assert_int_equal(net_stream_start_tls(&scene->server.stream, scene->server_context, NULL),
                     BASE_OK);
    assert_int_equal(
        net_stream_start_tls(&scene->client.stream, scene->client_context, scene->host), BASE_OK);
}

void scene_shake(struct scene *scene)
{
    scene_start(scene);
    UNTIL(&scene->world, scene->server.tls_calls == 1 && scene->client.tls_calls == 1);
}

void scene_done(struct scene *scene)
{
    peer_finish(&scene->server);
    peer_finish(&scene->client);
    net_tls_context_free(scene->server_context);
    net_tls_context_free(scene->client_context);
    authority_done(&scene->authority);
    world_done(&scene->world);
}

void send_text(struct peer *peer, const char *text)
{
    net_stream_send(&peer->stream, base_slice_text(text));
}
