// Asks one question with Mbed TLS in the defaults of its documentation: mbedtls HOST PORT ROOTS TOKEN; without
// arguments it prints its version.
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what, int code) {
	char why[200];
	mbedtls_strerror(code, why, sizeof why);
	fprintf(stderr, "%s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv) {
	if (argc != 5) {
		char version[32];
		mbedtls_version_get_string_full(version);
		puts(version);
		return 0;
	}
	mbedtls_net_context net;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt roots;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_net_init(&net);
	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_config_init(&conf);
	mbedtls_x509_crt_init(&roots);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random);
	int code;
	if ((code = mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0)) != 0) return failed("random", code);
	if ((code = mbedtls_x509_crt_parse_file(&roots, argv[3])) != 0) return failed("roots", code);
	if ((code = mbedtls_net_connect(&net, argv[1], argv[2], MBEDTLS_NET_PROTO_TCP)) != 0) return failed("connect", code);
	if ((code = mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT)) != 0) return failed("config", code);
	mbedtls_ssl_conf_ca_chain(&conf, &roots, NULL);
	mbedtls_ssl_conf_rng(&conf, mbedtls_ctr_drbg_random, &random);
	if ((code = mbedtls_ssl_setup(&ssl, &conf)) != 0) return failed("setup", code);
	if ((code = mbedtls_ssl_set_hostname(&ssl, argv[1])) != 0) return failed("name", code);
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
	if ((code = mbedtls_ssl_handshake(&ssl)) != 0) {
		char why[400];
		if (mbedtls_x509_crt_verify_info(why, sizeof why, "", mbedtls_ssl_get_verify_result(&ssl)) > 0) fputs(why, stderr);
		return failed("handshake", code);
	}
	char text[1024];
	int n = snprintf(text, sizeof text, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[4], argv[1]);
	if ((code = mbedtls_ssl_write(&ssl, (unsigned char *)text, (size_t)n)) < 0) return failed("write", code);
	mbedtls_ssl_read(&ssl, (unsigned char *)text, sizeof text);
	return 0;
}
