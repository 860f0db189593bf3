package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// onlyFilters asks CRLite and nothing else.
var onlyFilters = Ask{Policy: policy.Policy{Schemes: policy.Only(policy.CRLite), Depth: policy.DepthLeaf},
	Flags: []string{"--revocation", policy.CRLite.String(), "--revocation-depth", policy.DepthLeaf.String()}}

// filters are the scenarios with CRLite filters.
var filters = []Scenario{
	{Name: "crlite-good", Story: "The CRLite filter has the certificate and does not list it as revoked. Nobody else is asked.", Ask: onlyFilters,
		Want: report.Accept},
	{Name: "crlite-revoked", Story: "The CRLite filter says that the certificate is revoked. The CRL and the OCSP responder say that it is good.",
		Want: report.Reject, Findings: ids(finding.CertRevoked, finding.RevocationDisagree)},
	{Name: "crlite-revoked-by-delta", Story: "The full CRLite filter says that the certificate is good. The second of two later deltas revokes it.", Ask: onlyFilters,
		Want: report.Reject, Findings: ids(finding.CertRevoked)},
	{Name: "crlite-staple-good", Story: "The server staples a good OCSP response. The CRLite filter says that the certificate is revoked.",
		Want: report.Reject, Findings: ids(finding.CertRevoked, finding.RevocationDisagree)},
	{Name: "crlite-ocsp-revoked", Story: "The CRLite filter is a day old and says that the certificate is good. The OCSP responder says that it is revoked.",
		Want: report.Reject, Findings: ids(finding.CertRevoked, finding.RevocationDisagree)},
	{Name: "crlite-not-covered", Story: "The certificate was logged after the time that the CRLite filter covers. The CRL and the OCSP responder say that it is good.",
		Want: report.Accept, Absent: ids(finding.RevocationDisagree, finding.CRLiteOld)},
	{Name: "crlite-not-covered-alone", Story: "The certificate was logged after the time that the CRLite filter covers, and nobody else is asked.", Ask: onlyFilters,
		Want: report.Inconclusive, Findings: ids(finding.RevocationUnavailable)},
	{Name: "crlite-not-enrolled", Story: "The CRLite filter does not know the CA. The CRL and the OCSP responder say that the certificate is good.",
		Want: report.Accept, Absent: ids(finding.RevocationDisagree)},
	{Name: "crlite-old", Story: "The newest CRLite filter is 20 days old, too old to prove that the certificate is good, and nobody else is asked.", Ask: onlyFilters,
		Want: report.Inconclusive, Findings: ids(finding.CRLiteOld, finding.RevocationUnavailable)},
	{Name: "crlite-old-revoked", Story: "The newest CRLite filter is 20 days old and says that the certificate is revoked.", Ask: onlyFilters,
		Want: report.Reject, Findings: ids(finding.CertRevoked)},
	{Name: "crlite-missing", Story: "CRLite filters are to be asked, and none are stored.", Ask: onlyFilters,
		Want: report.Inconclusive, Findings: ids(finding.CRLiteMissing)},
	{Name: "onecrl-intermediate", Story: "OneCRL, Mozilla's list of revoked intermediates, has the CA's certificate. The CRL and the OCSP responder say that it is good.",
		Want: report.Reject, Findings: ids(finding.CertRevoked)},
}
