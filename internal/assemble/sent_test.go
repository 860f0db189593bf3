package assemble_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// dialled is judged of a recorded connection that sent the certificates.
func dialled(sent ...*forge.CA) assemble.Judged {
	j := judged()
	j.Evidence.Source, j.Evidence.Chain, j.Sent = evidence.SourceDial, nil, nil
	for _, c := range sent {
		j.Evidence.Chain, j.Sent = append(j.Evidence.Chain, evidence.Entry{Cert: c.Raw}), append(j.Sent, cert.Parse(c.Raw))
	}
	return j
}

func ids(r *report.Report) (out []finding.ID) {
	for _, f := range r.Counted() {
		out = append(out, f.ID)
	}
	return out
}

// What each certificate is good for is said, and what is wrong with the message.
func TestSent(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ica, old := root.Intermediate("CA", nil), root.Intermediate("Old CA", nil)
	leaf := ica.Server("a.test", nil)
	parse := func(cs ...*forge.CA) (out []*cert.Certificate) {
		for _, c := range cs {
			out = append(out, cert.Parse(c.Raw))
		}
		return out
	}
	whole := certpath.Path{Certs: parse(leaf, ica, root), CertFindings: make([][]finding.Finding, 3), End: report.EndAnchor}
	broken := certpath.Path{Certs: parse(leaf), CertFindings: [][]finding.Finding{{finding.New(finding.IssuerNotFound, "issuer", "CN=CA")}}, End: report.EndNoIssuer}
	big := ica.Intermediate("Big CA", nil, forge.Ext{OID: "1.3.6.1.4.1.99999.1", Value: forge.UTF8(strings.Repeat("x", 110<<10))})
	for _, c := range []struct {
		what string
		path certpath.Path
		sent []*forge.CA
		as   []report.SentAs
		want []finding.ID
	}{
		{"as it should be", whole, []*forge.CA{leaf, ica}, []report.SentAs{report.SentLeaf, report.SentIntermediate}, nil},
		{"alone", whole, []*forge.CA{leaf}, []report.SentAs{report.SentLeaf}, nil},
		{"with the root", whole, []*forge.CA{leaf, ica, root}, []report.SentAs{report.SentLeaf, report.SentIntermediate, report.SentRoot}, []finding.ID{finding.SentRoot}},
		{"wrong order", whole, []*forge.CA{leaf, root, ica}, []report.SentAs{report.SentLeaf, report.SentRoot, report.SentIntermediate}, []finding.ID{finding.SentRoot, finding.SentOrder}},
		{"twice", whole, []*forge.CA{leaf, ica, leaf}, []report.SentAs{report.SentLeaf, report.SentIntermediate, report.SentDuplicate}, []finding.ID{finding.SentDuplicate}},
		{"another one", whole, []*forge.CA{leaf, ica, old}, []report.SentAs{report.SentLeaf, report.SentIntermediate, report.SentUnused}, []finding.ID{finding.SentUnused}},
		{"stale", broken, []*forge.CA{leaf, old}, []report.SentAs{report.SentLeaf, report.SentUnused}, []finding.ID{finding.IssuerNotSent}},
		{"not sent", broken, []*forge.CA{leaf}, []report.SentAs{report.SentLeaf}, []finding.ID{finding.IssuerNotFound}},
		{"large", whole, []*forge.CA{leaf, ica, big}, []report.SentAs{report.SentLeaf, report.SentIntermediate, report.SentUnused}, []finding.ID{finding.SentUnused, finding.SentLarge}},
	} {
		j := dialled(c.sent...)
		p := assemble.NewPath(c.path)
		p.Certs[0].Revocation = &report.Revocation{Status: report.Good}
		j.Paths = []assemble.Path{p}
		before := len(p.Certs[0].Findings)
		r := assemble.Report(j)
		if got := ids(r); !slices.Equal(got, c.want) || !slices.Equal(r.SentAs, c.as) {
			t.Errorf("%s: %v %v, want %v %v", c.what, got, r.SentAs, c.want, c.as)
		}
		if refused := c.path.End == report.EndNoIssuer; (r.Verdict == report.Reject) != refused {
			t.Errorf("%s: %s", c.what, r.Verdict)
		}
		if len(j.Paths[0].Certs[0].Findings) != before || before > 0 && j.Paths[0].Certs[0].Findings[0].ID != finding.IssuerNotFound {
			t.Errorf("%s: the input was changed", c.what)
		}
		// Of files, and of a handshake in short, nothing is known of what was sent.
		j.Evidence.Source = evidence.SourceFiles
		if r := assemble.Report(j); r.SentAs != nil {
			t.Errorf("%s: from files: %v", c.what, r.SentAs)
		}
	}
}

