/* Validates embedded SCTs with OpenSSL, as oracle and as yardstick.
 *
 *   openssl_sct LOG_LIST.cnf ROUNDS < records
 *
 * A record is the certificate, its issuer (each a 4-octet length and DER) and
 * the time in ms since 1970 (8 octets), all big-endian. For each record one
 * line of OpenSSL's SCT validation statuses is printed, then the nanoseconds
 * of CPU time that one round over all records took. */
#include <openssl/ct.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct record { unsigned char *leaf, *issuer; long leaf_len, issuer_len; uint64_t ms; };

static uint64_t number(int octets) {
    uint64_t n = 0;
    while (octets-- > 0) {
        int c = getchar();
        if (c == EOF) exit(1);
        n = n << 8 | (uint64_t)c;
    }
    return n;
}

static unsigned char *block(long *len) {
    *len = (long)number(4);
    unsigned char *b = malloc((size_t)*len);
    if (b == NULL || fread(b, 1, (size_t)*len, stdin) != (size_t)*len) exit(1);
    return b;
}

static void judge(struct record *r, CTLOG_STORE *logs, int print) {
    const unsigned char *p = r->leaf, *q = r->issuer;
    X509 *leaf = d2i_X509(NULL, &p, r->leaf_len), *issuer = d2i_X509(NULL, &q, r->issuer_len);
    STACK_OF(SCT) *scts = leaf ? X509_get_ext_d2i(leaf, NID_ct_precert_scts, NULL, NULL) : NULL;
    if (issuer != NULL && scts != NULL) {
        CT_POLICY_EVAL_CTX *ctx = CT_POLICY_EVAL_CTX_new();
        CT_POLICY_EVAL_CTX_set1_cert(ctx, leaf);
        CT_POLICY_EVAL_CTX_set1_issuer(ctx, issuer);
        CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(ctx, logs);
        CT_POLICY_EVAL_CTX_set_time(ctx, r->ms);
        for (int i = 0; i < sk_SCT_num(scts); i++)
            SCT_set_source(sk_SCT_value(scts, i), SCT_SOURCE_X509V3_EXTENSION);
        SCT_LIST_validate(scts, ctx);
        for (int i = 0; print && i < sk_SCT_num(scts); i++)
            printf("%s ", SCT_validation_status_string(sk_SCT_value(scts, i)));
        CT_POLICY_EVAL_CTX_free(ctx);
    }
    if (print) putchar('\n');
    SCT_LIST_free(scts);
    X509_free(leaf);
    X509_free(issuer);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    CTLOG_STORE *logs = CTLOG_STORE_new();
    if (CTLOG_STORE_load_file(logs, argv[1]) != 1) return 1;
    struct record *all = NULL;
    int n = 0, c;
    while ((c = getchar()) != EOF) {
        ungetc(c, stdin);
        all = realloc(all, sizeof *all * (size_t)(n + 1));
        if (all == NULL) return 1;
        all[n].leaf = block(&all[n].leaf_len);
        all[n].issuer = block(&all[n].issuer_len);
        all[n].ms = number(8);
        judge(&all[n++], logs, 1);
    }
    for (int round = atoi(argv[2]); round > 0; round--) {
        struct timespec a, b;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        for (int i = 0; i < n; i++) judge(&all[i], logs, 0);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        printf("%lld\n", (long long)(b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec));
    }
    return 0;
}
