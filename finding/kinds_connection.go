package finding

// Kinds of reaching a server: name resolution, connecting, the protocol on the
// port, and the TLS handshake. Nothing here says that a certificate is bad:
// these are inconclusive, except where the peer shows an attack.
const (
	DNSNotFound  ID = "dns-not-found"
	DNSTimeout   ID = "dns-timeout"
	DNSFailure   ID = "dns-failure"
	DNSNoAddress ID = "dns-no-address"

	ConnectionRefused     ID = "connection-refused"
	ConnectionTimeout     ID = "connection-timeout"
	ConnectionUnreachable ID = "connection-unreachable"
	ConnectionReset       ID = "connection-reset"
	ConnectionFailed      ID = "connection-failed"
	DialCancelled         ID = "dial-cancelled"

	PlaintextHTTP     ID = "plaintext-http"
	PlaintextSSH      ID = "plaintext-ssh"
	PlaintextStartTLS ID = "plaintext-starttls"
	PlaintextOther    ID = "plaintext-other"
	NotTLS            ID = "not-tls"

	HandshakeTimeout          ID = "handshake-timeout"
	HandshakeEOF              ID = "handshake-eof"
	HandshakeMalformed        ID = "handshake-malformed"
	HandshakeTooLarge         ID = "handshake-too-large"
	HandshakeDowngrade        ID = "handshake-downgrade"
	HandshakeSignatureInvalid ID = "handshake-signature-invalid"
	HandshakeCertUnusable     ID = "handshake-certificate-unusable"
	TLSAlert                  ID = "tls-alert"
	TLSVersionUnsupported     ID = "tls-version-unsupported"
	NoCommonParameters        ID = "no-common-parameters"
	NoSafeTLS                 ID = "no-safe-tls"
	UnrecognizedName          ID = "unrecognized-name"
	ALPNNoCommon              ID = "alpn-no-common-protocol"
	ClientCertRequired        ID = "client-certificate-required"
	ClientCertRefused         ID = "client-certificate-refused"
	RenegotiationDemanded     ID = "renegotiation-demanded"
	Truncated                 ID = "truncated"
)

// riskUnjudged is the risk of every failure that leaves nothing to judge.
const riskUnjudged = "None is shown. The server's identity could not be judged, so nothing may be assumed about it."

