package scenarios

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// With a good certificate whose only revocation source
// misbehaves as a download.
var downloads = []Scenario{
	{Name: "crl-unreachable", Story: "The CRL's server refuses connections.",
		Want: report.Inconclusive, Findings: ids(finding.FetchFailed, finding.RevocationUnavailable)},
	{Name: "crl-missing", Story: "The CRL's address answers 404.",
		Want: report.Inconclusive, Findings: ids(finding.FetchHTTPStatus, finding.RevocationUnavailable)},
	{Name: "crl-html", Story: "The CRL's address answers 200 with an error page.",
		Want: report.Inconclusive, Findings: ids(finding.CRLNotAList)},
	{Name: "crl-zeros", Story: "The CRL is 50 MB of zeros.",
		Want: report.Inconclusive, Findings: ids(finding.CRLNotAList), DownloadTimeout: time.Minute},
	{Name: "crl-endless", Story: "The CRL never ends.",
		Want: report.Inconclusive, Findings: ids(finding.FetchTooLarge), MaxDownload: 4 << 20, Ask: Ask{Flags: []string{"--max-download", "4MiB"}}},
	{Name: "crl-dripping", Story: "The CRL comes one byte every 50 ms.",
		Want: report.Inconclusive, Findings: ids(finding.FetchTimeout, finding.RevocationUnavailable), DownloadTimeout: 400 * time.Millisecond},
	{Name: "crl-truncated", Story: "The connection breaks in the middle of the CRL.",
		Want: report.Inconclusive, Findings: ids(finding.FetchFailed, finding.RevocationUnavailable)},
	{Name: "crl-compressed", Story: "The CRL is sent gzip-encoded though nobody offered that.",
		Want: report.Inconclusive, Findings: ids(finding.FetchContentEncoding, finding.RevocationUnavailable)},
	{Name: "crl-redirect-loop", Story: "The CRL's address redirects to itself.",
		Want: report.Inconclusive, Findings: ids(finding.FetchRedirectLimit)},
	{Name: "crl-redirect-file", Story: "The CRL's address redirects to a local file.",
		Want: report.Inconclusive, Findings: ids(finding.FetchSchemeRefused)},
	{Name: "crl-redirect-metadata", Story: "The CRL's address redirects to the metadata service of clouds.",
		Want: report.Inconclusive, Findings: ids(finding.FetchRefusedAddress)},
	{Name: "pointer-file", Story: "The CRL distribution point is a file:// address.",
		Want: report.Inconclusive, Findings: ids(finding.RevocationPointerScheme)},
	{Name: "pointer-ldap", Story: "The CRL distribution point is an ldap:// address.",
		Want: report.Inconclusive, Findings: ids(finding.RevocationPointerScheme)},
	{Name: "pointer-link-local", Story: "The CRL distribution point and the OCSP responder are link-local addresses.",
		Want: report.Inconclusive, Findings: ids(finding.FetchRefusedAddress)},
	{Name: "ocsp-html", Story: "The responder's address answers 200 with an error page.",
		Want: report.Inconclusive, Findings: ids(finding.OCSPMalformed)},
	{Name: "ocsp-refuses-get", Story: "The responder takes POST requests only.",
		Want: report.Accept},
	{Name: "ocsp-refuses-post", Story: "The responder takes GET requests only.",
		Want: report.Accept},
}
