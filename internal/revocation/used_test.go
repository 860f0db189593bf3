package revocation_test

import (
	"slices"
	"testing"

	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Judges say of each artefact what it was good for and until when, not of its
// address.
func TestUsedByArtefact(t *testing.T) {
	w := newWorld()
	short, long := w.ca.Good(w.leaf.Serial), w.root.Good(w.ca.Serial)
	short.NextUpdate, long.NextUpdate = w.now.Add(day), w.now.Add(300*day)
	ca := w.root.Intermediate("Test CA", w.ca.Key, AIA([]string{ocspURL}, nil))
	long.ID = w.root.CertID(ca.Serial)
	asked := func(c *CA, issuer *CA, s Single, signer *CA) revocation.Artefact {
		return revocation.Artefact{Kind: revocation.KindOCSP, URL: ocspURL, Request: OCSPRequest(nil, issuer.CertID(c.Serial)),
			Body: OCSP{Singles: []Single{s}}.Sign(signer), Fetched: w.now}
	}
	in := w.input()
	in.Path = parse(w.leaf, ca, w.root)
	in.Artefacts = []revocation.Artefact{
		asked(w.leaf, w.ca, short, w.ca), asked(ca, w.root, long, w.root),
		{Kind: revocation.KindCRL, URL: crlURL, Body: w.ca.CRL(CRL{Entries: []Entry{Revoke(w.leaf.Serial, KeyCompromise)}})},
		{Kind: revocation.KindCRL, URL: "http://crl.example/nobody", Body: w.ca.CRL(CRL{})},
	}
	res := judge(in)
	want := []revocation.Outcome{revocation.Answered, revocation.Answered, revocation.Revoking, revocation.NotUsed}
	if got := outcomes(res); !slices.Equal(got, want) || !res.Used[0].Until.Equal(short.NextUpdate) || !res.Used[1].Until.Equal(long.NextUpdate) {
		t.Errorf("%+v", res.Used)
	}
	in.Artefacts[0].Body, in.Artefacts[2].Body = []byte("garbage"), []byte("garbage")
	want = []revocation.Outcome{revocation.Useless, revocation.Answered, revocation.Useless, revocation.NotUsed}
	if got := outcomes(judge(in)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func outcomes(r revocation.Result) (out []revocation.Outcome) {
	for _, u := range r.Used {
		out = append(out, u.Outcome)
	}
	return out
}

// A list that spoke about the signer of another has answered, too.
func TestUsedForASigner(t *testing.T) {
	root := NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	lists := root.Intermediate("List Issuer", nil, CRLDP(rootURL))
	leaf := ca.Server("good.example", nil, CRLDPs(DP{FullName: [][]byte{URI(crlURL)}, CRLIssuer: [][]byte{DirName(lists.Name)}}))
	indirect := IDP{FullName: [][]byte{URI(crlURL)}, Indirect: true}.Ext()
	in := newWorld().input()
	in.Path, in.Pool, in.Policy.Depth = parse(leaf, ca, root), parse(lists), policy.DepthLeaf
	in.Signers = below(root)
	in.Artefacts = []revocation.Artefact{
		{Kind: revocation.KindCRL, URL: crlURL, Body: lists.CRL(CRL{Extensions: []Ext{indirect}})},
		{Kind: revocation.KindCRL, URL: rootURL, Body: root.CRL(CRL{})},
	}
	res := judge(in)
	if got := outcomes(res); res.Certs[0].Revocation.Status != report.Good || !slices.Equal(got, []revocation.Outcome{revocation.Answered, revocation.Answered}) {
		t.Errorf("%s %v %v", res.Certs[0].Revocation.Status, got, res.Certs[0].Findings)
	}
	in.Artefacts[1].Body = root.CRL(CRL{Entries: []Entry{Revoke(lists.Serial, KeyCompromise)}})
	res = judge(in)
	if got := outcomes(res); res.Certs[0].Revocation.Status != report.Unknown || !slices.Equal(got, []revocation.Outcome{revocation.Useless, revocation.Revoking}) {
		t.Errorf("%s %v %v", res.Certs[0].Revocation.Status, got, res.Certs[0].Findings)
	}
}

// What was had for one issuer's key says nothing about the certificates of
// another's.
func TestArtefactOfAnotherIssuer(t *testing.T) {
	w := newWorld()
	for _, need := range judge(w.input()).Needs {
		a := revocation.Artefact{Kind: need.Kind, URL: need.URL, Request: need.Request, IssuerKey: need.IssuerKey, Body: w.list(good)}
		if need.Kind == revocation.KindOCSP {
			a.Body = w.response(good)
		}
		in := w.input()
		in.Artefacts = append(in.Artefacts, a)
		if res := judge(in); res.Certs[0].Revocation.Status != report.Good || len(res.Needs) != 1 {
			t.Errorf("%s: %+v", need.Kind, res)
		}
		in.Artefacts[1].IssuerKey[0]++
		if res := judge(in); res.Certs[0].Revocation.Status != report.Unknown || len(res.Needs) != 2 || res.Used[1].Outcome != revocation.NotUsed {
			t.Errorf("another's %s: %+v", need.Kind, res)
		}
	}
}
