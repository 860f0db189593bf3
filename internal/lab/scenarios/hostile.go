package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Attacks on the tool that looks at them.
var hostile = []Scenario{
	{Name: "hostile-subject", Story: "Subject, issuer and names hold escape sequences, a carriage return, a right-to-left override and markup.",
		Want: report.Reject, Findings: ids(finding.GeneralNameMalformed)},
	{Name: "hostile-url", Story: "The revocation pointers hold escape sequences, which no URL may.",
		Want: report.Reject, Findings: ids(finding.GeneralNameMalformed)},
	{Name: "hostile-banner", Story: "The port speaks SSH, with escape sequences in its banner.",
		Want: report.Inconclusive, Findings: ids(finding.PlaintextSSH)},
	{Name: "hostile-http", Story: "A web server without TLS whose answer holds escape sequences.",
		Want: report.Inconclusive, Findings: ids(finding.PlaintextHTTP)},
	{Name: "unparsable", Story: "The certificate is 64 bytes of noise.",
		Want: report.Reject, Findings: ids(finding.CertUnreadable, finding.HandshakeCertUnusable)},
	{Name: "truncated", Story: "The certificate ends in the middle.",
		Want: report.Reject, Findings: ids(finding.CertUnreadable)},
	{Name: "trailing-byte", Story: "One byte follows the certificate.",
		Want: report.Reject, Findings: ids(finding.CertTrailingData)},
	{Name: "long-length", Story: "The certificate's length is encoded in more bytes than DER allows.",
		Want: report.Reject, Findings: ids(finding.EncodingNotDER)},
	{Name: "negative-serial", Story: "The serial number is negative.",
		Want: report.Reject, Findings: ids(finding.SerialInvalid)},
	{Name: "duplicate-extension", Story: "The certificate has the same extension twice.",
		Want: report.Reject, Findings: ids(finding.ExtensionDuplicate)},
	{Name: "month-thirteen", Story: "The certificate is valid until the 13th month.",
		Want: report.Reject, Findings: ids(finding.NotAfterBad), Absent: ids(finding.CertExpired)},
	{Name: "algorithms-differ", Story: "The certificate names one signature algorithm inside and another one outside.",
		Want: report.Reject, Findings: ids(finding.SignatureAlgorithmInconsistent)},
	{Name: "many-certificates", Story: "The server sends 90 certificates that have nothing to do with its own.",
		Want: report.Accept},
	{Name: "many-paths", Story: "The server sends 89 more certificates with its issuer's name and key, so that there are 90 paths to try. The search stops at its limit and refuses.",
		Want: report.Reject, Findings: ids(finding.BudgetPaths, finding.CRLBudget)},
	{Name: "many-pointers", Story: "The certificate names 60 revocation lists. No more than the limit are asked, and that is said.",
		Want: report.Inconclusive, Findings: ids(finding.RevocationBudget)},
	{Name: "many-downloads", Story: "Ten intermediates name eight revocation lists each: more downloads than one judgement is worth.",
		Want: report.Reject, Findings: ids(finding.BudgetNeeds)},
}
