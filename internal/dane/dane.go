// Package dane compares a server's certificates with its TLSA records (RFC
// 6698, as RFC 7671 updates it; RFC 7672 for SMTP). It is pure: the records, and
// whether they are authentic, are evidence; DNSSEC itself is the resolver's.
//
// DANE only adds to what else is judged: a certificate that does not match is
// refused, and none is accepted because it does.
package dane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Input is what DANE is judged by.
type Input struct {
	DNS   *evidence.DNS
	SMTP  bool                // the service is SMTP, to which RFC 7672 applies
	Sent  []*cert.Certificate // as the server sent them, the leaf first
	Paths [][]*cert.Certificate
	// Accepted says that Paths are paths to a trusted root without errors; without
	// any, Paths are what was found.
	Accepted bool
	// Names are the reference identifiers; nil: no name matters.
	Names []string
	// Options are how paths are validated; their Names are not looked at.
	Options certpath.Options
}

// The bounds of one judgement.
const (
	maxRecords    = 64 // more records are shown as not usable
	maxSignatures = 64 // verified for records that name a bare key
)

// Judge compares. It returns nil where no TLSA records were asked for.
func Judge(ctx context.Context, in Input) (*report.DANE, []finding.Finding) {
	l, d := choose(in.DNS)
	if d == nil {
		return nil, nil
	}
	fs := service(in.DNS)
	switch d.Result {
	case report.DANEFailed:
		return d, append(fs, finding.New(finding.DANELookupFailed, "name", d.Name, "detail", d.Detail))
	case report.DANENone:
		return d, append(fs, finding.New(finding.DANENone, "name", d.Name))
	}
	authentic := l.AD && in.DNS.Channel.Private()
	j := &judge{ctx: ctx, in: in, d: d, refs: references(&in, l)}
	d.Names = j.refs
	usable, matched := j.compare(l.Data)
	switch {
	case !authentic:
		d.Result, d.Detail = report.DANENotAuthenticated, "the resolver does not say that it checked DNSSEC, or the zone is not signed"
		if !in.DNS.Channel.Private() {
			d.Detail = "the resolver is neither on this computer nor asked over TLS"
		}
		fs = append(fs, finding.New(finding.DANENotAuthenticated, "name", d.Name, "why", d.Detail))
	case usable == 0:
		d.Result = report.DANEUnusable
		fs = append(fs, finding.New(finding.DANEUnusable, "name", d.Name, "why", firstDetail(d)))
	case len(in.Sent) == 0:
		d.Result = report.DANENotCompared
	case matched < 0:
		d.Result = report.DANEMismatch
		fs = append(fs, finding.New(finding.DANEMismatch, "name", d.Name, "why", firstUsableDetail(d)))
	default:
		d.Result = report.DANEMatch
		if !in.Accepted && d.Records[matched].Usage >= daneTA {
			fs = append(fs, finding.New(finding.DANEAlone, "record", d.Records[matched].String()))
		}
	}
	return d, fs
}

// choose returns the answer that counts, of the base domains in their order:
// the first one with authentic records, else the first one with records. A
// question that was not answered ends the search, for what it would have said
// is not known (RFC 7672, 2.1).
func choose(dns *evidence.DNS) (*evidence.Lookup, *report.DANE) {
	if dns == nil {
		return nil, nil
	}
	var found, first *evidence.Lookup
	d := &report.DANE{Resolver: dns.Resolver, Channel: string(dns.Channel)}
	for i := range dns.Lookups {
		l := &dns.Lookups[i]
		if l.Type != "TLSA" {
			continue
		}
		if first == nil {
			first = l
		}
		if l.Failed() && !unsigned(dns, l.Base) {
			d.Result, d.Name, d.Detail = report.DANEFailed, l.Name, l.Failure
			if d.Detail == "" {
				d.Detail = "the resolver replied with " + l.Code
			}
			return l, d
		}
		if len(l.Data) > 0 && (found == nil || l.AD && !found.AD) {
			found = l
		}
		if found != nil && found.AD && dns.Channel.Private() {
			break
		}
	}
	switch {
	case first == nil:
		return nil, nil
	case found == nil:
		d.Result, d.Name = report.DANENone, first.Name
		return first, d
	}
	d.Name = found.Name
	return found, d
}

