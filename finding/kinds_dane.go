package finding

// Kinds of DANE, and of servers that MX and SRV records name.
const (
	DANEMismatch         ID = "dane-mismatch"
	DANEUnusable         ID = "dane-unusable"
	DANENotAuthenticated ID = "dane-not-authenticated"
	DANENone             ID = "dane-none"
	DANELookupFailed     ID = "dane-lookup-failed"
	DANEAlone            ID = "dane-alone"
	DANEServiceInsecure  ID = "dane-service-insecure"
	ServiceNotOffered    ID = "service-not-offered"
	ServiceNotFound      ID = "service-not-found"
	ServiceTargetBad     ID = "service-target-bad"
)

var daneKinds = []Kind{
	{ID: DANEMismatch, Class: ClassPath, Severity: Error, Rank: 78,
		Title:   "the certificate matches none of the TLSA records of {name}: {why}",
		Explain: "The owner of the domain publishes in the DNS, protected by DNSSEC, which certificates or keys its server uses (TLSA records). The certificate that the server sent is not among them.",
		Risk:    "You may be talking to someone else's server. Mail servers that follow DANE do not deliver to this server.",
		Fix:     "If it is your server: publish a TLSA record for the new certificate before you install it, and keep the old record until its lifetime in caches (TTL) is over. If it is not: report it to the owner of the domain.",
		Spec:    "RFC 6698, 2.1; RFC 7671, 5; RFC 7672, 3.1",
		OpenSSL: "X509_V_ERR_DANE_NO_MATCH", OpenSSLCode: 65, Since: "0.1"},
	{ID: DANEUnusable, Class: ClassPath, Severity: Warning, Rank: 30,
		Title:   "no TLSA record of {name} can be used: {why}",
		Explain: "TLSA records name the certificate of a server in the DNS. This server has some, but all have a number that is not defined, data of the wrong length, or a usage that the protocol excludes.",
		Risk:    "Clients that follow DANE treat the server as one without TLSA records, so DANE does not protect it.",
		Fix:     "If it is your server: publish a record \"3 1 1\" with the SHA-256 hash of the server's public key. If it is not: report it to the owner of the domain.",
		Spec:    "RFC 6698, 4.1; RFC 7671, 10.3; RFC 7672, 3.1.3",
		Since:   "0.1"},
	{ID: DANENotAuthenticated, Class: ClassPath, Severity: Warning, Rank: 30,
		Title:   "the TLSA records of {name} are not authenticated: {why}",
		Explain: "TLSA records count only when DNSSEC protects them. assay believes a resolver's word that it checked DNSSEC only from this computer (loopback) or over TLS. The records are shown and decide nothing.",
		Risk:    "An attacker between you and the resolver could have written the records.",
		Fix:     "Name a resolver that checks DNSSEC, on this computer (--resolver 127.0.0.1) or over TLS (--resolver tls://HOST). If it is your server: sign its DNS zone.",
		Spec:    "RFC 6698, 4.1 and A.3; RFC 6840, 5.7",
		Since:   "0.1"},
	{ID: DANENone, Class: ClassPath, Severity: Info,
		Title:   "the server has no TLSA record at {name}",
		Explain: "TLSA records name the certificate of a server in the DNS. This server has none, so there was nothing to compare.",
		Risk:    "No direct risk.",
		Fix:     "Nothing needs to be done. If it is your server and you want DANE: sign its DNS zone and publish a record \"3 1 1\".",
		Spec:    "RFC 6698, 3",
		Since:   "0.1"},
	{ID: DANELookupFailed, Class: ClassPath, Severity: Inconclusive, Rank: 40,
		Title:   "assay could not look up the TLSA records of {name}: {detail}",
		Explain: "The resolver gave neither records nor the word that there are none. A resolver that checks DNSSEC replies with SERVFAIL when signatures are wrong.",
		Risk:    "An attacker can suppress TLSA records in this way. Clients that follow DANE do not connect then.",
		Fix:     "Check that the resolver after --resolver works. If it is your server: check the signatures of its DNS zone (delv, dnsviz.net). If it is not: report it to the owner of the domain.",
		Spec:    "RFC 6698, 4.1; RFC 7672, 2.1",
		Since:   "0.1"},
	{ID: DANEAlone, Class: ClassPath, Severity: Info,
		Title:   "the certificate would be accepted by DANE alone: it matches the TLSA record {record}",
		Explain: "Mail servers that follow RFC 7672 accept this certificate because of the TLSA record, whatever else is wrong with it. assay only adds DANE to its other checks, and these refuse the certificate.",
		Risk:    "No direct risk. Clients that do not know DANE, such as browsers and mail programs, refuse the certificate.",
		Fix:     "Nothing needs to be done for mail between servers. If it is your server and other clients use it too: get a certificate from a public CA.",
		Spec:    "RFC 7671, 5.1; RFC 7672, 3.1.1",
		Since:   "0.1"},
	{ID: DANEServiceInsecure, Class: ClassPath, Severity: Warning, Rank: 30,
		Title:   "the {type} record of {name}, which names the server, is not authenticated",
		Explain: "The name of the server came from a DNS record that DNSSEC does not protect. The TLSA records of the server are checked, but nobody vouches that it is the right server.",
		Risk:    "An attacker who can change DNS replies can name a server of his own, with TLSA records of his own.",
		Fix:     "If it is your domain: sign its DNS zone. If it is not: report it to the owner of the domain. Use a resolver that checks DNSSEC (--resolver).",
		Spec:    "RFC 7672, 2.2.1; RFC 7673, 3.1",
		Since:   "0.1"},
	{ID: ServiceNotOffered, Class: ClassConnection, Severity: Inconclusive, Rank: 80,
		Title:   "the domain {name} says that it does not offer the service (its {type} record names no server)",
		Explain: "An MX or SRV record whose target is a single dot says that the domain has no such service, or receives no mail. There is no server to check.",
		Risk:    "No direct risk.",
		Fix:     "If it is your domain and the service exists: replace the record by one that names the server. If it is not: nothing needs to be done.",
		Spec:    "RFC 7505, 3; RFC 2782",
		Since:   "0.1"},
	{ID: ServiceNotFound, Class: ClassConnection, Severity: Inconclusive, Rank: 80,
		Title:   "the DNS has no {type} record for {name}",
		Explain: "SRV records name the servers of a service. There is none of this name, so there is no server to check.",
		Risk:    "No direct risk.",
		Fix:     "Check the name of the service and of the domain, or name the server itself: assay check imaps://HOST. If it is your domain: publish the record.",
		Spec:    "RFC 2782",
		Since:   "0.1"},
	{ID: ServiceTargetBad, Class: ClassConnection, Severity: Inconclusive, Rank: 80,
		Title:   "the {type} record of {name} names {target}, which is not a host name",
		Explain: "MX and SRV records must name a host. An IP address is a common mistake: it becomes a name that does not exist.",
		Risk:    "No direct risk. Clients cannot reach the server by this record.",
		Fix:     "If it is your domain: set up a host name for the server with an address record, and put that name into the record. If it is not: report it to the owner of the domain.",
		Spec:    "RFC 5321, 5.1; RFC 2782",
		Since:   "0.1"},
}
