package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// TLSA, MX and SRV records: what a resolver said about the server is in the
// evidence, as if it had been asked.
var dane = []Scenario{
	{Name: "dane-match", Story: "The TLSA record, protected by DNSSEC, is about the key of the certificate.",
		Want: report.Accept, Absent: ids(finding.DANEMismatch, finding.DANEAlone), Local: true},
	{Name: "dane-mismatch", Story: "The certificate is renewed with another key, and the TLSA record is still about the old one.",
		Want: report.Reject, Findings: ids(finding.DANEMismatch), Local: true},
	{Name: "dane-second-certificate", Story: "The server has an RSA and an ECDSA certificate, and the TLSA record is about one of them only.",
		Want: report.Reject, Findings: ids(finding.DANEMismatch), Local: true},
	{Name: "dane-not-authenticated", Story: "The TLSA record is about another key, but nobody vouches for it: the zone is not signed. It decides nothing.",
		Want: report.Accept, Findings: ids(finding.DANENotAuthenticated), Absent: ids(finding.DANEMismatch), Local: true},
	{Name: "dane-plain-resolver", Story: "The resolver says that it checked DNSSEC, but it is asked over a network where anyone can say so.",
		Want: report.Accept, Findings: ids(finding.DANENotAuthenticated), Absent: ids(finding.DANEMismatch), Local: true},
	{Name: "dane-unusable", Story: "The only TLSA record has a usage that does not exist.",
		Want: report.Accept, Findings: ids(finding.DANEUnusable), Local: true},
	{Name: "dane-none", Story: "The domain is signed and has no TLSA record.",
		Want: report.Accept, Findings: ids(finding.DANENone), Local: true},
	{Name: "dane-bogus", Story: "The signatures of the zone are wrong, and the resolver says SERVFAIL when it is asked for TLSA records.",
		Want: report.Inconclusive, Findings: ids(finding.DANELookupFailed), Local: true},
	{Name: "dane-self-signed", Story: "A mail server with a self-signed certificate, as DANE allows: mail servers accept it by its TLSA record, assay does not.",
		Want: report.Reject, Findings: ids(finding.DANEAlone), Absent: ids(finding.DANEMismatch), Local: true},
	{Name: "dane-mx-unsigned", Story: "The exchanger's zone is signed and its TLSA record matches, but the MX record that names it is not signed.",
		Want: report.Accept, Findings: ids(finding.DANEServiceInsecure), Local: true},
	{Name: "mx-null", Story: "The domain's MX record says that it receives no mail.",
		Want: report.Inconclusive, Findings: ids(finding.ServiceNotOffered), Local: true},
	{Name: "srv-missing", Story: "The domain has no SRV record for IMAP over TLS.",
		Want: report.Inconclusive, Findings: ids(finding.ServiceNotFound), Local: true},
	{Name: "mx-address", Story: "The domain's MX record has an IP address in the place of a host name.",
		Want: report.Inconclusive, Findings: ids(finding.ServiceTargetBad), Local: true},
}
