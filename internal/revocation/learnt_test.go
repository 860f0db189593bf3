package revocation_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// memory is what a test remembers from one judgement to the next.
type memory struct {
	entries []evidence.Learnt
	signers []*cert.Certificate
	foreign bool // the anchors of the entries do not count
}

func (m *memory) past() revocation.Past {
	return revocation.Past{
		About: func(c, issuer *cert.Certificate) (out []evidence.Learnt) {
			for _, l := range m.entries {
				if l.IssuerKey == evidence.HashOf(issuer.RawSPKI) && bytes.Equal(l.Serial, c.Serial) {
					out = append(out, l)
				}
			}
			return out
		},
		Signer: func(h evidence.Hash) *cert.Certificate {
			for _, c := range m.signers {
				if c.SHA256 == h {
					return c
				}
			}
			return nil
		},
		Anchored: func(evidence.Hash) bool { return !m.foreign },
	}
}

// judge judges with what is remembered, and remembers what that teaches.
func (m *memory) judge(in revocation.Input) revocation.Result {
	in.Past = m.past()
	res := judge(in)
	for _, l := range res.Lessons.Learnt {
		i := slices.IndexFunc(m.entries, func(o evidence.Learnt) bool { return o.SameSource(&l) && bytes.Equal(o.Serial, l.Serial) })
		if i < 0 {
			m.entries = append(m.entries, l)
		} else if l.Outweighs(&m.entries[i]) {
			m.entries[i] = l
		}
	}
	for _, raw := range res.Lessons.Signers {
		m.signers = append(m.signers, cert.Parse(raw))
	}
	return res
}

// edition is a list of the CA, so many days old and with that number.
func (w *world) edition(age, number int, es ...Entry) []byte {
	at := w.now.Add(-time.Duration(age) * day)
	return w.ca.CRL(CRL{ThisUpdate: at, NextUpdate: at.Add(30 * day), Entries: es, Extensions: []Ext{CRLNumber(int64(number))}})
}

func (w *world) withList(body []byte) revocation.Input {
	in := w.input()
	in.Policy.Schemes = policy.Only(policy.Staple, policy.CRL)
	if body != nil {
		in.Artefacts = append(in.Artefacts, crlAt(crlURL, body))
	}
	return in
}

func (w *world) stapled(single Single) revocation.Input {
	in := w.withList(nil)
	in.Staples = [][]byte{OCSP{Singles: []Single{single}}.Sign(w.ca)}
	return in
}

// What was seen once refuses when nobody says it any more, by whatever scheme it
// came, and the answer tells where it is from.
func TestLearntRefuses(t *testing.T) {
	for name, first := range map[string]func(w *world) revocation.Input{
		"list":   func(w *world) revocation.Input { return w.withList(w.list(isRevoked)) },
		"staple": func(w *world) revocation.Input { return w.stapled(w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)) },
	} {
		w, m := newWorld(), &memory{}
		wantStatus(t, m.judge(first(w)).Certs[0], report.Revoked, "", report.Reject)
		if len(m.entries) != 1 || m.entries[0].Reason != "keyCompromise" || !m.entries[0].Until.Equal(parse(w.leaf)[0].NotAfter) || len(m.entries[0].Signer) != 0 {
			t.Fatalf("%s: learnt %+v", name, m.entries)
		}
		later := w.withList(nil)
		later.Policy.Unknown = policy.UnknownWarn
		res := m.judge(later)
		wantStatus(t, res.Certs[0], report.Revoked, "", report.Reject)
		if !slices.Contains(ids(res.Certs[0]), finding.CertRevoked) || len(res.Lessons.Learnt) != 0 {
			t.Errorf("%s: %v, learnt again %v", name, ids(res.Certs[0]), res.Lessons.Learnt)
		}
		s := res.Certs[0].Revocation.Sources
		if a := s[len(s)-1]; a.Learnt.IsZero() || a.Detail == "" || a.Status != report.Revoked {
			t.Errorf("%s: %+v", name, a)
		}
		// Another certificate of the issuer is not concerned, nor is one of the same
		// number under another key.
		other := w.withList(nil)
		other.Path = parse(w.other, w.ca, w.root)
		if st := m.judge(other).Certs[0].Revocation.Status; st == report.Revoked {
			t.Errorf("%s: another certificate is revoked", name)
		}
		// A source at hand that says it itself is not doubled.
		if n := len(m.judge(first(w)).Certs[0].Revocation.Sources); n > len(s) {
			t.Errorf("%s: %d sources", name, n)
		}
	}
}

