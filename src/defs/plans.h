/* plans.h - named plans of database hosts and how many connections each accepts, in one table.
 *
 * PLAN(name, host, direct, pooler, clients, cores, doc)
 *   name     as it is written in scenarios and on the command line
 *   host     who sells it
 *   direct   connections that the database accepts from the application's role; of Supabase what
 *            max_connections is minus what the platform's own services and the superuser hold
 *   pooler   clients that its session-mode pooler lets in by default; 0 = the plan has none
 *   clients  clients that its transaction-mode pooler lets in; 0 = the plan has none
 *   cores    processors for the rule of thumb "2 x cores"; 0 = shared or not published
 *   doc      where the numbers come from
 * Hosts change their plans: a number on the command line or in the scenario wins.
 */
#ifndef DEFS_PLANS_H
#define DEFS_PLANS_H

/* clang-format off */
#define PLANS_HEROKU(PLAN) \
    PLAN("heroku-essential-0", "Heroku", 20, 0, 0, 0, "Essential-0: 20 connections.") \
    PLAN("heroku-essential-1", "Heroku", 20, 0, 0, 0, "Essential-1: 20 connections.") \
    PLAN("heroku-essential-2", "Heroku", 40, 0, 0, 0, "Essential-2: 40 connections.") \
    PLAN("heroku-standard-0", "Heroku", 120, 0, 0, 2, "Standard-0: 120 connections, 4 GB.") \
    PLAN("heroku-standard-2", "Heroku", 400, 0, 0, 2, "Standard-2: 400 connections, 8 GB.")

#define PLANS_SUPABASE(PLAN) \
    PLAN("supabase-nano", "Supabase", 60, 15, 200, 0, "Nano: 60 direct, pool of 15, 200 clients.") \
    PLAN("supabase-micro", "Supabase", 60, 15, 200, 2, "Micro: 60 direct, pool of 15, 200 clients.") \
    PLAN("supabase-small", "Supabase", 90, 15, 400, 2, "Small: 90 direct, pool of 15, 400 clients.") \
    PLAN("supabase-medium", "Supabase", 120, 15, 600, 2, "Medium: 120 direct, pool of 15, 600 clients.") \
    PLAN("supabase-large", "Supabase", 160, 20, 800, 2, "Large: 160 direct, pool of 20, 800 clients.") \
    PLAN("supabase-xl", "Supabase", 240, 20, 1000, 4, "XL: 240 direct, pool of 20, 1,000 clients.") \
    PLAN("supabase-2xl", "Supabase", 380, 25, 1500, 8, "2XL: 380 direct, pool of 25, 1,500 clients.") \
    PLAN("supabase-4xl", "Supabase", 480, 32, 3000, 16, "4XL: 480 direct, pool of 32, 3,000 clients.")

#define PLANS_TABLE(PLAN) PLANS_HEROKU(PLAN) PLANS_SUPABASE(PLAN)
/* clang-format on */

#endif
