package scenarios

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Failures around the handshake: the DNS, proxies, STARTTLS,
// and servers that break TLS itself.
var wire = []Scenario{
	{Name: "dns-not-found", Story: "The DNS says that the name does not exist.",
		Want: report.Inconclusive, Findings: ids(finding.DNSNotFound), Local: true},
	{Name: "dns-no-address", Story: "The DNS knows the name and no IPv4 address of it.",
		Want: report.Inconclusive, Findings: ids(finding.DNSNoAddress), Local: true},
	{Name: "dns-failure", Story: "The DNS server fails (SERVFAIL).",
		Want: report.Inconclusive, Findings: ids(finding.DNSFailure), Local: true},
	{Name: "dns-silent", Story: "The DNS server never answers.",
		Want: report.Inconclusive, Findings: ids(finding.DNSTimeout), Local: true},
	{Name: "connect-timeout", Story: "The client allows one nanosecond for the connection.",
		Want: report.Inconclusive, Findings: ids(finding.ConnectionTimeout), Ask: Ask{Flags: []string{"--connect-timeout", "1ns"}}},
	{Name: "unreachable", Story: "The name leads to an address that nothing can connect to.",
		Want: report.Inconclusive, Findings: ids(finding.ConnectionUnreachable)},
	{Name: "proxy", Story: "The way leads through an HTTP proxy, which does its work. Revocation is not asked for.",
		Want: report.Accept, Ask: Ask{Policy: policy.Policy{Schemes: policy.Off}, Flags: []string{"--revocation", policy.Off.String()}}},
	{Name: "proxy-private-pointers", Story: "Behind a proxy nobody can tell who is at a private address, so the certificate's pointers to this machine are not followed.",
		Want: report.Inconclusive, Findings: ids(finding.FetchRefusedAddress)},
	{Name: "proxy-login", Story: "The proxy wants a user name and a password.",
		Want: report.Inconclusive, Findings: ids(finding.ProxyAuthRequired)},
	{Name: "proxy-refuses", Story: "The proxy does not connect to that port.",
		Want: report.Inconclusive, Findings: ids(finding.ProxyRefused)},
	{Name: "proxy-broken", Story: "What should be an HTTP proxy speaks something else.",
		Want: report.Inconclusive, Findings: ids(finding.ProxyFailure)},
	{Name: "proxy-down", Story: "Nothing listens where the proxy should be.",
		Want: report.Inconclusive, Findings: ids(finding.ProxyFailure)},
	{Name: "smtp", Story: "A mail server that changes to TLS with STARTTLS.",
		Want: report.Accept},
	{Name: "smtp-no-starttls", Story: "A mail server that does not offer STARTTLS, or somebody on the way who took the offer out.",
		Want: report.Inconclusive, Findings: ids(finding.StartTLSNotOffered)},
	{Name: "smtp-starttls-refused", Story: "A mail server that offers STARTTLS and then refuses it.",
		Want: report.Inconclusive, Findings: ids(finding.StartTLSRefused)},
	{Name: "smtp-starttls-broken", Story: "A mail server that closes the connection in answer to STARTTLS.",
		Want: report.Inconclusive, Findings: ids(finding.StartTLSFailure)},
	{Name: "smtp-starttls-injection", Story: "More text follows the answer to STARTTLS in plain text; a careless client would take it for the server's words under TLS.",
		Want: report.Reject, Findings: ids(finding.StartTLSInjection)},
	{Name: "smtp-greeting-refused", Story: "A mail server that does not like the name in EHLO and says so; what it offers is not known.",
		Want: report.Inconclusive, Findings: ids(finding.StartTLSRefused)},
	{Name: "smtp-half-greeting", Story: "A mail server that stops in the middle of its greeting.",
		Want: report.Inconclusive, Findings: ids(finding.StartTLSFailure), Timeout: 300 * time.Millisecond, Ask: Ask{Flags: []string{"--handshake-timeout", "300ms"}}},
	{Name: "plain-smtp", Story: "A mail server that begins in plain text is asked for TLS at once.",
		Want: report.Inconclusive, Findings: ids(finding.PlaintextStartTLS)},
	{Name: "plain-vnc", Story: "The port speaks VNC.",
		Want: report.Inconclusive, Findings: ids(finding.PlaintextOther)},
	{Name: "alpn", Story: "The server knows none of the application protocols that the client offers.",
		Want: report.Inconclusive, Findings: ids(finding.ALPNNoCommon)},
	{Name: "client-certificate-refused", Story: "The server demands a client certificate and does not like the one it gets.",
		Want: report.Inconclusive, Findings: ids(finding.ClientCertRefused)},
	{Name: "wrong-key", Story: "The server's key is not the one in its certificate: the handshake's signature does not verify. That is what a thief of the certificate alone would look like.",
		Want: report.Reject, Findings: ids(finding.HandshakeSignatureInvalid)},
	{Name: "malformed-hello", Story: "The server answers with a ServerHello that makes no sense.",
		Want: report.Inconclusive, Findings: ids(finding.HandshakeMalformed)},
	{Name: "flood", Story: "The server sends a certificate message of 2 MiB.",
		Want: report.Inconclusive, Findings: ids(finding.HandshakeTooLarge)},
	{Name: "downgrade", Story: "Somebody on the way hides TLS 1.3 from the server, which notices nothing; its random number tells the client (RFC 8446, 4.1.3).",
		Want: report.Reject, Findings: ids(finding.HandshakeDowngrade)},
}