// When and where an entry says nothing.
func TestLearntIsSilent(t *testing.T) {
	good := func(w *world) revocation.Input { return w.withList(w.list(good)) }
	for name, c := range map[string]struct {
		change func(in *revocation.Input, m *memory)
		want   report.Status
	}{
		"at once":                {func(*revocation.Input, *memory) {}, report.Revoked},
		"its scheme is off":      {func(in *revocation.Input, m *memory) { in.Policy.Schemes = policy.Only(policy.CRL) }, report.Good},
		"before it was made":     {func(in *revocation.Input, m *memory) { m.entries[0].ThisUpdate = in.Time.Add(time.Hour) }, report.Good},
		"within the skew":        {func(in *revocation.Input, m *memory) { m.entries[0].ThisUpdate = in.Time.Add(time.Minute) }, report.Revoked},
		"after its end":          {func(in *revocation.Input, m *memory) { m.entries[0].Until = in.Time.Add(-time.Hour) }, report.Good},
		"its end within skew":    {func(in *revocation.Input, m *memory) { m.entries[0].Until = in.Time.Add(-time.Minute) }, report.Revoked},
		"another's anchor":       {func(in *revocation.Input, m *memory) { m.entries[0].Anchor, m.foreign = evidence.Hash{1}, true }, report.Good},
		"another anchor trusted": {func(in *revocation.Input, m *memory) { m.entries[0].Anchor = evidence.Hash{1} }, report.Revoked},
		"the path's own anchor":  {func(in *revocation.Input, m *memory) { m.foreign = true }, report.Revoked},
		"leaf only, about a CA":  {func(in *revocation.Input, m *memory) { in.Policy.Depth = policy.DepthLeaf }, report.Revoked},
	} {
		w, m := newWorld(), &memory{}
		m.judge(w.stapled(w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)))
		in := good(w)
		c.change(&in, m)
		if got := m.judge(in).Certs[0].Revocation.Status; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	w, m := newWorld(), &memory{}
	m.judge(w.stapled(w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)))
	in := good(w)
	in.Policy.Schemes = policy.Off
	if c := m.judge(in).Certs[0]; c.Revocation.Status != report.NotApplicable || len(c.Findings) > 0 {
		t.Errorf("all schemes off: %+v", c)
	}
}