// What was negotiated is warned about where some clients refuse it.
func TestSeen(t *testing.T) {
	for what, c := range map[string]struct {
		edit func(*evidence.Evidence)
		want []finding.ID
	}{
		"nothing":       {func(*evidence.Evidence) {}, nil},
		"renegotiation": {func(ev *evidence.Evidence) { ev.Connection.NoRenegotiationInfo = true }, []finding.ID{finding.RenegotiationUnsafe}},
		"master secret": {func(ev *evidence.Evidence) { ev.Connection.NoMasterSecret = true }, []finding.ID{finding.MasterSecretPlain}},
		"ALPN": {func(ev *evidence.Evidence) {
			ev.Connection.ALPNOffered, ev.Connection.ALPNAsked = []string{"h2"}, true
		}, []finding.ID{finding.ALPNNotChosen}},
		"ALPN by default": {func(ev *evidence.Evidence) { ev.Connection.ALPNOffered = []string{"h2"} }, nil},
		"ALPN chosen": {func(ev *evidence.Evidence) {
			ev.Connection.ALPNOffered, ev.Connection.ALPNAsked, ev.Connection.ALPN = []string{"h2"}, true, "h2"
		}, nil},
		"name": {func(ev *evidence.Evidence) {
			ev.Connection.Alert = &evidence.Alert{Level: 1, Description: 112, Name: "unrecognized_name", When: "handshake"}
		}, []finding.ID{finding.UnrecognizedNameWarning}},
		"old version":    {func(ev *evidence.Evidence) { ev.Legacy = &evidence.Legacy{Version: 0x0301} }, []finding.ID{finding.LegacyOffered}},
		"no old version": {func(ev *evidence.Evidence) { ev.Legacy = &evidence.Legacy{Detail: "it closed"} }, []finding.ID{finding.LegacyRefused}},
		"a path":         {func(ev *evidence.Evidence) { ev.Visit = &evidence.Visit{Path: "/a", Status: "200 OK"} }, []finding.ID{finding.PathReply}},
		"a path behind a renegotiation": {func(ev *evidence.Evidence) {
			ev.Visit = &evidence.Visit{Path: "/a", Status: "200 OK", Renegotiated: true}
			ev.Connection.ClientCert = "sent"
		}, []finding.ID{finding.RenegotiationFollowed, finding.PathReply}},
		"no other certificate known": {func(ev *evidence.Evidence) {
			ev.Unseen = &evidence.Failure{ID: finding.KeyTypeUnseen, Stage: "handshake", Params: map[string]string{"type": "RSA", "detail": "x"}}
		}, []finding.ID{finding.KeyTypeUnseen}},
	} {
		j := judged()
		j.Evidence.Source, j.Evidence.Connection.Version = evidence.SourceDial, 0x0303
		c.edit(j.Evidence)
		r := assemble.Report(j)
		if got := ids(r); !slices.Equal(got, c.want) || r.Verdict != report.Accept {
			t.Errorf("%s: %v, %s", what, got, r.Verdict)
		}
	}
}

// A root that is not trusted is called a root.
func TestRootRole(t *testing.T) {
	j := judged()
	j.Paths[0].End = report.EndUntrusted
	if r := assemble.Report(j); r.Paths[0].Certs[1].Role != report.Root || r.Paths[0].Certs[0].Role != report.Leaf {
		t.Errorf("%+v", r.Paths[0].Certs)
	}
}
