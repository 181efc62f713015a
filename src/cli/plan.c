/* plan.c - `weir plan`: the smallest settings that meet a goal, or what is wrong with given ones.
 */
#include "cli/plan.h"

#include <stdlib.h>

#include "cli/cli.h"

struct sizing_question plan_question(const struct plan_arguments *arguments)
{
    uint32_t limit = arguments->limit, reserve = arguments->reserve;
    return (struct sizing_question){
        .scenario = &arguments->scenario,
        .room = limit > reserve ? limit - reserve : 0,
        .goal = arguments->goal,
        .is_overlapping = arguments->overlap,
    };
}

struct sizing_report plan_report(const struct plan_arguments *arguments,
                                 const struct sizing_question *question,
                                 const struct sizing_answer *answer)
{
    return (struct sizing_report){
        .question = question,
        .answer = answer,
        .plan = arguments->named,
        .limit = arguments->limit,
        .reserve = arguments->reserve,
        .cores = arguments->cores,
    };
}

static int list_plans(void)
{
    printf("%-20s %-10s %11s %15s %19s\n", "plan", "host", "connections", "session pooler",
           "transaction pooler");
    for (size_t i = 0; i < sim_plan_count; i++) {
        const struct sim_plan *plan = &sim_plans[i];
        char session[16] = "-", transaction[16] = "-";
        if (plan->pooler > 0)
            snprintf(session, sizeof(session), "%u", plan->pooler);
        if (plan->pooler_clients > 0)
            snprintf(transaction, sizeof(transaction), "%u", plan->pooler_clients);
        printf("%-20s %-10s %11u %15s %19s\n", plan->name, plan->host, plan->direct, session,
               transaction);
    }
    return 0;
}

static int search(const struct plan_arguments *arguments)
{
    char text[256];
    struct sizing_question question = plan_question(arguments);
    struct sizing_answer answer;
    int r = sizing_search(&question, &answer, text);
    struct sizing_report report = plan_report(arguments, &question, &answer);
    if (r == 0 && report.cores > 0)
        r = sizing_try(&question, SIZING_WEIR, 2 * report.cores, &report.cores_run, text);
    if (r != 0) {
        fprintf(stderr, "weir: %s\n", r == BASE_ENOMEM ? "out of memory" : text);
        return 3;
    }
    if (arguments->is_json)
        sizing_report_json(stdout, &report);
    else
        sizing_report_text(stdout, &report);
    bool is_found = answer.options[SIZING_OWN].is_found || answer.options[SIZING_WEIR].is_found;
    return is_found ? 0 : 1;
}

int cli_plan(int argc, char **argv)
{
    struct plan_arguments *arguments = malloc(sizeof(*arguments));
    if (!arguments) {
        fputs("weir: out of memory\n", stderr);
        return 3;
    }
    int code = plan_arguments_read(argc, argv, arguments);
    if (code == GO_ON && arguments->is_list)
        code = list_plans();
    else if (code == GO_ON)
        code = arguments->check ? plan_check(arguments) : search(arguments);
    plan_arguments_done(arguments);
    free(arguments);
    return code;
}