// A newer complete edition of the same source without the entry leaves it open,
// and nothing else takes a revocation back.
func TestWithdrawn(t *testing.T) {
	w := newWorld()
	entry := Revoke(w.leaf.Serial, KeyCompromise)
	idp := IDP{FullName: [][]byte{URI(crlURL)}}.Ext()
	part := func(age, number int) []byte {
		at := w.now.Add(-time.Duration(age) * day)
		return w.ca.CRL(CRL{ThisUpdate: at, NextUpdate: at.Add(30 * day), Extensions: []Ext{CRLNumber(int64(number)), idp}})
	}
	for name, c := range map[string]struct {
		in   revocation.Input
		want report.Status
	}{
		"newer":               {w.withList(w.edition(3, 8)), report.Unknown},
		"the clock set right": {w.withList(w.edition(6, 8)), report.Unknown},
		"older":               {w.withList(w.edition(6, 6)), report.Revoked},
		"newer, lower number": {w.withList(w.edition(3, 6)), report.Revoked},
		"newer, same number":  {w.withList(w.edition(3, 7)), report.Revoked},
		"newer and stale":     {w.withList(w.list(stale)), report.Revoked},
		"another scope":       {w.withList(part(3, 8)), report.Revoked},
		"badly signed":        {w.withList(w.list(badSignature)), report.Revoked},
		"a good staple":       {w.stapled(w.ca.Good(w.leaf.Serial)), report.Revoked},
		"still listed":        {w.withList(w.edition(3, 8, entry)), report.Revoked},
	} {
		m := &memory{}
		m.judge(w.withList(w.edition(5, 7, entry)))
		for _, u := range policy.AllUnknown() {
			c.in.Policy.Unknown = u
			got := m.judge(c.in).Certs[0]
			if got.Revocation.Status != c.want || verdictOf(got.Findings) == report.Accept {
				t.Errorf("%s, unknown %s: %s, %s, want %s; %v", name, u, got.Revocation.Status, verdictOf(got.Findings), c.want, ids(got))
			}
			if c.want == report.Unknown && (!slices.Contains(ids(got), finding.RevocationWithdrawn) || verdictOf(got.Findings) != report.Inconclusive) {
				t.Errorf("%s: %v", name, ids(got))
			}
		}
	}
	// With a good answer of another source beside it: still not accepted.
	m := &memory{}
	m.judge(w.withList(w.edition(5, 7, entry)))
	in := w.withList(w.edition(3, 8))
	in.Staples = [][]byte{w.response(good)}
	wantStatus(t, m.judge(in).Certs[0], report.Unknown, "", report.Inconclusive)
	// Nor with what another delegate says, or a delta that does not list it.
	m = &memory{}
	one, two := w.ca.Responder("One", nil, OCSPNoCheck()), w.ca.Responder("Two", nil, OCSPNoCheck())
	says := func(d *CA, s Single) revocation.Input {
		in := w.withList(nil)
		in.Staples = [][]byte{OCSP{Singles: []Single{s}, Certs: [][]byte{d.Raw}}.Sign(d)}
		return in
	}
	later := w.ca.Good(w.leaf.Serial)
	later.ThisUpdate = w.now.Add(-time.Minute)
	m.judge(says(one, w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)))
	wantStatus(t, m.judge(says(two, later)).Certs[0], report.Revoked, "", report.Reject)
	wantStatus(t, m.judge(says(one, later)).Certs[0], report.Unknown, "", report.Inconclusive)
	m = &memory{}
	m.judge(w.withList(w.edition(5, 7, entry)))
	in = w.withList(nil)
	at := w.now.Add(-day)
	deltaOf := func(es ...Entry) []byte {
		return w.ca.CRL(CRL{ThisUpdate: at, NextUpdate: at.Add(30 * day), Entries: es, Extensions: []Ext{CRLNumber(9), DeltaIndicator(7)}})
	}
	for _, delta := range [][]byte{deltaOf(), deltaOf(Revoke(w.leaf.Serial, RemoveFromCRL))} {
		in.Offered = lists(t, w.edition(5, 7), delta)
		wantStatus(t, m.judge(in).Certs[0], report.Revoked, "", report.Reject)
	}
	// A responder takes back what it said with the same key.
	m = &memory{}
	m.judge(w.stapled(w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)))
	wantStatus(t, m.judge(w.stapled(later)).Certs[0], report.Unknown, "", report.Inconclusive)
}

// A hold lasts as long as the statement, and ends when its source releases it.
func TestLearntHold(t *testing.T) {
	w := newWorld()
	hold := Revoke(w.leaf.Serial, CertificateHold)
	delta := func(age, base, number int, es ...Entry) []byte {
		at := w.now.Add(-time.Duration(age) * day)
		return w.ca.CRL(CRL{ThisUpdate: at, NextUpdate: at.Add(30 * day), Entries: es, Extensions: []Ext{CRLNumber(int64(number)), DeltaIndicator(int64(base))}})
	}
	learn := func() *memory {
		m := &memory{}
		wantStatus(t, m.judge(w.withList(w.edition(5, 7, hold))).Certs[0], report.Revoked, "", report.Reject)
		if len(m.entries) != 1 || !m.entries[0].Hold || !m.entries[0].Until.Equal(w.now.Add(25*day)) {
			t.Fatalf("%+v", m.entries)
		}
		return m
	}
	m := learn()
	res := m.judge(w.withList(nil))
	wantStatus(t, res.Certs[0], report.Revoked, "", report.Reject)
	if res = m.judge(w.withList(w.edition(6, 6))); res.Certs[0].Revocation.Status != report.Revoked || len(res.Lessons.Ended) != 0 {
		t.Errorf("an older edition ends a hold: %+v", res)
	}
	if res = m.judge(w.withList(w.edition(3, 8))); res.Certs[0].Revocation.Status != report.Good || len(res.Lessons.Ended) != 1 {
		t.Errorf("a newer edition: %+v", res)
	}
	in := w.withList(nil)
	in.Offered = lists(t, w.edition(5, 7, hold), delta(3, 7, 9, Revoke(w.leaf.Serial, RemoveFromCRL)))
	if res = learn().judge(in); res.Certs[0].Revocation.Status != report.Good || len(res.Lessons.Ended) != 1 {
		t.Errorf("removeFromCRL: %+v", res)
	}
	// What is for good outweighs the hold, and is not released.
	m = learn()
	m.judge(w.withList(w.edition(4, 8, Revoke(w.leaf.Serial, KeyCompromise))))
	m.judge(w.withList(w.edition(3, 9, hold)))
	if len(m.entries) != 1 || m.entries[0].Hold {
		t.Fatalf("%+v", m.entries)
	}
	wantStatus(t, m.judge(w.withList(w.edition(2, 10))).Certs[0], report.Unknown, "", report.Inconclusive)
}

