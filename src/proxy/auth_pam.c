/* auth_pam.c - asks PAM whether a password is right. Blocks: a helper thread calls it.
 *
 * The conversation answers prompts that hide what is typed with the password and all others with
 * nothing. Authentication and account management must both agree (expired accounts do not get in).
 * Test: tests/system/test_pam.py.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "proxy/outside.h"

static void drop_answers(struct pam_response *answers, int count)
{
    for (int i = 0; i < count; i++) {
        if (answers[i].resp) {
            explicit_bzero(answers[i].resp, strlen(answers[i].resp));
            free(answers[i].resp);
        }
    }
    free(answers);
}

static int converse(int count, const struct pam_message **messages,
                    struct pam_response **ret_answers, void *arg)
{
    const char *password = arg;
    if (count <= 0 || count > PAM_MAX_NUM_MSG) {
        return PAM_CONV_ERR;
    }
    struct pam_response *answers = calloc((size_t)count, sizeof(*answers));
    for (int i = 0; answers && i < count; i++) {
        bool is_secret = messages[i]->msg_style == PAM_PROMPT_ECHO_OFF;
        answers[i].resp = strdup(is_secret ? password : "");
        if (!answers[i].resp) {
            drop_answers(answers, i);
            answers = NULL;
        }
    }
    *ret_answers = answers;
    return answers ? PAM_SUCCESS : PAM_BUF_ERR;
}

int outside_ask_pam(const struct outside_question *question, char *why, size_t why_bytes)
{
    struct pam_conv conversation = {converse, (void *)(uintptr_t)question->password};
    pam_handle_t *pam = NULL;
    int r = pam_start(question->service, question->user, &conversation, &pam);
    if (r == PAM_SUCCESS && *question->host) {
        r = pam_set_item(pam, PAM_RHOST, question->host);
    }
    if (r == PAM_SUCCESS) {
        r = pam_authenticate(pam, PAM_SILENT);
    }
    if (r == PAM_SUCCESS) {
        r = pam_acct_mgmt(pam, PAM_SILENT);
    }
    if (r != PAM_SUCCESS) {
        snprintf(why, why_bytes, "PAM service %s: %s", question->service, pam_strerror(pam, r));
    }
    if (pam) {
        (void)pam_end(pam, r);
    }
    return r == PAM_SUCCESS ? BASE_OK : BASE_EAUTH;
}
