package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

// material is what was read of the evidence: what is read once stays so from
// round to round. The maps are nil until needed.
type material struct {
	sent    []*cert.Certificate // the chain, in order
	pool    []*cert.Certificate // all that may complete a path, sent ones included
	fromAIA map[[32]byte][]int  // certificates that were fetched, by hash: the artefacts that brought them
	aiaSeen int                 // artefacts of which the certificates are in the pool
	lists   map[int]*crl.List   // by artefact; nil = it is none

	near []*cert.Certificate // see atHand; valid while the pool does not grow
	own  *certpath.Anchors   // see anchors; likewise

	built *certpath.Result // valid while the pool does not grow
	scts  []*pathSCTs      // parallel to built.Paths; nil until needed
}

// pathSCTs are the SCT lists of one path's certificates, read.
type pathSCTs struct{ embedded, delivered []ct.SCTList }

// add adds the list that an OCSP response about the leaf has; nil is none. What
// other rounds read is not touched.
func (s *pathSCTs) add(source report.SCTSource, list []byte) {
	if list != nil {
		s.delivered = append(slices.Clip(s.delivered), ct.ReadSCTList(0, source, list))
	}
}

// parse reads the certificates that are not read yet.
func (j *judgement) parse() {
	if j.sent == nil {
		for _, entry := range bounded(j, j.ev.Chain) {
			j.sent = append(j.sent, j.e.certs.Parse(entry.Cert))
		}
		j.pool = append(j.pool, j.sent[1:]...)
		for _, raw := range bounded(j, j.ev.Extra) {
			j.pool = append(j.pool, j.e.certs.Parse(raw))
		}
	}
	for ; j.aiaSeen < len(j.ev.Artefacts); j.aiaSeen++ {
		a := &j.ev.Artefacts[j.aiaSeen]
		if a.Kind != kindAIA || a.Failure != "" {
			continue
		}
		certs, err := issuerCertificates(a.Body)
		if err != nil {
			a.Failure, a.Detail = finding.AIAUnavailable, err.Error()
			continue
		}
		for _, raw := range certs {
			c := j.e.certs.Parse(raw)
			j.pool = append(j.pool, c)
			if j.fromAIA == nil {
				j.fromAIA = map[[32]byte][]int{}
			}
			j.fromAIA[c.SHA256] = append(j.fromAIA[c.SHA256], j.aiaSeen)
			j.built, j.scts, j.near, j.own = nil, nil, nil, nil
		}
	}
}

// bounded returns the certificates that are read; more are a finding.
func bounded[T any](j *judgement, certs []T) []T {
	if len(certs) > maxSent {
		j.setup = append(j.setup, finding.New(finding.BudgetCertificates, "count", fmt.Sprint(len(certs)), "limit", fmt.Sprint(maxSent)))
		certs = certs[:maxSent]
	}
	return certs
}

// parsed is raw as it was parsed among the certificates that were sent, else
// from the cache of all connections.
func (j *judgement) parsed(raw []byte) *cert.Certificate {
	for _, c := range j.sent {
		if bytes.Equal(c.Raw, raw) {
			return c
		}
	}
	return j.e.certs.Parse(raw)
}

// staples lines the staples up with the path's certificates.
func (j *judgement) staples(p certpath.Path) [][]byte {
	out := make([][]byte, len(p.Certs))
	for i, c := range p.Certs {
		for k, s := range j.sent {
			if s.SHA256 == c.SHA256 && len(j.ev.Chain[k].Staple) > 0 {
				out[i] = j.ev.Chain[k].Staple
				break
			}
		}
	}
	return out
}

// sctsOf reads the SCT lists of path n, once: those in its certificates, and what
// the handshake or files brought for them. The one that stands in an OCSP
// response is added when the response has proved valid.
func (j *judgement) sctsOf(n int) pathSCTs {
	if j.scts == nil {
		j.scts = make([]*pathSCTs, len(j.built.Paths))
	}
	if s := j.scts[n]; s != nil {
		return *s
	}
	s := j.delivered(j.built.Paths[n])
	j.scts[n] = &s
	return s
}

