// Package revocation combines what staples, OCSP responders and revocation
// lists say into one status per certificate, by the rules of a verdict in
// ARCHITECTURE.md. It is pure: it says what it still needs and somebody else
// fetches it.
package revocation

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// The kinds of needs and artefacts.
const (
	KindCRL   = "crl"
	KindDelta = "delta-crl"
	KindOCSP  = "ocsp"
)

// Limits for one certificate.
const (
	maxResponders = 4
	maxPoints     = 8
	maxOffered    = 64 // responses from files
)

// Artefact is one fetched body, or the reason there is none.
type Artefact struct {
	Kind      string // KindCRL, KindDelta, KindOCSP
	URL       string
	Request   []byte   // of OCSP: which certificate was asked about, and with which nonce
	IssuerKey [32]byte // as in the Need that it answers; zero when that is not known
	Body      []byte
	List      *crl.List  // Body parsed, where the caller has done that already
	Failure   finding.ID // why there is no body; "" otherwise
	Detail    string
	Cached    bool
	Age       time.Duration // of a cached one: how long ago it came or was last confirmed
	Fetched   time.Time
}

// Use says what an artefact was good for.
type Use struct {
	Outcome Outcome
	// Until is when what it said ends, by its own word; zero when it does not
	// say or said nothing. Of several the earliest.
	Until time.Time
}

// Outcome is what became of an artefact. The greater outweighs the lesser when
// several certificates asked it.
type Outcome uint8

// The outcomes.
const (
	NotUsed   Outcome = iota // nobody asked it
	Useless                  // nothing authentic about who asked
	Authentic                // that, but no answer that counts: it is stale, or doubtful
	Answered                 // it gave one, alone or together with others
	Revoking                 // and of some certificate it said that it is revoked
)

// Add notes one more use of the same artefact.
func (u *Use) Add(v Use) {
	u.Outcome = max(u.Outcome, v.Outcome)
	if !v.Until.IsZero() && (u.Until.IsZero() || v.Until.Before(u.Until)) {
		u.Until = v.Until
	}
}

// Need is something to fetch.
type Need struct {
	Kind      string
	URL       string
	Request   []byte   // of OCSP, DER: the body of a POST
	IssuerKey [32]byte // SHA-256 of the issuer's SubjectPublicKeyInfo: what is cached for one key is never believed for another
	Cert      int      // position on the path of the certificate that wants it
}

// Input is everything Judge looks at.
type Input struct {
	Path        []*cert.Certificate // leaf first, anchor last
	Staples     [][]byte            // by position on the path, nil = none; may be shorter
	NoHandshake bool                // the certificates do not come from a handshake: nothing could have been stapled
	Artefacts   []Artefact
	Offered     []*crl.List // from files
	OfferedOCSP [][]byte    // from files
	Public      bool        // the anchor is publicly trusted
	Filters     *crlite.Set // CRLite filters and OneCRL; nil: there are none
	// SCTs are those by which filters may be chosen: embedded in the certificate,
	// or with a signature that has been verified. Parallel to Path; may be shorter.
	SCTs   [][]crlite.SCT
	Pool   []*cert.Certificate
	Time   time.Time
	Policy policy.Policy
	Memo   *cert.Memo
	// Signers returns the valid paths of a certificate that is not on Path and
	// signed a list, to the anchor of Path: each from that certificate to the
	// anchor, the best first. None: it signs for nobody. nil = none has one. It
	// is asked again about the same certificate.
	Signers func(*cert.Certificate) [][]*cert.Certificate
	Past    Past // what earlier judgements learnt
	// Background says that downloads run beside this judgement: a copy from a cache
	// that is past its end counts as not had yet, unless it revokes.
	Background bool
	// NonceFor, when not nil, returns the nonce to send about the certificate at
	// position i; it must return the same for the same i.
	NonceFor func(i int) []byte
}

// CertResult is the outcome for one certificate.
type CertResult struct {
	Revocation report.Revocation
	Findings   []finding.Finding
}

// Result is the outcome for a path.
type Result struct {
	Certs []CertResult // parallel to Path; the anchor's is zero
	Used  []Use        // parallel to Input.Artefacts

	// Unused and UnusedOCSP are parallel to Input.Offered and OfferedOCSP: why a
	// file gave no answer, "" when it did.
	Unused, UnusedOCSP []string

	Needs []Need // what would give more answers; each once
	// Issuers are addresses, named by lists, of certificates that may be those of
	// their signers, each once.
	Issuers []string

	// SCTList is the SCT list of the leaf's valid staple, FetchedSCTs that of a
	// response that was fetched or came as a file: the server delivered only the
	// former. The outer length is included.
	SCTList, FetchedSCTs []byte

	Lessons Lessons // for the judgements that follow
}

