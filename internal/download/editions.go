package download

import (
	"bytes"
	"context"
	"math/big"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/ocsp"
)

// order is how one body stands to another of the same need.
type order int

const (
	newer  order = iota // the same or a later edition, or nothing that can be compared at all
	older               // an earlier edition
	beside              // of another kind: the list of another key or part
)

// compare tells how came stands to old, with the dates of both when it is older.
// Both may be anything: what cannot be read is no edition, and newer, so that its
// judge says what it is.
func compare(k Kind, old, came *Artefact) (o order, was, is time.Time) {
	switch {
	case k.list():
		return compareLists(old, came)
	case k == OCSP:
		return compareAnswers(ocsp.Parse(old.Body), ocsp.Parse(came.Body))
	}
	return newer, was, is
}

// compareLists goes by thisUpdate and, within one line of editions, by the CRL
// number: an issuer that has set a clock right counts on. A list of another issuer,
// key or part, or a complete one where there was a delta, is no edition of the old
// one.
func compareLists(old, came *Artefact) (o order, was, is time.Time) {
	ctx := context.Background() // whose judgement it is for does not matter to the cache, and the bodies are bounded
	a, err := old.List(ctx)
	if err != nil {
		return newer, was, is
	}
	b, err := came.List(ctx)
	if err != nil {
		return newer, was, is
	}
	return compareEditions(a, b)
}

func compareEditions(a, b *crl.List) (o order, was, is time.Time) {
	was, is = a.ThisUpdate, b.ThisUpdate
	sameLine := a.Issuer.Canon == b.Issuer.Canon && a.Delta() == b.Delta() && samePart(a.IDP, b.IDP) && bytes.Equal(a.AuthorityKeyID, b.AuthorityKeyID)
	number := new(big.Int).SetBytes(b.Number).Cmp(new(big.Int).SetBytes(a.Number))
	switch {
	case !sameLine:
		return beside, was, is
	case number > 0:
		return newer, was, is
	case is.Before(was), is.Equal(was) && number < 0:
		return older, was, is
	}
	return newer, was, is
}

// Older reports whether b is an earlier edition of list a.
func Older(a, b *crl.List) bool { o, _, _ := compareEditions(a, b); return o == older }

// Newer reports whether b is a later edition of list a, or the same one.
func Newer(a, b *crl.List) bool { o, _, _ := compareEditions(a, b); return o == newer }

func samePart(a, b *crl.IDP) bool {
	return a == nil && b == nil || a != nil && b != nil && bytes.Equal(a.Raw, b.Raw)
}

// compareAnswers goes certificate by certificate: the issuer is the same, so the
// serial number tells them apart, however the issuer is named. came is older when
// what it says newest about any of them is.
func compareAnswers(old, came *ocsp.Response) (o order, was, is time.Time) {
	for i := range old.Singles {
		id := old.Singles[i].CertID
		b, ok := newest(came, id)
		if !ok {
			continue
		}
		a, _ := newest(old, id)
		was, is = a.ThisUpdate, b.ThisUpdate
		if is.Before(was) {
			return older, was, is
		}
		if is.Equal(was) && came.ProducedAt.Before(old.ProducedAt) {
			return older, old.ProducedAt, came.ProducedAt
		}
	}
	return newer, was, is
}

// newest returns the newest answer about the certificate of id.
func newest(r *ocsp.Response, id ocsp.CertID) (s *ocsp.Single, ok bool) {
	for i := range r.Singles {
		if x := &r.Singles[i]; x.CertID.SameSerial(id) && (s == nil || x.ThisUpdate.After(s.ThisUpdate)) {
			s = x
		}
	}
	return s, s != nil
}