// What an authentic but old statement said stays as open as it was.
func TestLearntOld(t *testing.T) {
	w := newWorld()
	for name, c := range map[string]struct {
		in revocation.Input
		id finding.ID
	}{
		"list": {w.withList(w.list(staleRevoked)), finding.CRLStaleListed},
		"staple": {func() revocation.Input {
			in := w.withList(nil)
			in.Staples = [][]byte{w.response(staleRevoked)}
			return in
		}(), finding.OCSPStaleRevoked},
	} {
		m := &memory{}
		first := m.judge(c.in).Certs[0]
		if len(m.entries) != 1 || !m.entries[0].Old {
			t.Fatalf("%s: %+v", name, m.entries)
		}
		later := w.withList(nil)
		later.Policy.Unknown = policy.UnknownWarn
		for what, in := range map[string]revocation.Input{"nothing": later, "good": w.withList(w.list(foreign)), "the same": c.in} {
			got := m.judge(in).Certs[0]
			n := 0
			for _, id := range ids(got) {
				if id == c.id {
					n++
				}
			}
			if verdictOf(got.Findings) != report.Inconclusive || n != 1 {
				t.Errorf("%s, then %s: %s %v; first %v", name, what, verdictOf(got.Findings), ids(got), ids(first))
			}
		}
		// Seen in a current statement, it is no longer open.
		m.judge(w.withList(w.list(isRevoked)))
		wantStatus(t, m.judge(later).Certs[0], report.Revoked, "", report.Reject)
	}
}

// What a delegate or a list's signer said is worth nothing once he is known to be
// revoked; of whom nothing is known may revoke.
func TestLearntFromRevokedSigner(t *testing.T) {
	w := newWorld()
	d := w.ca.Responder("Responder", nil, CRLDP(crlURL))
	m := &memory{}
	in := w.withList(nil)
	in.Staples = [][]byte{OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)}, Certs: [][]byte{d.Raw}}.Sign(d)}
	wantStatus(t, m.judge(in).Certs[0], report.Revoked, "", report.Reject)
	if len(m.entries) != 1 || len(m.entries[0].Signer) != 3 || len(m.signers) != 3 {
		t.Fatalf("%+v, %d signers", m.entries, len(m.signers))
	}
	wantStatus(t, m.judge(w.withList(w.edition(0, 8))).Certs[0], report.Revoked, "", report.Reject)
	res := m.judge(w.withList(w.edition(0, 9, Revoke(d.Serial, KeyCompromise))))
	wantStatus(t, res.Certs[0], report.Good, "", report.Accept)
	if len(res.Lessons.Ended) != 1 {
		t.Errorf("ended: %+v", res.Lessons.Ended)
	}
	// That he is revoked was learnt too: the list need not be at hand the next time.
	if len(m.entries) != 2 || !bytes.Equal(m.entries[1].Serial, d.Serial) {
		t.Fatalf("%+v", m.entries)
	}
	later := w.withList(nil)
	later.Policy.Unknown = policy.UnknownWarn
	wantStatus(t, m.judge(later).Certs[0], report.Unknown, "", report.Accept)
	again := m.judge(in).Certs[0]
	if again.Revocation.Status == report.Revoked || !slices.Contains(ids(again), finding.OCSPResponderRevoked) {
		t.Errorf("a staple of a responder known to be revoked: %+v", again)
	}

	// The same for a list whose signer's authority is revoked.
	x := newIndirect()
	m = &memory{}
	in = x.input()
	in.Artefacts = append(in.Artefacts[:1:1], x.signed(Revoke(x.leaf.Serial, KeyCompromise, CertificateIssuer(DirName(x.ca.Name)))))
	wantStatus(t, m.judge(in).Certs[0], report.Revoked, "", report.Reject)
	if len(m.entries) != 1 || len(m.entries[0].Signer) != 3 {
		t.Fatalf("%+v", m.entries)
	}
	in = x.world.input()
	in.Artefacts = nil
	wantStatus(t, m.judge(in).Certs[0], report.Revoked, "", report.Reject)
	in = x.world.input()
	in.Artefacts[0].Body = x.root.CRL(CRL{Entries: []Entry{Revoke(x.sub.Serial, CACompromise)}})
	if st := m.judge(in).Certs[0].Revocation.Status; st == report.Revoked {
		t.Error("a revoked authority's list counts")
	}
}

