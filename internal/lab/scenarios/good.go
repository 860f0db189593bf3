package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// What must be accepted by everybody. The first one is the plain
// case: every other scenario of the lab differs from it in one thing.
var good = []Scenario{
	{Name: "good", Story: "A P-256 certificate with its intermediate, a good OCSP answer, a current CRL and two SCTs. Nothing is wrong.",
		Want: report.Accept},
	{Name: "good-rsa", Story: "An RSA-2048 certificate issued by an RSA-2048 CA.",
		Want: report.Accept},
	{Name: "good-p384", Story: "A P-384 certificate under a P-384 CA, signed with SHA-384.",
		Want: report.Accept},
	{Name: "good-ed25519", Story: "An Ed25519 certificate: browsers do not take them, the standards do.",
		Want: report.Accept},
	{Name: "good-tls12", Story: "The server speaks nothing newer than TLS 1.2.",
		Want: report.Accept},
	{Name: "good-tls13", Story: "The server speaks TLS 1.3 only.",
		Want: report.Accept},
	{Name: "good-ip", Story: "The target is an IP address and the certificate names it as one (iPAddress).",
		Want: report.Accept},
	{Name: "good-wildcard", Story: "The certificate names *." + Domain + ", which covers one label.",
		Want: report.Accept},
	{Name: "good-staple", Story: "The server staples a good OCSP response; with must-staple in the certificate this is what is required.",
		Want: report.Accept},
	{Name: "critical-must-staple", Story: "Must-staple is marked critical and there is a good staple. That is in order; crypto/x509 refuses it, and so does the library.",
		Want: report.Accept, Findings: ids(finding.X509Disagrees)},
	{Name: "critical-directory-names", Story: "The intermediate is constrained to directory names, critically, and keeps to it; crypto/x509 and the library refuse such constraints.",
		Want: report.Accept, Findings: ids(finding.X509Disagrees)},
	{Name: "equivalent-names", Story: "The leaf spells its issuer's name in another string type, case and spacing: equal by RFC 5280, not byte for byte, which is what crypto/x509 and the library want.",
		Want: report.Accept, Findings: ids(finding.X509Disagrees)},
	{Name: "good-delegate", Story: "The OCSP response is signed by a responder that the issuer delegated this to (id-kp-OCSPSigning, ocsp-nocheck).",
		Want: report.Accept},
	{Name: "good-nonce", Story: "The client sends a nonce and the responder returns the same one.",
		Want: report.Accept, Ask: nonce},
	{Name: "good-short-lived", Story: "Valid for six days and without revocation pointers: that is how short-lived certificates are meant, so nothing is missing.",
		Want: report.Accept},
	{Name: "good-no-rev-avail", Story: "The certificate says that it cannot be revoked (noRevAvail, RFC 9608) and has no pointers.",
		Want: report.Accept},
	{Name: "good-partitioned-crl", Story: "The CRL covers one partition and says so; its distribution point is the one in the certificate.",
		Want: report.Accept},
	{Name: "good-name-constraints", Story: "The intermediate may only issue for " + Domain + ", and does.",
		Want: report.Accept},
	{Name: "unordered-chain", Story: "Three certificates below the root, the intermediates sent in the wrong order. Every decent client copes.",
		Want: report.Accept},
	{Name: "extra-certificates", Story: "The server sends the root and two unrelated certificates as well.",
		Want: report.Accept},
	{Name: "cross-signed", Story: "The intermediate's key has two certificates: one of the second root that has expired, sent first, and a current one. The path through the current one counts.",
		Want: report.Accept},
	{Name: "missing-intermediate", Story: "The server sends only its own certificate. It says where the intermediate can be fetched (AIA), so check finds it and warns: many clients will not.",
		Want: report.Accept, Findings: ids(finding.AIAMissing)},
	{Name: "no-pointers", Story: "A certificate for 60 days with neither CRL nor OCSP address: it cannot be revoked, which is worth a warning.",
		Want: report.Accept, Findings: ids(finding.RevocationNoPointer)},
	{Name: "client-certificate-optional", Story: "The server asks for a client certificate and accepts none.",
		Want: report.Accept},
}