// unsigned reports whether a resolver whose word counts says that the base
// domain is not signed: its address came without DNSSEC. TLSA records could not
// count there, and name servers that fail to answer the question are common
// (RFC 7672, 2.2.2).
func unsigned(dns *evidence.DNS, base string) bool {
	return dns.Channel.Private() && slices.ContainsFunc(dns.Lookups, func(l evidence.Lookup) bool {
		return (l.Type == "A" || l.Type == "AAAA") && l.Name == base && len(l.Aliases) == 0 && l.Code == "NOERROR" && l.Failure == "" && !l.AD
	})
}

// service says where nobody vouches for the record that names the server.
func service(dns *evidence.DNS) []finding.Finding {
	if s := dns.Service; s != nil && !s.Secure {
		return []finding.Finding{finding.New(finding.DANEServiceInsecure, "type", s.Type, "name", s.Name)}
	}
	return nil
}

// references are the names of which a certificate below a CA that a record
// names must have one: those asked for, the base domain of the records (RFC
// 7671, 7), and the domain whose exchanger the server is, if an authentic record
// says so (RFC 7672, 3.2.2).
func references(in *Input, l *evidence.Lookup) []string {
	if in.Names == nil {
		return nil
	}
	refs := slices.Clone(in.Names)
	add := func(n string) {
		if n != "" && !slices.Contains(refs, n) {
			refs = append(refs, n)
		}
	}
	if l.AD && in.DNS.Channel.Private() {
		add(l.Base)
	}
	if s := in.DNS.Service; s != nil && s.Secure {
		add(s.Domain)
	}
	return refs
}

func firstDetail(d *report.DANE) string {
	for _, r := range d.Records {
		if r.Detail != "" {
			return r.Detail
		}
	}
	return ""
}

func firstUsableDetail(d *report.DANE) string {
	for _, r := range d.Records {
		if r.Usable {
			return r.Detail
		}
	}
	return ""
}

// judge is one comparison under way.
type judge struct {
	ctx  context.Context
	in   Input
	d    *report.DANE
	refs []string

	signatures int // verified for bare keys
}

// compare judges every record. It returns how many can be used and the first
// that matches, -1 for none.
func (j *judge) compare(data [][]byte) (usable, matched int) {
	records := make([]Record, len(data))
	matched = -1
	for i, b := range data {
		r, why := Record{}, "too many records"
		if i < maxRecords {
			r, why = Parse(b)
		}
		if why == "" && j.in.SMTP && r.Usage < daneTA {
			why = "usages 0 and 1 are not used for mail between servers"
		}
		records[i] = r
		j.d.Records = append(j.d.Records, report.TLSA{Usage: int(r.Usage), Selector: int(r.Selector), Matching: int(r.Matching),
			Data: hex.EncodeToString(r.Data), Usable: why == "", Detail: why})
	}
	j.stronger()
	for i := range j.d.Records {
		t := &j.d.Records[i]
		if !t.Usable {
			continue
		}
		usable++
		if len(j.in.Sent) == 0 {
			continue
		}
		if t.Matches, t.Detail = j.matches(&records[i]); t.Matches && matched < 0 {
			matched = i
		}
	}
	return usable, matched
}

// stronger takes out the records with SHA-256 where one of the same usage and
// selector has SHA-512 (RFC 7671, 9).
func (j *judge) stronger() {
	for i := range j.d.Records {
		t := &j.d.Records[i]
		t.Usable = t.Usable && (t.Matching != int(SHA256) || !slices.ContainsFunc(j.d.Records, func(o report.TLSA) bool {
			return o.Usable && o.Usage == t.Usage && o.Selector == t.Selector && o.Matching == int(SHA512)
		}))
		if !t.Usable && t.Detail == "" {
			t.Detail = "not used: a record with SHA-512 stands in its place"
		}
	}
}

