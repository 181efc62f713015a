/* scene.h - two peers of one loop that speak TLS with each other: what test_tls.c is played in. */
#ifndef TEST_NET_SCENE_H
#define TEST_NET_SCENE_H

#include "certificates.h"
#include "world.h"

#define IN_MAX 65536

/* Two peers of one loop, an authority, and what each side asks for. */
struct scene {
    struct world world;
    struct authority authority;
    struct peer server;
    struct peer client;
    struct net_tls_options server_options;
    struct net_tls_options client_options;
    struct net_tls_context *server_context;
    struct net_tls_context *client_context;
    char host[64];
};

/* What is asked for may be changed before the start. */
void scene_init(struct scene *scene);
struct net_tls_context *context_of(const struct net_tls_options *options);
void scene_start(struct scene *scene);
/* Starts, and waits until both sides know how it went. */
void scene_shake(struct scene *scene);
void scene_done(struct scene *scene);

void send_text(struct peer *peer, const char *text);

#endif
