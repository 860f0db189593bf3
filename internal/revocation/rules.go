package revocation

import (
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
)

// Short-lived subscriber certificates of the CA/Browser Forum's Baseline
// Requirements (1.6.1): they need no revocation information.
var (
	shortLivedFrom  = time.Date(2024, 3, 15, 0, 0, 0, 0, time.UTC)
	shortLived7From = time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)
)

// shortLived reports whether c is a short-lived end-entity certificate: at
// most 10 days when issued from 2024-03-15, at most 7 from 2026-03-15. Both
// ends of the validity count.
func shortLived(c *cert.Certificate) bool {
	if c.CA || c.NotBefore.Before(shortLivedFrom) || c.NotAfter.Before(c.NotBefore) {
		return false
	}
	limit := 10 * 24 * time.Hour
	if !c.NotBefore.Before(shortLived7From) {
		limit = 7 * 24 * time.Hour
	}
	return c.NotAfter.Sub(c.NotBefore)+time.Second <= limit
}

// statusRequest is the TLS extension number whose presence in a TLS feature
// extension means must-staple (RFC 7633, 6; RFC 6066, 8).
const statusRequest = 5

// mustStaple reports whether the certificate at position 0, or an authority
// above it, demands a staple. Anchors are names and keys: theirs do not count.
func mustStaple(path []*cert.Certificate) bool {
	for _, c := range path[:len(path)-1] {
		if slices.Contains(c.TLSFeatures, statusRequest) {
			return true
		}
	}
	return false
}

// pointers are a certificate's addresses for revocation data.
type pointers struct {
	ocsp   []string
	points [][]string // http and https addresses by distribution point
	other  []string   // those of other schemes
	any    bool
}

func pointersOf(c *cert.Certificate) (p pointers) {
	for _, u := range c.OCSPServers {
		p.any = true
		if isHTTP(u) {
			if !slices.Contains(p.ocsp, u) {
				p.ocsp = append(p.ocsp, u)
			}
		} else {
			p.other = append(p.other, u)
		}
	}
	for _, dp := range c.CRLPoints {
		p.any = true
		var urls []string
		for _, g := range dp.FullName {
			switch {
			case g.Type != cert.URIName:
			case isHTTP(g.Value):
				urls = append(urls, g.Value)
			default:
				p.other = append(p.other, g.Value)
			}
		}
		p.points = append(p.points, urls)
	}
	return p
}

func isHTTP(u string) bool {
	scheme, _, _ := strings.Cut(u, ":")
	return strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")
}
