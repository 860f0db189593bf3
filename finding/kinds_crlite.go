package finding

// Kinds of CRLite filters.
const (
	CRLiteOld     ID = "crlite-filters-old"
	CRLiteMissing ID = "crlite-filters-missing"
)

var crliteKinds = []Kind{
	{ID: CRLiteOld, Class: ClassRevocationUnavailable, Severity: Warning, Rank: 20,
		Title:   "the CRLite filters are too old to prove that the certificate is not revoked: the newest was made on {made}, more than {limit} ago",
		Explain: "CRLite filters list the revoked certificates of the web in one file. A filter does not know what was revoked after it was made. What it lists as revoked still counts.",
		Risk:    "A certificate that was revoked since then looks as if it were good to the filters.",
		Fix:     "Run assay update filters with your source, and let a timer do it every few hours.", Since: "0.2"},
	{ID: CRLiteMissing, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 40,
		Title:   "no CRLite filters are stored on this computer, although they are to be asked",
		Explain: "CRLite filters list the revoked certificates of the web in one file. assay asks nobody for them until you name a source.",
		Risk:    riskUnknownStatus,
		Fix:     "Run assay update filters mozilla, or leave crlite out of --revocation.", Since: "0.2"},
}
