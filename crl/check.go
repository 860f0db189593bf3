package crl

import (
	"context"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Source is a list and where it came from.
type Source struct {
	List    *List
	URL     string
	Point   int // index in the certificate's CRLPoints; -1 when not known (a file)
	Cached  bool
	Fetched time.Time
}

// Query asks about one certificate.
type Query struct {
	Cert   *cert.Certificate
	Issuer *cert.Certificate // the next certificate on the path
	Anchor *cert.Certificate // the path's last

	Time   time.Time     // the moment to judge for
	Skew   time.Duration // tolerated around thisUpdate and nextUpdate
	MaxAge time.Duration // bound on the age of thisUpdate; 0 = none where nextUpdate is present
	Stale  string        // "allow", "warn", "deny"; "" = deny

	// MinRSA is the least RSA modulus, in bits, that may sign a list; 0 means 2048.
	MinRSA int

	Sources []Source

	// Pool holds candidates for separate CRL issuers. One is believed only if
	// Anchored says that it has a valid path to Anchor.
	Pool     []*cert.Certificate
	Anchored func(issuer *cert.Certificate) bool
	Memo     *cert.Memo
}

// Result is the answer.
type Result struct {
	Status   report.Status // Good, Revoked or Unknown
	Answers  []report.Answer
	Findings []finding.Finding
	Needs    []Need
	Expires  time.Time // until when Status may be reused; zero when Unknown
}

// Need is a freshest CRL that would sharpen the answer.
type Need struct {
	URL   string
	Delta bool
	Point int
}

// Check judges q.Sources for q.Cert by RFC 5280, 6.3.3.
func Check(ctx context.Context, q Query) Result {
	return Result{Status: report.Unknown}
}
