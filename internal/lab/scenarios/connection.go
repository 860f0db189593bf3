package scenarios

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Connections that end before, or just after, a handshake.
var connection = []Scenario{
	{Name: "refused", Story: "Nothing listens on the port.",
		Want: report.Inconclusive, Findings: ids(finding.ConnectionRefused)},
	{Name: "two-certificates-expired", Story: "The server has two certificates. The RSA one, which a client in Go is shown, is good. The ECDSA one, which most other clients are shown, has expired.",
		Want: report.Reject, Findings: ids(finding.CertExpired)},
	{Name: "silent", Story: "The server accepts the connection and never says a word.",
		Want: report.Inconclusive, Findings: ids(finding.HandshakeTimeout), Timeout: 300 * time.Millisecond, Ask: Ask{Flags: []string{"--handshake-timeout", "300ms"}}},
	{Name: "closes", Story: "The server closes the connection when it has seen the ClientHello.",
		Want: report.Inconclusive, Findings: ids(finding.HandshakeEOF)},
	{Name: "resets", Story: "The server resets the connection when it has seen the ClientHello.",
		Want: report.Inconclusive, Findings: ids(finding.ConnectionReset)},
	{Name: "plain-http", Story: "A web server without TLS is on the port and answers 400.",
		Want: report.Inconclusive, Findings: ids(finding.PlaintextHTTP)},
	{Name: "ssh-banner", Story: "An SSH server is on the port.",
		Want: report.Inconclusive, Findings: ids(finding.PlaintextSSH)},
	{Name: "garbage", Story: "The server answers with bytes that are no protocol at all.",
		Want: report.Inconclusive, Findings: ids(finding.NotTLS)},
	{Name: "tls10", Story: "The server speaks TLS 1.0 and 1.1 only, which no client should accept any more.",
		Want: report.Inconclusive, Findings: ids(finding.NoSafeTLS)},
	{Name: "protocol-version-alert", Story: "The server refuses every version with the alert protocol_version.",
		Want: report.Inconclusive, Findings: ids(finding.TLSVersionUnsupported)},
	{Name: "handshake-failure-alert", Story: "The server refuses with the alert handshake_failure.",
		Want: report.Inconclusive, Findings: ids(finding.NoCommonParameters)},
	{Name: "unrecognized-name-alert", Story: "The server does not know the name and says so (unrecognized_name).",
		Want: report.Inconclusive, Findings: ids(finding.UnrecognizedName)},
	{Name: "server-name-missing", Story: "The server is named by its address, so that no server name is sent, and it wants one; it says that it does not know the name (unrecognized_name).",
		Want: report.Inconclusive, Findings: ids(finding.ServerNameMissing)},
	{Name: "ml-dsa-leaf", Story: "The certificate has an ML-DSA key, with which crypto/tls before Go 1.27 cannot finish a handshake. The certificates are read and judged all the same.",
		Want: report.Inconclusive, Findings: ids(finding.NoCommonParameters, finding.X509Disagrees), Absent: ids(finding.KeyUnsupported, finding.SignatureUnsupported)},
	{Name: "internal-error-alert", Story: "The server breaks off with the alert internal_error.",
		Want: report.Inconclusive, Findings: ids(finding.TLSAlert)},
	{Name: "client-certificate-required", Story: "TLS 1.3: the server requires a client certificate and says so only after the handshake. Its own certificate was judged; the connection is of no use.",
		Want: report.Inconclusive, Findings: ids(finding.ClientCertRequired)},
	{Name: "client-certificate-required-tls12", Story: "TLS 1.2: the server requires a client certificate and ends the handshake without one.",
		Want: report.Inconclusive, Findings: ids(finding.ClientCertRequired)},
}