// delivered reads the SCT lists of a path.
func (j *judgement) delivered(p certpath.Path) pathSCTs {
	path := p.Certs
	s := pathSCTs{embedded: ct.ReadEmbedded(path)}
	if j.ev.TLSSCTs != nil {
		s.delivered = append(s.delivered, ct.ReadSCTList(0, report.SCTTLS, j.ev.TLSSCTs))
	}
	for _, a := range j.ev.Artefacts {
		if a.Kind == kindSCTFile {
			s.delivered = append(s.delivered, ct.ReadSCTList(0, report.SCTTLS, a.Body))
		}
	}
	for k, sent := range j.sent {
		for i, c := range path {
			if i > 0 && j.ev.Chain[k].SCTs != nil && sent.SHA256 == c.SHA256 {
				s.delivered = append(s.delivered, ct.ReadSCTList(i, report.SCTTLS, j.ev.Chain[k].SCTs))
			}
		}
	}
	return s
}

// handed are the indexes in the evidence of what the judges were handed.
type handed struct {
	artefacts, lists, responses []int // of Input's Artefacts, Offered and OfferedOCSP; below 0: see offerGiven
}

// artefacts hands the judges what was fetched or given.
func (j *judgement) artefacts(ctx context.Context, in *revocation.Input) (from handed) {
	for i, a := range j.ev.Artefacts {
		switch a.Kind {
		case kindAIA, kindCT, kindSCTFile:
		case kindOCSPFile:
			in.OfferedOCSP, from.responses = append(in.OfferedOCSP, a.Body), append(from.responses, i)
		case kindCRLFile:
			if l := j.list(ctx, i); l != nil {
				in.Offered, from.lists = append(in.Offered, l), append(from.lists, i)
			}
		default:
			x := revocation.Artefact{Kind: a.Kind, URL: a.URL, Request: a.Request, Body: a.Body,
				Failure: a.Failure, Detail: a.Detail, Cached: a.Cached, Age: j.age(a.Cached, a.Fetched), Fetched: a.Fetched}
			copy(x.IssuerKey[:], a.IssuerKey)
			if a.Failure == "" && a.Kind != revocation.KindOCSP {
				x.List = j.list(ctx, i)
			}
			in.Artefacts, from.artefacts = append(in.Artefacts, x), append(from.artefacts, i)
		}
	}
	j.offerGiven(in, &from)
	return from
}

// unused are the findings about files that gave no answer.
func (j *judgement) unused(in *revocation.Input, from handed, res revocation.Result) (out []finding.Finding) {
	note := func(i int, issuer, why string) {
		if why != "" {
			out = append(out, finding.New(finding.RevocationFileUnused, "file", j.ev.Artefacts[i].URL, "issuer", issuer, "detail", why))
		}
	}
	for n, i := range from.lists {
		if i < 0 {
			j.usedGiven(i, res.Unused[n])
			continue
		}
		note(i, in.Offered[n].Issuer.String(), res.Unused[n])
	}
	for n, i := range from.responses {
		note(i, ocsp.Parse(in.OfferedOCSP[n]).Responder(), res.UnusedOCSP[n])
	}
	return out
}

// list parses artefact i as a CRL, once.
func (j *judgement) list(ctx context.Context, i int) *crl.List {
	if l, done := j.lists[i]; done {
		return l
	}
	a := &j.ev.Artefacts[i]
	l, err := (*crl.List)(nil), error(nil)
	if o := j.got[i]; o != nil && o.got.Artefact != nil {
		l, err = o.got.List(ctx)
	} else {
		l, err = j.e.cache.List(ctx, a.Body, a.Owner)
	}
	if err != nil {
		l = nil
		if a.Kind == kindCRLFile {
			f := finding.New(finding.EvidenceInvalid, "detail", a.URL+": "+err.Error())
			if e := (*crl.Error)(nil); errors.As(err, &e) {
				f = e.Finding().With("source", "crl").With("url", a.URL)
			}
			j.setup = append(j.setup, f)
		}
	}
	if j.lists == nil {
		j.lists = map[int]*crl.List{}
	}
	j.lists[i] = l
	return l
}