// Judge gives every certificate of the path but the anchor one status. It
// fetches nothing; what it lacks is in Needs, and the status says so.
func Judge(ctx context.Context, in Input) Result {
	res := Result{Certs: make([]CertResult, len(in.Path)), Used: make([]Use, len(in.Artefacts))}
	if in.Policy.Skew == 0 {
		in.Policy.Skew = policy.DefaultSkew
	}
	offered := assignOffered(&in)
	files := newFiles(&in)
	known := map[signerKey]signer{}
	lessons := &lessonsOf{}
	for i := 0; i+1 < len(in.Path); i++ {
		if in.Policy.Schemes == policy.Off || i > 0 && in.Policy.Depth == policy.DepthLeaf {
			res.Certs[i].Revocation = report.Revocation{Status: report.NotApplicable, Why: report.WhyNotAsked}
			continue
		}
		s := inquiry{in: &in, ctx: ctx, at: i, cert: in.Path[i], issuer: in.Path[i+1], above: in.Path[i+2:], offered: offered[i],
			used: res.Used, issuerKey: sha256.Sum256(in.Path[i+1].RawSPKI), stapledSCTs: &res.SCTList, fetchedSCTs: &res.FetchedSCTs, known: known, files: files, lessons: lessons}
		res.Certs[i] = s.judge()
		if i == 0 && !s.stapled { // the policy stopped before the staple, or does without it
			res.SCTList = StapledSCTs(ctx, in)
		}
		for _, u := range s.issuers {
			if !slices.Contains(res.Issuers, u) {
				res.Issuers = append(res.Issuers, u)
			}
		}
		for _, n := range s.needs {
			if !slices.ContainsFunc(res.Needs, n.same) {
				res.Needs = append(res.Needs, n)
			}
		}
	}
	res.Unused, res.UnusedOCSP = files.lists, files.responses
	res.Lessons = lessons.Lessons
	return res
}

// Foreseen returns what Judge of in, without artefacts, would need, where that is plain
// before it judges: the first list of each distribution point, when lists are all there
// is to ask. It is nil where more plays a part (other sources, files, a scheme that may
// end the asking): then Judge says so itself. Whoever has the lists at hand saves a
// judgement that could only say that they are missing.
func Foreseen(in Input) (needs []Need) {
	schemes := in.Policy.Schemes
	if !schemes.Has(policy.CRL) || in.Policy.Stop != policy.StopNever || len(in.Artefacts) > 0 || len(in.Offered) > 0 || len(in.OfferedOCSP) > 0 {
		return nil
	}
	for i := 0; i+1 < len(in.Path); i++ {
		c := in.Path[i]
		if i > 0 && in.Policy.Depth == policy.DepthLeaf {
			break
		}
		if schemes.Has(policy.OCSP) && slices.ContainsFunc(c.OCSPServers, isHTTP) || i < len(in.Staples) && in.Staples[i] != nil {
			return nil
		}
		var key [32]byte
		for n, dp := range c.CRLPoints {
			if n == maxPoints {
				break
			}
			for _, g := range dp.FullName {
				if g.Type != cert.URIName || !isHTTP(g.Value) {
					continue
				}
				if key == [32]byte{} {
					key = sha256.Sum256(in.Path[i+1].RawSPKI)
				}
				need := Need{Kind: KindCRL, URL: g.Value, IssuerKey: key, Cert: i}
				if !slices.ContainsFunc(needs, need.same) {
					needs = append(needs, need)
				}
				break // the others are alternatives
			}
		}
	}
	return needs
}

// StapledSCTs returns the SCT list of the leaf's staple when that is a valid
// response which says good, for a policy that does not ask staples for a status:
// whoever delivers SCTs does so whatever is asked about revocation. Nothing else is
// concluded from the staple. Of in it looks at what Judge does.
func StapledSCTs(ctx context.Context, in Input) []byte {
	if len(in.Path) < 2 || len(in.Staples) == 0 || in.Staples[0] == nil || ctx.Err() != nil {
		return nil
	}
	return stapledSCTs(ctx, in)
}

// stapledSCTs is StapledSCTs where there is a staple: in a function of its own, for in
// goes to the heap with it.
func stapledSCTs(ctx context.Context, in Input) []byte {
	if in.Policy.Skew == 0 {
		in.Policy.Skew = policy.DefaultSkew
	}
	var list, none []byte
	s := inquiry{in: &in, ctx: ctx, cert: in.Path[0], issuer: in.Path[1], above: in.Path[2:], used: make([]Use, len(in.Artefacts)),
		issuerKey: sha256.Sum256(in.Path[1].RawSPKI), stapledSCTs: &list, fetchedSCTs: &none, known: map[signerKey]signer{}, files: newFiles(&in), lessons: &lessonsOf{}}
	s.askStaple()
	return list
}

func (n Need) same(o Need) bool {
	return n.Kind == o.Kind && n.URL == o.URL && n.IssuerKey == o.IssuerKey && slices.Equal(n.Request, o.Request)
}