var connectionKinds = []Kind{
	{ID: DNSNotFound, Class: ClassConnection, Severity: Inconclusive, Rank: 75,
		Title:   "the name {host} does not exist in the DNS",
		Explain: "The resolver answered that there is no such name, or that it has no address, so there is nothing to connect to.",
		Risk:    riskUnjudged,
		Fix:     "Check the spelling. If the name is new, give the DNS time. To test a server before its name exists, use --resolve HOST:PORT:ADDRESS.",
		Spec:    "RFC 1035; RFC 8305, 3",
		Since:   "0.1"},
	{ID: DNSTimeout, Class: ClassConnection, Severity: Inconclusive, Rank: 75,
		Title:   "the DNS did not answer for {host} within {timeout}",
		Explain: "No resolver answered in time. The name may exist; it could not be found out.",
		Risk:    riskUnjudged,
		Fix:     "Check the network and the resolver (/etc/resolv.conf), or give the address with --resolve HOST:PORT:ADDRESS.",
		Since:   "0.1"},
	{ID: DNSFailure, Class: ClassConnection, Severity: Inconclusive, Rank: 75,
		Title:   "the name {host} could not be resolved: {detail}",
		Explain: "The resolver answered with an error, often because the name's own servers are broken or DNSSEC validation failed.",
		Risk:    riskUnjudged,
		Fix:     "Ask the resolver directly (dig {host}), check the zone's servers, or give the address with --resolve HOST:PORT:ADDRESS.",
		Since:   "0.1"},
	{ID: DNSNoAddress, Class: ClassConnection, Severity: Inconclusive, Rank: 75,
		Title:   "{host} has no {family} address",
		Explain: "The name or the address given has nothing of the address family that was asked for.",
		Risk:    riskUnjudged,
		Fix:     "Leave out -4 or -6, or use the other one.",
		Since:   "0.1"},

	{ID: ConnectionRefused, Class: ClassConnection, Severity: Inconclusive, Rank: 74,
		Title:   "{addr} refused the connection ({host}, {count} addresses tried)",
		Explain: "The machine is there and says that nothing listens on port {port}, or a firewall says so in its place.",
		Risk:    riskUnjudged,
		Fix:     "Check that the service runs and listens on this port and address (ss -ltn on the server), and the firewall's rules.",
		Since:   "0.1"},
	{ID: ConnectionTimeout, Class: ClassConnection, Severity: Inconclusive, Rank: 74,
		Title:   "no address of {host} answered on port {port} within {timeout} ({count} tried)",
		Explain: "Packets went out and nothing came back. Usually a firewall drops them, or the machine is off.",
		Risk:    riskUnjudged,
		Fix:     "Check the address, routes and firewalls. A slow network needs a longer --connect-timeout.",
		Since:   "0.1"},
	{ID: ConnectionUnreachable, Class: ClassConnection, Severity: Inconclusive, Rank: 74,
		Title:   "{addr} cannot be reached: {detail} ({host}, {count} addresses tried)",
		Explain: "This machine or a router on the way has no route to the address. With IPv6 addresses it often means that this network has no IPv6.",
		Risk:    riskUnjudged,
		Fix:     "Check the network connection and the address; try -4 if only IPv6 addresses failed.",
		Since:   "0.1"},
	{ID: ConnectionReset, Class: ClassConnection, Severity: Inconclusive, Rank: 74,
		Title:   "{host} port {port} reset the connection while {stage}",
		Explain: "The server, or something on the way such as a firewall that dislikes the name, broke the connection off.",
		Risk:    riskUnjudged,
		Fix:     "Look at the server's log. Try another network, --no-servername, or --tls-max 1.2 to see whether a device on the way is the cause.",
		Since:   "0.1"},
	{ID: ConnectionFailed, Class: ClassConnection, Severity: Inconclusive, Rank: 74,
		Title:   "could not connect to {host} port {port}: {detail}",
		Explain: "The operating system could not make the connection.",
		Risk:    riskUnjudged,
		Fix:     "The message of the operating system says what to look at.",
		Since:   "0.1"},
	{ID: DialCancelled, Class: ClassConnection, Severity: Inconclusive, Rank: 76,
		Title:   "the dial was stopped during {stage}: {detail}",
		Explain: "The time allowed for the whole run ended, or the run was interrupted.",
		Risk:    riskUnjudged,
		Fix:     "Run it again, with a longer --timeout if it was too short.",
		Since:   "0.1"},

	{ID: PlaintextHTTP, Class: ClassConnection, Severity: Inconclusive, Rank: 73,
		Title:   "{host} port {port} speaks plain HTTP, not TLS: {banner}",
		Explain: "The server answered the TLS handshake with HTTP text. The port serves unencrypted HTTP, or the web server's TLS is not switched on for it.",
		Risk:    "Whatever clients send to this port travels unprotected.",
		Fix:     "Use the HTTPS port (usually 443). If this is meant to be it, switch TLS on for this port (nginx: listen 443 ssl; Apache: SSLEngine on).",
		Since:   "0.1"},
	{ID: PlaintextSSH, Class: ClassConnection, Severity: Inconclusive, Rank: 73,
		Title:   "{host} port {port} is an SSH server: {banner}",
		Explain: "SSH is another protocol than TLS and has no certificates of this kind.",
		Risk:    riskUnjudged,
		Fix:     "Check the port number. SSH host keys are checked with ssh and ssh-keyscan.",
		Since:   "0.1"},
	{ID: PlaintextStartTLS, Class: ClassConnection, Severity: Inconclusive, Rank: 73,
		Title:   "{host} port {port} speaks {protocol} in plain text first: {banner}",
		Explain: "On this port the conversation begins unencrypted and TLS is switched on by a command (STARTTLS).",
		Risk:    riskUnjudged,
		Fix:     "Add --starttls {starttls}, or use the port where the protocol begins with TLS.",
		Since:   "0.1"},
	{ID: PlaintextOther, Class: ClassConnection, Severity: Inconclusive, Rank: 73,
		Title:   "{host} port {port} speaks {protocol} in plain text, not TLS: {banner}",
		Explain: "The server answered in another protocol, so no TLS handshake took place.",
		Risk:    "Whatever clients send to this port may travel unprotected.",
		Fix:     "Check the port number, or switch TLS on for this service.",
		Since:   "0.1"},
	{ID: NotTLS, Class: ClassConnection, Severity: Inconclusive, Rank: 73,
		Title:   "{host} port {port} does not speak TLS: it answered {banner}",
		Explain: "What came back is not TLS, and no protocol that assay knows.",
		Risk:    riskUnjudged,
		Fix:     "Check the port number. A middlebox that answers for the server is possible too.",
		Since:   "0.1"},

	{ID: HandshakeTimeout, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} did not finish the TLS handshake within {timeout} ({bytes} bytes came)",
		Explain: "The connection was made, but the handshake did not end in time. With no bytes at all the port may speak a protocol in which the client talks first and TLS is unknown, or the server is stuck.",
		Risk:    riskUnjudged,
		Fix:     "Check that the port speaks TLS and look at the server's load and log. A path that loses large packets (MTU) shows the same symptom. --timeout allows more time.",
		Since:   "0.1"},
	{ID: HandshakeEOF, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} closed the connection in the middle of the TLS handshake ({bytes} bytes came)",
		Explain: "The server hung up without a TLS alert. With no bytes at all it often means that the port does not speak TLS (PostgreSQL and LDAP hang up like this), or that no certificate is configured for the name.",
		Risk:    riskUnjudged,
		Fix:     "Check the port and whether it needs --starttls; look at the server's log; try --servername with a name that the server knows.",
		Since:   "0.1"},
	{ID: HandshakeMalformed, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} broke the rules of the TLS handshake: {detail}",
		Explain: "The server sent something that TLS forbids at that point. It may be a faulty implementation or a device that meddles with the connection.",
		Risk:    "A handshake that cannot be completed proves nothing about the server.",
		Fix:     "Compare with another client (openssl s_client) and from another network; update the server's TLS library.",
		Spec:    "RFC 8446, 6.2",
		Since:   "0.1"},
	{ID: HandshakeTooLarge, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "the handshake of {host} port {port} is too large: {detail}",
		Explain: "The server sent more than clients are willing to read before they trust it: usually very many or very large certificates.",
		Risk:    "Most clients will refuse the connection. Sending endless handshakes is also a way to exhaust clients.",
		Fix:     "Send only the leaf and the intermediates it needs: normally two to four certificates and under 10 kB.",
		Spec:    "RFC 8446, 4.4.2",
		Since:   "0.1"},
	{ID: HandshakeDowngrade, Class: ClassConnection, Severity: Error, Rank: 88,
		Title:   "the handshake with {host} port {port} was downgraded to {version} although the server can do better",
		Explain: "The server put the mark of a newer TLS version into a handshake of an older one. That happens when somebody on the way changed the messages, or when a middlebox forwards them wrongly.",
		Risk:    "An attacker may be forcing an older, weaker protocol version on the connection.",
		Fix:     "Try from another network. If it stays, update or remove TLS-intercepting devices in front of the server.",
		Spec:    "RFC 8446, 4.1.3",
		Since:   "0.1"},
	{ID: HandshakeSignatureInvalid, Class: ClassConnection, Severity: Error, Rank: 90,
		Title:   "{host} port {port} could not prove that it holds the certificate's key: {detail}",
		Explain: "In the handshake the server signs with its private key. This signature does not fit the key in the certificate.",
		Risk:    "Somebody may be showing a certificate that is not theirs. A key and certificate that do not belong together look the same.",
		Fix:     "Check that the configured key and certificate are a pair (compare openssl x509 -pubkey with openssl pkey -pubout). If they are, treat it as an attack.",
		Spec:    "RFC 8446, 4.4.3; RFC 5246, 7.4.3",
		Since:   "0.1"},
	{ID: HandshakeCertUnusable, Class: ClassConnection, Severity: Inconclusive, Rank: 30,
		Title:   "the handshake stopped at the server's certificate: {detail}",
		Explain: "The TLS library could not work with a certificate that the server sent. It was recorded all the same and is judged below, where the actual defect is named.",
		Risk:    "Go programs cannot connect to this server, and the server did not get to prove that it holds the key.",
		Fix:     "See the findings of the certificates.",
		Since:   "0.1"},
	{ID: TLSAlert, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} ended the connection with the TLS alert {alert} ({code}): {meaning}",
		Explain: "The server gave up by an alert, the error message of TLS. Its name is all that the server tells.",
		Risk:    riskUnjudged,
		Fix:     "Look at the server's log at this time; the alert's meaning says where to begin. Try --servername with another name, --no-servername, or --tls-max 1.2.",
		Spec:    "RFC 8446, 6.2",
		Since:   "0.1"},
	{ID: TLSVersionUnsupported, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} supports no TLS version that was offered: {detail}",
		Explain: "Client and server have no protocol version in common. TLS 1.2 and 1.3 are offered unless --tls-min or --tls-max say otherwise.",
		Risk:    riskUnjudged,
		Fix:     "Enable TLS 1.3 and 1.2 on the server, or check --tls-min and --tls-max.",
		Spec:    "RFC 8996; RFC 9325, 3.1",
		Since:   "0.1"},
	{ID: NoCommonParameters, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} answered handshake_failure: {detail}",
		Explain: "Client and server have no common set of cipher suite, key-exchange group and signature algorithm. A second try with everything that assay can speak did not help; a third, with a wider offer that is never completed, shows the certificates if the server answers it. Some servers say the same when they have no certificate for the name sent.",
		Risk:    riskUnjudged,
		Fix:     "Check the server's cipher list, groups and certificate type, and that it has a certificate for this name. RFC 9325 lists suites that every client has.",
		Spec:    "RFC 8446, 6.2; RFC 9325, 4.2",
		Since:   "0.1"},
	{ID: NoSafeTLS, Class: ClassConnection, Severity: Inconclusive, Rank: 76,
		Title:   "{host} port {port} offers no safe TLS: {why} (a wider offer got {version} with {suite})",
		Explain: "A safe client cannot talk to this server. A second, labelled try that offered TLS 1.0 to 1.3 and all the old cipher suites got further; what it agreed on is in the title, and the certificates shown come from it.",
		Risk:    "Old versions and weak suites have known attacks. Current browsers refuse such servers.",
		Fix:     "Enable TLS 1.2 and 1.3 with suites that use ECDHE and AES-GCM or ChaCha20-Poly1305.",
		Spec:    "RFC 8996; RFC 9325, 3.1 and 4.1",
		Since:   "0.1"},
	{ID: UnrecognizedName, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} does not know the name {sni} (alert unrecognized_name)",
		Explain: "The server serves several sites and none of them has the name that was sent (SNI).",
		Risk:    riskUnjudged,
		Fix:     "Configure a site with this name and its certificate on the server, or check that the address belongs to the right server. --servername sends another name.",
		Spec:    "RFC 6066, 3",
		Since:   "0.1"},
	{ID: ALPNNoCommon, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} accepts none of the application protocols offered ({offered})",
		Explain: "The client names the protocols it wants to speak inside TLS (ALPN), and the server has none of them. Mail servers often answer like this to a web client's offer.",
		Risk:    riskUnjudged,
		Fix:     "Give the right protocols with --alpn, or --alpn '' to offer none.",
		Spec:    "RFC 7301, 3.2",
		Since:   "0.1"},
	{ID: ClientCertRequired, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} requires a client certificate (it answered {alert})",
		Explain: "The server wants to know who connects and refused because no certificate was shown. Its own certificates were received and are judged.",
		Risk:    "None by itself: access is restricted on purpose.",
		Fix:     "Give a certificate and key with --cert and --key. The report lists the issuers that the server accepts.",
		Spec:    "RFC 8446, 4.4.2.4",
		Since:   "0.1"},
	{ID: ClientCertRefused, Class: ClassConnection, Severity: Inconclusive, Rank: 72,
		Title:   "{host} port {port} did not accept the client certificate ({alert}): {meaning}",
		Explain: "A client certificate was shown and the server refused it.",
		Risk:    "None by itself: access is restricted on purpose.",
		Fix:     "Check that the certificate is current, comes from an issuer that the server accepts, allows clientAuth, and is sent with its intermediates.",
		Spec:    "RFC 8446, 4.4.2.4",
		Since:   "0.1"},
	{ID: RenegotiationDemanded, Class: ClassConnection, Severity: Inconclusive, Rank: 60,
		Title:   "{host} port {port} demands to renegotiate right after the handshake",
		Explain: "The server asked for a second handshake inside the first, an old way to ask for a client certificate. TLS 1.3 has no renegotiation and safe clients refuse it.",
		Risk:    "Renegotiation has been the cause of several attacks.",
		Fix:     "Ask for client certificates in the first handshake, or use TLS 1.3.",
		Spec:    "RFC 5746; RFC 9325, 3.5",
		Since:   "0.1"},
	{ID: Truncated, Class: ClassConnection, Severity: Inconclusive, Rank: 50,
		Title:   "{host} port {port} ended the connection without close_notify: what came may be cut short",
		Explain: "TLS ends with a message that says so (close_notify). The transport ended without it, so nobody can tell whether the data is complete.",
		Risk:    "Somebody on the way can cut a connection off at a place of their choice. If the protocol inside does not mark its own end, data may be missing without notice.",
		Fix:     "Fix the server to send close_notify. If the protocol inside marks its own end (HTTP with a length), --ignore-truncation accepts it.",
		Spec:    "RFC 8446, 6.1",
		Since:   "0.1"},
}