// matches compares one usable record and says what it matches, or why not.
func (j *judge) matches(r *Record) (ok bool, detail string) {
	switch r.Usage {
	case pkixEE, daneEE:
		if r.selects(j.in.Sent[0]) {
			return true, "matches the server's certificate"
		}
		if r.Selector == SPKI {
			return false, "the server's certificate has another key"
		}
		return false, "the server's certificate is another one"
	case pkixTA:
		for _, path := range j.in.Paths {
			for _, c := range path[1:] {
				if r.selects(c) {
					return true, "matches the CA certificate " + c.Subject.String()
				}
			}
		}
		return false, "no CA certificate of the path is the one of the record" + keyOnly(r)
	}
	return j.anchored(r)
}

func keyOnly(r *Record) string {
	if r.Selector == SPKI {
		return " (by its public key)"
	}
	return ""
}

// anchored looks for a path to the CA that a record of usage 2 names. The
// server must send its certificate, unless the record holds it, or its key, in
// full (RFC 7671, 5.2).
func (j *judge) anchored(r *Record) (ok bool, detail string) {
	anchors, named := certpath.NewAnchors(), ""
	for _, c := range j.in.Sent[1:] {
		if r.selects(c) && anchors.Add(c.Raw) == nil {
			named = c.Subject.String()
		}
	}
	if named == "" && r.Matching == Full {
		named = j.held(r, anchors)
	}
	if named == "" {
		return false, "the server sent no CA certificate that is the one of the record" + keyOnly(r)
	}
	opt := j.in.Options
	opt.Names, opt.Public = nil, nil
	res := certpath.Build(j.ctx, j.in.Sent[0], j.in.Sent[1:], anchors, opt)
	for _, p := range res.Paths {
		if !p.Clean() {
			continue
		}
		if j.refs != nil && !j.named(opt.NoWildcards) {
			return false, "the CA certificate " + named + " is the one of the record, but the server's certificate has none of the names " + fmt.Sprint(j.refs)
		}
		return true, "matches the CA certificate " + named
	}
	return false, "the CA certificate " + named + " is the one of the record, but the server's certificate has no valid path to it"
}

// held adds what a record holds in full: a CA certificate, or the certificates
// that the key of a CA signed, which are as good as the CA then.
func (j *judge) held(r *Record, anchors *certpath.Anchors) (named string) {
	if r.Selector == Certificate {
		if c := cert.Parse(r.Data); !bytes.Equal(c.Raw, j.in.Sent[0].Raw) && anchors.Add(r.Data) == nil {
			return c.Subject.String()
		}
		return ""
	}
	key, err := cert.ParsePublicKey(r.Data)
	if err != nil {
		return ""
	}
	for _, c := range j.in.Sent {
		if j.signatures++; j.signatures > maxSignatures || j.ctx.Err() != nil {
			break
		}
		// An anchor's own signature is not judged later, so a broken hash ends here.
		if c.Algorithm.Weak == "" && c.VerifySignatureFrom(j.in.Options.Memo, key) == nil && anchors.Add(c.Raw) == nil {
			named = "with the key of the record"
		}
	}
	return named
}

// named reports whether the leaf has one of the reference identifiers.
func (j *judge) named(noWildcards bool) bool {
	return slices.ContainsFunc(j.refs, func(name string) bool {
		id, err := certpath.ParseIdentifier(name)
		return err == nil && report.Worst(certpath.MatchNames(j.in.Sent[0], []certpath.Identifier{id}, noWildcards)) < finding.Inconclusive
	})
}

// selects reports whether the record is the one of c. What could not be read
// matches nothing.
func (r *Record) selects(c *cert.Certificate) bool {
	b := c.Raw
	if r.Selector == SPKI {
		b = c.RawSPKI
	}
	if len(b) == 0 || len(c.RawTBS) == 0 {
		return false
	}
	switch r.Matching {
	case SHA256:
		sum := sha256.Sum256(b)
		b = sum[:]
	case SHA512:
		sum := sha512.Sum512(b)
		b = sum[:]
	}
	return bytes.Equal(b, r.Data)
}