// Where downloads run beside the judgement a copy past its end counts as not had
// yet, unless it revokes; within the skew it counts.
func TestExpiredCopyInBackground(t *testing.T) {
	w := newWorld()
	past := func(ago time.Duration, es ...Entry) []byte {
		return w.ca.CRL(CRL{ThisUpdate: w.now.Add(-2 * day), NextUpdate: w.now.Add(-ago), Entries: es})
	}
	single := func(s Single, ago time.Duration) []byte {
		s.ThisUpdate, s.NextUpdate = w.now.Add(-2*day), w.now.Add(-ago)
		return OCSP{Singles: []Single{s}}.Sign(w.ca)
	}
	ask := OCSPRequest(nil, w.ca.CertID(w.leaf.Serial))
	for name, c := range map[string]struct {
		a          revocation.Artefact
		background bool
		fetched    bool
		want       report.Verdict // with unknown=warn
		id         finding.ID
	}{
		"list":                      {a: crlAt(crlURL, past(time.Hour)), background: true, want: report.Accept, id: finding.RevocationNotFetched},
		"list, not in background":   {a: crlAt(crlURL, past(time.Hour)), want: report.Inconclusive, id: finding.CRLStale},
		"list, just fetched":        {a: crlAt(crlURL, past(time.Hour)), background: true, fetched: true, want: report.Inconclusive, id: finding.CRLStale},
		"list that revokes":         {a: crlAt(crlURL, past(time.Hour, Revoke(w.leaf.Serial, KeyCompromise))), background: true, want: report.Inconclusive, id: finding.CRLStaleListed},
		"list with a hold":          {a: crlAt(crlURL, past(time.Hour, Revoke(w.leaf.Serial, CertificateHold))), background: true, want: report.Accept, id: finding.RevocationNotFetched},
		"list within the skew":      {a: crlAt(crlURL, past(time.Minute)), background: true, want: report.Accept},
		"revokes within the skew":   {a: crlAt(crlURL, past(time.Minute, Revoke(w.leaf.Serial, KeyCompromise))), background: true, want: report.Reject, id: finding.CertRevoked},
		"answer":                    {a: revocation.Artefact{Kind: revocation.KindOCSP, URL: ocspURL, Request: ask, Body: single(w.ca.Good(w.leaf.Serial), time.Hour)}, background: true, want: report.Accept, id: finding.RevocationNotFetched},
		"answer, just fetched":      {a: revocation.Artefact{Kind: revocation.KindOCSP, URL: ocspURL, Request: ask, Body: single(w.ca.Good(w.leaf.Serial), time.Hour)}, background: true, fetched: true, want: report.Inconclusive, id: finding.OCSPStale},
		"answer that revokes":       {a: revocation.Artefact{Kind: revocation.KindOCSP, URL: ocspURL, Request: ask, Body: single(w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise), time.Hour)}, background: true, want: report.Inconclusive, id: finding.OCSPStaleRevoked},
		"answer, not in background": {a: revocation.Artefact{Kind: revocation.KindOCSP, URL: ocspURL, Request: ask, Body: single(w.ca.Good(w.leaf.Serial), time.Hour)}, want: report.Inconclusive, id: finding.OCSPStale},
	} {
		in := w.input()
		in.Policy.Schemes, in.Policy.Unknown, in.Background = policy.Only(policy.CRL), policy.UnknownWarn, c.background
		if c.a.Kind == revocation.KindOCSP {
			in.Policy.Schemes = policy.Only(policy.OCSP, policy.CRL)
			in.Path[0].CRLPoints = nil
		}
		c.a.Cached = !c.fetched
		in.Artefacts = append(in.Artefacts, c.a)
		got := judge(in).Certs[0]
		if verdictOf(got.Findings) != c.want || c.id != "" && !slices.Contains(ids(got), c.id) {
			t.Errorf("%s: %s %v, want %s with %s", name, verdictOf(got.Findings), ids(got), c.want, c.id)
		}
	}
}
