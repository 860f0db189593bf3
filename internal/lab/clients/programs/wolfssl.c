// Asks one question with wolfSSL: wolfssl HOST PORT ROOTS TOKEN [none|peer|ocsp]; without arguments it prints its version.
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(const char *host, const char *port) {
	struct addrinfo hints, *all, *a;
	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &all) != 0) return -1;
	int fd = -1;
	for (a = all; a != NULL; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
		if (fd >= 0) close(fd);
		fd = -1;
	}
	freeaddrinfo(all);
	return fd;
}

int main(int argc, char **argv) {
	if (argc < 6) {
		puts("wolfSSL " LIBWOLFSSL_VERSION_STRING);
		return 0;
	}
	const char *host = argv[1], *mode = argv[5];
	wolfSSL_Init();
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLS_client_method());
	if (ctx == NULL || wolfSSL_CTX_load_verify_locations(ctx, argv[3], NULL) != WOLFSSL_SUCCESS) return 2;
	if (strcmp(mode, "none") != 0) wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER, NULL);
#ifdef HAVE_OCSP
	if (strcmp(mode, "ocsp") == 0) wolfSSL_CTX_EnableOCSP(ctx, WOLFSSL_OCSP_CHECKALL);
#endif
	int fd = dial(host, argv[2]);
	if (fd < 0) {
		fputs("no connection\n", stderr);
		return 2;
	}
	WOLFSSL *ssl = wolfSSL_new(ctx);
	if (ssl == NULL) return 2;
	wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, host, (unsigned short)strlen(host));
	if (strcmp(mode, "none") != 0) wolfSSL_check_domain_name(ssl, host);
	wolfSSL_set_fd(ssl, fd);
	if (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS) {
		char why[80];
		fprintf(stderr, "handshake: %s\n", wolfSSL_ERR_error_string((unsigned long)wolfSSL_get_error(ssl, 0), why));
		return 1;
	}
	char text[1024];
	int n = snprintf(text, sizeof text, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[4], host);
	if (wolfSSL_write(ssl, text, n) <= 0) return 1;
	wolfSSL_read(ssl, text, sizeof text);
	return 0;
}
