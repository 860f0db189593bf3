package engine

import (
	"bytes"
	"math/big"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/ocsp"
)

// steppedBack says that what came is an older edition of what the cache has,
// which proved right and has not ended: whoever replays yesterday's list, in
// plain HTTP, does not take back a revocation that is known. It returns "" when
// the body that came, which is owner's, may take the place of the old one.
func (e *Engine) steppedBack(n need, old *cached, resp *fetch.Response, owner any, now time.Time) string {
	if old == nil || !old.proved || expired(old, now) || resp.NotModified {
		return ""
	}
	var was, is time.Time
	switch n.Kind {
	case kindCRL, kindDelta:
		was, is = e.olderList(old, resp.Body, owner)
	case kindOCSP:
		was, is = olderAnswer(old.body, resp.Body)
	}
	if !is.Before(was) {
		return ""
	}
	return "the address now serves an older edition, of " + is.Format(time.RFC3339) + "; the cache has that of " + was.Format(time.RFC3339)
}

// olderList returns the dates of two lists when the second is an earlier
// edition of the first.
func (e *Engine) olderList(old *cached, came []byte, owner any) (was, is time.Time) {
	a, err := e.cache.parseList(old.body, old.owner)
	if err != nil {
		return was, is
	}
	b, err := e.cache.parseList(came, owner)
	if err != nil || a.Issuer.Canon != b.Issuer.Canon || a.Delta() != b.Delta() || !samePart(a.IDP, b.IDP) {
		return was, is
	}
	if new(big.Int).SetBytes(b.Number).Cmp(new(big.Int).SetBytes(a.Number)) > 0 { // its issuer has set a clock right
		return was, is
	}
	return a.ThisUpdate, b.ThisUpdate
}

func samePart(a, b *crl.IDP) bool {
	return a == nil && b == nil || a != nil && b != nil && bytes.Equal(a.Raw, b.Raw)
}

// olderAnswer returns the dates of two responses to one question about one
// certificate.
func olderAnswer(old, came []byte) (was, is time.Time) {
	a, b := ocsp.Parse(old), ocsp.Parse(came)
	if len(a.Singles) != 1 || len(b.Singles) != 1 || a.Singles[0].CertID.String() != b.Singles[0].CertID.String() {
		return was, is
	}
	return a.Singles[0].ThisUpdate, b.Singles[0].ThisUpdate
}
