package finding

// Kinds of CRLite filters.
const (
	CRLiteOld     ID = "crlite-filters-old"
	CRLiteMissing ID = "crlite-filters-missing"
)

var crliteKinds = []Kind{
	{ID: CRLiteOld, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 40,
		Title:   "the CRLite filters are too old to show a good status: made on {made}, more than {limit} ago",
		Explain: "CRLite filters list the revoked certificates of the web in one file. A filter does not know what was revoked after it was made. Certificates that it lists as revoked still count as revoked.",
		Risk:    "A certificate that was revoked since then looks good to the filters.",
		Fix:     "Run assay update filters with your source on this computer, and let a timer do it every few hours.", Since: "0.2"},
	{ID: CRLiteMissing, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 40,
		Title:   "the CRLite filters are missing on this computer, although --revocation asks for them",
		Explain: "CRLite filters list the revoked certificates of the web in one file. assay asks nobody for them until you name a source.",
		Risk:    riskUnknownStatus,
		Fix:     "Run assay update filters mozilla on this computer, or leave crlite out of --revocation.", Since: "0.2"},
}
